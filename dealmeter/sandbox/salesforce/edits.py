"""Changes to the world in Salesforce's words: its types and fields, its ids, and what it does on delete and merge."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

from dealmeter.sandbox.life import live
from dealmeter.sandbox.record import Fields, Kind, Value
from dealmeter.sandbox.salesforce import ids
from dealmeter.sandbox.salesforce.objects.customers import MASTER_FIELD
from dealmeter.sandbox.salesforce.schema import Schema
from dealmeter.sandbox.salesforce.source import Mirror

CHILDREN = {
    Kind.DEAL: (Kind.LINE_ITEM, Kind.DEAL_SPLIT),
    Kind.CAMPAIGN: (Kind.CAMPAIGN_MEMBER,),
    Kind.COMPANY: (),
}
"""What goes into the recycle bin with its parent."""


class Edits:
    """What people in Salesforce's user interface could do, and administrators. Ids have 15 or 18 characters."""

    def __init__(self, schema: Schema) -> None:
        self._schema, self._org, self._world = schema, schema.org, schema.org.world

    def create(self, sobject: str, values: Mapping[str, Any]) -> str:
        """A new record; returns its id. References to other records become links."""
        kind = self._kind(sobject)
        fields, links = self._split(sobject, values)
        with self._world.lock:
            made = self._world.create(kind, fields)
            for far, number in links:
                self._world.associate(kind, made.id, far, number, primary=True)
        return self.id(sobject, kind, made.id)

    def update(self, sobject: str, id: str | Iterable[str], values: Mapping[str, Any], *, touch: bool = True) -> None:
        """Set fields of one record or of many within one second. `touch=False` leaves SystemModstamp as it was."""
        fields, links = self._split(sobject, values)
        with self._world.lock:
            for kind, number in self._numbers(id):
                self._world.update(kind, number, fields, touch=touch)
                for far, other in links:
                    self._world.associate(kind, number, far, other, primary=True)

    def bulk(self, sobject: str, count: int, values: Mapping[str, Any]) -> list[str]:
        """Edit the first `count` records in one second, as a data loader does; returns their ids."""
        kind = self._kind(sobject)
        numbers = list(self._world.tables[kind].live.ids[:count])
        fields, _links = self._split(sobject, values)
        self._world.update(kind, numbers, fields)
        return [self.id(sobject, kind, number) for number in numbers]

    def delete(self, id: str | Iterable[str]) -> None:
        """Into the recycle bin, with what belongs to it alone."""
        with self._world.lock:
            for kind, number in self._numbers(id):
                for below in CHILDREN.get(kind, ()):
                    self._world.archive(below, self._world.linked(kind, number, below))
                self._world.archive(kind, number)

    def undelete(self, id: str | Iterable[str]) -> None:
        """Out of the recycle bin, which counts as a change."""
        with self._world.lock:
            for kind, number in self._numbers(id):
                back = self._world.restore(kind, number, touch=True)
                archived = {below: self._world.tables[below].archived for below in CHILDREN.get(kind, ())}
                for below, shelf in archived.items():
                    for child in [each for each in self._world.links.of(kind, back.id, below) if each in shelf]:
                        self._world.restore(below, child, touch=True)

    def purge(self, id: str | Iterable[str]) -> None:
        """Hard delete: no query shows it any more; the delete log still knows it for a while."""
        with self._world.lock:
            for kind, number in self._numbers(id):
                self._world.purge(kind, number)

    def merge(self, master: str, *losers: str) -> None:
        """The losers are deleted with MasterRecordId; what hung on them hangs on the master, gaps are filled."""
        with self._world.lock:
            ((kind, winner),) = self._numbers(master)
            for loser_kind, loser in self._numbers(losers):
                if loser_kind is not kind or loser == winner:
                    raise ValueError("a merge takes records of one type, the master and others")
                self._merge(kind, winner, loser)

    def associate(self, one: str, other: str, *, primary: bool = False) -> None:
        """Link two records: a contact role, a campaign's lead, the account of a contact."""
        ((kind, number),), ((far, far_number),) = self._numbers(one), self._numbers(other)
        self._world.associate(kind, number, far, far_number, primary=primary)

    def dissociate(self, one: str, other: str) -> None:
        ((kind, number),), ((far, far_number),) = self._numbers(one), self._numbers(other)
        self._world.dissociate(kind, number, far, far_number)

    def unshare(self, id: str | Iterable[str]) -> None:
        """Somebody keeps records, and what belongs to them alone, from the integration user's sight."""
        for source, serial in self._rows_of(id):
            source.unshared.add(serial)

    def share(self, id: str | Iterable[str]) -> None:
        """The integration user sees them again: no stamp of theirs tells."""
        for source, serial in self._rows_of(id):
            source.unshared.discard(serial)

    def recalculate(self, *, seed: int = 7) -> int:
        """New scores and predictions on all opportunities: formulas, which leave SystemModstamp alone."""
        rng = Random(f"{seed}:scores")
        scores: dict[int, Fields] = {
            number: {"score": str(rng.randint(0, 100)), "predicted_amount": f"{rng.uniform(100, 90_000):.2f}"}
            for number in self._world.tables[Kind.DEAL].live.ids
        }
        self._world.recalculate(Kind.DEAL, scores)
        return len(scores)

    def live(self, duration: timedelta, *, changes: int = 50, seed: int = 7) -> dict[str, int]:
        """Let a busy stretch of working life pass; the clock ends `duration` later. Counts what happened."""
        return live(self._world, duration, changes=changes, seed=seed)

    def truth(self) -> dict[str, Any]:
        """What there is: living ids per type, deleted ones, and opportunities with exact sums per stage."""
        with self._world.lock:
            return {"objects": {each: self._truth(each) for each in _TRUE}, "by_stage": self._by_stage()}

    def id(self, sobject: str, kind: Kind, number: int) -> str:
        """The id of a record of the world in a type that shows it."""
        made = self._schema.catalogue()[sobject.lower()]
        assert isinstance(made.source, Mirror), "only records have ids of their own"
        return made.id(made.source.serial(kind, number))

    def type_of(self, id: str) -> str:
        """The type that an id's prefix names. LookupError when there is none with records."""
        parsed = ids.parse(id)
        made = self._schema.by_prefix(parsed[0]) if parsed else None
        if made is None or not isinstance(made.source, Mirror):
            raise LookupError(f"no record has the id {id}")
        return made.name

    def _truth(self, sobject: str) -> dict[str, Any]:
        kind = self._kind(sobject)
        table = self._world.tables[kind]
        live = [self.id(sobject, kind, number) for number in table.live.ids]
        return {
            "count": len(live),
            "live": live,
            "deleted": [self.id(sobject, kind, each) for each in table.archived.ids],
        }

    def _by_stage(self) -> dict[str, dict[str, Any]]:
        sums: dict[str, list[Decimal]] = {}
        for deal in self._world.tables[Kind.DEAL].live:
            stage = self._world.stage(deal.fields.get("stage"))
            entry = sums.setdefault(stage.label if stage else str(deal.fields.get("stage")), [Decimal(0), Decimal(0)])
            entry[0] += 1
            entry[1] += Decimal(str(deal.fields.get("amount") or 0))
        return {
            stage: {"opportunities": int(count), "amount": f"{amount:.2f}"}
            for stage, (count, amount) in sorted(sums.items())
        }

    def _merge(self, kind: Kind, winner: int, loser: int) -> None:
        world = self._world
        kept, lost = world.find(kind, winner), world.find(kind, loser)
        if kept is None or lost is None:
            raise LookupError("a merge takes living records")
        gaps = {name: value for name, value in lost.fields.items() if name not in kept.fields}
        for far, number in list(world.links.all_of(kind, loser)):
            world.dissociate(kind, loser, far, number)
            world.associate(kind, winner, far, number, primary=far in (Kind.COMPANY, Kind.CONTACT))
            if world.find(far, number) is not None:
                world.update(far, number, {})
        world.update(kind, winner, gaps)
        world.update(kind, loser, {MASTER_FIELD: str(winner)}, touch=False)
        world.archive(kind, loser)

    def _kind(self, sobject: str) -> Kind:
        made = self._schema.catalogue().get(sobject.lower())
        if made is None or not isinstance(made.source, Mirror):
            raise LookupError(f"{sobject} is no type with records of its own")
        return made.source.kinds[0]

    def _numbers(self, given: str | Iterable[str]) -> list[tuple[Kind, int]]:
        return [self._located(id) for id in ([given] if isinstance(given, str) else given)]

    def _located(self, id: str) -> tuple[Kind, int]:
        """The world's record behind an id."""
        made, parsed = self._schema.catalogue()[self.type_of(id).lower()], ids.parse(id)
        assert parsed is not None, "checked by type_of"
        assert isinstance(made.source, Mirror), "checked by type_of"
        code, number = ids.code_and_number(parsed[1])
        return made.source.kinds[code], number

    def _rows_of(self, given: str | Iterable[str]) -> list[tuple[Mirror, int]]:
        """The rows that show some records and what belongs to them alone."""
        with self._world.lock:
            own = self._numbers(given)
            below = [
                (child, number)
                for kind, parent in own
                for child in CHILDREN.get(kind, ())
                for number in self._world.links.of(kind, parent, child)
            ]
            sources = [each.source for each in self._schema.catalogue().values() if isinstance(each.source, Mirror)]
            return [
                (source, source.serial(kind, number))
                for kind, number in (*own, *below)
                for source in sources
                if kind in source.kinds
            ]

    def _split(self, sobject: str, values: Mapping[str, Any]) -> tuple[Fields, list[tuple[Kind, int]]]:
        """Values under Salesforce's names as the world's fields, and the references that are links there."""
        known, fields, links = self._schema.catalogue()[sobject.lower()].fields, dict[str, Value](), []
        for name, value in values.items():
            found = known.get(name.lower())
            if found is not None and found.store is not None:
                fields.update(found.store(value))
            elif found is not None and found.references and value:
                links.append(self._located(value))
            else:
                fields[name] = None if value is None else str(value)
        return fields, links


_TRUE = ("Account", "Contact", "Lead", "Opportunity", "OpportunityLineItem", "Product2", "Event", "Case", "Campaign")
