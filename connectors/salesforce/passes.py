"""The passes over one kind of object: what changed, what showed late, and what the time of change can't tell.

Each pass is a stream with a checkpoint of its own. A cursor of `changes` is one of `{"listing": {"began", "at"}}`
(first read; with `again` a later one of all), `{"since"}` (between runs), `{"since", "until", "at"}` (in a window), and
always names the `shape` of what was asked for. `at` is a place of `Rows.sweep`.

A record that is new here comes with its dependents, whichever pass has found it: it may be older than what their own
pass looks at. Only the first read leaves them to that.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from connectors.base import Context, Cursor, Merge, Page
from connectors.brake import brake
from connectors.errors import MissingScopeError, UnexpectedResponseError
from connectors.salesforce.bulk import JobGoneError
from connectors.salesforce.client import Json
from connectors.salesforce.dependents_pass import DependentsPass
from connectors.salesforce.objects import SECOND, Block, Objects, instant, version
from connectors.salesforce.refusals import LogTrimmedError, TooLargeError
from connectors.salesforce.settings import Cadence
from connectors.salesforce.soql import EARLIEST, between
from connectors.salesforce.soql import instant as literal

BLOCK = 500
NARROWEST = timedelta(hours=1)
"""A window of this length isn't halved any more."""
LOG_REACHES = timedelta(days=15) - timedelta(minutes=5)
"""How far back Salesforce tells deletions."""
VERSION = ("Id", "CreatedDate", "LastModifiedDate", "SystemModstamp", "IsDeleted", "MasterRecordId")


