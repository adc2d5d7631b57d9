"""A deal's past, from the history of its properties: visits to stages and changes of fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from connectors.hubspot.past import AT_ONCE, Entry, Past, Read, entries, forgotten, text
from connectors.hubspot.shapes import Account, day, moment
from store.columns import exact
from store.records import DealFieldChange, DealStageChange, Statement


@dataclass(slots=True)
class Changes:
    """The visits and changes of one deal; `closed_at` is when it last went from open to closed, None while open.

    `knows_closing` is false where HubSpot has forgotten that moment.
    """

    details: list[Statement] = field(default_factory=list)
    closed_at: datetime | None = None
    knows_closing: bool = False


def deal_past(raw: Mapping[str, Any], account: Account) -> Past:
    """What HubSpot's property history says of one deal. It may have forgotten the oldest entries.

    A field that has had one value since the deal was created needs no row: the deal itself tells it.
    """
    deal_id, created_at, history = str(raw["id"]), moment(raw.get("createdAt")), raw["propertiesWithHistory"]
    found = Changes()
    stages, pipelines = entries(history.get("dealstage"), account), entries(history.get("pipeline"), account)
    _visit(deal_id, stages, pipelines, account, found, is_forgotten=forgotten(history.get("dealstage"), created_at))
    for source, (name, read) in FIELDS.items():
        told = history.get(source)
        if told and not (len(told) == 1 and _was_set_at_once(told[0], created_at)):
            values = entries(told, account, read)
            _change(deal_id, name, values, found, is_forgotten=forgotten(told, created_at))
    return Past(found.details, {"closed_at": found.closed_at} if found.knows_closing else {})


def _was_set_at_once(item: Mapping[str, Any], created_at: datetime | None) -> bool:
    at = moment(item.get("timestamp"))
    return at is None or created_at is None or at - created_at <= AT_ONCE


def _visit(
    deal_id: str,
    stages: Sequence[Entry],
    pipelines: Sequence[Entry],
    account: Account,
    found: Changes,
    *,
    is_forgotten: bool,
) -> None:
    was_closed = False
    for entry, following in zip(stages, (*stages[1:], None), strict=False):
        closed = entry.value in account.closed_stages
        if closed and not was_closed:
            found.closed_at = entry.at
        if not closed:
            found.closed_at = None
        was_closed = closed
        found.knows_closing = found.knows_closing or not closed or not is_forgotten
        if entry.value is None or (is_forgotten and entry is stages[0]):
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


def _change(deal_id: str, name: str, values: Sequence[Entry], found: Changes, *, is_forgotten: bool) -> None:
    before: str | None = values[0].value if is_forgotten else None
    for entry in values[1:] if is_forgotten else values:
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


def _at(entries: Sequence[Entry], at: datetime) -> str | None:
    """The value in force at a moment; before the first entry that we know, that one's."""
    value = entries[0].value if entries else None
    for entry in entries:
        if entry.at > at:
            break
        value = entry.value
    return value


# ------------------------------------------------------------------------- how the value of a property is read


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
    "hubspot_owner_id": ("owner_id", text),
    "hs_manual_forecast_category": ("forecast_category", text),
    "pipeline": ("pipeline_id", text),
}
"""HubSpot's property -> the field of the deal, and how its values are read."""
