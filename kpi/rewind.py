"""Rewind: the copied columns as they stood at an instant, from the histories that the CRM and our own syncs have kept.

What came later is unseen: records created later, changes and visits made later, instants that lie after it. What was
deleted or merged later was there. Fields without a history stand as they are now.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from duckdb import DuckDBPyConnection

from kpi.source import Copy
from store.columns import InstantType, utc
from store.records import (
    Account,
    Campaign,
    Company,
    Contact,
    DealFieldChange,
    DealStageChange,
    Pipeline,
    Product,
    Record,
    Stage,
    Team,
    User,
)
from store.schema import TABLES

REWOUND = ("deals", "deal_stage_changes", "deal_field_changes", "stages")
"""What a deal's past is told from."""
LOOK_UPS = frozenset(
    TABLES[record].name for record in (Account, User, Team, Company, Contact, Campaign, Pipeline, Stage, Product)
)
"""What gives names and groups to others: seen whenever it was made."""
RECORDS = frozenset(table.name for record, table in TABLES.items() if issubclass(record, Record))
HAPPENED = {TABLES[DealStageChange].name: "entered_at", TABLES[DealFieldChange].name: "changed_at"}
"""Details that are events themselves, and when they were."""
PLANNED = frozenset(
    {"created_at", "updated_at", "occurred_at", "due_at", "next_activity_at", "valid_from", "active_from"}
)
"""Instants that may rightly lie ahead, or say nothing of what was known."""
FIELDS = {
    "owner_id": "VARCHAR",
    "pipeline_id": "VARCHAR",
    "forecast_category": "VARCHAR",
    "amount": "DECIMAL(38, 6)",
    "close_date": "DATE",
}
"""A deal's fields that have a history."""
FOLLOWS = {
    "leads": {
        "converted_deal_id": "coalesce(converted_at > {at}, false)",
        "qualified_level": "coalesce(qualified_at > {at}, false)",
    },
}
"""What is known only from an instant on."""
OUTCOME = """CASE WHEN completed_at > {at} THEN 'open' WHEN occurred_at > {at} THEN 'scheduled' ELSE outcome END"""
IS_ACTIVE = """is_active OR coalesce(active_to > {at} OR deleted_at > {at}
    OR (active_to IS NULL AND deleted_at IS NULL AND updated_at > {at}), false)"""
VALUES_THEN = """
CREATE OR REPLACE TABLE values_then AS
SELECT connection, deal_id, field, count(*) FILTER (changed_at <= {at}) > 0 AS is_known,
    CASE WHEN count(*) FILTER (changed_at <= {at}) > 0 THEN arg_max({{'is': new_value}}, changed_at)
        FILTER (changed_at <= {at}) ELSE arg_min({{'is': old_value}}, changed_at) END AS value
FROM deal_field_changes GROUP BY connection, deal_id, field
"""
STAGES_THEN = """
CREATE OR REPLACE TABLE stages_then AS
WITH visits AS (
    SELECT v.*, coalesce(s.is_closed, false) AS is_closed, coalesce(s.is_won, false) AS is_won,
        lag(coalesce(s.is_closed, false)) OVER (PARTITION BY v.connection, v.deal_id ORDER BY v.entered_at)
            AS was_closed
    FROM deal_stage_changes v LEFT JOIN stages s ON s.connection = v.connection AND s.pipeline_id = v.pipeline_id
        AND s.id = v.stage_id
)
SELECT connection, deal_id, bool_and(entered_at <= {at}) AS is_present,
    arg_max({{'pipeline_id': pipeline_id, 'stage_id': stage_id, 'is_closed': is_closed, 'is_won': is_won}}, entered_at)
        FILTER (entered_at <= {at}) AS stage,
    max(entered_at) FILTER (entered_at <= {at} AND is_closed AND NOT coalesce(was_closed, false)) AS closed_at
FROM visits GROUP BY connection, deal_id
"""
DEALS_THEN = """
SELECT d.* REPLACE ({replaced}) FROM deals d
LEFT JOIN stages_then s ON s.connection = d.connection AND s.deal_id = d.id
LEFT JOIN (
    SELECT connection, deal_id, {pivoted} FROM values_then GROUP BY connection, deal_id
) f ON f.connection = d.connection AND f.deal_id = d.id
"""
STILL = """coalesce(s.is_present, coalesce(d.closed_at <= {at},
    NOT coalesce(d.is_closed, false) OR coalesce(d.close_date <= {day}, true)))"""
"""Whether a deal's stage is the present one: no later visit; without visits, unless it was closed later."""


def earlier_copies(copies: Sequence[Copy], at: datetime, *, is_sqlite: bool) -> tuple[Copy, ...]:
    """The copies with the rows that were live at `at`, and what is needed to wind them back."""
    then = f"'{utc(at).replace(tzinfo=None):%Y-%m-%d %H:%M:%S.%f}'" if is_sqlite else f"TIMESTAMPTZ '{utc(at)}'"
    return tuple(_earlier(copy, then) for copy in copies)


