"""Page: what one read of a stream brought, to be stored in one transaction with its cursor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from store.records import Detail, Record, Statement

Cursor = Mapping[str, Any]
"""Where a stream resumes: JSON that only its own connector understands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Something in a CRM record that we could not use: the field (empty: the whole record), why, what came."""

    entity: type[Statement]
    record_id: str
    field: str = ""
    reason: str
    payload: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """`old_id` was merged into `id`: it resolves to it from now on and never counts again. At `merged_at`, if known."""

    entity: type[Record]
    old_id: str
    id: str
    merged_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Children:
    """The complete set of details that some parents have now: others of these parents become tombstones.

    `within` narrows the set to details with these values.
    """

    detail: type[Detail]
    parent: str
    parent_ids: frozenset[str]
    details: Sequence[Detail]
    within: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """An entity was read to its end: what of it was refused before `since`, and not again, is refused no more."""

    entity: type[Statement]
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Records, what else is known with them, and the cursor that is valid once all of it is stored.

    `read_at` is the CRM's time (UTC) before the first request of the page: no row that was read or deleted later is
    overwritten by it. `read` counts CRM records that were transferred. `seen` are ids that an enumeration of the
    stream has met; `begins` clears the marks of an earlier enumeration first. `notes` are for people: what was
    repaired, what is missing. `payloads` are raw records by id, where they are to be kept.
    A connector reads ahead of the writer; after an `awaited` page it goes on only when that one is stored.
    """

    cursor: Cursor
    read_at: datetime
    read: int = 0
    records: Sequence[Statement] = ()
    children: Sequence[Children] = ()
    merges: Sequence[Merge] = ()
    rejected: Sequence[Rejection] = ()
    seen: Sequence[str] = ()
    begins: bool = False
    payloads: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: Sequence[str] = ()
    awaited: bool = False
    settled: Settled | None = None
