"""A deal's past, from the history of its properties: visits to stages and changes of fields."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any, NamedTuple

from connectors.hubspot.shapes import Account, day, moment
from store.records import DealFieldChange, DealStageChange, Statement

AT_ONCE = timedelta(seconds=5)
"""What is set so soon after the creation was set with it."""


class Entry(NamedTuple):
    """A value that a property had from a moment on, and who set it."""

    at: datetime
    value: str | None
    by: str | None


@dataclass(slots=True)
class Changes:
    """The visits and changes of one deal; `closed_at` is when it last went from open to closed, None while open."""

    details: list[Statement] = field(default_factory=list)
    visits: int = 0
    closed_at: datetime | None = None


def changes(deal_id: str, created_at: datetime | None, history: Mapping[str, Any], account: Account) -> Changes:
    """What HubSpot's property history says of one deal. It may have forgotten the oldest entries.

    A field that has had one value since the deal was created needs no row: the deal itself tells it.
    """
    found = Changes()
    stages = _entries(history.get("dealstage"), _text, account)
    pipelines = _entries(history.get("pipeline"), _text, account)
    _visit(deal_id, stages, pipelines, account, found)
    for source, (name, read) in FIELDS.items():
        entries = _entries(history.get(source), read, account)
        if len(entries) > 1 or (entries and created_at is not None and entries[0].at - created_at > AT_ONCE):
            _change(deal_id, name, entries, found)
    return found


def _visit(deal_id: str, stages: Sequence[Entry], pipelines: Sequence[Entry], account: Account, found: Changes) -> None:
    was_closed = False
    for entry, following in zip(stages, (*stages[1:], None), strict=True):
        closed = entry.value in account.closed_stages
        if closed and not was_closed:
            found.closed_at = entry.at
        if not closed:
            found.closed_at = None
        was_closed = closed
        found.visits += 1
        if entry.value is None:
            continue
        found.details.append(
            DealStageChange.of(
                {
                    "deal_id": deal_id,
                    "entered_at": entry.at,
                    "pipeline_id": _at(pipelines, entry.at),
                    "stage_id": entry.value,
                    "exited_at": following.at if following is not None else None,
                    "changed_by": entry.by,
                    "source": "crm",
                }
            )
        )


def _change(deal_id: str, name: str, entries: Sequence[Entry], found: Changes) -> None:
    before: str | None = None
    for entry in entries:
        found.details.append(
            DealFieldChange.of(
                {
                    "deal_id": deal_id,
                    "field": name,
                    "changed_at": entry.at,
                    "old_value": before,
                    "new_value": entry.value,
                    "changed_by": entry.by,
                    "source": "crm",
                }
            )
        )
        before = entry.value


def _entries(raw: Sequence[Mapping[str, Any]] | None, read: "Read", account: Account) -> list[Entry]:
    """Oldest first, one per moment (the last one set), neighbours of equal value once."""
    told = [Entry(at, read(item.get("value") or None, account), _who(item)) for item, at in _dated(raw)]
    if any(later.at <= earlier.at for earlier, later in pairwise(told)):
        told = sorted({entry.at: entry for entry in told}.values())
    return [entry for i, entry in enumerate(told) if i == 0 or told[i - 1].value != entry.value]


def _dated(raw: Sequence[Mapping[str, Any]] | None) -> Iterator[tuple[Mapping[str, Any], datetime]]:
    """HubSpot tells the newest first."""
    for item in reversed(raw or ()):
        at = moment(item.get("timestamp"))
        if at is not None:
            yield item, at


def _who(item: Mapping[str, Any]) -> str | None:
    user = item.get("updatedByUserId")
    return str(user) if user is not None else item.get("sourceId") or item.get("sourceType")


def _at(entries: Sequence[Entry], at: datetime) -> str | None:
    """The value in force at a moment; before the first entry that we know, that one's."""
    value = entries[0].value if entries else None
    for entry in entries:
        if entry.at > at:
            break
        value = entry.value
    return value


# ------------------------------------------------------------------------- how the value of a property is read

Read = Callable[[str | None, Account], str | None]


def _text(value: str | None, account: Account) -> str | None:
    return value


def _amount(value: str | None, account: Account) -> str | None:
    try:
        number = Decimal(value) if value is not None else None
    except InvalidOperation:
        return None
    return None if number is None or not number.is_finite() else f"{number.normalize():f}"


def _day(value: str | None, account: Account) -> str | None:
    return day(value, account.zone)


FIELDS: Mapping[str, tuple[str, Read]] = {
    "amount": ("amount", _amount),
    "closedate": ("close_date", _day),
    "hubspot_owner_id": ("owner_id", _text),
    "hs_manual_forecast_category": ("forecast_category", _text),
    "pipeline": ("pipeline_id", _text),
}
"""HubSpot's property -> the field of the deal, and how its values are read."""
