"""Objects: reads the rows of one Salesforce object, by REST or by bulk, and makes pages of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

from connectors.base import Cursor, Meter, Page
from connectors.errors import MissingScopeError
from connectors.salesforce.bulk import Bulk, JobFailedError
from connectors.salesforce.client import Client, Json
from connectors.salesforce.kinds import Kind
from connectors.salesforce.org import Org, flat, not_there
from connectors.salesforce.refusals import (
    LocatorGoneError,
    MissingFieldError,
    NoBulkError,
    NotThereError,
    TooLargeError,
)
from connectors.salesforce.soql import after, not_before, one_of, select
from connectors.salesforce.translate import Translation, Translator, gathered
from connectors.shown import Shown

ALWAYS = ("Id", "CreatedDate", "SystemModstamp", "LastModifiedDate", "IsDeleted", "MasterRecordId")
IDS_AT_ONCE = 200
"""Ids in one condition: 18 letters and their quotes, well below the length of an address."""
PAGE = 2000

Place = Mapping[str, Any]
"""Where a read goes on: `after` an id by REST, or in a `bulk` job; `slow` where only small queries get through."""


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows, when they were asked for, and where the read goes on (None: that was the last)."""

    rows: Sequence[Json]
    place: Place | None
    read_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows of one object of one org."""

    client: Client
    org: Org
    bulk: Bulk
    object: str
    meter: Meter
    notes: list[str] = field(default_factory=list)

    @property
    def stamp(self) -> str:
        """What tells the time of a row's last change."""
        found = self.org.visible(self.object, ("SystemModstamp", "LastModifiedDate", "CreatedDate"))
        if not found:
            raise not_there(self.object)
        return found[0]

    def conditions(self, only: Iterable[tuple[str, str]]) -> list[str]:
        """Those conditions whose field the org has."""
        return [condition for name, condition in only if self.org.visible(self.object, (name,))]

    # ------------------------------------------------------------------------------------------------ sweeping

    def sweep(
        self, fields: Sequence[str], *conditions: str, place: Place, expected: int | None = None
    ) -> Iterator[Block]:
        """All rows that meet the conditions, from a place on: by REST in the order of ids, large reads by bulk.

        `expected` is how many there may be, where that is known beforehand. Raises TooLargeError where REST gave up
        on the very first page: a narrower condition may help.
        """
        if not place and (expected or 0) > self.bulk.settings.threshold:
            begun = self._begin(fields, conditions)
            if begun is not None:
                yield Block([], begun, self.client.now())
                place = begun
        if "bulk" in place:
            try:
                yield from self._by_bulk(fields, place)
                return
            except JobFailedError as error:
                self.notes.append(f"{self.object}: {error}; read by REST instead")
                place = {"slow": True}
        yield from self._by_rest(fields, conditions, place)

    def surely(
        self, fields: Sequence[str], *conditions: str, place: Place, expected: int | None = None
    ) -> Iterator[Block]:
        """The same, where no narrower condition would do: by bulk, else by small queries."""
        try:
            yield from self.sweep(fields, *conditions, place=place, expected=expected)
        except TooLargeError as error:
            self.notes.append(f"{self.object}: {error}; read in other ways")
            yield from self.sweep(fields, *conditions, place=self._begin(fields, conditions) or {"slow": True})

    def _begin(self, fields: Sequence[str], conditions: Sequence[str]) -> Place | None:
        try:
            soql = select(self.org.visible(self.object, fields), self.object, *conditions)
            return {"bulk": dict(self.bulk.begin(soql, self.meter))}
        except NoBulkError as error:
            self.notes.append(f"{self.object}: not by bulk ({error}); read by REST")
            return None

    def _by_bulk(self, fields: Sequence[str], place: Place) -> Iterator[Block]:
        asked = datetime.fromisoformat(place["bulk"]["asked"])
        for rows, following in self.bulk.rows(place["bulk"], self.org.fields(self.object), self.meter):
            yield Block(rows, {"bulk": dict(following)} if following is not None else None, asked)

    def _by_rest(self, fields: Sequence[str], conditions: Sequence[str], place: Place) -> Iterator[Block]:
        last, slow, first = str(place.get("after", "")), bool(place.get("slow")), True
        mark: Place = {"slow": True} if slow else {}
        while True:
            read_at = self.client.now()
            try:
                answer = self.ask(fields, *conditions, after(last), limit=PAGE if slow else 0)
            except TooLargeError:
                if slow or first:
                    raise
                slow, mark = True, {"slow": True}
                continue
            if first and not slow and not last and int(answer.get("totalSize") or 0) > self.bulk.settings.threshold:
                begun = self._begin(fields, conditions)
                if begun is not None:
                    yield from self.sweep(fields, *conditions, place=begun)
                    return
            first = False
            try:
                while True:
                    rows = [flat(record) for record in answer["records"]]
                    last = max((str(row["Id"]) for row in rows), default=last)
                    over = answer["done"] and not (slow and len(rows) >= PAGE)
                    yield Block(rows, None if over else {**mark, "after": last}, read_at)
                    if over:
                        return
                    if answer["done"]:
                        break
                    read_at = self.client.now()
                    answer = self.client.more(str(answer["nextRecordsUrl"]), self.meter)
            except LocatorGoneError:
                continue  # asked again, from behind the last id that came

    # ------------------------------------------------------------------------------------------- small queries

    def all(self, fields: Sequence[str], *conditions: str) -> Iterator[list[Json]]:
        """The rows of a query of moderate size, page by page."""
        answer = self.ask(fields, *conditions)
        while True:
            yield [flat(record) for record in answer["records"]]
            if answer["done"]:
                return
            answer = self.client.more(str(answer["nextRecordsUrl"]), self.meter)

    def ordered(self, by: str, fields: Sequence[str], first: str, *conditions: str) -> Iterator[Json]:
        """All rows whose `by` is not before `first`, in its order; some may come twice. Raises TooLargeError."""
        while True:
            try:
                answer = self.ask(fields, not_before(by, first), *conditions, order=f"{by}, Id")
                while True:
                    for record in answer["records"]:
                        row = flat(record)
                        first = str(row[by])
                        yield row
                    if answer["done"]:
                        return
                    answer = self.client.more(str(answer["nextRecordsUrl"]), self.meter)
            except LocatorGoneError:
                continue  # asked again, from the last one that came

    def by_id(self, fields: Sequence[str], ids: Sequence[str], *conditions: str) -> list[Json]:
        """The rows of these ids, deleted ones too."""
        return self.among("Id", fields, ids, *conditions)

    def among(self, name: str, fields: Sequence[str], ids: Sequence[str], *conditions: str) -> list[Json]:
        """The rows that name one of these ids in a field."""
        parts = [ids[start : start + IDS_AT_ONCE] for start in range(0, len(ids), IDS_AT_ONCE)]
        return [row for part in parts for row in self._some(name, fields, part, conditions)]

    def _some(self, name: str, fields: Sequence[str], ids: Sequence[str], conditions: Sequence[str]) -> list[Json]:
        try:
            return [row for rows in self._patiently(fields, one_of(name, ids), *conditions) for row in rows]
        except TooLargeError:
            blocks = self.surely(fields, one_of(name, ids), *conditions, place={})
            return [row for block in blocks for row in block.rows]

    def _patiently(self, fields: Sequence[str], *conditions: str) -> list[list[Json]]:
        for _ in range(3):
            try:
                return list(self.all(fields, *conditions))
            except LocatorGoneError:
                continue
        return list(self.all(fields, *conditions))

    def ask(self, fields: Sequence[str], *conditions: str, order: str = "Id", limit: int = 0) -> Json:
        """The first page of those of the fields that are there; one that is refused is left out."""
        for _ in range(len(fields) + 1):
            names = self.org.visible(self.object, fields)
            try:
                soql = select(names, self.object, *conditions, order=order, limit=limit)
                return self.client.query(soql, self.meter)
            except MissingFieldError as error:
                gone = [name for name in names if error.field and name.rpartition(".")[2] == error.field]
                if not gone:
                    raise
                for name in gone:
                    self.org.hide(self.object, name)
                self.notes.append(f"{self.object}: {', '.join(gone)} is gone or hidden; left out")
        raise not_there(self.object)

    def count(self) -> int | None:
        """About how many rows there are; None where Salesforce doesn't tell."""
        try:
            told = self.client.get("limits/recordCount", self.meter, sObjects=self.object).get("sObjects") or ()
        except (MissingScopeError, NotThereError):
            return None
        return next((int(item["count"]) for item in told if item.get("name") == self.object), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    """The objects of one kind in one org, as parts of pages."""

    rows: Rows
    kind: Kind
    translator: Translator
    configured: tuple[str, ...] = ()
    keep_payload: bool = False

    @property
    def asked(self) -> tuple[str, ...]:
        """All the fields that we would like to have."""
        names = (*ALWAYS, *self.translator.fields.values(), *self.kind.also, *self.translator.extra)
        return tuple(dict.fromkeys(names))

    @property
    def wanted(self) -> tuple[str, ...]:
        """Those of them that the org has and shows us."""
        return self.rows.org.visible(self.kind.object, self.asked)

    @property
    def calculated(self) -> tuple[str, ...]:
        """Those that change without touching the time of change, with what must be read along with them."""
        there = self.rows.org.fields(self.kind.object)
        found = [name for name in self.wanted if name in there and there[name].is_calculated]
        extra = self.translator.extra if set(found) & set(self.translator.extra) else ()
        return tuple(dict.fromkeys([*found, *self.rows.org.visible(self.kind.object, extra)]))

    @property
    def only(self) -> list[str]:
        """What restricts the kind, in this org."""
        return self.rows.conditions(self.kind.only)

    @property
    def shape(self) -> str:
        """Changes when other fields are asked for, come into sight, or get another meaning: then all is read again."""
        said = repr((sorted(self.wanted), sorted(self.translator.fields.items()), self.translator.extra))
        return blake2b(said.encode(), digest_size=6).hexdigest()

    def shown(self) -> dict[str, Shown]:
        """How the org shows the fields that we would like to have."""
        there, wanted = self.rows.org.fields(self.kind.object), set(self.wanted)
        return {
            name: Shown(type=there[name].type, label=there[name].label)
            if name in there
            else Shown(type="parent" if name in wanted else "")
            for name in self.asked
        }

    def gaps(self) -> list[str]:
        """Configured fields that the org lacks or hides, for people."""
        there = set(self.wanted)
        return [
            f"{self.kind.name}: {self.kind.object} has no field {name!r} (or the user may not see it); what comes from "
            "it stays as it was"
            for name in self.configured
            if name not in there
        ]

    def page(self, rows: Sequence[Json], *, cursor: Cursor, read_at: datetime, **more: Any) -> Page:
        """A page of ours out of whole rows."""
        return self._page(self.translator.translate(rows, self.wanted), rows, cursor, read_at, more)

    def amending(self, rows: Sequence[Json], *, cursor: Cursor, read_at: datetime) -> Page:
        """A page that says only what the calculated fields say."""
        return self._page(self.translator.amend(rows, self.calculated), rows, cursor, read_at, {})

    def _page(
        self, said: Translation, rows: Sequence[Json], cursor: Cursor, read_at: datetime, more: dict[str, Any]
    ) -> Page:
        page = Page(
            cursor=cursor,
            read_at=read_at,
            read=len(rows),
            records=said.records,
            children=gathered(said.children),
            merges=said.merges,
            rejected=said.rejected,
            payloads=said.payloads if self.keep_payload else {},
            notes=[*self.gaps(), *self.rows.notes],
        )
        return replace(page, **more)


def instant(text: str) -> datetime:
    """An instant of a cursor."""
    return datetime.fromisoformat(text)


def version(row: Mapping[str, Any]) -> datetime:
    """When a row last changed."""
    text = row.get("SystemModstamp") or row.get("LastModifiedDate") or row.get("CreatedDate")
    return datetime.fromisoformat(str(text)) if text else datetime(1999, 1, 1, tzinfo=UTC)


SECOND = timedelta(seconds=1)
