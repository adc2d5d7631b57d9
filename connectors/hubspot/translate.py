"""HubSpot's objects -> our records; what can't be used becomes a Rejection, and the rest of the record stays."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.base import Merge, Rejection
from connectors.hubspot.kind import Kind
from connectors.hubspot.shapes import Account
from connectors.validated import validated
from store.records import Record, Statement

Raw = Mapping[str, Any]


@dataclass(slots=True)
class Translation:
    """What some HubSpot objects mean."""

    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    details: list[Statement] = field(default_factory=list)
    merges: list[Merge] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    raw: dict[str, Raw] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Translator:
    """Reads objects of one kind as this account and this configuration mean them."""

    kind: Kind
    account: Account
    fields: Mapping[str, str]
    extra: tuple[str, ...] = ()
    there: Callable[[], frozenset[str]]

    def translate(self, raws: Iterable[Raw]) -> Translation:
        """The fields of each object by our id, its history, the merges that made it."""
        translation, there = Translation(), self.there()
        hidden = [name for name, source in self.fields.items() if source not in there]
        for raw in raws:
            try:
                self._one(raw, hidden, translation)
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
                self._refuse(raw, error, translation)
        return translation

    def _refuse(self, raw: Raw, error: Exception, translation: Translation) -> None:
        """A record that makes no sense is no reason to stop."""
        id_ = f"{self.kind.prefix}{raw.get('id')}"
        reason = f"{self.kind.name} {id_}: {type(error).__name__}: {error}"
        translation.values.pop(id_, None)
        translation.rejected.append(Rejection(entity=self.kind.record, record_id=id_, reason=reason, payload=raw))

    def _one(self, raw: Raw, hidden: Sequence[str], translation: Translation) -> None:
        kind, properties = self.kind, raw["properties"]
        id_ = kind.prefix + str(raw["id"])
        values: dict[str, Any] = {name: properties.get(source) or None for name, source in self.fields.items()}
        kind.shape(values, properties, self.account)
        for name in hidden:  # what we may not see is not empty: nothing is said of it
            if values.get(name) is None:
                values.pop(name, None)
        values["id"] = id_
        values["created_at"] = values.get("created_at") or raw.get("createdAt")
        values["updated_at"] = raw.get("updatedAt") or properties.get(kind.modified)
        values["deleted_at"] = raw.get("archivedAt") if raw.get("archived") else None
        values["source_url"] = raw.get("url")
        values["extra"] = {name: properties.get(name) for name in self.extra} or None
        if raw.get("propertiesWithHistory") and kind.past is not None:
            past = kind.past(raw, self.account)
            translation.details += past.details
            values |= past.values
        if kind.twin is not None and not raw.get("archived"):
            translation.details += kind.twin(values, raw, self.account)
        for old in (properties.get("hs_merged_object_ids") or "").split(";"):
            if old.strip() and old.strip() != str(raw["id"]):
                translation.merges.append(Merge(entity=kind.record, old_id=kind.prefix + old.strip(), id=id_))
        translation.values[id_] = values
        translation.raw[id_] = raw


def records(kind: Kind, translation: Translation) -> list[Record]:
    """Validated records; a field that can't be used is rejected by itself and left empty."""
    made: list[Record] = []
    for id_, values in translation.values.items():
        record, rejected = validated(kind.record, kind.name, values, kind.fields, translation.raw[id_])
        made += [record] if record is not None else []
        translation.rejected += rejected
    return made
