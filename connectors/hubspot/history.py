"""A deal's past, from the history of its properties: visits to stages and changes of fields."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from connectors.hubspot.shapes import Account, day, moment
from store.columns import exact
from store.records import DealFieldChange, DealStageChange, Statement

KEPT = 20
"""How many values of a property HubSpot keeps for a deal, as far as is known: of more, the oldest are forgotten."""
AT_ONCE = timedelta(seconds=5)
"""What is set so soon after the creation was set with it."""


class Entry(NamedTuple):
    """A value that a property had from a moment on, and who set it."""

    at: datetime
    value: str | None
    by: str | None


@dataclass(slots=True)
class Changes:
    """The visits and changes of one deal; `closed_at` is when it last went from open to closed, None while open.

    `knows_closing` is false where HubSpot has forgotten that moment.
    """

    details: list[Statement] = field(default_factory=list)
    closed_at: datetime | None = None
    knows_closing: bool = False


def changes(deal_id: str, created_at: datetime | None, history: Mapping[str, Any], account: Account) -> Changes:
    """What HubSpot's property history says of one deal. It may have forgotten the oldest entries.

    A field that has had one value since the deal was created needs no row: the deal itself tells it.
    """
    found = Changes()
    stages = _entries(history.get("dealstage"), _text, account)
    pipelines = _entries(history.get("pipeline"), _text, account)
    _visit(deal_id, stages, pipelines, account, found, forgotten=_forgotten(history.get("dealstage"), created_at))
    for source, (name, read) in FIELDS.items():
        told = history.get(source)
        if told and not (len(told) == 1 and _was_set_at_once(told[0], created_at)):
            entries = _entries(told, read, account)
            _change(deal_id, name, entries, found, forgotten=_forgotten(told, created_at))
    return found


def _was_set_at_once(item: Mapping[str, Any], created_at: datetime | None) -> bool:
    at = moment(item.get("timestamp"))
    return at is None or created_at is None or at - created_at <= AT_ONCE


def _forgotten(raw: Sequence[Mapping[str, Any]] | None, created_at: datetime | None) -> bool:
    """Whether the oldest entry told is not the first: what it says of its beginning is not to be believed.

    When it was one of the younger ones we have stored it; what is stored stays.
    """
    if raw is None or len(raw) < KEPT or created_at is None:
        return False
    oldest = moment(raw[-1].get("timestamp"))
    return oldest is not None and oldest - created_at > AT_ONCE


def _visit(
    deal_id: str,
    stages: Sequence[Entry],
    pipelines: Sequence[Entry],
    account: Account,
    found: Changes,
    *,
    forgotten: bool,
) -> None:
    was_closed = False
    for entry, following in zip(stages, (*stages[1:], None), strict=False):
        closed = entry.value in account.closed_stages
        if closed and not was_closed:
            found.closed_at = entry.at
        if not closed:
            found.closed_at = None
        was_closed = closed
        found.knows_closing = found.knows_closing or not closed or not forgotten
        if entry.value is None or (forgotten and entry is stages[0]):
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


def _change(deal_id: str, name: str, entries: Sequence[Entry], found: Changes, *, forgotten: bool) -> None:
    before: str | None = entries[0].value if forgotten else None
    for entry in entries[1:] if forgotten else entries:
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
    told: list[Entry] = []
    in_order = True
    for item in reversed(raw or ()):  # HubSpot tells the newest first
        at = moment(item.get("timestamp"))
        if at is not None:
            in_order = in_order and (not told or told[-1].at < at)
            told.append(Entry(at, read(item.get("value") or None, account), _who(item)))
    if not in_order:
        told = sorted({entry.at: entry for entry in told}.values())
    return [entry for i, entry in enumerate(told) if i == 0 or told[i - 1].value != entry.value]


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
        return None if value is None else f"{exact(Decimal(value)).normalize():f}"
    except (ArithmeticError, ValueError):
        return None


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
