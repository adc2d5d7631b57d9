"""Rows -> our records; a cell that can't be used becomes a Rejection with its line, and the rest of the row stays."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from difflib import get_close_matches
from hashlib import blake2b
from typing import Any

from pydantic import ValidationError

from connectors.base import Rejection
from connectors.errors import ActionNeededError
from connectors.files.cells import CellError, Parse, parsers
from connectors.files.entities import ID, Entity
from connectors.files.keys import BETWEEN, key_text
from connectors.files.sheet import Line, Sheet
from store.records import Statement

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file: where it is, which field it fills, how its cells are read."""

    place: int
    name: str
    parse: Parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a row turned out to be: its key (empty: nothing names it), its record (None: useless), what was refused."""

    line: int
    key: str = ""
    record: Statement | None = None
    rejected: Sequence[Rejection] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How the company writes: what its cells mean where they don't say."""

    decimal: str = "point"
    calendar: str = "gregorian"
    zone: tzinfo
    currency: str | None = None


@dataclass
class Rows:
    """Reads the rows of one sheet. Raises ActionNeededError where the header lacks what is needed."""

    sheet: Sheet
    entity: Entity
    habits: Habits
    columns: list[Column] = field(init=False)
    others: list[tuple[int, str]] = field(init=False)

    def __post_init__(self) -> None:
        entity, header = self.entity, self.sheet.header
        parse = parsers(
            entity.record, decimal=self.habits.decimal, calendar=self.habits.calendar, zone=self.habits.zone
        )
        self.columns = [Column(i, name, parse[name]) for i, name in enumerate(header) if name in entity.columns]
        self.others = [(i, name) for i, name in enumerate(header) if name and name not in entity.columns]
        self._there = frozenset(column.name for column in self.columns)
        self._insist()
        named_by = entity.naming(self._there)
        assert named_by is not None
        self._named_by = named_by
        self._needed = [[name for name in need if name in self._there] for need in entity.needed]
        self._naming = set(named_by) | set(entity.record.keys)
        said = {*entity.record.keys, *self._there, *ALWAYS, *DERIVED.get(entity.name, ())}
        self._blank: Values = dict.fromkeys(name for name in entity.record.model_fields if name in said)
        self._money = self.habits.currency is not None and "currency" in entity.record.model_fields

    # ------------------------------------------------------------------------------------------------ the header

    def _insist(self) -> None:
        entity = self.entity
        missing = [" or ".join(need) for need in entity.needed if not self._there & set(need)]
        if entity.naming(self._there) is None:
            first = [choice.split()[0] for choice in entity.named_by]
            missing.insert(0, f"id (or {' or '.join(first)})" if first else ID)
        if missing:
            wanted, there = missing[0].split(" ")[0], ", ".join(filter(None, self.sheet.header))
            raise ActionNeededError(
                f"{self.sheet.name} has no column {', '.join(missing)}; nothing of it was read",
                hint=f"add it, or say in the settings which of yours it is ({there}): "
                f"`fields: {{{entity.name}: {{{wanted}: YOUR COLUMN}}}}`",
            )
        if entity.name == "deals" and "is_won" in self._there and not self._there & ENDS:
            raise ActionNeededError(
                f"{self.sheet.name} says which deals are won, but not which are closed: a deal that is not won may be "
                "lost or still open",
                hint="add the column is_closed (true, false), closed_at, or stage_id with a file stages.csv",
            )

    def notes(self) -> list[str]:
        """What people should know of the header: columns that we don't know."""
        return [self._note(name) for _, name in self.others]

    def _note(self, name: str) -> str:
        kept = "is passed over" if self.entity.is_detail else "is kept in `extra`"
        free = [column for column in self.entity.columns if column not in self._there]
        close = get_close_matches(name.lower().replace(" ", "_"), free, 1)
        return f"{self.sheet.name}: the column {name!r} is none of ours and {kept}" + (
            f"; did you mean {close[0]!r}?" if close else ""
        )

    # -------------------------------------------------------------------------------------------------- the rows

    def key(self, line: Line) -> str:
        """The key of a row alone: what `read` would say of it."""
        if self._misshapen(line):
            return ""
        values: Values = {}
        for column in self.columns:
            if column.name in self._naming and (cell := line.cells[column.place].strip()):
                try:
                    values[column.name] = column.parse(cell)
                except CellError:
                    return ""
        return self._key(values)

    def read(self, line: Line) -> Row:
        """A row as a record."""
        if why := self._misshapen(line):
            return self._refused(line, "", "", why, "")
        values, bad = self._blank.copy(), []
        cells = line.cells
        for column in self.columns:
            cell = cells[column.place].strip()
            if cell:
                try:
                    values[column.name] = column.parse(cell)
                except CellError as error:
                    bad.append((column.name, cell, str(error)))
        if any(name in self._naming for name, _, _ in bad):
            name, cell, why = next(each for each in bad if each[0] in self._naming)
            return self._refused(line, "", name, f"{cell!r} {why}", cell)
        key = self._key(values)
        if not key:
            return self._refused(
                line, "", "", f"{' and '.join(self._missing(values))} empty: nothing names this row", ""
            )
        for need in self._needed:
            if all(values[name] is None for name in need):
                cell, why = next(((c, f"{c!r} {w}") for n, c, w in bad if n in need), ("", "is empty, and needed"))
                return self._refused(line, key, need[0], why, cell)
        if not self.entity.is_detail:
            values[ID] = key.rpartition(BETWEEN)[2]
            values["extra"] = {name: cell for i, name in self.others if (cell := cells[i].strip())} or None
        self._complete(values)
        return self._recorded(line, key, values, [self._rejection(line, key, n, f"{c!r} {w}", c) for n, c, w in bad])

    def _complete(self, values: Values) -> None:
        """What follows from the rest of the row, or from what the company said of itself."""
        if self._money and values.get("currency") is None:
            values["currency"] = self.habits.currency
        rule = FOLLOWS.get(self.entity.name)
        if rule is not None:
            rule(values)

    def _recorded(self, line: Line, key: str, values: Values, rejected: list[Rejection]) -> Row:
        record = self.entity.record
        try:
            return Row(line=line.number, key=key, record=record.of(values), rejected=rejected)
        except ValidationError as error:
            for problem in error.errors():
                name = str(problem["loc"][0])
                cell = self._cell(line, name)
                rejected.append(self._rejection(line, key, name, f"{cell!r}: {problem['msg']}", cell))
                values[name] = None
        try:
            made = None if any(r.field in self._naming for r in rejected) else record.of(values)
        except ValidationError:
            made = None
        return Row(line=line.number, key=key, record=made, rejected=rejected)

    def _cell(self, line: Line, name: str) -> str:
        return next((line.cells[column.place] for column in self.columns if column.name == name), "")

    def _misshapen(self, line: Line) -> str:
        wanted, cells = len(self.sheet.header), line.cells
        if len(cells) == wanted or (len(cells) > wanted and not any(cells[wanted:])):
            return ""
        separator = self.sheet.separator
        return f"has {len(cells)} cells, the header {wanted}: a cell with {separator!r} in it needs quotes"

    # --------------------------------------------------------------------------------------------------- its key

    def _key(self, values: Mapping[str, Any]) -> str:
        record = self.entity.record
        own = [values.get(name) for name in record.keys if name != ID]
        if ID in record.keys:
            own.append(self._id(values))
        return "" if None in own or "" in own else key_text(own)

    def _id(self, values: Mapping[str, Any]) -> str:
        if not self._named_by:
            return values.get(ID) or ""
        parts = [values.get(name) for name in self._named_by]
        if len(parts) == 1:
            return str(parts[0] or "")
        if all(part is None for part in parts):
            return ""
        said = BETWEEN.join("" if part is None else key_text([part]) for part in parts)
        return blake2b(said.encode(), digest_size=12).hexdigest()

    def _missing(self, values: Mapping[str, Any]) -> Iterator[str]:
        names = self._named_by or self.entity.record.keys
        yield from (name for name in names if values.get(name) in {None, ""})

    def _refused(self, line: Line, key: str, name: str, why: str, cell: str) -> Row:
        return Row(line=line.number, key=key, rejected=[self._rejection(line, key, name, why, cell)])

    def _rejection(self, line: Line, key: str, name: str, why: str, cell: str) -> Rejection:
        where = f"{self.sheet.name}, line {line.number}"
        payload = {"file": self.sheet.name, "line": line.number, "column": name or None, "value": cell or None}
        return Rejection(
            entity=self.entity.record,
            record_id=shown(key) or f"line {line.number}",
            field=name,
            reason=f"{where}, {name}: {why}" if name else f"{where}: {why}",
            payload=payload,
        )

    def doubled(self, row: Row, first: int) -> Rejection:
        """The refusal of a row whose key an earlier line had."""
        by = ", ".join(self._named_by) or ", ".join(self.entity.record.keys)
        hint = "" if not self._named_by else "; where both are meant, give the file a column id"
        return Rejection(
            entity=self.entity.record,
            record_id=shown(row.key),
            reason=f"{self.sheet.name}, line {row.line}: the same {by} as line {first}; the first one counts{hint}",
            payload={"file": self.sheet.name, "line": row.line, "first_line": first, "column": None, "value": None},
        )


def shown(key: str) -> str:
    """A key for people."""
    return key.replace(BETWEEN, " / ")


ALWAYS = frozenset({"updated_at", "deleted_at", "merged_into_id"})
"""What a row says whatever its columns: it is whole, and it is there. Of other columns that the file lacks it says
nothing, so what they brought once stays."""
DERIVED = {
    "deals": ("is_closed",),
    "deal_stage_changes": ("source", "exited_at"),
    "deal_field_changes": ("source",),
}
"""What the rest of a row, or of the file, tells where there is no column for it."""
ENDS = frozenset({"is_closed", "closed_at", "stage_id"})


def _deal(values: Values) -> None:
    """A deal that is won is closed; one that has a time of closing is closed."""
    if values["is_closed"] is None and (values.get("is_won") or values.get("closed_at") is not None):
        values["is_closed"] = True


def _sourced(values: Values) -> None:
    values["source"] = values["source"] or "crm"


FOLLOWS = {"deals": _deal, "deal_stage_changes": _sourced, "deal_field_changes": _sourced}
"""What a row says without saying it."""
