"""What readers ask of the store: accounts, runs, checkpoints, health."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, RowMapping, func, or_, select

from store.records import Account
from store.schema import TABLES, Checkpoint, RejectionRow, Schedule, SyncRun, SyncRunStream, table_of

ACCOUNTS = TABLES[Account]
RUNS = table_of(SyncRun)
RUN_STREAMS = table_of(SyncRunStream)
CHECKPOINTS = table_of(Checkpoint)
SCHEDULES = table_of(Schedule)
REJECTIONS = table_of(RejectionRow)


def account_of(tx: Connection, connection: str) -> str | None:
    """The id of the CRM account whose rows a connection holds."""
    return tx.scalar(select(ACCOUNTS.c.id).where(ACCOUNTS.c.connection == connection))


def recent_runs(tx: Connection, *, connection: str | None = None, limit: int = 20) -> Sequence[RowMapping]:
    """The newest runs first."""
    query = select(RUNS).order_by(RUNS.c.id.desc()).limit(limit)
    if connection is not None:
        query = query.where(RUNS.c.connection == connection)
    return tx.execute(query).mappings().all()


def runs_since(tx: Connection, after: int, *, also: Collection[int] = ()) -> Sequence[RowMapping]:
    """The runs with higher ids than `after`, and those that are named; the oldest first."""
    query = select(RUNS).where(or_(RUNS.c.id > after, RUNS.c.id.in_(also))).order_by(RUNS.c.id)
    return tx.execute(query).mappings().all()


def run(tx: Connection, run_id: int) -> tuple[RowMapping, Sequence[RowMapping]] | None:
    """A run and its streams; None where there is no such run."""
    found = tx.execute(select(RUNS).where(RUNS.c.id == run_id)).mappings().first()
    if found is None:
        return None
    streams = select(RUN_STREAMS).where(RUN_STREAMS.c.run_id == run_id).order_by(RUN_STREAMS.c.started_at)
    return found, tx.execute(streams).mappings().all()


def last_run(tx: Connection, connection: str, *, outcomes: Sequence[str] = ()) -> RowMapping | None:
    """The newest run of a connection, of some outcomes only where they are named."""
    query = select(RUNS).where(RUNS.c.connection == connection).order_by(RUNS.c.id.desc()).limit(1)
    if outcomes:
        query = query.where(RUNS.c.outcome.in_(outcomes))
    return tx.execute(query).mappings().first()


def schedules(tx: Connection) -> Mapping[str, RowMapping]:
    """The schedule's row of each connection."""
    return {row["connection"]: row for row in tx.execute(select(SCHEDULES)).mappings()}


def open_rejections(tx: Connection, connection: str, *, limit: int = 20) -> Sequence[RowMapping]:
    """What could not be used and has not arrived whole since, the newest first."""
    query = (
        select(REJECTIONS)
        .where(REJECTIONS.c.connection == connection, REJECTIONS.c.resolved_at.is_(None))
        .order_by(REJECTIONS.c.last_seen_at.desc())
        .limit(limit)
    )
    return tx.execute(query).mappings().all()


def count_rejections(tx: Connection, connection: str) -> int:
    """How many rejections are open."""
    query = (
        select(func.count())
        .select_from(REJECTIONS)
        .where(REJECTIONS.c.connection == connection, REJECTIONS.c.resolved_at.is_(None))
    )
    return tx.scalar(query) or 0


def row_counts(tx: Connection, connection: str) -> dict[str, int]:
    """How many live rows of each entity a connection has, where there are any."""
    counts: dict[str, int] = {}
    for record, table in TABLES.items():
        live = select(func.count()).select_from(table)
        live = live.where(table.c.connection == connection, table.c.deleted_at.is_(None))
        if count := tx.scalar(live):
            counts[record.table] = count
    return counts


def checkpoints(tx: Connection, connection: str) -> Sequence[RowMapping]:
    """Where each stream resumes."""
    query = select(CHECKPOINTS).where(CHECKPOINTS.c.connection == connection).order_by(CHECKPOINTS.c.stream)
    return tx.execute(query).mappings().all()
