"""The one upsert: pages of rows into a table, on either database, writing only what differs."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Table, Text, and_, bindparam, cast, column, false, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import ColumnElement

from store.columns import InstantType, instant_text
from store.json_text import json_text

Guard = Callable[[Any, Any], ColumnElement[bool]]
"""A condition over (the stored row, the incoming row) under which the stored one stays as it is."""

Values = Mapping[str, Any]
INCOMING = "incoming__"  # in an UPDATE a parameter may not have the name of a column that it sets
SEEN = frozenset({"first_seen_at", "last_seen_at"})
NOTHING: Values = MappingProxyType({})


def upsert(
    tx: Connection,
    table: Table,
    rows: Sequence[Values],
    *,
    names: Collection[str] = (),
    constants: Values = NOTHING,
    unless: Guard | None = None,
) -> int:
    """Insert rows, or update those that exist and differ; answers how many rows were really written.

    Each key comes once. `names` are the columns to take from the rows (those of the first row unless given; rows may
    have more), `constants` the columns with one value for all rows. When a row was first or last seen is no difference.
    """
    if not rows:
        return 0
    chosen = tuple(sorted(names or rows[0]))
    statement = _upsert(tx.dialect.name, table, chosen, tuple(sorted(constants)), unless)
    return _execute(tx, statement, rows, constants)


def amend(
    tx: Connection, table: Table, rows: Sequence[Values], *, names: Collection[str] = (), constants: Values = NOTHING
) -> int:
    """Update rows that exist and differ, never insert; answers how many were really written."""
    if not rows:
        return 0
    chosen = tuple(sorted(names or rows[0]))
    return _execute(tx, _amend(tx.dialect.name, table, chosen, tuple(sorted(constants))), rows, constants)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A statement for pages of rows: for PostgreSQL as it is, for SQLite as text with what each `?` stands for."""

    table: Table
    statement: Any
    text: str = ""
    places: tuple[str, ...] = ()


def _execute(tx: Connection, prepared: _Prepared, rows: Sequence[Values], constants: Values) -> int:
    if tx.dialect.name == "postgresql":  # a page is one statement with one parameter, and the constants
        page = json_text(rows, default=str)
        parameters: Values = {"rows": page, **{f"all_{name}": value for name, value in constants.items()}}
        result = tx.execute(prepared.statement, parameters, execution_options={"preserve_rowcount": True})
    else:
        columns = {name: _column(prepared.table, name, rows, constants) for name in set(prepared.places)}
        places = zip(*(columns[name] for name in prepared.places), strict=True)
        result = tx.exec_driver_sql(prepared.text, list(places), execution_options={"preserve_rowcount": True})
    return max(result.rowcount, 0)


def _column(table: Table, name: str, rows: Sequence[Values], constants: Values) -> list[Any]:
    """One column of a page as SQLite's driver takes it."""
    convert = _converter(table, name)
    if name in constants:
        value = constants[name]
        return [value if value is None or convert is None else convert(value)] * len(rows)
    if convert is None:
        return [row[name] for row in rows]
    return [value if (value := row[name]) is None else convert(value) for row in rows]


@cache
def _converter(table: Table, name: str) -> Callable[[Any], Any] | None:
    """How a value becomes one that SQLite's driver takes; None where it already is."""
    if isinstance(table.c[name].type, InstantType):
        return instant_text
    return table.c[name].type.dialect_impl(SQLITE).bind_processor(SQLITE)


SQLITE = sqlite.dialect(paramstyle="qmark")


@lru_cache(maxsize=512)
def _upsert(
    dialect: str, table: Table, names: tuple[str, ...], constants: tuple[str, ...], unless: Guard | None
) -> _Prepared:
    columns = [*names, *constants]
    if dialect == "postgresql":
        source = _page(table, names, constants)
        insert: Any = postgresql.insert(table).from_select(columns, select(*(source[name] for name in columns)))
    else:
        insert = sqlite.insert(table).values({name: bindparam(name) for name in columns})
    changeable = [name for name in columns if name not in _key(table) and name != "first_seen_at"]
    if set(changeable) <= SEEN:
        return _prepare(dialect, table, insert.on_conflict_do_nothing(index_elements=[*table.primary_key.columns]))
    differs = _differs(table.c, insert.excluded, changeable)
    statement = insert.on_conflict_do_update(
        index_elements=[*table.primary_key.columns],
        set_={name: insert.excluded[name] for name in changeable},
        where=differs if unless is None else and_(differs, ~unless(table.c, insert.excluded)),
    )
    return _prepare(dialect, table, statement)


@lru_cache(maxsize=512)
def _amend(dialect: str, table: Table, names: tuple[str, ...], constants: tuple[str, ...]) -> _Prepared:
    columns = [*names, *constants]
    if dialect == "postgresql":
        source = _page(table, names, constants)
    else:
        source = {name: bindparam(f"{INCOMING}{name}", type_=table.c[name].type) for name in columns}
    changeable = [name for name in columns if name not in _key(table)]
    matches = and_(*(table.c[name] == source[name] for name in _key(table)))
    if "last_seen_at" in changeable:  # an older reading amends nothing
        matches = and_(matches, table.c.last_seen_at <= source["last_seen_at"])
    statement = (
        update(table)
        .where(matches, _differs(table.c, source, changeable))
        .values({name: source[name] for name in changeable})
    )
    return _prepare(dialect, table, statement)


def _prepare(dialect: str, table: Table, statement: Any) -> _Prepared:
    if dialect == "postgresql":
        return _Prepared(table, statement)
    compiled = statement.compile(dialect=SQLITE)
    return _Prepared(
        table, statement, str(compiled), tuple(name.removeprefix(INCOMING) for name in compiled.positiontup)
    )


def _page(table: Table, names: Sequence[str], constants: Sequence[str]) -> dict[str, Any]:
    """The columns of a page that came as one JSON parameter, and the constants beside it."""
    rows = func.json_to_recordset(cast(bindparam("rows", type_=Text()), postgresql.JSON))
    typed = (column(name, table.c[name].type) for name in names)
    page = rows.table_valued(*typed).render_derived(name="page", with_types=True)
    fixed = {name: cast(bindparam(f"all_{name}"), table.c[name].type) for name in constants}
    return {**{name: page.c[name] for name in names}, **fixed}


def _differs(stored: Any, incoming: Any, names: Sequence[str]) -> ColumnElement[bool]:
    return or_(false(), *(stored[name].is_distinct_from(incoming[name]) for name in names if name not in SEEN))


def _key(table: Table) -> tuple[str, ...]:
    return tuple(c.name for c in table.primary_key.columns)
