"""An object type of Salesforce: its name, its fields, and where its rows come from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from dealmeter.sandbox.salesforce import ids
from dealmeter.sandbox.salesforce.field import Field
from dealmeter.sandbox.salesforce.source import Source


@dataclass(frozen=True, kw_only=True)
class SObject:
    """`stamps` are the fields by which its keys are sorted. `bulk` tells whether Bulk API queries are allowed on it;
    `replicateable` whether the delete log knows it.
    """

    name: str
    prefix: str
    label: str
    source: Source
    field_list: tuple[Field, ...]
    stamps: tuple[str, ...] = ("SystemModstamp",)
    bulk: bool = True
    replicateable: bool = True
    custom: bool = False

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """By lower-case name: queries don't care about case."""
        return {each.name.lower(): each for each in self.field_list}

    @cached_property
    def relationships(self) -> Mapping[str, Field]:
        return {each.relationship.lower(): each for each in self.field_list if each.relationship}

    def id(self, serial: int) -> str:
        return ids.text(self.prefix, serial)

    def row(self, id: object) -> Any | None:
        """The row with an id of 15 or 18 characters, if it exists; deleted ones included."""
        parsed = ids.parse(str(id))
        if parsed is None or parsed[0] != self.prefix:
            return None
        return self.source.get(parsed[1])

    def without(self, fields: Iterable[str], api: float) -> "SObject":
        """The same type for somebody who may not see some fields, or for an older version of the interface."""
        hidden = {name.lower() for name in fields}
        left = tuple(each for each in self.field_list if each.name.lower() not in hidden and each.since <= api)
        if len(left) == len(self.field_list):
            return self
        return replace(self, field_list=left)

    def summary(self, base: str) -> dict[str, Any]:
        """The entry in the global describe."""
        return {
            "activateable": False,
            "createable": True,
            "custom": self.custom,
            "deletable": True,
            "deprecatedAndHidden": False,
            "keyPrefix": self.prefix,
            "label": self.label,
            "labelPlural": f"{self.label}s",
            "layoutable": True,
            "mergeable": self.name in ("Account", "Contact", "Lead", "Case"),
            "name": self.name,
            "queryable": True,
            "replicateable": self.replicateable,
            "retrieveable": True,
            "searchable": self.replicateable,
            "triggerable": self.replicateable,
            "undeletable": self.replicateable,
            "updateable": True,
            "urls": {
                "sobject": f"{base}/sobjects/{self.name}",
                "describe": f"{base}/sobjects/{self.name}/describe",
                "rowTemplate": f"{base}/sobjects/{self.name}/{{ID}}",
            },
        }
