"""Snapshots of KPIs: saved with their run in one transaction, never rewritten; read as latest, history, as of."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, func, insert, or_, select
from sqlalchemy.engine import RowMapping

from store.schema import CalendarPeriod, KpiDefinition, KpiSnapshot, KpiSnapshotRun, KpiTarget, table_of
from store.upsert import upsert

RUNS = table_of(KpiSnapshotRun)
VALUES = table_of(KpiSnapshot)
DEFINITIONS = table_of(KpiDefinition)
PERIODS = table_of(CalendarPeriod)
TARGETS = table_of(KpiTarget)
NUMBER_TYPE = {"sqlite": "DOUBLE", "postgresql": "VARCHAR"}
"""How a decimal is handed to `save`: exact text where the database keeps decimals."""
COLUMNS = (
    "series", "kpi_key", "definition_version", "calendar", "grain", "period_start", "period_end", "dimension", "member",
    "member_label", "dims", "value", "numerator", "denominator", "unit", "currency", "n", "ci_low", "ci_high", "status",
    "status_detail", "flags", "coverage", "is_partial", "elapsed_fraction", "is_final", "previous_id", "change_reason",
)  # fmt: skip
"""What each saved row gives, in this order; the rest comes from its run."""
NUMBERS = frozenset({"value", "numerator", "denominator", "ci_low", "ci_high", "elapsed_fraction"})
OF_RUN = ("run_id", "basis", "as_of", "computed_at", "parameters_hash")
LIVE, REBUILT = "live", "rebuilt"
"""What a value was computed from: the records as they stand, or as the histories say that they stood."""
ONE_WRITER = 0x6B7069  # "kpi"


def claim(tx: Connection) -> None:
    """Make this the only transaction that writes snapshots until it ends. A SQLite writer is alone anyway."""
    if tx.dialect.name == "postgresql":
        tx.execute(select(func.pg_advisory_xact_lock(ONE_WRITER)))


def save(tx: Connection, run: Mapping[str, Any], batches: Iterable[Sequence[tuple[Any, ...]]]) -> int:
    """Write a run and its changed values; answers the run's id. Rows are in the order of `COLUMNS`."""
    run_id = tx.execute(insert(RUNS).values(**run).returning(RUNS.c.id)).scalar_one()
    of_run = {"run_id": run_id, **{name: run[name] for name in OF_RUN[1:]}}
    write = _copy if tx.dialect.name == "postgresql" else _insert
    with _indexed_afterwards(tx):
        for batch in batches:
            write(tx, of_run, batch)
    return int(run_id)


def define(tx: Connection, definitions: Sequence[Mapping[str, Any]]) -> None:
    """Keep the definitions that are new, with the time from which they hold."""
    known = {tuple(row) for row in tx.execute(select(DEFINITIONS.c.kpi_key, DEFINITIONS.c.version))}
    new = [row for row in definitions if (row["kpi_key"], row["version"]) not in known]
    upsert(tx, DEFINITIONS, new)


def newest_complete(tx: Connection, parameters_hash: str, *, at: datetime | None = None) -> str:
    """A condition on kpi_snapshots: the newest row of each series under these parameters, of complete runs.

    With `at` those that were rebuilt for that instant; else the live ones.
    """
    if at is not None:
        runs = tx.execute(select(RUNS.c.id).where(*_of_basis(at), RUNS.c.status == "complete")).scalars().all()
        chosen = f" WHERE run_id IN ({', '.join(map(str, runs)) or 'NULL'})"
    else:
        others = select(RUNS.c.id).where(or_(RUNS.c.basis != LIVE, RUNS.c.status != "complete"))
        hidden = tx.execute(others).scalars().all()
        chosen = f" WHERE run_id NOT IN ({', '.join(map(str, hidden))})" if hidden else ""
    newest = f"SELECT max(id) FROM kpi_snapshots{chosen} GROUP BY series"  # out of the index, where all runs count
    newest += " ORDER BY 1"  # SQLite looks them up in half the time
    return f"parameters_hash = '{parameters_hash}' AND id IN ({newest})"  # a series is of one digest of parameters


def last_run(tx: Connection, *, at: datetime | None = None) -> RowMapping | None:
    """The newest complete run that looked at the present; with `at`, that rebuilt that instant."""
    query = select(RUNS).where(*_of_basis(at), RUNS.c.status == "complete").order_by(RUNS.c.id.desc()).limit(1)
    return tx.execute(query).mappings().first()


def count_since(tx: Connection, run_id: int) -> int:
    """How many complete runs that looked at the present were saved after this one."""
    query = select(func.count()).where(RUNS.c.id > run_id, *_of_basis(None), RUNS.c.status == "complete")
    return int(tx.execute(query).scalar_one())


def taken_in_since(tx: Connection, at: datetime | None) -> set[int]:
    """The ids of the syncs that complete runs name which looked at the present at this moment or later."""
    query = select(RUNS.c.sync_run_ids).where(*_of_basis(None), RUNS.c.status == "complete")
    named = tx.scalars(query if at is None else query.where(RUNS.c.computed_at >= at))
    return {id_ for ids in named for id_ in ids or ()}


