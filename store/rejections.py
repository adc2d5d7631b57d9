"""Rejections: what could not be used is kept with its reason, and resolved when it arrives whole."""

from typing import Any

from sqlalchemy import Connection, and_, select, update

from store.page import Page, Rejection
from store.records import Record
from store.schema import RejectionRow, table_of
from store.upsert import amend, upsert

REJECTIONS = table_of(RejectionRow)


def reject(tx: Connection, connection: str, run_id: int, page: Page) -> None:
    """Store what was refused; what had been refused and has now arrived whole is resolved."""
    refused = {(r.entity.table, r.record_id, r.field): r for r in page.rejected}
    rows = [_row(connection, run_id, r, page) for r in refused.values()]
    upsert(tx, REJECTIONS, rows)
    is_open = and_(REJECTIONS.c.connection == connection, REJECTIONS.c.resolved_at.is_(None))
    if tx.scalar(select(REJECTIONS.c.entity).where(is_open).limit(1)) is None:
        return
    arrived: dict[str, list[str]] = {}
    for record in page.records:
        if isinstance(record, Record) and "updated_at" in record.model_fields_set:
            arrived.setdefault(type(record).table, []).append(record.id)
    for entity, ids in arrived.items():
        still_open = select(REJECTIONS.c.record_id, REJECTIONS.c.field).where(
            is_open, REJECTIONS.c.entity == entity, REJECTIONS.c.record_id.in_(ids)
        )
        resolved = [
            {"record_id": row.record_id, "field": row.field}
            for row in tx.execute(still_open)
            if (entity, row.record_id, row.field) not in refused
        ]
        whose = {"connection": connection, "entity": entity, "resolved_at": page.read_at}
        amend(tx, REJECTIONS, resolved, constants=whose)
    if page.settled is not None:
        old = REJECTIONS.c.last_seen_at < page.settled.since
        settled = update(REJECTIONS).where(is_open, REJECTIONS.c.entity == page.settled.entity.table, old)
        tx.execute(settled.values(resolved_at=page.read_at))


def _row(connection: str, run_id: int, rejection: Rejection, page: Page) -> dict[str, Any]:
    return {
        "connection": connection,
        "entity": rejection.entity.table,
        "record_id": rejection.record_id,
        "field": rejection.field,
        "reason": rejection.reason,
        "payload": dict(rejection.payload) if rejection.payload is not None else None,
        "first_seen_at": page.read_at,
        "last_seen_at": page.read_at,
        "resolved_at": None,
        "run_id": run_id,
    }
