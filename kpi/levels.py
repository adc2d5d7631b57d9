"""Cells of levels, which signed changes add up to, and of facts whose rows already stand in a period."""

from collections.abc import Mapping

from duckdb import DuckDBPyConnection

from kpi.cells import Sets, Slice, columns, coverage
from kpi.metric import Balance, Periodic
from kpi.moments import MEASURES, alike, dimensions_of
from kpi.periods import SLICED

LASTS = """SELECT calendar, grain, start_day, CAST(CASE WHEN is_running THEN today() ELSE end_day - 1 END AS DATE)
    AS last_day FROM periods"""
"""The day whose end a level is taken at."""
MOMENT = "coalesce(m.day, today())"
"""The first end of a month on or after a day, or today: members are looked at no oftener."""
KEPT = ", ".join(f"'{grain}'" for grain in SLICED)


def at_ends(duck: DuckDBPyConnection, metrics: Mapping[str, tuple[Balance, tuple[Slice, ...]]]) -> None:
    """Add the changes up to the end of each period's last day; in a running one up to today."""
    asked = ((key, metric, metric.fact, dimensions_of(wanted)) for key, (metric, wanted) in metrics.items())
    for fact, sets, some in alike(asked):
        if not _is_empty(duck, fact):
            _levels(duck, fact, sets, some)


def _levels(duck: DuckDBPyConnection, fact: str, sets: Sets, metrics: Mapping[str, Balance]) -> None:
    sums: dict[str, str] = {}
    for index, metric in enumerate(metrics.values()):
        told = {"numerator": metric.total, "denominator": metric.base or "0", "n": metric.n}
        told |= {f"c_{name}": expression for name, expression in metric.coverage.items()}
        sums |= {f"{name}_{index}": expression for name, expression in told.items()}
    changed = ", ".join(f"{expression} AS {name}" for name, expression in sums.items())
    level = ", ".join(f"sum({name}) OVER so_far AS {name}" for name in sums)
    cells = " UNION ALL ".join(_level(key, index, metric) for index, (key, metric) in enumerate(metrics.items()))
    duck.execute(
        f"INSERT INTO cells BY NAME WITH placed AS (SELECT f.*, {MOMENT} AS moment FROM {fact} f "
        "LEFT JOIN day_places p ON p.day = f.day LEFT JOIN moments m ON m.place = coalesce(p.place, 0) "
        "WHERE f.day <= today()), "
        f"grouped AS (SELECT coalesce(day, moment) AS day, {sets.mask} AS mask, {sets.member} AS member, {changed} "
        f"FROM placed GROUP BY {sets.by('moment', whole='day')}), "
        f"changes AS (SELECT g.*, s.dimension FROM grouped g JOIN {sets.named} ON s.mask = g.mask), "
        f"levels AS (SELECT day, dimension, member, {level} FROM changes "
        "WINDOW so_far AS (PARTITION BY dimension, member ORDER BY day)), "
        "members AS (SELECT DISTINCT dimension, member FROM levels), "
        f"lasts AS (SELECT * FROM ({LASTS}) JOIN members ON dimension = '' OR grain IN ({KEPT})), "
        "found AS MATERIALIZED (SELECT p.calendar, p.grain, p.start_day AS period_start, p.dimension, p.member, "
        f"l.* EXCLUDE (day, dimension, member) FROM lasts p "
        "ASOF JOIN levels l ON l.dimension = p.dimension AND l.member = p.member AND p.last_day >= l.day) "
        f"{cells}"
    )


def _level(key: str, index: int, metric: Balance) -> str:
    told = coverage({name: f"c_{name}_{index}" for name in metric.coverage})
    return (
        f"SELECT '{key}' AS kpi_key, calendar, grain, period_start, dimension, member, numerator_{index} AS numerator, "
        f"{f'denominator_{index}' if metric.base else 'NULL'} AS denominator, n_{index} AS n, {told} AS coverage "
        f"FROM found WHERE dimension = '' OR n_{index} <> 0 OR numerator_{index} <> 0 OR denominator_{index} <> 0"
    )


def in_periods(duck: DuckDBPyConnection, metrics: Mapping[str, tuple[Periodic, tuple[Slice, ...]]]) -> None:
    """Add up the rows of each period."""
    asked = ((key, metric, metric.fact, dimensions_of(wanted)) for key, (metric, wanted) in metrics.items())
    for fact, sets, some in alike(asked):
        if not _is_empty(duck, fact):
            _periods(duck, fact, sets, some)


def _periods(duck: DuckDBPyConnection, fact: str, sets: Sets, metrics: Mapping[str, Periodic]) -> None:
    measures = ", ".join(
        f"{expression} AS {name}_{index}"
        for index, metric in enumerate(metrics.values())
        for name, expression in {**columns(metric), "rows": metric.rows or metric.n}.items()
        if name in (*MEASURES, "rows")
    )
    kept = dict.fromkeys(grain for metric in metrics.values() for grain in metric.grains)
    cells = " UNION ALL ".join(_period(key, index, metric) for index, (key, metric) in enumerate(metrics.items()))
    duck.execute(
        "INSERT INTO cells BY NAME WITH grouped AS (SELECT calendar, grain, period_start, "
        f"{sets.mask} AS mask, {sets.member} AS member, {measures} "
        f"FROM {fact} WHERE grain IN ({_quoted(kept)}) GROUP BY {sets.by('calendar', 'grain', 'period_start')}), "
        f"found AS MATERIALIZED (SELECT s.dimension, g.* FROM grouped g JOIN {sets.named} ON s.mask = g.mask) {cells}"
    )


def _period(key: str, index: int, metric: Periodic) -> str:
    measures = ", ".join(f"{name}_{index} AS {name}" for name in MEASURES)
    return (
        f"SELECT '{key}' AS kpi_key, calendar, grain, period_start, dimension, member, {measures} FROM found "
        f"WHERE grain IN ({_quoted(metric.grains)}) AND (dimension = '' OR rows_{index} > 0 AND grain IN ({KEPT}))"
    )


def _quoted(names: Mapping[str, None] | tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _is_empty(duck: DuckDBPyConnection, fact: str) -> bool:
    return not duck.execute(f"SELECT 1 FROM {fact} LIMIT 1").fetchall()
