"""Differences: our counts and sums beside the CRM's, as they were last compared."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, insert, select
from sqlalchemy.sql.elements import ColumnElement

from store.known import LAST
from store.records import Statement
from store.schema import TABLES, Comparison, RejectionRow, SyncRun, SyncRunStream, table_of

COMPARISONS = table_of(Comparison)
REJECTIONS = table_of(RejectionRow)
RUNS, STREAMS = table_of(SyncRun), table_of(SyncRunStream)
RECORDS = "records"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One number of ours beside the CRM's: `measure` is `records` or a field that was added up, `part` a narrower set
    (empty: all). `why` says what explains a difference, or why there is no number of theirs (`theirs` is None)."""

    object: str
    part: str = ""
    measure: str = RECORDS
    ours: Decimal
    theirs: Decimal | None
    is_explained: bool = True
    why: str = ""

    @property
    def difference(self) -> Decimal:
        """Ours minus theirs; 0 where theirs is unknown."""
        return self.ours - self.theirs if self.theirs is not None else Decimal(0)

    @property
    def is_real(self) -> bool:
        """Whether there is a difference that nothing explains."""
        return bool(self.difference) and not self.is_explained

    def __str__(self) -> str:
        name = f"{self.object}, {self.part}" if self.part else self.object
        if self.theirs is None:
            return f"{name}: can't be compared: {self.why}"
        ours, theirs, apart = (value.normalize() for value in (self.ours, self.theirs, self.difference))
        said = f"{name}: {ours:,f} {self.measure} here, {theirs:,f} in the CRM ({apart:+,f})"
        return f"{said}: {self.why}" if self.why else said


def ours(
    tx: Connection,
    connection: str,
    entity: type[Statement],
    *,
    within: Mapping[str, str | None],
    prefix: str,
    fields: Collection[str] = (),
    created_since: datetime | None = None,
) -> tuple[int, Mapping[str, Decimal]]:
    """How many living rows there are, and the sums of some fields over them."""
    table = TABLES[entity]
    where: list[ColumnElement[bool]] = [table.c.connection == connection, table.c.deleted_at.is_(None)]
    where += [table.c[name].is_(None) if value is None else table.c[name] == value for name, value in within.items()]
    if prefix:
        where += [table.c.id >= prefix, table.c.id < prefix + LAST]
    if created_since is not None and "created_at" in table.c:
        where.append(table.c.created_at >= created_since)
    sums = [func.sum(table.c[name]) for name in fields]
    count, *found = tx.execute(select(func.count(), *sums).where(*where)).one()
    return int(count), {name: Decimal(value or 0) for name, value in zip(fields, found, strict=True)}


def refused(tx: Connection, connection: str, entity: type[Statement], prefix: str) -> int:
    """How many whole records could not be used, and aren't here in an older version either."""
    table = TABLES[entity]
    query = select(func.count()).where(
        REJECTIONS.c.connection == connection,
        REJECTIONS.c.entity == entity.table,
        REJECTIONS.c.field == "",
        REJECTIONS.c.resolved_at.is_(None),
        REJECTIONS.c.record_id.startswith(prefix, autoescape=True),
        ~select(table.c.id)
        .where(table.c.connection == connection, table.c.id == REJECTIONS.c.record_id, table.c.deleted_at.is_(None))
        .exists(),
    )
    return tx.scalar(query) or 0


def read_up_to(tx: Connection, connection: str, streams: Collection[str]) -> datetime | None:
    """Up to when all of these streams have been read, by the CRM's clock; None where the first never was.

    Of the others those that were never read don't count.
    """
    query = (
        select(STREAMS.c.stream, func.max(RUNS.c.id).label("run_id"))
        .join(RUNS, RUNS.c.id == STREAMS.c.run_id)
        .where(RUNS.c.connection == connection, STREAMS.c.stream.in_(streams), STREAMS.c.outcome.in_(("ok", "partial")))
        .group_by(STREAMS.c.stream)
    )
    found: dict[str, int] = {row.stream: row.run_id for row in tx.execute(query)}
    if next(iter(streams)) not in found:
        return None
    as_of: datetime | None = tx.scalar(select(RUNS.c.as_of).where(RUNS.c.id == min(found.values())))
    return as_of


def keep(
    tx: Connection, connection: str, compared: Sequence[Compared], *, now: datetime, only: Collection[str] = ()
) -> None:
    """Put a comparison in the place of the last one: of all objects, or of some."""
    where = [COMPARISONS.c.connection == connection]
    if only:
        where.append(COMPARISONS.c.object.in_(list(only)))
    tx.execute(delete(COMPARISONS).where(*where))
    rows = [{"connection": connection, "checked_at": now, **asdict(each)} for each in compared]
    if rows:
        tx.execute(insert(COMPARISONS), rows)


def last(tx: Connection, connection: str) -> Sequence[RowMapping]:
    """The last comparison."""
    query = select(COMPARISONS).where(COMPARISONS.c.connection == connection)
    return tx.execute(query.order_by(COMPARISONS.c.object, COMPARISONS.c.part, COMPARISONS.c.measure)).mappings().all()


def of_row(row: Mapping[Any, Any]) -> Compared:
    """A stored number as it was compared."""
    return Compared(**{name: row[name] for name in Compared.__dataclass_fields__})


def compared_at(tx: Connection, connection: str) -> datetime | None:
    """When the connection was last compared."""
    moment: datetime | None = tx.scalar(
        select(func.max(COMPARISONS.c.checked_at)).where(COMPARISONS.c.connection == connection)
    )
    return moment
