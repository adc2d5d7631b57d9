"""The brake of a reconciliation: what a missing permission hides looks like mass deletion."""

from datetime import datetime

from connectors.base import Context
from connectors.errors import ShrunkError
from store.records import Record

A_FEW = 10
"""So many may always vanish."""


def brake(
    context: Context, record: type[Record], *, stream: str, began: datetime, prefix: str, share: float, crm: str
) -> None:
    """Raises ShrunkError where a whole enumeration of `stream` lacks more than a share of our live rows."""
    gone = context.known.unmarked_count(record, stream, began, prefix)
    live = context.known.live(record, prefix)
    if gone > max(live * share, A_FEW) and not context.allow_shrink:
        raise ShrunkError(
            f"{stream.partition('.')[0]}: {gone:,} of {live:,} records are not in {crm} any more, more than "
            f"{share:.0%}; nothing was deleted",
            hint=f"check in {crm} that they are really gone and that the credentials still see them all; if so, run "
            "`dealmeter sync CONNECTION --allow-shrink`",
        )
