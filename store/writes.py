"""Save a page: rows, tombstones, merges, rejections and the checkpoint that vouches for them, in one transaction."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Select, Table, and_, case, delete, false, func, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from store.database import amend, upsert
from store.leases import Grant, confirm
from store.page import Children, Merge, Page, Rejection
from store.records import (
    ENTITIES,
    Company,
    Contact,
    Deal,
    DealSplit,
    Detail,
    Lead,
    LineItem,
    Order,
    Product,
    Record,
    Statement,
    Subscription,
    SurveyResponse,
    Ticket,
)
from store.schema import TABLES, Checkpoint, RecordAlias, RejectionRow, SweepMark, SyncRunStream, table_of

CHECKPOINTS = table_of(Checkpoint)
ALIASES = table_of(RecordAlias)
REJECTIONS = table_of(RejectionRow)
MARKS = table_of(SweepMark)
RUN_STREAMS = table_of(SyncRunStream)

REFERENCES: Mapping[type[Record], tuple[tuple[type[Statement], str], ...]] = {
    Company: (
        (Company, "parent_id"),
        (Contact, "company_id"),
        (Deal, "company_id"),
        (Lead, "company_id"),
        (Order, "company_id"),
        (Subscription, "company_id"),
        (SurveyResponse, "company_id"),
        (Ticket, "company_id"),
    ),
    Contact: ((Deal, "primary_contact_id"), (Lead, "contact_id"), (SurveyResponse, "contact_id")),
    Deal: ((LineItem, "deal_id"), (DealSplit, "deal_id"), (Order, "deal_id"), (Lead, "converted_deal_id")),
    Product: ((LineItem, "product_id"), (Subscription, "product_id")),
}
"""Where other records refer to one: re-pointed to the survivor when it is merged away."""

Values = dict[str, Any]
FIELDS: Mapping[type[Statement], frozenset[str]] = {record: frozenset(record.model_fields) for record in ENTITIES}
KEYS: Mapping[type[Statement], Callable[[Values], Any]] = {record: itemgetter(*record.keys) for record in ENTITIES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a page did to the store, in rows. `details` are links and changes; the others are records."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    merged: int = 0
    details: int = 0
    rejected: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})

    @property
    def written(self) -> int:
        """Rows that were really written."""
        return self.inserted + self.updated + self.deleted + self.merged + self.details


def save_page(tx: Connection, grant: Grant, run_id: int, stream: str, page: Page, *, now: datetime) -> Counts:
    """Store a page of a stream within `tx`. Raises LeaseLostError where somebody else holds the connection."""
    confirm(tx, grant, now=now)
    connection = grant.connection
    counts = Counts(read=page.read, rejected=len(page.rejected))
    if page.begins:
        tx.execute(delete(MARKS).where(MARKS.c.connection == connection, MARKS.c.stream == stream))
    for kind, records in _by_kind(page.records).items():
        counts += _save(tx, connection, kind, records, page)
    for children in page.children:
        counts += _replace(tx, connection, children, page)
    for entity in dict.fromkeys(merge.entity for merge in page.merges):
        counts += _merge(tx, connection, entity, [merge for merge in page.merges if merge.entity is entity], page)
    _reject(tx, connection, run_id, page)
    if page.seen:
        marks = [{"id": id_} for id_ in dict.fromkeys(page.seen)]
        upsert(tx, MARKS, marks, constants={"connection": connection, "stream": stream})
    save_cursor(tx, connection, run_id, stream, page, now=now)
    _add_counts(tx, run_id, stream, counts)
    return counts


def save_cursor(tx: Connection, connection: str, run_id: int, stream: str, page: Page, *, now: datetime) -> None:
    """The checkpoint of a stream: it is not finished until `finish_stream` says so."""
    row = {
        "connection": connection,
        "stream": stream,
        "cursor": dict(page.cursor),
        "saved_at": now,
        "run_id": run_id,
    }
    upsert(tx, CHECKPOINTS, [row])


# ---------------------------------------------------------------------------------------------------- records


def _by_kind(records: Iterable[Statement]) -> dict[tuple[type[Statement], frozenset[str]], dict[Any, Values]]:
    """The values of records of one type and with the same fields, each key once: the last one said counts.

    A detail always says all its fields: a link that is back is no tombstone any more.
    """
    kinds: dict[tuple[type[Statement], frozenset[str]], dict[Any, Values]] = {}
    for record in records:
        kind = type(record)
        said = FIELDS[kind] if issubclass(kind, Detail) else frozenset(record.model_fields_set)
        values = record.__dict__
        kinds.setdefault((kind, said), {})[KEYS[kind](values)] = values
    return kinds


def _save(
    tx: Connection,
    connection: str,
    kind: tuple[type[Statement], frozenset[str]],
    records: Mapping[Any, Values],
    page: Page,
) -> Counts:
    record, said = kind
    table, rows = TABLES[record], list(records.values())
    fixed = {"connection": connection, "first_seen_at": page.read_at, "last_seen_at": page.read_at}
    if page.payloads and issubclass(record, Record):
        rows = [{**row, "payload": page.payloads.get(row["id"])} for row in rows]
        said |= {"payload"}
    if record.keys != ("id",):
        return Counts(details=upsert(tx, table, rows, names=said, constants=fixed, unless=_read_later))
    stored = _stored(tx, table, connection, list(records))
    deleted = [id_ for id_, live in stored.items() if live and records[id_].get("deleted_at") is not None]
    if "updated_at" not in said:
        del fixed["first_seen_at"]
        changed = amend(tx, table, rows, names=said, constants=fixed)
        gone = min(len(deleted), changed)
        return Counts(deleted=gone, updated=changed - gone, unchanged=len(rows) - changed)
    changed = upsert(tx, table, rows, names=said, constants=fixed, unless=_newer)
    new = len(rows) - len(stored)
    gone = min(len(deleted), changed - new)
    return Counts(inserted=new, deleted=gone, updated=changed - new - gone, unchanged=len(rows) - changed)


def _stored(tx: Connection, table: Table, connection: str, ids: Sequence[str]) -> dict[str, bool]:
    """Which of these ids the table has, and whether they are live."""
    found = tx.execute(
        select(table.c.id, table.c.deleted_at.is_(None)).where(table.c.connection == connection, table.c.id.in_(ids))
    )
    return {id_: bool(live) for id_, live in found}


def _newer(stored: Any, incoming: Any) -> ColumnElement[bool]:
    """The stored row is the newer one: a later version, a later reading, or deleted after this was read."""
    return or_(
        func.coalesce(incoming.updated_at < stored.updated_at, false()),
        _read_later(stored, incoming),
    )


def _read_later(stored: Any, incoming: Any) -> ColumnElement[bool]:
    return or_(
        and_(
            incoming.deleted_at.is_(None),
            func.coalesce(incoming.last_seen_at < stored.deleted_at, false()),
        ),
        incoming.last_seen_at < stored.last_seen_at,
    )


# --------------------------------------------------------------------------------------------------- children


def _replace(tx: Connection, connection: str, children: Children, page: Page) -> Counts:
    """Write the details that are there now; tombstone those of the same parents that are not."""
    table = TABLES[children.detail]
    names = children.detail.keys
    now_there = {tuple(getattr(detail, name) for name in names): detail for detail in children.details}
    known = tx.execute(
        select(*(table.c[name] for name in names)).where(
            table.c.connection == connection,
            table.c[children.parent].in_(children.parent_ids),
            table.c.deleted_at.is_(None),
            table.c.last_seen_at <= page.read_at,
            *(table.c[name] == value for name, value in children.within.items()),
        )
    )
    gone = [dict(zip(names, key, strict=True)) for key in map(tuple, known) if key not in now_there]
    ended = {"connection": connection, "deleted_at": page.read_at, "last_seen_at": page.read_at}
    written = amend(tx, table, gone, constants=ended)
    for kind, details in _by_kind(now_there.values()).items():
        written += _save(tx, connection, kind, details, page).details
    return Counts(details=written)


# ----------------------------------------------------------------------------------------------------- merges


def _merge(tx: Connection, connection: str, entity: type[Record], merges: Sequence[Merge], page: Page) -> Counts:
    """Remember the aliases, tombstone what was merged away, re-point what referred to it."""
    survivors = {merge.old_id: merge.id for merge in merges}
    of = and_(ALIASES.c.connection == connection, ALIASES.c.entity == entity.table)
    known = tx.execute(select(ALIASES.c.old_id, ALIASES.c.id).where(of, ALIASES.c.old_id.in_(survivors)))
    new = set(survivors.items()) - {(row.old_id, row.id) for row in known}
    fixed = {"connection": connection, "deleted_at": page.read_at}
    gone = [{"id": old, "merged_into_id": id_} for old, id_ in survivors.items()]
    table = TABLES[entity]
    still_live = set(tx.scalars(_live(table, connection, survivors)))
    amend(tx, table, [row for row in gone if row["id"] in still_live], constants=fixed)
    if not new:
        return Counts(merged=len(still_live))
    rows = [{"old_id": old, "id": id_} for old, id_ in sorted(new)]
    upsert(tx, ALIASES, rows, constants={"connection": connection, "entity": entity.table, "merged_at": page.read_at})
    changed = dict(sorted(new))
    for where, column in ((ALIASES, "id"), *((TABLES[record], name) for record, name in REFERENCES.get(entity, ()))):
        within = of if where is ALIASES else where.c.connection == connection
        pointing = update(where).where(within, where.c[column].in_(changed))
        tx.execute(pointing.values({column: case(changed, value=where.c[column])}))
    return Counts(merged=len(new))


def _live(table: Table, connection: str, ids: Iterable[str]) -> Select[Any]:
    return select(table.c.id).where(table.c.connection == connection, table.c.id.in_(ids), table.c.deleted_at.is_(None))


# ------------------------------------------------------------------------------------------------- rejections


def _reject(tx: Connection, connection: str, run_id: int, page: Page) -> None:
    """Store what was refused; what had been refused and has now arrived whole is resolved."""
    refused = {(r.entity.table, r.record_id, r.field): r for r in page.rejected}
    rows = [_rejection_row(connection, run_id, r, page) for r in refused.values()]
    upsert(tx, REJECTIONS, rows)
    arrived: dict[str, list[str]] = {}
    for record in page.records:
        if isinstance(record, Record) and "updated_at" in record.model_fields_set:
            arrived.setdefault(type(record).table, []).append(record.id)
    for entity, ids in arrived.items():
        still_open = select(REJECTIONS.c.record_id, REJECTIONS.c.field).where(
            REJECTIONS.c.connection == connection,
            REJECTIONS.c.entity == entity,
            REJECTIONS.c.record_id.in_(ids),
            REJECTIONS.c.resolved_at.is_(None),
        )
        resolved = [
            {"record_id": row.record_id, "field": row.field}
            for row in tx.execute(still_open)
            if (entity, row.record_id, row.field) not in refused
        ]
        whose = {"connection": connection, "entity": entity, "resolved_at": page.read_at}
        amend(tx, REJECTIONS, resolved, constants=whose)


def _rejection_row(connection: str, run_id: int, rejection: Rejection, page: Page) -> dict[str, Any]:
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


# ----------------------------------------------------------------------------------------------------- counts


def _add_counts(tx: Connection, run_id: int, stream: str, counts: Counts) -> None:
    grown = {f.name: RUN_STREAMS.c[f.name] + getattr(counts, f.name) for f in fields(counts)}
    tx.execute(
        update(RUN_STREAMS)
        .where(RUN_STREAMS.c.run_id == run_id, RUN_STREAMS.c.stream == stream)
        .values(pages=RUN_STREAMS.c.pages + 1, **grown)
    )
