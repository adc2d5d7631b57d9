"""Cells of states at a moment: the end of a period's last day, or now for running periods."""

from duckdb import DuckDBPyConnection

from kpi.cells import Sets, Slice, columns, coverage
from kpi.metric import Moment

MEASURES = ("numerator", "denominator", "n", "value", "coverage", "status", "marks")


def at_moments(duck: DuckDBPyConnection, key: str, metric: Moment, wanted: tuple[Slice, ...]) -> None:
    """Totals from the day totals where there are, slices from the states at the ends of months; running ones: now."""
    if metric.daily:
        _daily_totals(duck, key, metric)
    measures = ", ".join(f"{columns(metric)[name]} AS {name}" for name in MEASURES)
    facts: dict[str, dict[tuple[str, ...], None]] = {}
    for some in dict.fromkeys(one.dimensions for one in wanted if one.dimensions or not metric.daily):
        fact = next((metric.facts[name] for name in some if name in metric.facts), metric.fact)
        facts.setdefault(fact, {})[some] = None
    for fact, every in facts.items():
        sets = Sets(every)
        duck.execute(
            "INSERT INTO cells BY NAME WITH grouped AS "
            f"(SELECT day, is_now, {sets.mask} AS mask, {sets.member} AS member, {measures} FROM {fact} "
            f"GROUP BY {sets.by('day', 'is_now')}) "
            "SELECT $key AS kpi_key, p.calendar, p.grain, p.start_day AS period_start, s.dimension, "
            f"g.* EXCLUDE (day, is_now, mask) FROM grouped g JOIN {sets.named} ON s.mask = g.mask "
            "JOIN periods p ON g.is_now = p.is_running "
            "AND (p.is_running OR g.day = p.end_day - 1) WHERE p.grain IN ('month', 'quarter', 'year', 'all')",
            {"key": key},
        )


def _daily_totals(duck: DuckDBPyConnection, key: str, metric: Moment) -> None:
    measures = ", ".join(f"{columns(metric)[name]} AS {name}" for name in ("numerator", "n", "coverage"))
    duck.execute(
        f"INSERT INTO cells BY NAME WITH present AS (SELECT {measures} FROM {metric.fact} WHERE is_now), "
        f"daily AS (SELECT day, {metric.daily_total} AS numerator, {metric.daily_n} AS n, "
        f"{coverage(metric.daily_coverage)} AS coverage FROM {metric.daily}), "
        "past AS (SELECT p.*, CAST(p.end_day - 1 AS DATE) AS last_day FROM periods p WHERE NOT p.is_running), "
        "found AS (SELECT p.calendar, p.grain, p.start_day, n.* FROM periods p CROSS JOIN present n WHERE p.is_running "
        "UNION ALL SELECT p.calendar, p.grain, p.start_day, d.numerator, d.n, d.coverage "
        "FROM past p ASOF JOIN daily d ON p.last_day >= d.day) "
        "SELECT $key AS kpi_key, * RENAME (start_day AS period_start), '' AS dimension, '' AS member FROM found",
        {"key": key},
    )
