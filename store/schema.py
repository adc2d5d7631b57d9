"""The tables: one per record type, each inheriting it, and the bookkeeping beside them.

Rows of records are written through `store.writes` and read as plain rows; no table class is ever built by hand.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Index, Integer, MetaData, PrimaryKeyConstraint, Table
from sqlmodel import Field, SQLModel
from sqlmodel.main import SQLModelMetaclass

from store.columns import DecimalType, InstantType, JsonType, key
from store.records import ENTITIES, Detail, Statement

metadata: MetaData = SQLModel.metadata
BIG = BigInteger().with_variant(Integer, "sqlite")


class Row(SQLModel):
    """What the store adds to a record: whose it is, when we first saw it, when it last brought something new."""

    connection: str = Field(primary_key=True)
    first_seen_at: datetime = Field(sa_type=InstantType)
    last_seen_at: datetime = Field(sa_type=InstantType)


class Payload(SQLModel):
    """The raw payload of a record, kept only where a connection asks for it (`keep_payload: true`)."""

    payload: dict[str, Any] | None = Field(default=None, sa_type=JsonType)


def _table(record: type[Statement]) -> Table:
    bases = (record, Row) if issubclass(record, Detail) else (record, Payload, Row)
    arguments = (
        PrimaryKeyConstraint("connection", *record.keys, name=f"pk_{record.table}"),
        {"sqlite_with_rowid": not issubclass(record, Detail)},
    )
    namespace = {
        "__module__": __name__,
        "__tablename__": record.table,
        "__table_args__": arguments,
        "__doc__": record.__doc__,
    }
    row = SQLModelMetaclass(f"{record.__name__}Row", bases, namespace, table=True)
    return row.__table__  # type: ignore[attr-defined, no-any-return]  # SQLModel adds it at run time


TABLES: dict[type[Statement], Table] = {record: _table(record) for record in ENTITIES}
"""The table of each record type."""


class RecordAlias(SQLModel, table=True):
    """An id that a merge took away, and the record that it means now."""

    __tablename__ = "record_aliases"
    connection: str = Field(primary_key=True)
    entity: str = Field(primary_key=True)
    old_id: str = Field(primary_key=True)
    id: str
    merged_at: datetime | None = Field(default=None, sa_type=InstantType)


class Lease(SQLModel, table=True):
    """The right to run a connection. `token` grows by one with each holder; every write checks it."""

    __tablename__ = "leases"
    connection: str = Field(primary_key=True)
    holder: str
    token: int = Field(sa_type=BIG)
    expires_at: datetime = Field(sa_type=InstantType)


class Schedule(SQLModel, table=True):
    """When a connection is due: the daemon's truth, so that a restart changes nothing."""

    __tablename__ = "schedules"
    connection: str = Field(primary_key=True)
    last_started_at: datetime | None = Field(default=None, sa_type=InstantType)
    not_before: datetime | None = Field(default=None, sa_type=InstantType)
    paused_reason: str | None = None
    paused_hint: str | None = None
    settings_hash: str | None = None


