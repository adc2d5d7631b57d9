"""Cells of states at a moment: the end of a period's last day, or now for running periods."""

from duckdb import DuckDBPyConnection

from kpi.cells import Slice, columns, coverage
from kpi.metric import Moment

MEASURES = ("numerator", "denominator", "n", "value", "coverage", "status", "marks")


def at_moments(duck: DuckDBPyConnection, key: str, metric: Moment, wanted: tuple[Slice, ...]) -> None:
    """Totals from the day totals where there are, slices from the states at the ends of months; running ones: now."""
    if metric.daily:
        _daily_totals(duck, key, metric)
    measures = ", ".join(f"{columns(metric)[name]} AS {name}" for name in MEASURES)
    for some in dict.fromkeys(one.dimensions for one in wanted if one.dimensions or not metric.daily):
        member = f"concat_ws(chr(31), {', '.join(some)})" if some else "''"
        by = ", ".join(("day", "is_now", *some))
        fact = next((metric.facts[name] for name in some if name in metric.facts), metric.fact)
        duck.execute(
            "INSERT INTO cells BY NAME WITH grouped AS "
            f"(SELECT day, is_now, {member} AS member, {measures} FROM {fact} GROUP BY {by}) "
            "SELECT $key AS kpi_key, p.calendar, p.grain, p.start_day AS period_start, $dimension AS dimension, "
            "g.* EXCLUDE (day, is_now) FROM periods p JOIN grouped g ON g.is_now = p.is_running "
            "AND (p.is_running OR g.day = p.end_day - 1) WHERE p.grain IN ('month', 'quarter', 'year', 'all')",
            {"key": key, "dimension": ",".join(some)},
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
