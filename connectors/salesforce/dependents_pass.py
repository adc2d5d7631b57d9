"""The pass over dependents: a change of one names its parent, and then all of the parent's are read.

Every so often those of all parents are. What is new here brings its own along (`of`), whichever pass has found it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from connectors.base import Children, Context, Cursor, Page
from connectors.salesforce.bulk import JobGoneError
from connectors.salesforce.client import Json
from connectors.salesforce.dependents import ByObject, Dependents, Source
from connectors.salesforce.kinds import Kind
from connectors.salesforce.objects import SECOND, Place, Rows, instant
from connectors.salesforce.refusals import TooLargeError
from connectors.salesforce.settings import Cadence
from connectors.salesforce.shapes import Account
from connectors.salesforce.soql import between

BLOCK = 500


class NotInOrderError(Exception):
    """Salesforce sorts ids in another way than we do, or can't sort them any more."""


class Walk:
    """Rows in the order of their parents, taken a stretch at a time."""

    def __init__(self, rows: Iterator[Json], parent: str) -> None:
        self._rows = rows
        self._parent = parent
        self._ahead: Json | None = None
        self._reached = ""
        self.broken = False

    def until(self, last: str) -> Iterator[Json]:
        """The rows of parents up to one. Raises NotInOrderError, TooLargeError."""
        if self.broken:
            raise NotInOrderError
        while (row := self._ahead or next(self._rows, None)) is not None:
            self._ahead = None
            parent = str(row[self._parent])
            if parent < self._reached:
                raise NotInOrderError
            if parent > last:
                self._ahead = row
                return
            self._reached = parent
            yield row


@dataclass(frozen=True, slots=True, kw_only=True)
class DependentsPass:
    """Reads the dependents of one kind. A cursor is `{"began", "last"}` (all parents, up to one), `{"since", "swept"}`
    (between runs), or `{"since", "swept", "until", "source", "at"}` (in a window of one source)."""

    what: Dependents
    kind: Kind
    rows: Mapping[str, Rows]
    account: Account
    context: Context
    cadence: Cadence

    def read(self, cursor: Cursor) -> Iterator[Page]:
        """All of them the first time and on the cadence; later those of parents where one has changed."""
        every: timedelta = getattr(self.cadence, self.what.again)
        if "since" not in cursor:
            yield from self._all(cursor)
        elif "until" not in cursor and self._now() - instant(cursor["swept"]) >= every:
            yield from self._all({})
        else:
            yield from self._changed(cursor)

    def of(self, ids: Sequence[str], cursor: Cursor) -> Page:
        """All that hangs on some parents."""
        read_at = self._now()
        found = {source.object: self._of(source, ids) for source in self.what.sources}
        return self._page(ids, found, cursor, read_at)

    # ------------------------------------------------------------------------------------------------ all of them

    def _all(self, cursor: Cursor) -> Iterator[Page]:
        """Block by block of the parents that we know; each object is asked for once, in the order of its parents."""
        began, last = str(cursor.get("began") or self._now().isoformat()), str(cursor.get("last", ""))
        walks: dict[str, Walk] = {}
        while ids := self.context.known.ids(self.kind.record, last, BLOCK, self.kind.prefix):
            last, read_at = ids[-1], self._now()
            rows = {source.object: self._of_block(source, ids, walks) for source in self.what.sources}
            yield self._page(ids, rows, {"began": began, "last": last}, read_at)
        yield Page(cursor={"since": began, "swept": began}, read_at=self._now(), notes=self._notes)

    def _of_block(self, source: Source, ids: Sequence[str], walks: dict[str, "Walk"]) -> list[Json]:
        """The rows of parents that lie side by side; by name where they can't be walked in order."""
        rows = self._readable(source)
        if rows is None:
            return []
        if source.object not in walks:
            fields = (*source.fields, source.parent, "Id")
            ordered = rows.ordered(source.parent, fields, ids[0], *rows.conditions(source.only))
            walks[source.object] = Walk(ordered, source.parent)
        try:
            wanted = set(ids)
            return [row for row in walks[source.object].until(ids[-1]) if row[source.parent] in wanted]
        except (TooLargeError, NotInOrderError):
            walks[source.object].broken = True
            return self._of(source, ids)

    # ---------------------------------------------------------------------------------------------- what has changed

    def _changed(self, cursor: Cursor) -> Iterator[Page]:
        since, swept = cursor["since"], cursor["swept"]
        until = instant(cursor["until"]) if "until" in cursor else self._now() + SECOND
        first, place = int(cursor.get("source", 0)), cursor.get("at") or {}
        start = instant(since) - self.cadence.overlap
        frame = {"since": since, "swept": swept, "until": until.isoformat()}
        for number, source in enumerate(self.what.sources):
            if number >= first:
                yield from self._window(source, start, until, {**frame, "source": number}, place)
                place = {}
        yield Page(cursor={"since": until.isoformat(), "swept": swept}, read_at=self._now(), notes=self._notes)

    def _window(
        self, source: Source, start: datetime, until: datetime, frame: Mapping[str, Any], place: Place
    ) -> Iterator[Page]:
        rows = self._readable(source)
        if rows is None:
            return
        only = [
            condition
            for name, condition in source.only
            if name != "IsDeleted" and rows.org.visible(rows.object, (name,))
        ]
        window = between(rows.stamp, start, until)
        try:
            for block in rows.surely(("Id", source.parent), window, *only, place=place):
                behind = {**frame, "at": block.place} if block.place is not None else frame
                ids = sorted({str(row[source.parent]) for row in block.rows if row.get(source.parent)})
                parts = [ids[first : first + BLOCK] for first in range(0, len(ids), BLOCK)]
                for part in parts:
                    yield self.of(part, behind if part is parts[-1] else {**frame, "at": place})
                if not parts and block.place is not None:
                    yield Page(cursor=behind, read_at=block.read_at)
                place = block.place or {}
        except JobGoneError:
            yield from self._window(source, start, until, frame, {})

    def _of(self, source: Source, ids: Sequence[str]) -> list[Json]:
        rows = self._readable(source)
        if rows is None:
            return []
        return rows.among(source.parent, (*source.fields, source.parent, "Id"), ids, *rows.conditions(source.only))

    # ----------------------------------------------------------------------------------------------------- shared

    def _page(self, ids: Sequence[str], rows: ByObject, cursor: Cursor, read_at: datetime) -> Page:
        said = list(self.what.say(ids, rows, self.account))
        page = Page(cursor=cursor, read_at=read_at, read=sum(map(len, rows.values())), records=said)
        if self.what.complete is None:
            return page
        details = [each for each in said if isinstance(each, self.what.complete)]
        complete = Children(detail=self.what.complete, parent=self.what.key, parent_ids=frozenset(ids), details=details)
        records = [each for each in said if not isinstance(each, self.what.complete)]
        return replace(page, records=records, children=[complete])

    def _readable(self, source: Source) -> Rows | None:
        """The rows of a source; None where it is optional and not there."""
        rows = self.rows[source.object]
        return None if source.optional and not rows.org.has(source.object) else rows

    @property
    def _notes(self) -> list[str]:
        missing = [source.object for source in self.what.sources if self._readable(source) is None]
        notes = [
            f"{self.what.of}.{self.what.name}: the org has no {name} (or the user may not see it)" for name in missing
        ]
        return [*notes, *(note for rows in self.rows.values() for note in rows.notes)]

    def _now(self) -> datetime:
        return next(iter(self.rows.values())).client.now()
