"""What the store knows already, for connectors that read only what is missing."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Table, exists, func, literal, select, tuple_
from sqlalchemy.sql.elements import ColumnElement

from store.database import Database
from store.records import Record, Statement
from store.schema import TABLES, SweepMark, table_of

MARKS = table_of(SweepMark)
LAST = "\U0010ffff"  # sorts after every id


class Known(Protocol):
    """The questions that a connector may ask about its own connection's rows; `prefix` narrows them to some ids."""

    def rows(self, entity: type[Record]) -> Sequence[Mapping[str, Any]]:
        """Every live row of a small entity, such as stages."""
        ...

    def stale(self, entity: type[Record], versions: Mapping[str, datetime]) -> set[str]:
        """Which of these ids the store lacks, has only as tombstones, or has in an older version."""
        ...

    def ids(self, entity: type[Record], after: str, limit: int, prefix: str = "") -> list[str]:
        """The next live ids after one, in text order."""
        ...

    def unmarked(
        self, entity: type[Record], stream: str, until: datetime, after: str, limit: int, prefix: str = ""
    ) -> list[str]:
        """The next live ids, first seen before `until`, that the enumeration of `stream` has not met."""
        ...

    def keys(self, entity: type[Statement], after: tuple[Any, ...] | None, limit: int) -> list[tuple[Any, ...]]:
        """The next live keys after one (None: the first), in their own order: of records and of details."""
        ...

    def live(self, entity: type[Statement], prefix: str = "") -> int:
        """How many live rows there are."""
        ...

    def unmarked_count(self, entity: type[Record], stream: str, until: datetime, prefix: str = "") -> int:
        """How many live rows the enumeration has not met."""
        ...


class StoreKnown:
    """The answers for one connection, read from the database."""

    def __init__(self, database: Database, connection: str) -> None:
        self._database = database
        self._connection = connection

    def rows(self, entity: type[Record]) -> Sequence[Mapping[str, Any]]:
        """Every live row of a small entity, such as stages."""
        table = TABLES[entity]
        with self._database.read() as tx:
            return [dict(row) for row in tx.execute(select(table).where(*self._live(table, ""))).mappings()]

    def stale(self, entity: type[Record], versions: Mapping[str, datetime]) -> set[str]:
        """Which of these ids the store lacks, has only as tombstones, or has in an older version."""
        table = TABLES[entity]
        query = select(table.c.id, table.c.updated_at).where(
            table.c.connection == self._connection,
            table.c.id.in_(list(versions)),
            table.c.deleted_at.is_(None),
        )
        with self._database.read() as tx:
            stored = {row.id: row.updated_at for row in tx.execute(query)}
        return {id_ for id_, version in versions.items() if (known := stored.get(id_)) is None or known < version}

    def ids(self, entity: type[Record], after: str, limit: int, prefix: str = "") -> list[str]:
        """The next live ids after one, in text order."""
        table = TABLES[entity]
        query = (
            select(table.c.id).where(*self._live(table, prefix), table.c.id > after).order_by(table.c.id).limit(limit)
        )
        with self._database.read() as tx:
            return list(tx.scalars(query))

    def unmarked(
        self, entity: type[Record], stream: str, until: datetime, after: str, limit: int, prefix: str = ""
    ) -> list[str]:
        """The next live ids, first seen before `until`, that the enumeration of `stream` has not met."""
        table = TABLES[entity]
        query = (
            select(table.c.id)
            .where(*self._unmarked(table, stream, until, prefix), table.c.id > after)
            .order_by(table.c.id)
            .limit(limit)
        )
        with self._database.read() as tx:
            return list(tx.scalars(query))

    def keys(self, entity: type[Statement], after: tuple[Any, ...] | None, limit: int) -> list[tuple[Any, ...]]:
        """The next live keys after one (None: the first), in their own order: of records and of details."""
        table = TABLES[entity]
        columns = [table.c[name] for name in entity.keys]
        query = select(*columns).where(*self._live(table, "")).order_by(*columns).limit(limit)
        if after is not None:
            last = [literal(value, column.type) for value, column in zip(after, columns, strict=True)]
            query = query.where(tuple_(*columns) > tuple_(*last))
        with self._database.read() as tx:
            return [tuple(row) for row in tx.execute(query)]

    def live(self, entity: type[Statement], prefix: str = "") -> int:
        """How many live rows there are."""
        table = TABLES[entity]
        query = select(func.count()).select_from(table).where(*self._live(table, prefix))
        with self._database.read() as tx:
            return tx.scalar(query) or 0

    def unmarked_count(self, entity: type[Record], stream: str, until: datetime, prefix: str = "") -> int:
        """How many live rows the enumeration has not met."""
        table = TABLES[entity]
        query = select(func.count()).select_from(table).where(*self._unmarked(table, stream, until, prefix))
        with self._database.read() as tx:
            return tx.scalar(query) or 0

    def _live(self, table: Table, prefix: str) -> Sequence[ColumnElement[bool]]:
        within = (table.c.id >= prefix, table.c.id < prefix + LAST) if prefix else ()
        return (table.c.connection == self._connection, table.c.deleted_at.is_(None), *within)

    def _unmarked(self, table: Table, stream: str, until: datetime, prefix: str) -> Sequence[ColumnElement[bool]]:
        met = exists().where(MARKS.c.connection == self._connection, MARKS.c.stream == stream, MARKS.c.id == table.c.id)
        return (*self._live(table, prefix), table.c.first_seen_at < until, ~met)


class NothingKnown:
    """The answers of an empty store: for a first look at a CRM without a database."""

    def rows(self, entity: type[Record]) -> Sequence[Mapping[str, Any]]:
        """None."""
        return []

    def stale(self, entity: type[Record], versions: Mapping[str, datetime]) -> set[str]:
        """All of them."""
        return set(versions)

    def ids(self, entity: type[Record], after: str, limit: int, prefix: str = "") -> list[str]:
        """None."""
        return []

    def unmarked(
        self, entity: type[Record], stream: str, until: datetime, after: str, limit: int, prefix: str = ""
    ) -> list[str]:
        """None."""
        return []

    def keys(self, entity: type[Statement], after: tuple[Any, ...] | None, limit: int) -> list[tuple[Any, ...]]:
        """None."""
        return []

    def live(self, entity: type[Statement], prefix: str = "") -> int:
        """None."""
        return 0

    def unmarked_count(self, entity: type[Record], stream: str, until: datetime, prefix: str = "") -> int:
        """None."""
        return 0
