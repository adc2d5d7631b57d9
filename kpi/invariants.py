"""Invariants: what must hold between computed values whatever the data; a sentence for each that doesn't."""

from collections.abc import Mapping

from duckdb import DuckDBPyConnection
from sqlalchemy import and_, or_, select
from sqlmodel import SQLModel

from kpi.metric import Flow, Metric, Moment
from store.database import Database
from store.schema import RecordAlias, table_of

ALIASES = table_of(RecordAlias)
TOLERANCE = "0.0000000001"
ROUNDING = "0.000001"
SHOWN = 5
SLICES_ADD_UP = """
SELECT t.kpi_key || ' by ' || s.dimension || ' adds up to ' || s.total || ' instead of ' || t.numerator
    || ' in the ' || t.grain || ' from ' || t.period_start || ' (' || t.calendar || ')'
FROM kpi_values t JOIN (
    SELECT kpi_key, calendar, grain, period_start, dimension, sum(numerator) AS total
    FROM kpi_values WHERE dimension <> '' GROUP BY ALL
) s USING (kpi_key, calendar, grain, period_start)
WHERE t.dimension = '' AND t.kpi_key IN (SELECT unnest($keys::VARCHAR[])) AND s.total <> t.numerator
    AND NOT list_has_any(list_transform(string_split(s.dimension, ','), lambda name: t.kpi_key || '|' || name),
        $overlapping::VARCHAR[])
"""
OUTCOMES_ADD_UP = """
SELECT 'won and lost deals are not the closed deals of the win rate in the ' || r.grain || ' from ' || r.period_start
FROM kpi_values r
JOIN kpi_values w ON w.kpi_key = 'won_deals_count' AND w.dimension = '' AND (w.calendar, w.grain, w.period_start)
    = (r.calendar, r.grain, r.period_start)
JOIN kpi_values l ON l.kpi_key = 'lost_deals_count' AND l.dimension = '' AND (l.calendar, l.grain, l.period_start)
    = (r.calendar, r.grain, r.period_start)
WHERE r.kpi_key = 'win_rate' AND r.dimension = '' AND w.value + l.value <> r.denominator
"""
FATES_ADD_UP = """
SELECT c.member || ': who went on, dropped out, stayed and moved add up to ' || (c.value + d.value + f.others)
    || ' instead of 1 in the ' || c.grain || ' from ' || c.period_start || ' (' || c.calendar || ')'
FROM kpi_values c JOIN kpi_values d ON d.kpi_key = 'stage_drop_off_rate' AND (d.calendar, d.grain, d.period_start,
    d.dimension, d.member) = (c.calendar, c.grain, c.period_start, c.dimension, c.member)
JOIN LATERAL (SELECT CAST(d.coverage ->> '$.staying' AS DOUBLE) + CAST(d.coverage ->> '$.moved' AS DOUBLE) AS others) f
    ON true
WHERE c.kpi_key = 'stage_conversion_rate' AND d.coverage IS NOT NULL
    AND (c.denominator <> d.denominator OR abs(c.value + d.value + f.others - 1) > 0.000001)
"""
SHARES_ARE_SHARES = """
SELECT kpi_key || ' is ' || value || ', which is no share, in the ' || grain || ' from ' || period_start
FROM kpi_values WHERE kpi_key IN ('win_rate', 'opportunity_conversion_rate', 'stage_conversion_rate',
    'stage_drop_off_rate')
    AND (value < 0 OR value > 1)
"""
QUOTIENTS_HOLD = f"""
SELECT v.kpi_key || ' is not numerator / denominator in the ' || v.grain || ' from ' || v.period_start
FROM kpi_values v JOIN metrics m USING (kpi_key)
WHERE m.kind IN ('quotient', 'growth', 'change') AND v.status = 'ok'
    AND abs(CAST(v.value AS DOUBLE) * CAST(v.denominator AS DOUBLE) - CAST(v.numerator AS DOUBLE))
        > {ROUNDING} * (1 + abs(CAST(v.value AS DOUBLE)) + abs(CAST(v.denominator AS DOUBLE)))
        + {TOLERANCE} * abs(CAST(v.numerator AS DOUBLE))
"""
NULL_MEANS_WHY = """
SELECT kpi_key || ' has ' || CASE WHEN value IS NULL THEN 'no value' ELSE 'a value' END || ' with status ' || status
    || ' in the ' || grain || ' from ' || period_start
FROM kpi_values WHERE (value IS NULL) <> (status <> 'ok')
"""
DAYS_ADD_UP = """
SELECT p.kpi_key || ' by day adds up to ' || sum(d.numerator) || ' instead of ' || p.numerator || ' in the ' || p.grain
    || ' from ' || p.period_start || ' (' || p.calendar || ')'
FROM kpi_values p JOIN kpi_values d ON d.kpi_key = p.kpi_key AND d.grain = 'day' AND d.dimension = ''
    AND d.period_start >= p.period_start AND d.period_start < p.period_end
WHERE p.kpi_key IN (SELECT unnest($keys::VARCHAR[])) AND p.dimension = '' AND NOT p.is_partial
    AND p.grain IN ('week', 'month', 'quarter', 'year')
GROUP BY p.kpi_key, p.calendar, p.grain, p.period_start, p.numerator HAVING sum(d.numerator) <> p.numerator
"""


def lost_aliases(database: Database) -> tuple[str, ...]:
    """Sentences about merged-away ids whose survivor isn't there or was merged away itself."""
    found: list[str] = []
    with database.read() as tx:
        for entity in tx.execute(select(ALIASES.c.entity).distinct()).scalars().all():
            table = SQLModel.metadata.tables[entity]
            lost = (
                select(ALIASES.c.connection, ALIASES.c.old_id, ALIASES.c.id)
                .outerjoin(table, and_(table.c.connection == ALIASES.c.connection, table.c.id == ALIASES.c.id))
                .where(ALIASES.c.entity == entity, or_(table.c.id.is_(None), table.c.merged_into_id.is_not(None)))
                .limit(SHOWN)
            )
            found += [
                f"{entity} {row.old_id} of {row.connection} was merged into {row.id}, which is not there"
                for row in tx.execute(lost)
            ]
    return tuple(found)


def _adds_up(metric: Metric) -> bool:
    """Whether the slices of a metric are shares of its total."""
    return isinstance(metric, Flow) or (isinstance(metric, Moment) and not metric.base)


def violations(duck: DuckDBPyConnection, metrics: Mapping[str, Metric]) -> tuple[str, ...]:
    """Sentences, at most a few of each kind. Running periods are not held to their days: those may lie ahead."""
    flows = [key for key, metric in metrics.items() if isinstance(metric, Flow)]
    additive = [key for key, metric in metrics.items() if _adds_up(metric)]
    overlapping = [
        f"{key}|{name}" for key, metric in metrics.items() if isinstance(metric, Flow) for name in metric.overlapping
    ]
    checks: tuple[tuple[str, dict[str, list[str]]], ...] = (
        (SLICES_ADD_UP, {"keys": additive, "overlapping": overlapping}),
        (OUTCOMES_ADD_UP, {}),
        (FATES_ADD_UP, {}),
        (SHARES_ARE_SHARES, {}),
        (QUOTIENTS_HOLD, {}),
        (NULL_MEANS_WHY, {}),
        (DAYS_ADD_UP, {"keys": flows}),
    )
    return tuple(
        str(row[0])
        for query, parameters in checks
        for row in duck.execute(f"{query} LIMIT {SHOWN}", parameters or None).fetchall()
    )
