"""The world: a company's customers, deals and activities, and everything that can happen to them."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from dealmeter.sandbox.account import Account, Owner, Pipeline, Rate, Stage, Team
from dealmeter.sandbox.clock import Clock
from dealmeter.sandbox.links import Links
from dealmeter.sandbox.record import Change, Fields, Kind, Record, Value
from dealmeter.sandbox.table import Table

Watcher = Callable[[int, Kind, int, Record | None], None]
"""Told of each new version: when (ms), which kind, which id, and the version (None once it is no longer live)."""

FIRST_NEW_ID = 201_000_000_000


class World:
    """One company's CRM, whoever the vendor is. Every method is safe to call from any thread.

    A change takes the clock's present as its stamp unless `at` (milliseconds) says otherwise; all records of
    one call get the same millisecond, as in a real bulk edit.
    """

    def __init__(
        self,
        account: Account,
        clock: Clock,
        *,
        teams: Sequence[Team] = (),
        owners: Sequence[Owner] = (),
        pipelines: Sequence[Pipeline] = (),
    ) -> None:
        self.account = account
        self.clock = clock
        self.lock = threading.RLock()
        self.settings = 0
        """Counts changes of owners and pipelines, for those who keep something made from them."""
        self.teams = tuple(teams)
        self.owners: dict[int, Owner] = {owner.id: owner for owner in owners}
        self.rates: tuple[Rate, ...] = ()
        self._pipelines: dict[Kind, tuple[Pipeline, ...]] = {}
        self._stages: dict[Kind, dict[str, Stage]] = {}
        self.put_pipelines(pipelines)
        self.tables: dict[Kind, Table] = {kind: Table() for kind in Kind}
        self.links = Links()
        self.custom_fields: dict[Kind, dict[str, str]] = {}
        """Fields beyond the usual ones that a world's builder declares, with their labels."""
        self._watchers: list[Watcher] = []
        self._next_id = FIRST_NEW_ID

    # Reading

    def find(self, kind: Kind, id: int, *, archived: bool = False) -> Record | None:
        """The record that answers to an id (a merged id leads to its survivor)."""
        return self.tables[kind].find(id, archived=archived)

    def linked(self, kind: Kind, id: int, to: Kind) -> list[int]:
        """Ids of living records on the other end of a record's links."""
        shelf = self.tables[to].live
        return [other for other in self.links.of(kind, id, to) if other in shelf]

    @property
    def pipelines(self) -> tuple[Pipeline, ...]:
        """The deals' pipelines."""
        return self.pipelines_of(Kind.DEAL)

    def pipelines_of(self, kind: Kind) -> tuple[Pipeline, ...]:
        """The pipelines of deals, leads, tickets or orders."""
        return self._pipelines.get(kind, ())

    def stage(self, id: Value, kind: Kind = Kind.DEAL) -> Stage | None:
        """A stage by its id, deleted ones included."""
        return self._stages.get(kind, {}).get(str(id))

    def watch(self, watcher: Watcher) -> None:
        """Be told of every change, in the thread that makes it."""
        self._watchers.append(watcher)

    def unwatch(self, watcher: Watcher) -> None:
        self._watchers.remove(watcher)

    # Objects

    def new_id(self) -> int:
        """A larger id than any before; gaps are normal, as in real CRMs."""
        with self.lock:
            self._next_id += 1 + self._next_id * 7919 % 37
            return self._next_id

    def add(self, kind: Kind, record: Record) -> Record:
        """Put a record in as it is, history included: for those who build a world."""
        with self.lock:
            self._next_id = max(self._next_id, record.id)
            self.tables[kind].live.put(record)
            self._tell(record.created, kind, record.id, record)
        return record

    def create(self, kind: Kind, fields: Fields, *, at: int | None = None) -> Record:
        """Something new appears."""
        with self.lock:
            stamp = self.clock.ms() if at is None else at
            return self.add(kind, Record(self.new_id(), stamp, stamp, dict(fields), {}))

    def update(
        self,
        kind: Kind,
        ids: int | Iterable[int],
        fields: Fields,
        *,
        at: int | None = None,
        touch: bool = True,
        source: str = "person",
    ) -> list[Record]:
        """Set fields (None removes, "" clears). With `touch=False` the modified stamp stays, as for formulas."""
        with self.lock:
            stamp = self.clock.ms() if at is None else at
            chosen = (ids,) if isinstance(ids, int) else ids
            return [self._update(kind, id, fields, stamp, touch, source) for id in chosen]

    def _update(self, kind: Kind, id: int, fields: Fields, at: int, touch: bool, source: str) -> Record:
        old = self._living(kind, id)
        history = dict(old.history)
        for field, value in fields.items():
            if old.fields.get(field) != value:
                history[field] = (*old.changes(field), Change(at, "" if value is None else value, source))
        merged = {field: value for field, value in {**old.fields, **fields}.items() if value is not None}
        modified = at if touch else old.modified
        return self._store(at, kind, replace(old, fields=merged, history=history, modified=modified))

    def recalculate(self, kind: Kind, values: Mapping[int, Fields]) -> None:
        """Formula fields get new values: nobody edited the record, so no modified stamp and no history."""
        with self.lock:
            now = self.clock.ms()
            for id, fields in values.items():
                old = self._living(kind, id)
                self._store(now, kind, replace(old, fields={**old.fields, **fields}))

    # The end of objects

    def archive(self, kind: Kind, ids: int | Iterable[int], *, at: int | None = None) -> None:
        """Into the recycle bin."""
        with self.lock:
            stamp = self.clock.ms() if at is None else at
            for id in [ids] if isinstance(ids, int) else list(ids):
                self._living(kind, id)
                table = self.tables[kind]
                gone = table.live.take(table.survivor(id))
                table.archived.put(replace(gone, archived=stamp, modified=stamp))
                self._tell(stamp, kind, gone.id, None)
                self._renew(*self.links.all_of(kind, gone.id))

    def restore(self, kind: Kind, id: int, *, touch: bool = False) -> Record:
        """Out of the recycle bin; whether that counts as a modification is the vendor's secret (`touch`)."""
        with self.lock:
            now, table = self.clock.ms(), self.tables[kind]
            id = table.survivor(id)
            if id not in table.archived:
                raise LookupError(f"no archived {kind} has the id {id}")
            back = table.archived.take(id)
            modified = now if touch else back.modified
            restored = self._store(now, kind, replace(back, archived=None, modified=modified))
            self._renew(*self.links.all_of(kind, id))
            return restored

    def purge(self, kind: Kind, id: int) -> None:
        """Gone without a trace: an emptied recycle bin or a person's right to be forgotten."""
        with self.lock:
            table = self.tables[kind]
            id = table.survivor(id)
            shelf = table.live if id in table.live else table.archived
            if id not in shelf:
                raise LookupError(f"no {kind} has the id {id}")
            shelf.take(id)
            self._unlink(kind, id)
            self._tell(self.clock.ms(), kind, id, None)

    def merge(self, kind: Kind, primary: int, other: int) -> Record:
        """Two become one under a NEW id; values come from the primary, gaps are filled from the other."""
        with self.lock:
            now, table = self.clock.ms(), self.tables[kind]
            one, two = self._living(kind, primary), self._living(kind, other)
            if one.id == two.id:
                raise ValueError("a record cannot be merged with itself")
            gone = (one.id, two.id)
            survivor = Record(
                self.new_id(),
                min(one.created, two.created),
                now,
                {**two.fields, **one.fields},
                one.history,
                merged=(*one.merged, *two.merged, *gone),
            )
            links = [
                (id, *end, self.links.is_primary(kind, id, *end))
                for id in gone
                for end in list(self.links.all_of(kind, id))
            ]
            for id in gone:
                table.live.take(id)
                self._unlink(kind, id)
                self._tell(now, kind, id, None)
            table.redirect(gone, survivor.id)
            for old, to, to_id, main in links:
                self.links.add(kind, survivor.id, to, to_id)
                if main and (kind is Kind.COMPANY or old == one.id):
                    self._choose(kind, survivor.id, to, to_id)
            return self.add(kind, survivor)

    # Links

    def associate(self, kind: Kind, id: int, to: Kind, to_id: int, *, primary: bool = False) -> None:
        """Link two records. No modified stamp changes: that is what makes associations hard to follow."""
        with self.lock:
            self.links.add(kind, self._living(kind, id).id, to, self._living(to, to_id).id, primary=primary)
            self._renew((kind, id), (to, to_id))

    def dissociate(self, kind: Kind, id: int, to: Kind, to_id: int) -> None:
        with self.lock:
            self.links.remove(kind, id, to, to_id)
            self._renew((kind, id), (to, to_id))

    # Settings

    def put_owner(self, owner: Owner) -> None:
        """Add or change somebody; `archived=True` is somebody who left."""
        with self.lock:
            self.owners[owner.id] = owner
            self.settings += 1

    def forget_owner(self, id: int) -> None:
        """Deleted for good: not even among the archived, though still named by records."""
        with self.lock:
            del self.owners[id]
            self.settings += 1

    def put_pipelines(self, pipelines: Sequence[Pipeline], kind: Kind = Kind.DEAL) -> None:
        """Replace the pipelines of a kind: stages may vanish under living records."""
        with self.lock:
            self._pipelines[kind] = tuple(pipelines)
            self._stages[kind] = {stage.id: stage for pipeline in pipelines for stage in pipeline.stages}
            self.settings += 1

    def put_rate(self, rate: Rate) -> None:
        """Set an exchange rate from a day on: the one before it ends there. A known id replaces that rate."""
        with self.lock:
            known = [old for old in self.rates if old.id != rate.id]
            ordered = sorted([*known, rate], key=lambda one: (one.currency, one.since))
            pairs = zip(ordered, [*ordered[1:], None], strict=True)
            self.rates = tuple(replace(one, until=_end(one, following)) for one, following in pairs)
            self.settings += 1

    # Inside

    def _living(self, kind: Kind, id: int) -> Record:
        record = self.find(kind, id)
        if record is None:
            raise LookupError(f"no living {kind} has the id {id}")
        return record

    def _store(self, at: int, kind: Kind, record: Record) -> Record:
        self.tables[kind].live.put(record)
        self._tell(at, kind, record.id, record)
        return record

    def _renew(self, *ends: tuple[Kind, int]) -> None:
        for kind, id in ends:
            record = self.find(kind, id)
            if record is not None:
                self._store(self.clock.ms(), kind, replace(record))

    def _choose(self, kind: Kind, id: int, to: Kind, to_id: int) -> None:
        if kind is Kind.COMPANY:
            kind, id, to, to_id = to, to_id, kind, id
        self.links.add(kind, id, to, to_id, primary=True)

    def _unlink(self, kind: Kind, id: int) -> None:
        ends = list(self.links.all_of(kind, id))
        for to, to_id in ends:
            self.links.remove(kind, id, to, to_id)
        self._renew(*ends)

    def _tell(self, at: int, kind: Kind, id: int, record: Record | None) -> None:
        for watcher in self._watchers:
            watcher(at, kind, id, record)


def _end(rate: Rate, following: Rate | None) -> int | None:
    return following.since if following is not None and following.currency == rate.currency else None


def in_home_currency(world: World, currency: Value, amount: Decimal) -> Decimal | None:
    """An amount in the account's own currency; None for a currency without a rate."""
    if not currency or currency == world.account.currency:
        return amount
    rate = world.account.rates.get(str(currency))
    return None if rate is None else amount * rate
