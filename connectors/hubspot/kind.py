"""A kind of HubSpot object: which properties become which fields, what hangs on it, who has it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from connectors.hubspot import shapes
from connectors.hubspot.past import Past
from store.records import Activity, Record, Statement

Raw = Mapping[str, Any]
Values = dict[str, Any]
Shape = Callable[[Values, Mapping[str, str | None], shapes.Account], None]
Reader = Callable[[Raw, shapes.Account], Past]
Twin = Callable[[Values, Raw, shapes.Account], list[Statement]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of HubSpot object, which is also the name of its stream.

    `fields` maps our fields to HubSpot's properties; `also` are properties that only `shape` or `past` look at. `shape`
    turns HubSpot's words into ours. `history` are the properties whose past `past` reads. `links` are the kinds that
    its associations are read to. `prefix` keeps the ids of kinds apart that share a table. `object` is HubSpot's name
    for it, where it isn't ours. `pipelines` names those whose stages decide how it is read.

    An `optional` kind is not in every account or token: where it can't be read nothing is wrong. `edition` says who
    has it. A kind with a `twin` says something about another table too, under the same ids with `twin_prefix`.
    """

    name: str
    record: type[Record]
    fields: Mapping[str, str]
    also: tuple[str, ...] = ()
    shape: Shape = shapes.plain
    history: tuple[str, ...] = ()
    past: Reader | None = None
    links: tuple[str, ...] = ()
    modified: str = "hs_lastmodifieddate"
    prefix: str = ""
    calculated: bool = False
    object: str = ""
    pipelines: str = ""
    optional: bool = False
    edition: str = ""
    twin: Twin | None = None
    twin_record: type[Record] | None = None
    twin_prefix: str = ""

    @property
    def path(self) -> str:
        """What HubSpot calls it in paths."""
        return self.object or self.name


def activity(
    name: str, type_: str, fields: Mapping[str, str], also: tuple[str, ...], shape: Shape, *, optional: bool = False
) -> Kind:
    """A kind of activity: all of them share one table."""
    return Kind(
        name=name,
        record=Activity,
        fields=MappingProxyType({"owner_id": "hubspot_owner_id", "occurred_at": "hs_timestamp", **fields}),
        also=also,
        shape=shape,
        links=("deals", "contacts", "companies", "leads"),
        prefix=f"{type_}:",
        optional=optional,
    )
