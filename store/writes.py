"""Save a page: rows, tombstones, merges, rejections and the checkpoint that vouches for them, in one transaction."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Table, and_, delete, false, func, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from store.leases import Grant, confirm
from store.merges import merge
from store.page import Children, Page
from store.records import ENTITIES, Detail, Record, Statement
from store.rejections import reject
from store.schema import TABLES, Checkpoint, SweepMark, SyncRunStream, table_of
from store.upsert import amend, upsert

CHECKPOINTS = table_of(Checkpoint)
MARKS = table_of(SweepMark)
RUN_STREAMS = table_of(SyncRunStream)

Values = dict[str, Any]
THERE = frozenset({"deleted_at"})
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
    for entity in dict.fromkeys(merged.entity for merged in page.merges):
        merges = [merged for merged in page.merges if merged.entity is entity]
        counts += Counts(merged=merge(tx, connection, entity, merges, page))
    reject(tx, connection, run_id, page)
    if page.seen:
        marks = [{"id": id_} for id_ in dict.fromkeys(page.seen)]
        upsert(tx, MARKS, marks, constants={"connection": connection, "stream": stream})
    save_cursor(tx, connection, run_id, stream, page, now=now)
    _add_counts(tx, run_id, stream, counts)
    return counts


def save_cursor(tx: Connection, connection: str, run_id: int, stream: str, page: Page, *, now: datetime) -> None:
    """The checkpoint of a stream: it is not finished until `close_stream` says so."""
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

    A detail always says that it is there: a link that is back is no tombstone any more.
    """
    kinds: dict[tuple[type[Statement], frozenset[str]], dict[Any, Values]] = {}
    for record in records:
        kind = type(record)
        said = frozenset(record.model_fields_set | THERE if issubclass(kind, Detail) else record.model_fields_set)
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
        if said == {"id", "deleted_at"}:  # found missing: the day that the CRM itself has told stands
            rows = [row for row in rows if stored.get(row["id"])]
        changed = amend(tx, table, rows, names=said, constants=fixed)
        gone = min(len(deleted), changed)
        return Counts(deleted=gone, updated=changed - gone, unchanged=len(records) - changed)
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


# ----------------------------------------------------------------------------------------------------- counts


def _add_counts(tx: Connection, run_id: int, stream: str, counts: Counts) -> None:
    grown = {f.name: RUN_STREAMS.c[f.name] + getattr(counts, f.name) for f in fields(counts)}
    tx.execute(
        update(RUN_STREAMS)
        .where(RUN_STREAMS.c.run_id == run_id, RUN_STREAMS.c.stream == stream)
        .values(pages=RUN_STREAMS.c.pages + 1, **grown)
    )
