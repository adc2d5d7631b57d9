"""Old books: what may go once nobody will ask for it. KPI values and records never do."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, Table, delete, func, select
from sqlalchemy.sql.elements import ColumnElement

from store.schema import Notification, RejectionRow, SyncRun, SyncRunStream, table_of

RUNS, STREAMS = table_of(SyncRun), table_of(SyncRunStream)
REJECTIONS, NOTIFICATIONS = table_of(RejectionRow), table_of(Notification)


def prune(
    tx: Connection, *, runs: datetime, rejections: datetime, notifications: datetime, dry: bool = False
) -> Mapping[str, int]:
    """Delete what is older than these moments; answers how many rows of each table went, or would go (`dry`).

    The newest runs of a connection stay, however old: they say how it stands.
    """
    newest = select(func.max(RUNS.c.id)).group_by(RUNS.c.connection)
    newest_good = newest.where(RUNS.c.outcome.in_(("ok", "partial")))
    old = (RUNS.c.finished_at < runs) & RUNS.c.id.notin_(newest) & RUNS.c.id.notin_(newest_good)
    going: tuple[tuple[Table, ColumnElement[bool]], ...] = (
        (STREAMS, STREAMS.c.run_id.in_(select(RUNS.c.id).where(old))),
        (RUNS, old),
        (REJECTIONS, REJECTIONS.c.resolved_at < rejections),
        (NOTIFICATIONS, NOTIFICATIONS.c.settled_at < notifications),
    )
    if dry:
        return {
            table.name: tx.scalar(select(func.count()).select_from(table).where(which)) or 0 for table, which in going
        }
    return {table.name: tx.execute(delete(table).where(which)).rowcount for table, which in going}
