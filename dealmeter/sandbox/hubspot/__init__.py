"""How HubSpot speaks about a world: its paths, its texts, its limits and its oddities."""

from dealmeter.sandbox.hubspot.limits import RateLimit
from dealmeter.sandbox.hubspot.server import HubSpotSandbox

__all__ = ["HubSpotSandbox", "RateLimit"]
