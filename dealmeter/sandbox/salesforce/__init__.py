"""How Salesforce speaks about a world: its queries, its ids, its limits and its oddities."""

from dealmeter.sandbox.salesforce.org import Features
from dealmeter.sandbox.salesforce.server import SalesforceSandbox

__all__ = ["Features", "SalesforceSandbox"]