def rebuilt_moments(tx: Connection) -> Sequence[datetime]:
    """The instants for which values have been rebuilt, the newest first."""
    query = select(RUNS.c.as_of).where(RUNS.c.basis == REBUILT, RUNS.c.status == "complete").distinct()
    return sorted(tx.execute(query).scalars(), reverse=True)


def latest(
    tx: Connection, *, as_of: datetime | None = None, at: datetime | None = None, **where: Any
) -> Sequence[RowMapping]:
    """The newest row of each series under the parameters in force, by KPI, period and member.

    With `as_of` what was believed then. With `at` what has been rebuilt for that instant from the histories; with both,
    what was rebuilt for it by then. `where` gives values of columns, such as kpi_key="revenue".
    """
    return tx.execute(_newest(as_of, at, where)).mappings().all()


def keep_periods(tx: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Remember the names of periods, for readers."""
    upsert(tx, PERIODS, rows)


def history(tx: Connection, series: str) -> Sequence[RowMapping]:
    """Every row of a series, the oldest first."""
    query = select(VALUES).join(RUNS, _of_complete()).where(VALUES.c.series == series).order_by(VALUES.c.id)
    return tx.execute(query).mappings().all()


def keep_targets(tx: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put the targets by period in the place of those of the last computation, where they differ."""
    columns = list(TARGETS.c)
    known = {tuple(row) for row in tx.execute(select(*columns))}
    wanted = {tuple(row[column.name] for column in columns) for row in rows}
    if known != wanted:
        tx.execute(TARGETS.delete())
        if rows:
            tx.execute(TARGETS.insert(), list(rows))


def targets(tx: Connection, **where: Any) -> Sequence[RowMapping]:
    """The targets by period; `where` gives values of columns."""
    conditions = [TARGETS.c[name] == value for name, value in where.items()]
    return tx.execute(select(TARGETS).where(*conditions)).mappings().all()


def _newest(as_of: datetime | None, at: datetime | None, where: Mapping[str, Any]) -> Select[Any]:
    believed = [*_of_basis(at), *([] if as_of is None else [RUNS.c.computed_at <= as_of])]
    in_force = (
        select(RUNS.c.parameters_hash)
        .where(RUNS.c.status == "complete", *believed)
        .order_by(RUNS.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    conditions = [VALUES.c[name] == value for name, value in where.items()]
    ids = (
        select(func.max(VALUES.c.id))
        .join(RUNS, _of_complete())
        .where(VALUES.c.parameters_hash == in_force, *believed, *conditions)
        .group_by(VALUES.c.series)
    )
    order = ("kpi_key", "calendar", "grain", "dimension", "member", "period_start")
    return select(VALUES).where(VALUES.c.id.in_(ids)).order_by(*(VALUES.c[name] for name in order))


def _of_basis(at: datetime | None) -> tuple[Any, ...]:
    return (RUNS.c.basis == LIVE,) if at is None else (RUNS.c.basis == REBUILT, RUNS.c.as_of == at)


def _of_complete() -> Any:
    return and_(RUNS.c.id == VALUES.c.run_id, RUNS.c.status == "complete")


def _insert(tx: Connection, of_run: Mapping[str, Any], batch: Sequence[tuple[Any, ...]]) -> None:
    """Rows as SQLite keeps them, straight to the driver: a hundred thousand of them take a second."""
    names = ", ".join((*of_run, *COLUMNS))
    constants = [_literal(_bound(tx, name, value)) for name, value in of_run.items()]
    places = ", ".join([*constants, *("?" * len(COLUMNS))])
    statement = f"INSERT INTO kpi_snapshots ({names}) VALUES ({places})"  # names are the schema's, constants our own
    tx.exec_driver_sql(statement, list(batch))


@contextmanager
def _indexed_afterwards(tx: Connection) -> Iterator[None]:
    """Where there are no values yet, build the indexes when there are: a large first run is written faster so."""
    is_empty = tx.execute(select(VALUES.c.id).limit(1)).first() is None
    indexes = list(VALUES.indexes) if is_empty else []
    for index in indexes:
        index.drop(tx)
    yield
    for index in indexes:
        index.create(tx)


def _literal(value: int | str) -> str:
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def _bound(tx: Connection, name: str, value: Any) -> Any:
    process = VALUES.c[name].type.dialect_impl(tx.dialect).bind_processor(tx.dialect)
    return process(value) if process else value


def _copy(tx: Connection, of_run: Mapping[str, Any], batch: Sequence[tuple[Any, ...]]) -> None:
    """Rows into PostgreSQL by COPY."""
    names = ", ".join((*of_run, *COLUMNS))
    constants = tuple(of_run.values())
    driver: Any = tx.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY kpi_snapshots ({names}) FROM STDIN") as copy:
        for row in batch:
            copy.write_row((*constants, *row))
