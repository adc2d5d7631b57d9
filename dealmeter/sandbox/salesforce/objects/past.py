"""Histories as Salesforce keeps them: snapshots of opportunities, and one row per tracked field that changed."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from dealmeter.sandbox.record import Record, Value
from dealmeter.sandbox.salesforce import ids
from dealmeter.sandbox.salesforce.field import Field, field, reference
from dealmeter.sandbox.salesforce.objects.stages import category, close_day, percent
from dealmeter.sandbox.salesforce.org import QUEUE_NAME, Org
from dealmeter.sandbox.salesforce.sobject import SObject
from dealmeter.sandbox.salesforce.source import PER_RECORD, Mirror, Past
from dealmeter.sandbox.salesforce.texts import number, stamp

WATCHED = ("stage", "amount", "close_at")
Shown = Callable[[Value], Any]
Tracked = Mapping[str, tuple[str, str, Shown]]
"""The world's field -> Salesforce's name, data type, and how a value is shown."""


def opportunity_history(org: Org, deals: Mirror) -> SObject:
    """A row whenever stage, amount, probability or close date changed, and one for the beginning."""
    past = Past(_moments, lambda deal, place, second: _snapshot(org, deal, place, second))
    return SObject(
        name="OpportunityHistory",
        prefix="008",
        label="Opportunity History",
        source=org.history("OpportunityHistory", deals, past),
        field_list=tuple(_snapshot_fields(org)),
        stamps=("SystemModstamp", "CreatedDate"),
        replicateable=False,
    )


def _moments(deal: Record) -> list[int]:
    found = {change.at for name in WATCHED for change in deal.history.get(name, ())}
    found.add(deal.created)
    return sorted(found)[: PER_RECORD - 1]


def value_at(record: Record, name: str, at: int) -> Value:
    """What a field held at an instant (before its first change: its first value)."""
    changes = record.changes(name)
    held: Value = changes[0].value if changes else None
    for change in changes:
        if change.at > at:
            break
        held = change.value
    return held


def _snapshot(org: Org, deal: Record, place: int, second: int) -> dict[str, Any]:
    moments = _moments(deal)
    at, before = moments[place], moments[place - 1] if place else None
    stage = org.world.stage(value_at(deal, "stage", at))
    amount = number(value_at(deal, "amount", at))
    likely = percent(stage)
    text = stamp(second)
    row = {
        "Id": ids.text("008", deal.id * PER_RECORD + place),
        "IsDeleted": False,
        "CreatedDate": text,
        "CreatedById": org.owner(deal),
        "SystemModstamp": text,
        "OpportunityId": ids.text("006", deal.id),
        "StageName": stage.label if stage else str(value_at(deal, "stage", at)),
        "Amount": amount,
        "Probability": likely,
        "ExpectedRevenue": None if amount is None else round(amount * likely / 100, 2),
        "CloseDate": _close_day_at(org, deal, at),
        "ForecastCategory": category(value_at(deal, "forecast_category", at), stage),
        "PrevAmount": None if before is None else number(value_at(deal, "amount", before)),
        "PrevCloseDate": None if before is None else _close_day_at(org, deal, before),
    }
    if org.features.multi_currency:
        row["CurrencyIsoCode"] = org.currency(deal)
    return row


def _close_day_at(org: Org, deal: Record, at: int) -> str:
    return org.day(value_at(deal, "close_at", at)) or close_day(org, deal)


def _snapshot_fields(org: Org) -> list[Field]:
    fields = [
        field("Id", "id", nillable=False),
        field("IsDeleted", "boolean"),
        field("CreatedDate", "datetime", nillable=False),
        reference("CreatedById", "User"),
        field("SystemModstamp", "datetime", nillable=False),
        reference("OpportunityId", "Opportunity"),
        field("StageName", "picklist"),
        field("Amount", "currency"),
        field("Probability", "percent", scale=0),
        field("ExpectedRevenue", "currency"),
        field("CloseDate", "date"),
        field("ForecastCategory", "picklist"),
        field("PrevAmount", "currency", since=50.0),
        field("PrevCloseDate", "date", since=50.0),
    ]
    if org.features.multi_currency:
        fields.append(field("CurrencyIsoCode", "picklist"))
    return fields


class _Step(NamedTuple):
    """A row of field history; a lookup has two, one with ids and one with names."""

    at: int
    name: str
    type: str
    old: Any
    new: Any


def tracked(
    org: Org, name: str, prefix: str, parent_field: str, parent: str, parent_prefix: str, mirror: Mirror, what: Tracked
) -> SObject:
    """The history object of a type: what was created, and which tracked fields changed from what to what."""

    def steps(record: Record) -> list[_Step]:
        found = [_Step(record.created, "created", "Text", None, None)]
        for of_world, (shown_name, type, show) in what.items():
            changes = record.history.get(of_world, ())
            for earlier, later in pairwise(changes):
                old, new = show(earlier.value), show(later.value)
                if type == "EntityId":
                    found.append(_Step(later.at, shown_name, "Text", *(_name(org, id) for id in (old, new))))
                found.append(_Step(later.at, shown_name, type, old, new))
        return sorted(found, key=lambda step: step.at)[: PER_RECORD - 1]

    def row(record: Record, place: int, second: int) -> dict[str, Any]:
        step = steps(record)[place]
        return {
            "Id": ids.text(prefix, mirror.serial(mirror.kinds[0], record.id) * PER_RECORD + place),
            "IsDeleted": False,
            "CreatedDate": stamp(second),
            "SystemModstamp": stamp(second),
            "CreatedById": org.owner(record),
            parent_field: ids.text(parent_prefix, record.id),
            "Field": step.name,
            "DataType": step.type,
            "OldValue": step.old,
            "NewValue": step.new,
        }

    past = Past(lambda record: [step.at for step in steps(record)], row)
    return SObject(
        name=name,
        prefix=prefix,
        label=name,
        source=org.history(name, mirror, past),
        field_list=(
            field("Id", "id", nillable=False),
            field("IsDeleted", "boolean"),
            field("CreatedDate", "datetime", nillable=False),
            reference("CreatedById", "User"),
            reference(parent_field, parent),
            field("Field", "picklist"),
            field("DataType", "picklist", since=47.0),
            field("OldValue", "anyType"),
            field("NewValue", "anyType"),
        ),
        stamps=("CreatedDate",),
        replicateable=False,
    )


def _name(org: Org, id: str) -> str:
    """Of a user or a queue."""
    parsed = ids.parse(id)
    owner = org.world.owners.get(parsed[1]) if parsed and parsed[0] == "005" else None
    if owner is not None:
        return f"{owner.first_name} {owner.last_name}"
    return QUEUE_NAME if id.startswith("00G") else "Integration User"
