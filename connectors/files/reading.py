"""Reading: one file page by page into records, then what the store has and the file no longer.

A cursor is `{"done": version}` between runs, `{"reading": version, "row": n, "began": time, "fresh": yes}` within;
the version is the content's and the settings' hash, so that a file is read again when either of them changes. Fresh
is what the store had nothing of before: nothing of it can have vanished.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import blake2b
from itertools import islice
from typing import Any

from connectors.base import Children, Context, Cursor, Page
from connectors.errors import ShrunkError, TryLaterError
from connectors.files.entities import Entity
from connectors.files.keys import Keys, key_text
from connectors.files.rows import Habits, Row, Rows
from connectors.files.sheet import Line, Sheet
from store.page import Settled
from store.records import DealStageChange, Detail, Statement

PAGE = 1000
FORM = 1
"""Grows when the same file would be read as other records: then every file is read again."""
FEW = 3
"""Rows that may always go: in a short file the brake's share is less than one row."""


@dataclass
class Reading:
    """The reading of one file of one entity."""

    entity: Entity
    sheet: Sheet
    habits: Habits
    context: Context
    shrink: float
    _all_named: bool = field(default=True, init=False)

    def pages(self, cursor: Cursor) -> Iterator[Page]:
        """Nothing where neither the file nor the settings have changed."""
        rows = Rows(self.sheet, self.entity, self.habits)
        version = self._version()
        if cursor.get("done") == version:
            return
        resumed = cursor if cursor.get("reading") == version else {}
        began = datetime.fromisoformat(resumed["began"]) if resumed else self.context.clock()
        fresh = bool(resumed.get("fresh", not resumed and not self.context.known.live(self.entity.record)))
        place = {"reading": version, "began": began.isoformat(), "row": int(resumed.get("row", 0)), "fresh": fresh}
        with Keys() as keys, Keys() as visits:
            if self.entity.record is DealStageChange and "exited_at" not in self.sheet.header:
                self._pass_over(rows, visits, self.sheet.rows(), sys.maxsize)
            yield from self._rows(rows, keys, visits, place)
            vanished = Vanished(self.entity, keys, self.context, self.shrink)
            if self._all_named and not fresh:
                yield from vanished.pages(self.sheet.name, place)
            notes = [] if self._all_named or fresh else [
                f"{self.sheet.name}: some rows can't be told apart, so none was taken to be gone"
            ]  # fmt: skip
        settled = Settled(entity=self.entity.record, since=began)
        yield Page(cursor={"done": version}, read_at=self.context.clock(), settled=settled, notes=notes)

    def _rows(self, rows: Rows, keys: Keys, visits: Keys, place: dict[str, Any]) -> Iterator[Page]:
        lines = self.sheet.rows()
        self._pass_over(rows, keys, lines, place["row"])
        read_at, notes = self.context.clock(), rows.notes()
        while True:
            block = [rows.read(line) for line in islice(lines, PAGE)]
            if len(visits):
                block = [_ended(row, visits) for row in block]
            last = len(block) < PAGE
            if last and block and self.sheet.ends_within_a_row and not block[-1].key:
                raise TryLaterError(
                    f"{self.sheet.name} ends in the middle of line {block[-1].line}",
                    reason="file_changing",
                    hint="if somebody is writing it, the next run reads the rest; else complete the line and end it",
                )
            self.sheet.insist_on_peace()
            place["row"] += len(block)
            yield self._page(rows, keys, block, cursor=dict(place), read_at=read_at, notes=notes, awaited=last)
            if last:
                return
            read_at, notes = self.context.clock(), []

    def _page(self, rows: Rows, keys: Keys, block: list[Row], **more: Any) -> Page:
        self._all_named = self._all_named and all(row.key for row in block)
        double = keys.meet([(row.key, row.line) for row in block if row.key])
        rejected = [rejection for row in block if row.line not in double for rejection in row.rejected]
        rejected += [rows.doubled(row, double[row.line]) for row in block if row.line in double]
        made = [row.record for row in block if row.record is not None and row.line not in double]
        return Page(read=len(block), records=made, rejected=rejected, **more)

    def _pass_over(self, rows: Rows, keys: Keys, lines: Iterator[Line], count: int) -> None:
        """The rows that an earlier run has stored: only their keys are needed."""
        for start in range(0, count, PAGE):
            met = [(rows.key(line), line.number) for line in islice(lines, min(PAGE, count - start))]
            if not met:
                return
            self._all_named = self._all_named and all(key for key, _ in met)
            keys.meet([each for each in met if each[0]])

    def _version(self) -> str:
        shape = repr((FORM, self.habits, self.sheet.header))
        return f"{self.sheet.digest}:{blake2b(shape.encode(), digest_size=6).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Vanished:
    """What the store has and the file no longer: tombstones, unless it is more than the brake lets go."""

    entity: Entity
    keys: Keys
    context: Context
    shrink: float

    def pages(self, file: str, cursor: Cursor) -> Iterator[Page]:
        """The tombstones. Raises ShrunkError before the first of them where there are too many."""
        if not self.context.allow_shrink:
            self._brake(file)
        record, count, read_at = self.entity.record, 0, self.context.clock()
        for gone in self._gone():
            count += len(gone)
            if issubclass(record, Detail):
                yield Page(cursor=cursor, read_at=read_at, children=[_without(record, key) for key in gone])
            else:
                made = [record.of(_identity(record, key) | {"deleted_at": read_at}) for key in gone]
                yield Page(cursor=cursor, read_at=read_at, records=made)
        if count:
            said = f"{file}: {count:,} rows are no longer in the file; marked deleted"
            yield Page(cursor=cursor, read_at=read_at, notes=[said])

    def _brake(self, file: str) -> None:
        live = self.context.known.live(self.entity.record)
        limit, count = may_go(live, len(self.keys), self.shrink), 0
        for gone in self._gone():
            count += len(gone)
            if count > limit:
                break
        else:
            return
        raise ShrunkError(
            f"{file} lacks more than {self.shrink:.0%} of the {live:,} rows that it had; nothing was deleted",
            hint="check that the file is whole; if these rows are really gone, run "
            "`dealmeter sync CONNECTION --allow-shrink`",
        )

    def _gone(self) -> Iterator[list[tuple[Any, ...]]]:
        """The keys that only the store has, page by page. What is deleted meanwhile doesn't disturb the walk."""
        after: tuple[Any, ...] | None = None
        while page := self.context.known.keys(self.entity.record, after, PAGE):
            after = page[-1]
            by_text = {key_text(key): key for key in page}
            lacking = self.keys.lack(list(by_text))
            if lacking:
                yield [key for text, key in by_text.items() if text in lacking]


def may_go(live: int, left: int, share: float) -> float:
    """How many of our `live` rows a file with `left` rows may lack; a file with none at all lacks none by intent."""
    return max(live * share, FEW) if left else 0


def _ended(row: Row, visits: Keys) -> Row:
    """A visit of a file that says only when stages were entered ends when the deal's next one begins."""
    if row.record is None or not (following := visits.following(row.key)):
        return row
    ended = row.record.model_copy(update={"exited_at": datetime.fromisoformat(following)})
    return replace(row, record=ended)


def _identity(record: type[Statement], key: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(record.keys, key, strict=True))


def _without(record: type[Detail], key: tuple[Any, ...]) -> Children:
    """That a parent no longer has this one detail."""
    parent, *others = record.keys
    within = dict(zip(others, key[1:], strict=True))
    return Children(detail=record, parent=parent, parent_ids=frozenset({key[0]}), details=[], within=within)
