"""The passes over one kind of object: what changed, what showed late, and what the time of change can't tell.

Each pass is a stream with a checkpoint of its own. A cursor of `changes` is one of
`{"listing": {"after", "began"}}` (first read), `{"since"}` (between runs), `{"since", "until", "after"}` (in a window),
and always names the `shape` of what was asked for.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from connectors.base import Context, Cursor, Merge, Page
from connectors.brake import brake
from connectors.hubspot.client import Json
from connectors.hubspot.objects import BLOCK, Objects
from connectors.hubspot.paging import following, results
from connectors.hubspot.settings import Cadence
from connectors.hubspot.shapes import moment

SEARCH_PAGE = 200
EARLIEST = datetime(2006, 1, 1, tzinfo=UTC)
"""Before HubSpot was founded; searching from 1970 has answered with errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passes:
    """The passes over one kind of object of one account. `stream` is the name of the one being read."""

    objects: Objects
    context: Context
    cadence: Cadence
    stream: str

    # ------------------------------------------------------------------------------------- the first read, changes

    def changes(self, cursor: Cursor) -> Iterator[Page]:
        """All records the first time, and when other properties are asked for; later those that changed since.

        What was left in the middle is ended first; then the reading goes on to now.
        """
        if cursor.get("shape") != self.objects.shape:
            yield from self._listing({})
            return
        if "listing" in cursor:
            yield from self._listing(cursor["listing"])
            cursor = {"since": cursor["listing"]["began"]}
        elif "until" in cursor:
            yield from self._window(cursor, overlap=self.cadence.overlap, until=_instant(cursor["until"]))
            cursor = {"since": cursor["until"]}
        yield from self._window(cursor, overlap=self.cadence.overlap, until=self._now() + timedelta(seconds=1))

    def _listing(self, place: Mapping[str, str]) -> Iterator[Page]:
        began, read_at = place.get("began") or self._now().isoformat(), self._now()
        for raws, after in self._whole(after=place.get("after"), archived=False):
            cursor: Cursor = {"since": began} if after is None else {"listing": {"after": after, "began": began}}
            yield self.objects.page(raws, cursor={**cursor, "shape": self.objects.shape}, read_at=read_at)
            read_at = self._now()

    def _whole(self, *, after: str | None, archived: bool) -> Iterator[tuple[Sequence[Json], str | None]]:
        """Blocks of whole records: from the list itself, or by the ids that it gives where they are too wide for it."""
        objects = self.objects
        listed = objects.listed(
            after=after, archived=archived, properties=["hs_object_id"] if objects.is_wide else objects.wanted
        )
        for raws, following_block in blocks(listed):
            if objects.is_wide and raws:
                ids = [str(raw["id"]) for raw in raws]
                yield objects.by_id(ids, history=not archived, archived=archived).raws, following_block
            else:
                yield raws, following_block

    def late(self, cursor: Cursor) -> Iterator[Page]:
        """Changes once more, an hour behind: what the search index had not shown yet, or out of order."""
        if not cursor:
            yield Page(cursor={"since": self._now().isoformat()}, read_at=self._now())
        elif _instant(cursor["since"]) < self._now() - self.cadence.late or "until" in cursor:
            yield from self._window(cursor, overlap=timedelta(0), until=self._now() - self.cadence.late)

    def _window(self, cursor: Cursor, *, overlap: timedelta, until: datetime) -> Iterator[Page]:
        """A frozen window of modification times, walked by id: no wall at 10,000, no trouble with equal times."""
        since = _instant(cursor["since"])
        until = _instant(cursor["until"]) if "until" in cursor else until
        last = str(cursor.get("after", "0"))
        read_at = self._now()
        while True:
            answer = self._search(max(since - overlap, EARLIEST), until, last)
            versions = {str(raw["id"]): _version(raw) for raw in results(answer, "search")}
            done = not versions or following(answer, "search") is None
            last = max(versions, key=int, default=last)
            stale = self._stale(versions)
            between = {"since": cursor["since"], "until": until.isoformat(), "after": last}
            place = {**({"since": until.isoformat()} if done else between), "shape": self.objects.shape}
            if stale:
                yield self._reread(stale, place, read_at)
            elif done:
                yield Page(cursor=place, read_at=read_at)
            if done:
                return
            read_at = self._now()

    def _search(self, since: datetime, until: datetime, last: str) -> Json:
        kind, client = self.objects.kind, self.objects.client
        conditions = (
            (kind.modified, "GTE", _ms(since)),
            (kind.modified, "LT", _ms(until)),
            ("hs_object_id", "GT", last),
        )
        filters = [{"propertyName": name, "operator": how, "value": value} for name, how, value in conditions]
        body = {
            "filterGroups": [{"filters": filters}],
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            "properties": [kind.modified],
            "limit": SEARCH_PAGE,
        }
        return client.search(client.paths.search(kind.path), body, self.objects.meter)

    # --------------------------------------------------------------------------------- what changes don't tell

    def archived(self, cursor: Cursor) -> Iterator[Page]:
        """The recycle bin: every record in it becomes a tombstone."""
        read_at = self._now()
        for raws, after in self._whole(after=cursor.get("after"), archived=True):
            yield self.objects.page(raws, cursor={"after": after} if after else {}, read_at=read_at, link=False)
            read_at = self._now()

    def links(self, cursor: Cursor) -> Iterator[Page]:
        """The associations of every record that we know: linking touches no time of change."""
        for ids, place in self._known(cursor):
            read_at = self._now()
            partial, children = self.objects.linked([self.objects.bare(id_) for id_ in ids])
            yield Page(cursor=place, read_at=read_at, read=len(ids), records=partial, children=children)

    def calculated(self, cursor: Cursor) -> Iterator[Page]:
        """Every record that we know again: calculated properties change without touching the time of change."""
        for ids, place in self._known(cursor):
            read_at = self._now()
            raws = self.objects.by_id([self.objects.bare(id_) for id_ in ids], history=False).raws
            # a record that has changed meanwhile must bring its history and its links with its new version
            changed = set(self._stale({str(raw["id"]): _version(raw) for raw in raws}))
            if changed:
                yield self._reread(sorted(changed), cursor, read_at)
            raws = [raw for raw in raws if str(raw["id"]) not in changed]
            yield self.objects.page(raws, cursor=place, read_at=read_at, link=False)
            cursor = place

    def reconcile(self, cursor: Cursor) -> Iterator[Page]:
        """All ids there against all ids here: what was missed is read, what is gone becomes a tombstone or an alias.

        Marks are trusted only within the enumeration that made them: one whose end was not acted on begins again.
        """
        began = str(cursor.get("began") or self._now().isoformat())
        if "last" not in cursor:
            if "after" not in cursor:
                began = self._now().isoformat()
            yield from self._enumerate(cursor, began)
            self._brake(_instant(began))
        yield from self._vanished(str(cursor.get("last", "")), began)

    def _enumerate(self, cursor: Cursor, began: str) -> Iterator[Page]:
        kind, begins, read_at, repaired = self.objects.kind, "after" not in cursor, self._now(), 0
        listed = self.objects.listed(after=cursor.get("after"), properties=[kind.modified])
        for raws, after in blocks(listed):
            versions = {str(raw["id"]): _version(raw) for raw in raws}
            place = {"began": began, "after": after} if after else {"began": began}
            stale = self._stale(versions)
            repaired += len(stale)
            page = self._reread(stale, place, read_at) if stale else Page(cursor=place, read_at=read_at)
            last, found = after is None, f"{kind.name}: {repaired} records were missing or older here; read again"
            seen, notes = [kind.prefix + id_ for id_ in versions], [found] if last and repaired else []
            yield replace(page, seen=seen, begins=begins, awaited=last, notes=[*page.notes, *notes])
            begins, read_at = False, self._now()

    def _brake(self, began: datetime) -> None:
        kind, known = self.objects.kind, self.context.known
        gone = known.unmarked_count(kind.record, self.stream, began, kind.prefix)
        live = known.live(kind.record, kind.prefix)
        brake(self.context, kind.name, gone=gone, live=live, share=self.cadence.shrink, crm="HubSpot")

    def _vanished(self, last: str, began: str) -> Iterator[Page]:
        kind, known, until, deleted, merged = self.objects.kind, self.context.known, _instant(began), 0, 0
        while ids := known.unmarked(kind.record, self.stream, until, last, BLOCK, kind.prefix):
            read_at, last = self._now(), ids[-1]
            asked = [self.objects.bare(id_) for id_ in ids]
            found = self.objects.by_id(asked, history=True)
            merges = self.objects.merged(found.missing, found.raws)
            tombstones = self.objects.tombstones(sorted(found.gone), read_at)
            deleted, merged = deleted + len(found.gone), merged + len(merges)
            page = self.objects.page(found.raws, cursor={"began": began, "last": last}, read_at=read_at, merges=merges)
            yield replace(page, records=[*page.records, *tombstones])
        counts = ((deleted, "are gone from HubSpot; marked deleted"), (merged, "were merged away; re-pointed"))
        notes = [f"{kind.name}: {count} records {what}" for count, what in counts if count]
        yield Page(cursor={}, read_at=self._now(), notes=notes)

    # --------------------------------------------------------------------------------------------------- shared

    def _reread(self, ids: Sequence[str], place: Cursor, read_at: datetime, **more: Any) -> Page:
        """Read records whole by id: an index or a list only told us which."""
        found = self.objects.by_id(ids, history=True)
        merges: list[Merge] = self.objects.merged(found.missing, found.raws) if found.missing else []
        return self.objects.page(found.raws, cursor=place, read_at=read_at, merges=merges, **more)

    def _stale(self, versions: Mapping[str, datetime]) -> list[str]:
        """HubSpot's ids among these that we lack or hold in an older version."""
        prefix = self.objects.kind.prefix
        ours = {prefix + id_: version for id_, version in versions.items()}
        stale = self.context.known.stale(self.objects.kind.record, ours) if ours else set()
        return [id_ for id_ in versions if prefix + id_ in stale]

    def _known(self, cursor: Cursor) -> Iterator[tuple[list[str], Cursor]]:
        kind, last = self.objects.kind, str(cursor.get("last", ""))
        while ids := self.context.known.ids(kind.record, last, BLOCK, kind.prefix):
            last = ids[-1]
            yield ids, {"last": last}
        yield [], {}

    def _now(self) -> datetime:
        return self.objects.client.now()


PASSES: Mapping[str, Callable[[Passes, Cursor], Iterator[Page]]] = {
    "": Passes.changes,
    "late": Passes.late,
    "archived": Passes.archived,
    "links": Passes.links,
    "calculated": Passes.calculated,
    "reconcile": Passes.reconcile,
}
"""By the part of the stream's name behind the dot: `deals`, `deals.late`, ..."""


def blocks(pages: Iterator[tuple[list[Json], str | None]]) -> Iterator[tuple[list[Json], str | None]]:
    """HubSpot's pages of 100 gathered into pages of ours; always at least one, which may be empty."""
    while group := list(islice(pages, BLOCK // 100)):
        yield [raw for raws, _ in group for raw in raws], group[-1][1]
        if group[-1][1] is None:
            return


def _version(raw: Json) -> datetime:
    return moment(raw.get("updatedAt")) or EARLIEST


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _ms(at: datetime) -> str:
    return str(int(at.timestamp() * 1000))