class SyncRun(SQLModel, table=True):
    """One attempt to bring one connection up to date.

    `as_of` is its start by the CRM's clock. `outcome`: running, ok, partial, failed, stopped, interrupted.
    """

    __tablename__ = "sync_runs"
    __table_args__ = (Index("ix_sync_runs_connection", "connection", "id"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    connection: str
    trigger: str
    started_at: datetime = Field(sa_type=InstantType)
    as_of: datetime | None = Field(default=None, sa_type=InstantType)
    finished_at: datetime | None = Field(default=None, sa_type=InstantType)
    outcome: str = "running"
    error_kind: str | None = None
    error: str | None = None
    hint: str | None = None
    token: int = Field(sa_type=BIG)
    version: str
    requests: int = 0
    notes: list[str] | None = Field(default=None, sa_type=JsonType)


class SyncRunStream(SQLModel, table=True):
    """What one run did with one stream: counts, retries with their reasons, how it ended."""

    __tablename__ = "sync_run_streams"
    run_id: int = Field(primary_key=True, sa_type=BIG)
    stream: str = Field(primary_key=True)
    outcome: str = "running"
    started_at: datetime = Field(sa_type=InstantType)
    finished_at: datetime | None = Field(default=None, sa_type=InstantType)
    pages: int = 0
    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    merged: int = 0
    details: int = 0
    rejected: int = 0
    retries: dict[str, int] | None = Field(default=None, sa_type=JsonType)
    error_kind: str | None = None
    error: str | None = None
    hint: str | None = None


class Checkpoint(SQLModel, table=True):
    """A committed cursor: where a stream resumes. `finished_at` is when the stream was last read to its end."""

    __tablename__ = "checkpoints"
    connection: str = Field(primary_key=True)
    stream: str = Field(primary_key=True)
    cursor: dict[str, Any] | None = Field(default=None, sa_type=JsonType)
    saved_at: datetime = Field(sa_type=InstantType)
    finished_at: datetime | None = Field(default=None, sa_type=InstantType)
    run_id: int | None = Field(default=None, sa_type=BIG)


class SweepMark(SQLModel, table=True):
    """An id that the enumeration under way has met. Cleared when the enumeration begins again."""

    __tablename__ = "sweep_marks"
    __table_args__ = ({"sqlite_with_rowid": False},)
    connection: str = Field(primary_key=True)
    stream: str = Field(primary_key=True)
    id: str = key()


class RejectionRow(SQLModel, table=True):
    """Something that we could not use, and why. `resolved_at` is set when the record later arrives whole."""

    __tablename__ = "rejections"
    connection: str = Field(primary_key=True)
    entity: str = Field(primary_key=True)
    record_id: str = Field(primary_key=True)
    field: str = Field(primary_key=True)
    reason: str
    payload: dict[str, Any] | None = Field(default=None, sa_type=JsonType)
    first_seen_at: datetime = Field(sa_type=InstantType)
    last_seen_at: datetime = Field(sa_type=InstantType)
    resolved_at: datetime | None = Field(default=None, sa_type=InstantType)
    run_id: int = Field(sa_type=BIG)


class Comparison(SQLModel, table=True):
    """Our count or sum beside the CRM's, as they were last compared. `part` narrows the object (empty: all of it).

    `theirs` is null where the CRM doesn't tell. `why` says why, or what explains a difference.
    """

    __tablename__ = "comparisons"
    connection: str = Field(primary_key=True)
    object: str = Field(primary_key=True)
    part: str = Field(primary_key=True)
    measure: str = Field(primary_key=True)
    ours: Decimal = Field(sa_type=DecimalType)
    theirs: Decimal | None = Field(default=None, sa_type=DecimalType)
    is_explained: bool = True
    why: str = ""
    checked_at: datetime = Field(sa_type=InstantType)


class SchemaField(SQLModel, table=True):
    """How the CRM last showed a field that we use; `field` is empty for the object itself, `type` where it isn't there.

    A pipeline is shown as a field of `pipelines`, a stage as `PIPELINE/STAGE`.
    """

    __tablename__ = "schema_fields"
    connection: str = Field(primary_key=True)
    object: str = Field(primary_key=True)
    field: str = Field(primary_key=True)
    type: str = ""
    label: str = ""


class SchemaEvent(SQLModel, table=True):
    """A change of the CRM's own schema as a run found it. `what`: removed, added, retyped, renamed."""

    __tablename__ = "schema_events"
    __table_args__ = (Index("ix_schema_events_connection", "connection", "id"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    connection: str
    object: str
    field: str
    what: str
    before: str | None = None
    after: str | None = None
    first_seen_at: datetime = Field(sa_type=InstantType)
    run_id: int = Field(sa_type=BIG)


class Alert(SQLModel, table=True):
    """What is wrong with a connection, as people were told: since when, how often, and when they were last told."""

    __tablename__ = "alerts"
    connection: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    since: datetime = Field(sa_type=InstantType)
    times: int = 1
    told: int = 1
    told_at: datetime = Field(sa_type=InstantType)


class Notification(SQLModel, table=True):
    """News for people, kept until each channel has taken it. `not_before` is when it is tried again."""

    __tablename__ = "notifications"
    __table_args__ = (Index("ix_notifications_open", "settled_at", "not_before"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    connection: str
    kind: str
    at: datetime = Field(sa_type=InstantType)
    content: dict[str, Any] = Field(sa_type=JsonType)
    delivered: list[str] | None = Field(default=None, sa_type=JsonType)
    attempts: int = 0
    not_before: datetime = Field(sa_type=InstantType)
    settled_at: datetime | None = Field(default=None, sa_type=InstantType)
    error: str | None = None


class KpiDefinition(SQLModel, table=True):
    """A KPI as it was defined when a snapshot was taken: a changed definition is a new version."""

    __tablename__ = "kpi_definitions"
    kpi_key: str = Field(primary_key=True)
    version: str = Field(primary_key=True)
    name: str
    formula: str
    unit: str
    polarity: str
    category: str
    names: dict[str, str] | None = Field(default=None, sa_type=JsonType)
    parameters: dict[str, Any] | None = Field(default=None, sa_type=JsonType)
    valid_from: datetime = Field(sa_type=InstantType)


class KpiSnapshotRun(SQLModel, table=True):
    """One computation of all KPIs, also when nothing changed: the heartbeat. `status`: incomplete, complete.

    `basis` is live or rebuilt (for the past instant `as_of`). `broken` tells in sentences which invariants don't hold.
    """

    __tablename__ = "kpi_snapshot_runs"
    id: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    sync_run_ids: list[int] | None = Field(default=None, sa_type=JsonType)
    as_of: datetime = Field(sa_type=InstantType)
    computed_at: datetime = Field(sa_type=InstantType)
    basis: str = "live"
    definitions_hash: str
    parameters_hash: str
    version: str
    status: str
    duration_s: float | None = None
    values_checked: int = Field(default=0, sa_type=BIG)
    values_written: int = Field(default=0, sa_type=BIG)
    broken: list[str] | None = Field(default=None, sa_type=JsonType)


class CalendarPeriod(SQLModel, table=True):
    """A period of a calendar, with its name: half-open local days, `period_start` <= day < `period_end`."""

    __tablename__ = "calendar_periods"
    calendar: str = Field(primary_key=True)
    grain: str = Field(primary_key=True)
    period_start: date = Field(primary_key=True)
    period_end: date = Field(primary_key=True)
    name: str


class KpiSnapshot(SQLModel, table=True):
    """A value of a KPI, append-only: written only where it differs from the newest of its series.

    Periods are half-open local days: `period_start` <= day < `period_end`. `dims` is canonical JSON; `dimension`
    and `member` are the same for readers (empty for totals, comma-joined when crossed). Money is in `currency`.
    """

    __tablename__ = "kpi_snapshots"
    __table_args__ = (
        Index("ix_kpi_snapshots_series", "series", "id"),
        Index("ix_kpi_snapshots_reader", "kpi_key", "calendar", "grain", "dimension", "period_start"),
    )
    id: int | None = Field(default=None, primary_key=True, sa_type=BIG)
    run_id: int = Field(sa_type=BIG)
    series: str
    kpi_key: str
    definition_version: str
    calendar: str
    grain: str
    period_start: date
    period_end: date
    dimension: str = ""
    member: str = ""
    member_label: str = ""
    dims: dict[str, str] | None = Field(default=None, sa_type=JsonType)
    value: Decimal | None = Field(default=None, sa_type=DecimalType)
    numerator: Decimal | None = Field(default=None, sa_type=DecimalType)
    denominator: Decimal | None = Field(default=None, sa_type=DecimalType)
    unit: str
    currency: str | None = None
    n: int | None = Field(default=None, sa_type=BIG)
    ci_low: Decimal | None = Field(default=None, sa_type=DecimalType)
    ci_high: Decimal | None = Field(default=None, sa_type=DecimalType)
    status: str
    status_detail: str | None = None
    flags: list[str] | None = Field(default=None, sa_type=JsonType)
    coverage: dict[str, Any] | None = Field(default=None, sa_type=JsonType)
    is_partial: bool = False
    elapsed_fraction: Decimal | None = Field(default=None, sa_type=DecimalType)
    is_final: bool = False
    basis: str = "live"
    as_of: datetime = Field(sa_type=InstantType)
    computed_at: datetime = Field(sa_type=InstantType)
    parameters_hash: str
    previous_id: int | None = Field(default=None, sa_type=BIG)
    change_reason: str | None = None
    model_config: ClassVar[Any] = {"protected_namespaces": ()}


class KpiTarget(SQLModel, table=True):
    """The target of a KPI for a period and a member (empty: the company), as the newest computation found it.

    `versions` names the versions of the targets that it is made of. `target` is null where a rate is missing.
    """

    __tablename__ = "kpi_targets"
    kpi_key: str = Field(primary_key=True)
    calendar: str = Field(primary_key=True)
    grain: str = Field(primary_key=True)
    period_start: date = Field(primary_key=True)
    dimension: str = Field(primary_key=True)
    member: str = Field(primary_key=True)
    target: Decimal | None = Field(default=None, sa_type=DecimalType)
    fx_missing: int = 0
    versions: str | None = None


def table_of(model: type[SQLModel]) -> Table:
    """The SQL table behind a table class."""
    return model.__table__  # type: ignore[attr-defined, no-any-return]  # SQLModel adds it at run time
