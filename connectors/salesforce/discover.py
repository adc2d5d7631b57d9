"""What a Salesforce org has: objects with their fields, how far its own are used, record types with their stages."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from connectors.discovery import Discovery, FoundField, FoundObject, FoundPipeline, FoundStage
from connectors.errors import ConnectorError, MissingScopeError
from connectors.salesforce.client import Json
from connectors.salesforce.kinds import KINDS, STREAMS, Kind
from connectors.salesforce.objects import Rows
from connectors.salesforce.soql import select
from store.records import Pipeline, Stage, Statement

MOST_ROWS = 1_000_000
"""Counting values in larger objects takes Salesforce longer than it allows."""
AT_ONCE, MOST_COUNTED = 25, 100
"""Custom fields whose values are counted by one query, and in one object."""


def discover(
    rows: Callable[[str], Rows],
    mapped: Mapping[str, Mapping[str, str]],
    pipelines: Callable[[], Iterable[Statement]],
) -> Discovery:
    """Every kind of object that the user may read, and the record types of opportunities as pipelines."""
    objects, found, notes = [], list[FoundPipeline](), []
    for kind in KINDS:
        try:
            objects.append(_object(rows(kind.object), kind, mapped.get(kind.name, {})))
        except MissingScopeError as error:
            notes.append(f"{kind.name}: not looked at: {error}")
    try:
        found = _pipelines(list(pipelines()))
    except MissingScopeError:
        notes.append(f"pipelines: not looked at: the user may not read {STREAMS['pipelines']}")
    return Discovery(objects=objects, pipelines=found, notes=notes)


def _object(rows: Rows, kind: Kind, mapped: Mapping[str, str]) -> FoundObject:
    raws = rows.org.described(rows.object).get("fields") or ()
    fills = {theirs: ours for ours, theirs in {**kind.fields, **mapped}.items()}
    own = [raw for raw in raws if raw.get("custom") is True and raw.get("aggregatable") is True]
    total, used = _use(rows, kind, [str(raw["name"]) for raw in own[:MOST_COUNTED]])
    fields = [
        FoundField(
            name=str(raw["name"]),
            label=str(raw.get("label") or ""),
            type=str(raw.get("type") or ""),
            is_custom=raw.get("custom") is True,
            fills=fills.get(str(raw["name"]), ""),
            filled=used.get(str(raw["name"])),
        )
        for raw in raws
    ]
    return FoundObject(name=kind.name, record=kind.record, fields=fields, count=total)


def _use(rows: Rows, kind: Kind, names: Sequence[str]) -> tuple[int | None, dict[str, float]]:
    """How many living records there are, and the share of them that has each field: only about how many where there
    are very many, and nothing where Salesforce won't tell."""
    about = rows.count()
    if about is not None and about > MOST_ROWS:
        return about, {}
    try:
        total = _counted(rows, kind, ["Id"])["Id"]
        counted = dict(_each(rows, kind, names)) if total else {}
    except ConnectorError:
        return about, {}
    return total, {name: count / total for name, count in counted.items()}


def _each(rows: Rows, kind: Kind, names: Sequence[str]) -> Iterator[tuple[str, int]]:
    for first in range(0, len(names), AT_ONCE):
        yield from _counted(rows, kind, names[first : first + AT_ONCE]).items()


def _counted(rows: Rows, kind: Kind, names: Sequence[str]) -> dict[str, int]:
    """How many living records have a value in each of these fields."""
    conditions = rows.conditions([("IsDeleted", "IsDeleted = false"), *kind.only])
    asked = select([f"COUNT({name}) n{i}" for i, name in enumerate(names)], rows.object, *conditions)
    answer: Json = rows.client.query(asked, rows.meter)
    [told] = answer["records"] or [{}]
    return {name: int(told.get(f"n{i}") or 0) for i, name in enumerate(names)}


def _pipelines(said: Sequence[Statement]) -> list[FoundPipeline]:
    stages = [each for each in said if isinstance(each, Stage) and not each.is_archived]
    return [
        FoundPipeline(id=each.id, name=each.name or "", stages=[_stage(s) for s in stages if s.pipeline_id == each.id])
        for each in said
        if isinstance(each, Pipeline) and not each.is_archived
    ]


def _stage(stage: Stage) -> FoundStage:
    return FoundStage(
        id=stage.id,
        name=stage.name or stage.id,
        probability=None if stage.probability is None else float(stage.probability),
        is_closed=stage.is_closed,
        is_won=stage.is_won,
    )