@dataclass(frozen=True, slots=True, kw_only=True)
class Passes:
    """The passes over one kind of object of one org. `stream` is the name of the one being read."""

    objects: Objects
    dependents: Sequence[DependentsPass]
    context: Context
    cadence: Cadence
    stream: str

    # ------------------------------------------------------------------------------------- the first read, changes

    def changes(self, cursor: Cursor) -> Iterator[Page]:
        """All records the first time, and when other fields are asked for; later those that changed since.

        What was left in the middle is ended first; then the reading goes on to now.
        """
        if cursor.get("shape") != self.objects.shape:
            yield from self._listing({"again": True} if cursor else {})
            return
        if "listing" in cursor:
            place = cursor["listing"]
            try:
                yield from self._listing(place)
            except JobGoneError:
                yield from self._listing({"again": True} if "again" in place else {})
                return
            cursor = {"since": place["began"]}
        elif "until" in cursor:
            yield from self._window(cursor, overlap=self.cadence.overlap, until=instant(cursor["until"]))
            cursor = {"since": cursor["until"]}
        yield from self._window({"since": cursor["since"]}, overlap=self.cadence.overlap, until=self._now() + SECOND)

    def _listing(self, place: Mapping[str, Any]) -> Iterator[Page]:
        objects, began = self.objects, str(place.get("began") or self._now().isoformat())
        at, again = place.get("at") or {}, {"again": True} if "again" in place else {}
        page = self._page if again else objects.page
        expected = None if at else objects.rows.count()
        for block in objects.rows.surely(objects.asked, *objects.only, place=at, expected=expected):
            going_on: Cursor = {"listing": {"began": began, "at": block.place, **again}}
            there = going_on if block.place else {"since": began}
            yield page(block.rows, cursor={**there, "shape": objects.shape}, read_at=block.read_at)

    def late(self, cursor: Cursor) -> Iterator[Page]:
        """Changes once more, an hour behind: a transaction stamps its rows as it runs, and shows them when it ends."""
        if not cursor:
            yield Page(cursor={"since": self._now().isoformat()}, read_at=self._now())
        elif instant(cursor["since"]) < self._now() - self.cadence.late or "until" in cursor:
            yield from self._window(cursor, overlap=timedelta(0), until=self._now() - self.cadence.late)

    def _window(self, cursor: Cursor, *, overlap: timedelta, until: datetime) -> Iterator[Page]:
        """A frozen window of change times by Salesforce's clock, walked by id: equal times are no trouble."""
        since = instant(cursor["since"])
        until = instant(cursor["until"]) if "until" in cursor else until
        start = max(since - overlap, EARLIEST)
        try:
            yield from self._within(cursor.get("at") or {}, since, start, until)
        except JobGoneError:
            yield from self._within({}, since, start, until)
        except TooLargeError:
            if until - start <= NARROWEST:
                yield from self._within({}, since, start, until, surely=True)
                return
            middle = (start + (until - start) / 2).replace(microsecond=0)
            yield from self._window({"since": since.isoformat()}, overlap=since - start, until=middle)
            yield from self._window({"since": middle.isoformat()}, overlap=timedelta(0), until=until)

    def _within(
        self, place: Mapping[str, Any], since: datetime, start: datetime, until: datetime, *, surely: bool = False
    ) -> Iterator[Page]:
        objects = self.objects
        read = objects.rows.surely if surely else objects.rows.sweep
        for block in read(objects.asked, between(objects.rows.stamp, start, until), *objects.only, place=place):
            there: Cursor = {"since": until.isoformat()}
            if block.place:
                there = {"since": since.isoformat(), "until": until.isoformat(), "at": block.place}
            yield self._page(block.rows, cursor={**there, "shape": objects.shape}, read_at=block.read_at)

    # --------------------------------------------------------------------------------- what changes don't tell

    def archived(self, cursor: Cursor) -> Iterator[Page]:
        """The log of deletions: also what is in no recycle bin."""
        now = self._now()
        oldest = now - LOG_REACHES
        since = instant(cursor["since"]) - self.cadence.overlap if "since" in cursor else oldest
        start = min(max(since, oldest), now - timedelta(minutes=2))
        try:
            told = self._deleted(start, now)
        except (LogTrimmedError, MissingScopeError, UnexpectedResponseError) as error:
            yield self._unlogged(now, "" if "since" in cursor and isinstance(error, MissingScopeError) else str(error))
            return
        gone = {str(item["id"]): item.get("deletedDate") for item in told.get("deletedRecords") or ()}
        following = str(told.get("latestDateCovered") or now.isoformat())
        lost = f"{self.objects.kind.name}: no deletions are known before {start:%Y-%m-%d %H:%M} UTC; the reconciliation"
        notes = [f"{lost} finds them"] if "since" in cursor and since < oldest else []
        ids = sorted(gone)
        for first in range(0, len(ids), BLOCK):
            part = ids[first : first + BLOCK]
            yield self._gone({id_: gone[id_] for id_ in part}, cursor=cursor)
        yield Page(cursor={"since": following}, read_at=now, notes=notes)

    def _deleted(self, start: datetime, end: datetime) -> Json:
        rows = self.objects.rows
        path = f"sobjects/{rows.object}/deleted/"
        return rows.client.get(path, rows.meter, start=literal(start), end=literal(end))

    def _unlogged(self, now: datetime, why: str) -> Page:
        note = f"{self.objects.kind.name}: Salesforce tells no deletions ({why}); the reconciliation finds them"
        return Page(cursor={"since": now.isoformat()}, read_at=now, notes=[note] if why else [])

    def _gone(self, gone: Mapping[str, str | None], cursor: Cursor) -> Page:
        """Those of some deleted ids that are live here become tombstones or aliases, unless they are live there."""
        objects, read_at = self.objects, self._now()
        unknown = self._unknown(list(gone))
        live = [id_ for id_ in gone if id_ not in unknown]
        found = {str(row["Id"]): row for row in objects.rows.by_id(objects.asked, live)} if live else {}
        page = objects.page(
            [row for row in found.values() if row.get("IsDeleted") is True], cursor=cursor, read_at=read_at
        )
        hard = [
            objects.kind.record.of({"id": id_, "deleted_at": gone[id_] or read_at}) for id_ in live if id_ not in found
        ]
        return replace(page, records=[*page.records, *hard])

    def calculated(self, cursor: Cursor) -> Iterator[Page]:
        """Formulas and roll-ups of every record: they change without touching the time of change."""
        objects = self.objects
        fields = objects.calculated
        if not fields:
            yield Page(cursor={}, read_at=self._now())
            return
        live = objects.rows.conditions([("IsDeleted", "IsDeleted = false")])
        try:
            for block in objects.rows.surely(("Id", *fields), *live, *objects.only, place=cursor.get("at") or {}):
                place = {"at": block.place} if block.place else {}
                yield objects.amending(block.rows, cursor=place, read_at=block.read_at)
        except JobGoneError:
            yield from self.calculated({})

    def reconcile(self, cursor: Cursor) -> Iterator[Page]:
        """All ids there against all ids here: what was missed is read, what is gone becomes a tombstone or an alias.

        Marks are trusted only within the enumeration that made them: one whose end was not acted on begins again.
        """
        began = str(cursor.get("began") or self._now().isoformat())
        if "last" not in cursor:
            if "at" not in cursor:
                began = self._now().isoformat()
            try:
                yield from self._enumerate(cursor, began)
            except JobGoneError:
                began = self._now().isoformat()
                yield from self._enumerate({}, began)
            self._brake(instant(began))
        yield from self._vanished(str(cursor.get("last", "")), began)

    def _enumerate(self, cursor: Cursor, began: str) -> Iterator[Page]:
        objects, begins, repaired = self.objects, "at" not in cursor, 0
        live = objects.rows.conditions([("IsDeleted", "IsDeleted = false")])
        expected = objects.rows.count() if begins else None
        blocks = objects.rows.surely(
            ("Id", objects.rows.stamp), *live, *objects.only, place=cursor.get("at") or {}, expected=expected
        )
        for block in blocks:
            versions = {str(row["Id"]): version(row) for row in block.rows}
            stale = self._stale(versions)
            repaired += len(stale)
            page = self._reread(stale, block, {"began": began} | ({"at": block.place} if block.place else {}))
            last = block.place is None
            found = f"{objects.kind.name}: {repaired} records were missing or older here; read again"
            notes = [found] if last and repaired else []
            yield replace(page, seen=sorted(versions), begins=begins, awaited=last, notes=[*page.notes, *notes])
            begins = False

    def _brake(self, began: datetime) -> None:
        kind, known = self.objects.kind, self.context.known
        gone = known.unmarked_count(kind.record, self.stream, began, kind.prefix)
        live = known.live(kind.record, kind.prefix)
        brake(self.context, kind.name, gone=gone, live=live, share=self.cadence.shrink, crm="Salesforce")

    def _vanished(self, last: str, began: str) -> Iterator[Page]:
        objects, known, until = self.objects, self.context.known, instant(began)
        kind, deleted, merged = objects.kind, 0, 0
        while ids := known.unmarked(kind.record, self.stream, until, last, BLOCK, kind.prefix):
            read_at, last = self._now(), ids[-1]
            found = objects.rows.by_id(objects.asked, ids, *objects.only)
            missing = sorted(set(ids) - {str(row["Id"]) for row in found})
            page = objects.page(found, cursor={"began": began, "last": last}, read_at=read_at)
            merges: Sequence[Merge] = page.merges
            tombstones = [kind.record(id=id_, deleted_at=read_at) for id_ in missing]
            merged += len(merges)
            deleted += len(tombstones) + sum(row.get("IsDeleted") is True for row in found) - len(merges)
            yield replace(page, records=[*page.records, *tombstones])
        counts = ((deleted, "are gone from Salesforce; marked deleted"), (merged, "were merged away; re-pointed"))
        notes = [f"{kind.name}: {count} records {what}" for count, what in counts if count]
        yield Page(cursor={}, read_at=self._now(), notes=notes)

    # --------------------------------------------------------------------------------------------------- shared

    def _reread(self, ids: Sequence[str], block: Block, place: Cursor) -> Page:
        """Read records whole by id: an enumeration only told us which."""
        if not ids:
            return Page(cursor=place, read_at=block.read_at)
        read_at = self._now()
        found = self.objects.rows.by_id(self.objects.asked, ids)
        return self._page(found, cursor=place, read_at=read_at)

    def _page(self, rows: Sequence[Json], *, cursor: Cursor, read_at: datetime) -> Page:
        """A page out of whole rows, with what hangs on those that are new here."""
        page = self.objects.page(rows, cursor=cursor, read_at=read_at)
        live = [str(row["Id"]) for row in rows if row.get("IsDeleted") is not True]
        new = sorted(self._unknown(live)) if self.dependents else []
        for each in self.dependents if new else ():
            try:
                more = each.of(new, cursor)
            except MissingScopeError:
                continue  # their own pass says what is missing
            page = replace(
                page,
                read=page.read + more.read,
                records=[*page.records, *more.records],
                children=[*page.children, *more.children],
            )
        return page

    def _unknown(self, ids: Sequence[str]) -> set[str]:
        """Those of some ids that don't live here (yet, or any more)."""
        return self.context.known.stale(self.objects.kind.record, dict.fromkeys(ids, EARLIEST)) if ids else set()

    def _stale(self, versions: Mapping[str, datetime]) -> list[str]:
        """The ids among these that we lack or hold in an older version."""
        stale = self.context.known.stale(self.objects.kind.record, versions) if versions else set()
        return [id_ for id_ in versions if id_ in stale]

    def _now(self) -> datetime:
        return self.objects.rows.client.now()


PASSES: Mapping[str, Callable[[Passes, Cursor], Iterator[Page]]] = {
    "": Passes.changes,
    "late": Passes.late,
    "archived": Passes.archived,
    "calculated": Passes.calculated,
    "reconcile": Passes.reconcile,
}
"""By the part of the stream's name behind the dot: `deals`, `deals.late`, ..."""
