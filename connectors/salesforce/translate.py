"""Salesforce's rows -> our records; what can't be used becomes a Rejection, and the rest of the record stays."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.base import Children, Merge, Rejection
from connectors.salesforce.kinds import Kind
from connectors.salesforce.shapes import Account, moment, ties
from connectors.validated import validated
from store.records import ActivityLink, Statement

Raw = Mapping[str, Any]


@dataclass(slots=True)
class Translation:
    """What some rows mean, as the parts of a page."""

    records: list[Statement] = field(default_factory=list)
    children: list[Children] = field(default_factory=list)
    merges: list[Merge] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    payloads: dict[str, Raw] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Translator:
    """Reads rows of one kind as this org and this configuration mean them. `fields` are ours -> Salesforce's."""

    kind: Kind
    account: Account
    fields: Mapping[str, str]
    extra: tuple[str, ...] = ()

    def translate(self, rows: Iterable[Raw], there: Collection[str]) -> Translation:
        """Whole records, with what hangs on them. `there` are the fields that were asked for."""
        hidden = [name for name, source in self.fields.items() if source not in there]
        return self._each(rows, lambda raw, said: self._whole(raw, hidden, said))

    def amend(self, rows: Iterable[Raw], there: Collection[str]) -> Translation:
        """Only what comes from the fields that were asked for: it amends records that are known."""
        said_of = {name for name, source in self.fields.items() if source in there}
        return self._each(rows, lambda raw, said: self._part(raw, said_of, there, said))

    def _each(self, rows: Iterable[Raw], say: Any) -> Translation:
        said = Translation()
        for raw in rows:
            try:
                say(raw, said)
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
                self._refuse(raw, error, said)
        return said

    def _refuse(self, raw: Raw, error: Exception, said: Translation) -> None:
        """A row that makes no sense is no reason to stop."""
        reason = f"{self.kind.name} {raw.get('Id')}: {type(error).__name__}: {error}"
        said.rejected.append(
            Rejection(entity=self.kind.record, record_id=str(raw.get("Id")), reason=reason, payload=raw)
        )

    def _whole(self, raw: Raw, hidden: Collection[str], said: Translation) -> None:
        id_, survivor = str(raw["Id"]), raw.get("MasterRecordId")
        if survivor and raw.get("IsDeleted") is True:
            at = moment(raw.get("SystemModstamp"))
            said.merges.append(Merge(entity=self.kind.record, old_id=id_, id=str(survivor), merged_at=at))
            return
        values = self._values(raw)
        for name in hidden:  # what we may not see is not empty: nothing is said of it
            if values.get(name) is None:
                values.pop(name, None)
        values["updated_at"] = raw.get("SystemModstamp") or raw.get("LastModifiedDate") or raw.get("CreatedDate")
        values["created_at"] = values.get("created_at") or raw.get("CreatedDate")
        values["deleted_at"] = values["updated_at"] if raw.get("IsDeleted") is True else None
        values["source_url"] = f"{self.account.address}/{id_}" if self.account.address else None
        values["extra"] = {name: kept(raw.get(name)) for name in self.extra} or None
        self._make(values, raw, said)
        said.records += self.kind.beside({**dict.fromkeys(self.fields), **values}, raw, self.account)
        if self.kind.tied and values["deleted_at"] is None:
            said.children.append(
                Children(detail=ActivityLink, parent="activity_id", parent_ids=frozenset([id_]), details=ties(raw))
            )

    def _part(self, raw: Raw, said_of: Collection[str], there: Collection[str], said: Translation) -> None:
        values = {name: value for name, value in self._values(raw).items() if name in said_of}
        values["id"] = str(raw["Id"])
        if self.extra and set(self.extra) & set(there):
            values["extra"] = {name: kept(raw.get(name)) for name in self.extra}
        self._make(values, raw, said)

    def _values(self, raw: Raw) -> dict[str, Any]:
        values: dict[str, Any] = {name: raw.get(source) for name, source in self.fields.items()}
        self.kind.shape(values, raw, self.account)
        values["id"] = str(raw["Id"])
        return values

    def _make(self, values: Mapping[str, Any], raw: Raw, said: Translation) -> None:
        record, rejected = validated(self.kind.record, self.kind.name, values, self.fields, raw)
        if record is not None:
            said.records.append(record)
            said.payloads[str(raw["Id"])] = raw
        said.rejected += rejected


def kept(value: Any) -> Any:
    """A value for `extra`, the same whether it came by REST or by bulk: 12, never 12.0; instants with Z."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.endswith(".000+0000"):
        return f"{value[:-5]}Z"
    return value


def gathered(children: Iterable[Children]) -> list[Children]:
    """Complete sets of single parents as one complete set of all of them."""
    parents: set[str] = set()
    details: list[Any] = []
    for child in children:
        parents |= child.parent_ids
        details += child.details
    if not parents:
        return []
    return [Children(detail=ActivityLink, parent="activity_id", parent_ids=frozenset(parents), details=details)]
