"""The past of deals and leads, from Salesforce's history objects: visits to stages and changes of fields.

OpportunityHistory has a row for each saved change of stage, amount, close date, probability or category, with all of
them as they were from then on; it is always on. OpportunityFieldHistory, where tracking is on, knows owners and record
types.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from connectors.salesforce.shapes import ONE_PIPELINE, Account, Raw, moment, number
from store.columns import exact
from store.records import Deal, DealFieldChange, DealStageChange, Lead, LeadStageChange, Statement

USER, RECORD_TYPE = "005", "012"


class Entry(NamedTuple):
    """A value that a field had from a moment on, and who set it."""

    at: datetime
    value: str | None
    by: str | None


def deal_past(ids: Sequence[str], rows: Mapping[str, Sequence[Raw]], account: Account) -> Iterable[Statement]:
    """Visits, changes, and when each deal last went from open to closed. `rows` are of both objects, by object."""
    snapshots = _by_parent(rows.get("OpportunityHistory", ()), "OpportunityId")
    tracked = _by_parent(rows.get("OpportunityFieldHistory", ()), "OpportunityId")
    for id_ in ids:
        if id_ in snapshots:
            yield from _deal(id_, snapshots[id_], tracked.get(id_, []), account)


def _deal(id_: str, snapshots: Sequence[Raw], tracked: Sequence[Raw], account: Account) -> Iterable[Statement]:
    began, now = _at(snapshots[0]), snapshots[-1]
    pipelines = _tracked(tracked, "RecordType", RECORD_TYPE, began)
    present = now.get("Opportunity.RecordTypeId") or ONE_PIPELINE
    stages = _entries(snapshots, "StageName", _text)
    yield from _visits(id_, stages, pipelines, present)
    yield Deal.of({"id": id_, "closed_at": _closed_at(stages, account)})
    for source, (name, read) in FIELDS.items():
        yield from _changes(id_, name, _entries(snapshots, source, read))
    yield from _changes(id_, "owner_id", _tracked(tracked, "Owner", USER, began))
    yield from _changes(id_, "pipeline_id", pipelines)


def _visits(id_: str, stages: Sequence[Entry], pipelines: Sequence[Entry], present: str) -> Iterable[Statement]:
    for entry, following in zip(stages, (*stages[1:], None), strict=True):
        if entry.value is not None:
            yield DealStageChange.of(
                {
                    "deal_id": id_,
                    "entered_at": entry.at,
                    "pipeline_id": _in_force(pipelines, entry.at, present),
                    "stage_id": entry.value,
                    "exited_at": following.at if following is not None else None,
                    "changed_by": entry.by,
                    "source": "crm",
                }
            )


def _closed_at(stages: Sequence[Entry], account: Account) -> datetime | None:
    closed_at: datetime | None = None
    for entry in stages:
        closed = entry.value in account.closed_stages
        closed_at = (closed_at or entry.at) if closed else None
    return closed_at


def _changes(id_: str, name: str, entries: Sequence[Entry]) -> Iterable[Statement]:
    """A field that has had one value since the deal was made needs no row: the deal itself tells it."""
    if len(entries) < 2:
        return
    for before, entry in zip((None, *entries), entries, strict=False):
        yield DealFieldChange.of(
            {
                "deal_id": id_,
                "field": name,
                "changed_at": entry.at,
                "old_value": before.value if before is not None else None,
                "new_value": entry.value,
                "changed_by": entry.by,
                "source": "crm",
            }
        )


def lead_past(ids: Sequence[str], rows: Mapping[str, Sequence[Raw]], account: Account) -> Iterable[Statement]:
    """Entries into statuses, the first one at the lead's creation."""
    tracked = _by_parent(rows.get("LeadHistory", ()), "LeadId")
    for raw in rows.get("Lead", ()):
        id_, began = str(raw["Id"]), moment(raw.get("CreatedDate"))
        if id_ not in set(ids) or began is None:
            continue
        entries = _tracked(tracked.get(id_, []), "Status", "", began) or [Entry(began, raw.get("Status"), None)]
        for before, entry in zip((None, *entries), entries, strict=False):
            yield LeadStageChange.of(
                {
                    "lead_id": id_,
                    "changed_at": entry.at,
                    "from_stage": before.value if before is not None else None,
                    "to_stage": entry.value,
                    "changed_by": entry.by,
                }
            )
        yield Lead.of({"id": id_, "assigned_at": _assigned(tracked.get(id_, []), began)})


def _assigned(tracked: Sequence[Raw], began: datetime) -> datetime:
    """When a person first owned the lead: a queue (00G) is nobody."""
    owners = _tracked(tracked, "Owner", USER, began)
    return next((entry.at for entry in owners if entry.value and entry.value.startswith(USER)), began)


# ----------------------------------------------------------------------------------------------------- entries


def _by_parent(rows: Iterable[Raw], parent: str) -> dict[str, list[Raw]]:
    """The rows of each parent, oldest first."""
    found: dict[str, list[Raw]] = {}
    for raw in sorted(rows, key=lambda raw: (str(raw["CreatedDate"]), str(raw["Id"]))):
        if moment(raw["CreatedDate"]) is not None:
            found.setdefault(str(raw[parent]), []).append(raw)
    return found


def _entries(snapshots: Sequence[Raw], source: str, read: "Read") -> list[Entry]:
    """One per moment (the last one set), neighbours of equal value once."""
    told = {_at(raw): Entry(_at(raw), read(raw.get(source)), raw.get("CreatedById")) for raw in snapshots}
    return _distinct(list(told.values()))


def _tracked(rows: Sequence[Raw], field: str, prefix: str, began: datetime) -> list[Entry]:
    """The values of a tracked field from the beginning on; of lookups the rows with ids, not those with names."""
    told: dict[datetime, Entry] = {}
    for raw in rows:
        old, new = (_text(raw.get(name)) for name in ("OldValue", "NewValue"))
        if str(raw.get("Field")).lower() != field.lower() or not _is_id(old, prefix) or not _is_id(new, prefix):
            continue
        if not told:
            told[began] = Entry(began, old, None)
        told[_at(raw)] = Entry(_at(raw), new, raw.get("CreatedById"))
    return _distinct(list(told.values()))


def _is_id(value: str | None, prefix: str) -> bool:
    return not prefix or value is None or (len(value) in {15, 18} and value.startswith((prefix, "00G")))


def _distinct(entries: Sequence[Entry]) -> list[Entry]:
    return [entry for i, entry in enumerate(entries) if i == 0 or entries[i - 1].value != entry.value]


def _in_force(entries: Sequence[Entry], at: datetime, present: str) -> str:
    """The value in force at a moment; the present one where nothing was tracked."""
    found = next((entry.value for entry in reversed(entries) if entry.at <= at), None)
    return found or (entries[0].value if entries and entries[0].value else present)


def _at(raw: Raw) -> datetime:
    at = moment(raw["CreatedDate"])
    assert at is not None, "rows without a moment were left out"
    return at


Read = Callable[[Any], str | None]


def _text(value: Any) -> str | None:
    return None if value in (None, "") else str(value)


def _amount(value: Any) -> str | None:
    found = number(value)
    try:
        return None if found is None else f"{exact(found).normalize():f}"
    except (ArithmeticError, ValueError):
        return None


FIELDS: Mapping[str, tuple[str, Read]] = {
    "Amount": ("amount", _amount),
    "CloseDate": ("close_date", _text),
    "ForecastCategory": ("forecast_category", _text),
}
"""OpportunityHistory's column -> the field of the deal, and how its values are read."""
