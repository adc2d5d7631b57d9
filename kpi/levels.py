"""Cells of levels, which signed changes add up to, and of facts whose rows already stand in a period."""

from duckdb import DuckDBPyConnection

from kpi.cells import Slice, columns, coverage
from kpi.metric import Balance, Periodic
from kpi.moments import MEASURES
from kpi.periods import SLICED

LASTS = """SELECT calendar, grain, start_day, CAST(CASE WHEN is_running THEN today() ELSE end_day - 1 END AS DATE)
    AS last_day FROM periods"""
"""The day whose end a level is taken at."""


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
    for some in _dimensions(wanted):
        duck.execute(
            f"INSERT INTO cells BY NAME WITH changes AS (SELECT day, {_member(some)} AS member, {changed} "
            f"FROM {metric.fact} WHERE day <= today() GROUP BY {', '.join(('day', *some))}), "
            f"levels AS (SELECT day, member, {level} FROM changes "
            "WINDOW so_far AS (PARTITION BY member ORDER BY day)), "
            "members AS (SELECT DISTINCT member FROM levels), "
            f"lasts AS (SELECT * FROM ({LASTS}) CROSS JOIN members WHERE {_grains(some)}) "
            "SELECT $key AS kpi_key, p.calendar, p.grain, p.start_day AS period_start, $dimension AS dimension, "
            f"p.member, l.numerator, {base} AS denominator, l.n, {told} AS coverage FROM lasts p "
            "ASOF JOIN levels l ON l.member = p.member AND p.last_day >= l.day "
            "WHERE $dimension = '' OR l.n <> 0 OR l.numerator <> 0 OR l.denominator <> 0",
            {"key": key, "dimension": ",".join(some)},
        )


def in_periods(duck: DuckDBPyConnection, key: str, metric: Periodic, wanted: tuple[Slice, ...]) -> None:
    """Add up the rows of each period."""
    if _is_empty(duck, metric.fact):
        return
    measures = ", ".join(f"{columns(metric)[name]} AS {name}" for name in MEASURES)
    kept = ", ".join(f"'{grain}'" for grain in metric.grains)
    for some in _dimensions(wanted):
        by = ", ".join(("calendar", "grain", "period_start", *some))
        duck.execute(
            "INSERT INTO cells BY NAME SELECT $key AS kpi_key, calendar, grain, period_start, $dimension AS dimension, "
            f"{_member(some)} AS member, {measures} FROM {metric.fact} "
            f"WHERE {_grains(some)} AND grain IN ({kept}) GROUP BY {by} "
            f"HAVING $dimension = '' OR {metric.rows or metric.n} > 0",
            {"key": key, "dimension": ",".join(some)},
        )


def _is_empty(duck: DuckDBPyConnection, fact: str) -> bool:
    return not duck.execute(f"SELECT 1 FROM {fact} LIMIT 1").fetchall()


def _dimensions(wanted: tuple[Slice, ...]) -> tuple[tuple[str, ...], ...]:
    return tuple(dict.fromkeys(one.dimensions for one in wanted))


def _member(dimensions: tuple[str, ...]) -> str:
    return f"concat_ws(chr(31), {', '.join(dimensions)})" if dimensions else "''"


def _grains(dimensions: tuple[str, ...]) -> str:
    kept = ", ".join(f"'{grain}'" for grain in SLICED)
    return f"grain IN ({kept})" if dimensions else "true"
