"""Cells of levels, which signed changes add up to, and of facts whose rows already stand in a period."""

from duckdb import DuckDBPyConnection

from kpi.cells import Sets, Slice, columns, coverage
from kpi.metric import Balance, Periodic
from kpi.moments import MEASURES
from kpi.periods import SLICED

LASTS = """SELECT calendar, grain, start_day, CAST(CASE WHEN is_running THEN today() ELSE end_day - 1 END AS DATE)
    AS last_day FROM periods"""
"""The day whose end a level is taken at."""
KEPT = ", ".join(f"'{grain}'" for grain in SLICED)


def at_ends(duck: DuckDBPyConnection, key: str, metric: Balance, wanted: tuple[Slice, ...]) -> None:
    """Add the changes up to the end of each period's last day; in a running one up to today."""
    if _is_empty(duck, metric.fact):
        return
    sums = {"numerator": metric.total, "denominator": metric.base or "0", "n": metric.n}
    sums |= {f"c_{name}": expression for name, expression in metric.coverage.items()}
    changed = ", ".join(f"{expression} AS {name}" for name, expression in sums.items())
    level = ", ".join(f"sum({name}) OVER so_far AS {name}" for name in sums)
    told = coverage({name: f"l.c_{name}" for name in metric.coverage})
    base = "l.denominator" if metric.base else "NULL"
    sets = Sets(dict.fromkeys(one.dimensions for one in wanted))
    duck.execute(
        "INSERT INTO cells BY NAME WITH grouped AS "
        f"(SELECT day, {sets.mask} AS mask, {sets.member} AS member, {changed} "
        f"FROM {metric.fact} WHERE day <= today() GROUP BY {sets.by('day')}), "
        f"changes AS (SELECT g.*, s.dimension FROM grouped g JOIN {sets.named} ON s.mask = g.mask), "
        f"levels AS (SELECT day, dimension, member, {level} FROM changes "
        "WINDOW so_far AS (PARTITION BY dimension, member ORDER BY day)), "
        "members AS (SELECT DISTINCT dimension, member FROM levels), "
        f"lasts AS (SELECT * FROM ({LASTS}) JOIN members ON dimension = '' OR grain IN ({KEPT})) "
        "SELECT $key AS kpi_key, p.calendar, p.grain, p.start_day AS period_start, p.dimension, "
        f"p.member, l.numerator, {base} AS denominator, l.n, {told} AS coverage FROM lasts p "
        "ASOF JOIN levels l ON l.dimension = p.dimension AND l.member = p.member AND p.last_day >= l.day "
        "WHERE p.dimension = '' OR l.n <> 0 OR l.numerator <> 0 OR l.denominator <> 0",
        {"key": key},
    )


def in_periods(duck: DuckDBPyConnection, key: str, metric: Periodic, wanted: tuple[Slice, ...]) -> None:
    """Add up the rows of each period."""
    if _is_empty(duck, metric.fact):
        return
    measures = ", ".join(f"{columns(metric)[name]} AS {name}" for name in MEASURES)
    kept = ", ".join(f"'{grain}'" for grain in metric.grains)
    sets = Sets(dict.fromkeys(one.dimensions for one in wanted))
    duck.execute(
        "INSERT INTO cells BY NAME WITH grouped AS (SELECT calendar, grain, period_start, "
        f"{sets.mask} AS mask, {sets.member} AS member, {measures}, {metric.rows or metric.n} AS rows "
        f"FROM {metric.fact} WHERE grain IN ({kept}) GROUP BY {sets.by('calendar', 'grain', 'period_start')}) "
        "SELECT $key AS kpi_key, s.dimension, g.* EXCLUDE (mask, rows) "
        f"FROM grouped g JOIN {sets.named} ON s.mask = g.mask "
        f"WHERE s.dimension = '' OR g.rows > 0 AND g.grain IN ({KEPT})",
        {"key": key},
    )


def _is_empty(duck: DuckDBPyConnection, fact: str) -> bool:
    return not duck.execute(f"SELECT 1 FROM {fact} LIMIT 1").fetchall()
