"""Save a page: rows, tombstones, merges, rejections and the checkpoint that vouches for them, in one transaction."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Table, and_, delete, false, func, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from store.database import amend, upsert
from store.leases import Grant, confirm
from store.page import Children, Merge, Page, Rejection
from store.records import ENTITIES, Activity, Company, Contact, Deal, Detail, Record, Statement, User
from store.schema import TABLES, Checkpoint, RecordAlias, RejectionRow, SweepMark, SyncRunStream, table_of

CHECKPOINTS = table_of(Checkpoint)
ALIASES = table_of(RecordAlias)
REJECTIONS = table_of(RejectionRow)
MARKS = table_of(SweepMark)
RUN_STREAMS = table_of(SyncRunStream)

REFERENCES: Mapping[type[Record], str] = {
    Company: "company_id",
    Contact: "contact_id",
    Deal: "deal_id",
    User: "owner_id",
    Activity: "activity_id",
}
"""By which column name other rows refer to a record: re-pointed to the survivor of a merge."""


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
    for merge in page.merges:
        counts += _merge(tx, connection, merge, page)
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


def _merge(tx: Connection, connection: str, merge: Merge, page: Page) -> Counts:
    """Remember the alias, tombstone the record that was merged away, re-point what referred to it."""
    at = merge.merged_at or page.read_at
    entity = merge.entity.table
    alias = {
        "connection": connection,
        "entity": entity,
        "old_id": merge.old_id,
        "id": merge.id,
        "merged_at": at,
    }
    known = tx.scalar(
        select(ALIASES.c.id).where(
            ALIASES.c.connection == connection, ALIASES.c.entity == entity, ALIASES.c.old_id == merge.old_id
        )
    )
    if known == merge.id:
        return Counts()
    upsert(tx, ALIASES, [alias])
    tx.execute(
        update(ALIASES)
        .where(ALIASES.c.connection == connection, ALIASES.c.entity == entity, ALIASES.c.id == merge.old_id)
        .values(id=merge.id)
    )
    table = TABLES[merge.entity]
    tombstone = {"connection": connection, "id": merge.old_id, "deleted_at": at, "merged_into_id": merge.id}
    amend(tx, table, [tombstone])
    _repoint(tx, connection, merge)
    return Counts(merged=1)


def _repoint(tx: Connection, connection: str, merge: Merge) -> None:
    name = REFERENCES.get(merge.entity)
    for record, table in TABLES.items():
        if name is not None and name in table.c and name not in record.keys:
            tx.execute(
                update(table)
                .where(table.c.connection == connection, table.c[name] == merge.old_id)
                .values({name: merge.id})
            )


# ------------------------------------------------------------------------------------------------- rejections


def _reject(tx: Connection, connection: str, run_id: int, page: Page) -> None:
    """Store what was refused; what had been refused and has now arrived whole is resolved."""
    refused = {(r.entity.table, r.record_id, r.field): r for r in page.rejected}
    rows = [_rejection_row(connection, run_id, r, page) for r in refused.values()]
    upsert(tx, REJECTIONS, rows)
    unresolved = and_(REJECTIONS.c.connection == connection, REJECTIONS.c.resolved_at.is_(None))
    if tx.scalar(select(func.count()).select_from(REJECTIONS).where(unresolved)) == len(refused):
        return
    arrived = {(type(r).table, r.__dict__["id"]) for r in page.records if "id" in r.__dict__}
    still_open = tx.execute(select(REJECTIONS.c.entity, REJECTIONS.c.record_id, REJECTIONS.c.field).where(unresolved))
    resolved = [
        {
            "connection": connection,
            "entity": entity,
            "record_id": id_,
            "field": field_,
            "resolved_at": page.read_at,
        }
        for entity, id_, field_ in still_open
        if (entity, id_) in arrived and (entity, id_, field_) not in refused
    ]
    amend(tx, REJECTIONS, resolved)


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
