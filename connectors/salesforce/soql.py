"""Queries in Salesforce's language, put together from checked names and quoted values."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from simple_salesforce.format import format_soql

from store.columns import utc

EARLIEST = datetime(1999, 1, 1, tzinfo=UTC)
"""Before Salesforce was founded."""


def select(
    fields: Iterable[str], of: str, *conditions: str, order: str = "", limit: int = 0, group: Sequence[str] = ()
) -> str:
    """`SELECT fields FROM of WHERE all conditions`. Names must have been checked against what the org has."""
    text = f"SELECT {', '.join(fields)} FROM {of}"
    if any(conditions):
        text += " WHERE " + " AND ".join(condition for condition in conditions if condition)
    text += f" GROUP BY {', '.join(group)}" if group else ""
    return text + (f" ORDER BY {order}" if order else "") + (f" LIMIT {limit}" if limit else "")


def between(field: str, since: datetime, until: datetime) -> str:
    """A half-open window of time."""
    return f"{field} >= {instant(max(since, EARLIEST))} AND {field} < {instant(until)}"


def instant(at: datetime) -> str:
    """An instant as a literal, in whole seconds of UTC: Salesforce stamps no finer."""
    return f"{utc(at):%Y-%m-%dT%H:%M:%SZ}"


def after(id_: str) -> str:
    """Ids behind one; none where there is none yet."""
    return format_soql("Id > {}", id_) if id_ else ""


def one_of(field: str, ids: Sequence[str]) -> str:
    """Values among some."""
    return f"{field} IN {format_soql('{}', list(ids))}"


def not_before(field: str, id_: str) -> str:
    """Ids from one on."""
    return f"{field} >= {format_soql('{}', id_)}"
