"""Brake: a comparison that would delete too much stops and says so."""

from connectors.base import Context
from connectors.errors import ShrunkError
from connectors.hubspot.settings import Cadence

FEW = 10
"""So many may always vanish."""


def brake(name: str, gone: int, live: int, cadence: Cadence, context: Context) -> None:
    """Raise ShrunkError where more is gone than may be, unless the person who runs it allows that."""
    if gone > max(live * cadence.shrink, FEW) and not context.allow_shrink:
        raise ShrunkError(
            f"{name}: {gone:,} of {live:,} records are not in HubSpot any more, more than {cadence.shrink:.0%}; "
            "nothing was deleted",
            hint="check in HubSpot that they are really gone and that the token still sees them all; if so, run "
            "`dealmeter sync CONNECTION --allow-shrink`",
        )