def _earlier(copy: Copy, then: str) -> Copy:
    name, where = copy.table.name, copy.where
    later = f"coalesce(deleted_at > {then}, 1 = 0)"
    where = where.replace("deleted_at IS NULL", f"(deleted_at IS NULL OR {later})")
    where = where.replace("merged_into_id IS NULL", f"(merged_into_id IS NULL OR {later})")
    where = where.replace("merged_into_id IS NOT NULL", f"(merged_into_id IS NOT NULL AND NOT {later})")
    if name in RECORDS - LOOK_UPS:
        where += f" AND (created_at IS NULL OR created_at <= {then})"
    if name == "deal_field_changes":
        fields = ", ".join(f"'{field}'" for field in FIELDS)
        where = f"(deleted_at IS NULL OR {later}) AND field IN ({fields})"
        return replace(copy, where=where, columns=(*copy.columns, "old_value"))
    return replace(copy, where=where)


def rewind(duck: DuckDBPyConnection, copies: Sequence[Copy], at: datetime, zone: ZoneInfo) -> None:
    """Wind the copied tables back to `at`. A day is over when its last microsecond is."""
    day = (utc(at) - timedelta(microseconds=1)).astimezone(zone).date()
    then = f"TIMESTAMP '{utc(at).replace(tzinfo=None)}'"
    duck.execute(VALUES_THEN.format(at=then))
    duck.execute(STAGES_THEN.format(at=then))
    _deals(duck, then, f"DATE '{day}'")
    for copy in copies:
        _instants(duck, copy, then)


def _deals(duck: DuckDBPyConnection, then: str, day: str) -> None:
    known = [row[0] for row in duck.execute("DESCRIBE deals").fetchall()]
    still = STILL.format(at=then, day=day)
    replaced = {
        field: f"CASE WHEN f.{field} IS NULL THEN d.{field} ELSE try_cast(f.{field}['is'] AS {kind}) END"
        for field, kind in FIELDS.items()
    }
    replaced |= {
        "stage_id": f"CASE WHEN {still} THEN d.stage_id ELSE s.stage.stage_id END",
        "pipeline_id": f"CASE WHEN {still} THEN d.pipeline_id ELSE coalesce(s.stage.pipeline_id, d.pipeline_id) END",
        "is_closed": f"CASE WHEN {still} THEN d.is_closed ELSE coalesce(s.stage.is_closed, false) END",
        "is_won": f"CASE WHEN {still} THEN d.is_won ELSE coalesce(s.stage.is_closed AND s.stage.is_won, false) END",
        "closed_at": f"CASE WHEN {still} THEN d.closed_at WHEN s.stage.is_closed THEN s.closed_at END",
    }
    pivoted = ", ".join(f"any_value(value) FILTER (field = '{field}') AS {field}" for field in FIELDS)
    chosen = ", ".join(f"{expression} AS {name}" for name, expression in replaced.items() if name in known)
    _replace(duck, "deals", DEALS_THEN.format(replaced=chosen, pivoted=pivoted))


def _instants(duck: DuckDBPyConnection, copy: Copy, then: str) -> None:
    name = copy.into or copy.table.name
    kinds = {column: copy.table.c[column].type for column in copy.columns}
    replaced = {
        column: f"CASE WHEN {column} <= {then} THEN {column} END"
        for column, kind in kinds.items()
        if isinstance(kind, InstantType) and column not in PLANNED | {HAPPENED.get(copy.table.name)}
    }
    if {"deleted_at", "merged_into_id"} <= set(kinds):
        replaced["merged_into_id"] = f"CASE WHEN NOT coalesce(deleted_at > {then}, false) THEN merged_into_id END"
    if {"outcome", "completed_at", "occurred_at"} <= set(kinds):
        replaced["outcome"] = OUTCOME.format(at=then)
    if {"is_active", "active_to", "deleted_at", "updated_at"} <= set(kinds):
        replaced["is_active"] = IS_ACTIVE.format(at=then)
    for column, unknown in FOLLOWS.get(copy.table.name, {}).items():
        if column in kinds:
            replaced[column] = f"CASE WHEN NOT {unknown.format(at=then)} THEN {column} END"
    where = f" WHERE {HAPPENED[name]} <= {then}" if name in HAPPENED else ""
    if replaced or where:
        changes = ", ".join(f"{expression} AS {column}" for column, expression in replaced.items())
        _replace(duck, name, f"SELECT *{f' REPLACE ({changes})' if changes else ''} FROM {name}{where}")


def _replace(duck: DuckDBPyConnection, name: str, query: str) -> None:
    duck.execute(f"CREATE OR REPLACE TABLE rewound AS {query}")
    [(kind,)] = duck.execute(
        "SELECT table_type FROM information_schema.tables WHERE table_name = ? AND table_catalog = current_database()",
        [name],
    ).fetchall()
    duck.execute(f"DROP {'VIEW' if kind == 'VIEW' else 'TABLE'} {name}")
    duck.execute(f"ALTER TABLE rewound RENAME TO {name}")
