"""What a HubSpot account has: objects with their properties, pipelines, and how much its own properties are used."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from connectors.base import Meter
from connectors.discovery import Discovery, FoundField, FoundObject, FoundPipeline, FoundStage
from connectors.errors import ConnectorError, MissingScopeError
from connectors.hubspot import reference
from connectors.hubspot.client import Client, Json
from connectors.hubspot.kind import Kind
from connectors.hubspot.kinds import KINDS, SCOPES
from connectors.hubspot.paging import results
from connectors.hubspot.refusals import NotThereError
from store.records import Stage

MOST_COUNTED = 25
"""Custom properties per kind whose use is counted: each costs a search, of which there are four a second."""


def discover(
    client: Client, meter: Meter, mapped: Mapping[str, Mapping[str, str]], pipelines: Callable[[], Sequence[Json]]
) -> Discovery:
    """Every kind of object that the token reaches, and the deal pipelines."""
    objects, notes = [], []
    for kind in KINDS:
        try:
            objects.append(_object(client, meter, kind, mapped.get(kind.name, {})))
        except MissingScopeError as error:
            notes.append(f"{kind.name}: not looked at: needs {' or '.join(error.scopes) or SCOPES[kind.name]}")
        except NotThereError:
            notes.append(f"{kind.name}: not looked at: this account has none")
    try:
        found = [_pipeline(raw) for raw in pipelines()]
    except MissingScopeError:
        found = []
        notes.append(f"pipelines: not looked at: needs {SCOPES['pipelines']}")
    return Discovery(objects=objects, pipelines=found, notes=notes)


def _object(client: Client, meter: Meter, kind: Kind, mapped: Mapping[str, str]) -> FoundObject:
    path = client.paths.properties(kind.path)
    raws = results(client.get(path, (), meter), path)
    fills = {theirs: ours for ours, theirs in {**kind.fields, **mapped}.items()}
    custom = [str(raw["name"]) for raw in raws if _is_custom(raw)]
    total = _count(client, meter, kind) if custom else None
    used = dict(_use(client, meter, kind, custom[:MOST_COUNTED], total))
    fields = [
        FoundField(
            name=str(raw["name"]),
            label=str(raw.get("label") or ""),
            type=str(raw.get("type") or ""),
            is_custom=_is_custom(raw),
            fills=fills.get(str(raw["name"]), ""),
            filled=used.get(str(raw["name"])),
        )
        for raw in raws
        if not raw.get("hidden")
    ]
    return FoundObject(name=kind.name, record=kind.record, fields=fields, count=total)


def _is_custom(raw: Mapping[str, Any]) -> bool:
    return raw.get("hubspotDefined") is False


def _use(
    client: Client, meter: Meter, kind: Kind, names: Sequence[str], total: int | None
) -> Iterator[tuple[str, float]]:
    """The share of records that have each property; nothing where HubSpot won't tell."""
    for name in names if total else ():
        try:
            count = _count(client, meter, kind, name)
        except ConnectorError:  # a property that can't be searched, such as a long text
            continue
        if count is not None and total:
            yield name, count / total


def _count(client: Client, meter: Meter, kind: Kind, having: str = "") -> int | None:
    filters = [{"propertyName": having, "operator": "HAS_PROPERTY"}] if having else []
    body = {"filterGroups": [{"filters": filters}] if filters else [], "properties": [], "limit": 1}
    total = client.search(client.paths.search(kind.path), body, meter).get("total")
    return int(total) if total is not None else None


def _pipeline(raw: Json) -> FoundPipeline:
    made = [found for found in reference.pipeline_records(raw, "deal") if isinstance(found, Stage)]
    stages = [
        FoundStage(
            id=stage.id,
            name=stage.name or "",
            probability=None if stage.probability is None else float(stage.probability),
            is_closed=stage.is_closed,
            is_won=stage.is_won,
        )
        for stage in made
    ]
    return FoundPipeline(id=str(raw["id"]), name=str(raw.get("label") or ""), stages=stages)
