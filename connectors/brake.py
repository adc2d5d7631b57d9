"""The brake of a comparison: what a missing permission hides looks like mass deletion."""

from connectors.base import Context
from connectors.errors import ShrunkError

A_FEW = 10
"""So many may always vanish."""


def brake(context: Context, name: str, *, gone: int, live: int, share: float, crm: str) -> None:
    """Raises ShrunkError where more than a share is gone, unless the person who runs it allows that."""
    if gone > max(live * share, A_FEW) and not context.allow_shrink:
        raise ShrunkError(
            f"{name}: {gone:,} of {live:,} records are not in {crm} any more, more than {share:.0%}; "
            "nothing was deleted",
            hint=f"check in {crm} that they are really gone and that the credentials still see them all; if so, run "
            "`dealmeter sync CONNECTION --allow-shrink`",
        )
