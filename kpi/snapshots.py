"""Compare what was computed with the newest row of each series, and write what changed."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from duckdb import DuckDBPyConnection
from sqlalchemy import Connection

from kpi.source import Copy, Source
from store.schema import KpiSnapshot, table_of
from store.snapshots import COLUMNS, NUMBER_TYPE, NUMBERS, newest_complete

COMPARED = (
    "id", "series", "kpi_key", "definition_version", "calendar", "grain", "dimension", "value", "status", "numerator",
    "denominator", "n", "flags", "coverage", "is_partial", "is_final",
)  # fmt: skip
SNAPSHOTS = table_of(KpiSnapshot)
BATCH = 20_000
NEAREST = """CREATE OR REPLACE MACRO nearest(x) AS CASE WHEN abs(x) < 900000 THEN CAST(x AS DOUBLE)
    ELSE CAST(CAST(x AS VARCHAR) AS DOUBLE) END"""
"""The nearest double to a decimal of ten places: up to 2^53 of its last places a division finds it, else its text."""
DIFFERS = """CREATE OR REPLACE MACRO differs(stored, computed) AS stored IS DISTINCT FROM nearest(computed)"""
COVERED = """CREATE OR REPLACE MACRO covered(text) AS
    list_sort(map_entries(from_json(text, '"MAP(VARCHAR, DOUBLE)"')))"""
COVERS = """CREATE OR REPLACE MACRO covers_otherwise(stored, computed) AS stored IS DISTINCT FROM computed
    AND (len(covered(stored)) IS DISTINCT FROM len(covered(computed)) OR list_bool_or(list_transform(
        list_zip(covered(stored), covered(computed)), lambda pair: pair[1].key IS DISTINCT FROM pair[2].key
        OR CASE WHEN pair[1].key = 'standard_error'
            THEN abs(pair[1].value - pair[2].value) > 0.000011 * abs(pair[1].value)
            ELSE pair[1].value IS DISTINCT FROM pair[2].value END)))"""
"""Standard errors are sums of fractions: their sixth digit may depend on the order of the rows, and says nothing. One
of it is up to a hundred thousandth of the whole, and a little more as doubles go."""
CHANGED = """
CREATE OR REPLACE TABLE changed AS
WITH compared AS (
    SELECT c.*, p.id AS previous_id, p.is_partial AS was_partial, p.definition_version AS was_version,
        p.status IS DISTINCT FROM c.status OR p.n IS DISTINCT FROM c.n OR differs(p.value, c.value)
            OR differs(p.numerator, c.numerator) OR differs(p.denominator, c.denominator)
            OR covers_otherwise(p.coverage, c.coverage) AS is_restated,
        replace(p.flags, ' ', '') IS DISTINCT FROM c.flags OR p.is_partial IS DISTINCT FROM c.is_partial
            OR p.is_final IS DISTINCT FROM c.is_final
            OR p.definition_version IS DISTINCT FROM c.definition_version AS is_marked
    FROM (FROM kpi_values UNION ALL BY NAME FROM emptied) c LEFT JOIN newest p ON p.series = c.series
)
SELECT *, CASE WHEN previous_id IS NULL THEN NULL WHEN was_version <> definition_version THEN 'definition_change'
    WHEN is_restated AND NOT was_partial THEN CASE WHEN $remapped THEN 'mapping_change' ELSE coalesce((
        SELECT string_agg(DISTINCT t.reason, ',' ORDER BY t.reason) FROM edited t
        JOIN lineage l ON l.source = t.source WHERE l.kpi_key = compared.kpi_key
            AND t.since < compared.period_end AND t.until >= compared.period_start), 'edited_record') END
    END AS change_reason
FROM compared WHERE is_restated OR is_marked
"""
VANISHED = """
SELECT p.id FROM newest p JOIN metrics m ON m.kpi_key = p.kpi_key
    AND split_part(m.version, '.', 1) = split_part(p.definition_version, '.', 1)
ANTI JOIN kpi_values v ON v.series = p.series
WHERE NOT (p.n = 0 AND coalesce(p.numerator, 0) = 0 AND p.is_final)
    AND (p.kpi_key, p.calendar, p.grain, p.dimension) IN
        (SELECT (kpi_key, calendar, grain, dimension) FROM wanted_slices)
