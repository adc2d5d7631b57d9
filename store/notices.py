"""Alerts, and the news that goes out about them: an outbox, so that a crash loses none."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, true, update

from store.schema import Alert, Notification, table_of
from store.upsert import upsert

ALERTS = table_of(Alert)
NOTIFICATIONS = table_of(Notification)


def alerts(tx: Connection, connection: str) -> Mapping[str, RowMapping]:
    """What is wrong with a connection, by kind."""
    rows = tx.execute(select(ALERTS).where(ALERTS.c.connection == connection)).mappings()
    return {row["kind"]: row for row in rows}


def open_alerts(tx: Connection) -> Sequence[RowMapping]:
    """All that is wrong, the oldest first."""
    return tx.execute(select(ALERTS).order_by(ALERTS.c.since, ALERTS.c.connection)).mappings().all()


def raise_alert(tx: Connection, connection: str, kind: str, *, at: datetime) -> bool:
    """Something is wrong, and people are told now. Answers whether this call was the one that found it so."""
    row = {"connection": connection, "kind": kind, "since": at, "times": 1, "told": 1, "told_at": at}
    return upsert(tx, ALERTS, [row], unless=lambda stored, incoming: true()) == 1


def repeat_alert(tx: Connection, alert: RowMapping, *, told_at: datetime | None) -> bool:
    """It is still wrong; with `told_at` people are told again. False where somebody else has just said so."""
    told = {"told": alert["told"] + 1, "told_at": told_at} if told_at is not None else {}
    same = [ALERTS.c[name] == alert[name] for name in ("connection", "kind", "times")]
    return tx.execute(update(ALERTS).where(*same).values(times=alert["times"] + 1, **told)).rowcount == 1


def drop_alert(tx: Connection, connection: str, kind: str) -> bool:
    """It is well again. Answers whether this call was the one that found it so."""
    gone = tx.execute(delete(ALERTS).where(ALERTS.c.connection == connection, ALERTS.c.kind == kind))
    return gone.rowcount == 1


def post(tx: Connection, *, connection: str, kind: str, at: datetime, content: Mapping[str, Any]) -> None:
    """Put news into the outbox."""
    row = {"connection": connection, "kind": kind, "at": at, "content": dict(content)}
    tx.execute(insert(NOTIFICATIONS).values(**row, delivered=[], attempts=0, not_before=at))


def due(tx: Connection, *, now: datetime, limit: int = 50) -> Sequence[RowMapping]:
    """News that is to go out now, the oldest first."""
    query = (
        select(NOTIFICATIONS)
        .where(NOTIFICATIONS.c.settled_at.is_(None), NOTIFICATIONS.c.not_before <= now)
        .order_by(NOTIFICATIONS.c.id)
        .limit(limit)
    )
    return tx.execute(query).mappings().all()


def claim(tx: Connection, row: RowMapping, *, now: datetime, for_: timedelta) -> bool:
    """Take news for delivery, so that no other process sends it too. False where another one has it."""
    taken = tx.execute(
        update(NOTIFICATIONS)
        .where(NOTIFICATIONS.c.id == row["id"], NOTIFICATIONS.c.attempts == row["attempts"])
        .values(attempts=row["attempts"] + 1, not_before=now + for_)
    )
    return taken.rowcount == 1


def note_delivery(
    tx: Connection, id: int, *, delivered: Sequence[str], settled_at: datetime | None, not_before: datetime, error: str
) -> None:
    """What came of a delivery: the channels that have taken it, and when the others are tried again."""
    tx.execute(
        update(NOTIFICATIONS)
        .where(NOTIFICATIONS.c.id == id)
        .values(delivered=list(delivered), settled_at=settled_at, not_before=not_before, error=error or None)
    )
