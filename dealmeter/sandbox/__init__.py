"""Fake CRMs over real HTTP on loopback: strangers that speak like the vendors, oddities included.

The sandbox exists to find bugs in the real connectors, so it shares no code with them. One seeded `World`
(people, companies, deals and what happens to them) knows nothing of any vendor; each vendor's folder says how
that vendor speaks about it.
"""