"""
IDENTITY = ("series", "kpi_key", "calendar", "grain", "period_start", "period_end", "dimension", "member",
            "member_label", "dims")  # fmt: skip
EMPTIED = """
INSERT INTO emptied BY NAME
SELECT g.*, m.version AS definition_version, m.unit, m.currency, 0 AS n,
    CASE WHEN m.is_missing THEN 'source_missing' WHEN m.kind = 'sum' THEN 'ok' ELSE 'zero_denominator' END AS status,
    CASE WHEN m.kind = 'sum' AND NOT m.is_missing THEN 0 END AS value,
    CASE WHEN m.kind <> 'percentile' THEN 0 END AS numerator, CASE WHEN m.kind <> 'sum' THEN 0 END AS denominator,
    today() >= g.period_start AND today() < g.period_end AS is_partial, 1 AS elapsed_fraction,
    g.period_end + late_window() <= today() AS is_final
FROM gone g JOIN metrics m ON m.kpi_key = g.kpi_key
"""


def newest(tx: Connection, parameters_hash: str, at: datetime | None = None) -> Copy:
    """The newest row of each series under these parameters, to compare with; with `at`, of those rebuilt for it."""
    where = newest_complete(tx, parameters_hash, at=at)
    return Copy(table=SNAPSHOTS, columns=COMPARED, where=where, into="newest", decimals="double")


def compare(duck: DuckDBPyConnection, source: Source, *, remapped: bool) -> tuple[int, int]:
    """Make `changed` from `kpi_values` and `newest`; answers how many values were checked and how many changed.

    Why a period that is over changed: because words of the CRM are read otherwise (`remapped`), else what was done to
    records (see `restated`) that the KPI is computed from and that have to do with the period.
    A series that had rows behind it and has none now is compared too, as 0 or null: no slice stays stale.
    """
    duck.execute(NEAREST)
    duck.execute(DIFFERS)
    duck.execute(COVERED)
    duck.execute(COVERS)
    duck.execute("CREATE OR REPLACE TABLE emptied AS FROM kpi_values LIMIT 0")
    gone = [row[0] for row in duck.execute(VANISHED).fetchall()]
    for start in range(0, len(gone), BATCH):
        ids = ", ".join(map(str, gone[start : start + BATCH]))
        source.copy([Copy(table=SNAPSHOTS, columns=IDENTITY, where=f"id IN ({ids})", into="gone")])
        duck.execute(EMPTIED)
    duck.execute(CHANGED, {"remapped": remapped})
    return _count(duck, "kpi_values") + _count(duck, "emptied"), _count(duck, "changed")


def changed_rows(duck: DuckDBPyConnection, dialect: str) -> Iterator[Sequence[tuple[Any, ...]]]:
    """The rows that `store.snapshots.save` takes, in batches."""
    selected = ", ".join(_stored(name, NUMBER_TYPE[dialect]) for name in COLUMNS)
    order = "kpi_key, calendar, grain, dimension, period_start, member"
    cursor = duck.execute(f"SELECT {selected} FROM changed ORDER BY {order}")
    while batch := cursor.fetchmany(BATCH):
        yield batch


def named_periods(duck: DuckDBPyConnection) -> list[dict[str, Any]]:
    """The periods that were computed, with their names; days and weeks go by their dates."""
    names = ("calendar", "grain", "period_start", "period_end", "name")
    found = duck.execute(
        "SELECT calendar, grain, start_day, end_day, name FROM periods WHERE grain NOT IN ('day', 'week')"
    ).fetchall()
    return [dict(zip(names, row, strict=True)) for row in found]


def known_targets(duck: DuckDBPyConnection) -> list[dict[str, Any]]:
    """The targets by period, as `store.snapshots.keep_targets` takes them."""
    names = ("kpi_key", "calendar", "grain", "period_start", "dimension", "member", "target", "fx_missing", "versions")
    found = duck.execute(
        "SELECT kpi_key, calendar, grain, period_start, dimension, member, CAST(target AS VARCHAR), "
        "CAST(fx_missing AS INTEGER), versions FROM target_values"
    ).fetchall()
    rows = [dict(zip(names, row, strict=True)) for row in found]
    return [{**row, "target": None if row["target"] is None else Decimal(row["target"]).normalize()} for row in rows]


def _stored(name: str, number: str) -> str:
    if name in NUMBERS:
        return f"nearest({name})" if number == "DOUBLE" else f"CAST({name} AS {number})"
    return f"CAST({name} AS VARCHAR)" if name in ("period_start", "period_end") else name


def _count(duck: DuckDBPyConnection, table: str) -> int:
    [(count,)] = duck.execute(f"SELECT count(*) FROM {table}").fetchall()
    return int(count)
