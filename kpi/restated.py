"""Restated: what was done to records since the last run, and which days it has to do with; why a past value changed."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from duckdb import DuckDBPyConnection
from sqlalchemy import Date

from kpi.lineage import tables_of
from kpi.metric import Metric
from kpi.rewind import LOOK_UPS, RECORDS
from kpi.source import COPIES, Copy
from kpi.warehouse import put_rows
from store.columns import InstantType, utc

NOT_ITS_OWN = frozenset({"updated_at", "deleted_at", "valid_from"})
"""Columns of time that don't say when something happened."""
SEEN = ("first_seen_at", "last_seen_at", "deleted_at", "merged_into_id")
ALWAYS = {"exchange_rates": "fx_rate", "targets": "target_change"}
REASON = """CASE WHEN merged_into_id IS NOT NULL THEN 'merged_record' WHEN deleted_at IS NOT NULL THEN 'deleted_record'
    WHEN first_seen_at > {since} THEN 'late_record' {reopened} ELSE 'edited_record' END"""
REOPENED = """WHEN NOT coalesce(is_closed, false) AND EXISTS (
        SELECT 1 FROM deal_stage_changes v JOIN stages s ON s.connection = v.connection
            AND s.pipeline_id = v.pipeline_id AND s.id = v.stage_id
        WHERE v.connection = r.connection AND v.deal_id = r.id AND s.is_closed AND v.exited_at > {since}
    ) THEN 'reopened_deal'"""
MOVED = """
INSERT INTO edits
SELECT 'deals', t.reason, try_cast(c.old_value AS DATE), try_cast(c.old_value AS DATE)
FROM moved_deals c JOIN touched_deals r ON r.connection = c.connection AND r.id = c.deal_id
JOIN LATERAL (SELECT {reason} AS reason) t ON true
WHERE try_cast(c.old_value AS DATE) IS NOT NULL
"""
COLLAPSED = """
CREATE OR REPLACE TABLE edited AS
WITH begun AS (
    SELECT *, coalesce(since > max(until) OVER (PARTITION BY source, reason ORDER BY since, until
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), true) AS is_new FROM edits
),
islands AS (
    SELECT *, sum(CAST(is_new AS INTEGER)) OVER (PARTITION BY source, reason ORDER BY since, until) AS island
    FROM begun
)
SELECT source, reason, min(since) AS since, max(until) AS until FROM islands GROUP BY source, reason, island
"""
EVER, NEVER = "DATE '0001-01-01'", "DATE '9999-12-31'"


def touched(duck: DuckDBPyConnection, metrics: Mapping[str, Metric], since: datetime | None) -> None:
    """Make `edited` (source, reason, since, until: days, both in) and `lineage` (kpi_key, source).

    `since` is the instant of the last run, and the `touched_copies` since then are there; None where there was none,
    and nothing is restated.
    """
    duck.execute("CREATE OR REPLACE TABLE edits (source VARCHAR, reason VARCHAR, since DATE, until DATE)")
    lineage = [(key, table) for key, metric in metrics.items() for table in sorted(tables_of(metric))]
    put_rows(duck, "lineage", {"kpi_key": "VARCHAR", "source": "VARCHAR"}, lineage)
    if since is not None:
        then = f"TIMESTAMP '{utc(since).replace(tzinfo=None)}'"
        matter = {table for _, table in lineage}
        for name, copy in _dated().items():
            if name in matter and duck.execute(f"SELECT 1 FROM touched_{name} LIMIT 1").fetchall():
                duck.execute(_days(copy, then))
        duck.execute(MOVED.format(reason=_reason("deals", then)))
    duck.execute(COLLAPSED)


def touched_copies(since: datetime | None, *, is_sqlite: bool, only: Container[str] | None = None) -> list[Copy]:
    """Of each dated kind of record, the rows that have brought something new since; and moved close dates.

    `only` names the tables that matter, where not all do.
    """
    if since is None:
        return []
    since = utc(since)
    at = since.replace(tzinfo=None)
    then = f"'{at:%Y-%m-%d %H:%M:%S.%f}'" if is_sqlite else f"TIMESTAMPTZ '{since}'"
    new = f"(last_seen_at > {then} OR first_seen_at > {then})"
    changed = [
        replace(copy, columns=tuple(dict.fromkeys((*copy.columns, *SEEN))), where=new, into=f"touched_{name}")
        for name, copy in _dated().items()
        if only is None or name in only
    ]
    history = next(copy for copy in COPIES if copy.table.name == "deal_field_changes")
    moved = f"field = 'close_date' AND (changed_at > {then} OR {new})"
    return [*changed, replace(history, columns=("connection", "deal_id", "old_value"), where=moved, into="moved_deals")]


def _dated() -> dict[str, Copy]:
    """The first copy of each kind of record that has a time of its own, by table."""
    first = {copy.table.name: copy for copy in reversed(COPIES) if copy.table.name in RECORDS - LOOK_UPS}
    return {name: copy for name, copy in first.items() if _dates(copy)}


def _dates(copy: Copy) -> list[str]:
    """The days of a record, as expressions: none where it has no time of its own."""
    kinds = {name: copy.table.c[name].type for name in copy.columns if name not in {*SEEN, *NOT_ITS_OWN}}
    return [
        f"local_day_of_any({name})" if isinstance(kind, InstantType) else name
        for name, kind in kinds.items()
        if isinstance(kind, InstantType | Date)
    ]


def _days(copy: Copy, then: str) -> str:
    dates: Sequence[str] = _dates(copy)
    first = f"coalesce(least({', '.join(dates)}), {EVER})"
    last = f"coalesce(greatest({', '.join(dates)}), {NEVER})"
    name = copy.table.name
    if name == "deals":
        last = f"CASE WHEN coalesce(is_closed, false) THEN {last} ELSE greatest({last}, today()) END"
    elif name == "exchange_rates" or "end_date" in copy.columns:
        last = NEVER
    return f"INSERT INTO edits SELECT '{name}', {_reason(name, then)}, {first}, {last} FROM touched_{name} r"


def _reason(name: str, then: str) -> str:
    if name in ALWAYS:
        return f"'{ALWAYS[name]}'"
    return REASON.format(since=then, reopened=REOPENED.format(since=then) if name == "deals" else "")
