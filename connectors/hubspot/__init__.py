"""HubSpot: a folder of its own. Start with `kinds` (what is read) and `passes` (how)."""

from connectors.hubspot.connector import HubSpotConnector

__all__ = ["HubSpotConnector"]
