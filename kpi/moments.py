"""Cells of states at a moment: the end of a period's last day, or now for running periods."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from duckdb import DuckDBPyConnection

from kpi.cells import Sets, Slice, columns, coverage
from kpi.metric import Balance, Moment, Periodic

MEASURES = ("numerator", "denominator", "n", "value", "coverage", "status", "marks")
State = TypeVar("State", Moment, Balance, Periodic)
Dimensions = tuple[tuple[str, ...], ...]
Asked = tuple[str, State, str, Dimensions]
"""A metric with its key, a fact, and the sets of dimensions in which that fact tells it."""


def alike(asked: Iterable[Asked[State]]) -> Iterator[tuple[str, Sets, dict[str, State]]]:
    """Metrics of the same fact and the same slices, which one pass over the fact answers."""
    found: dict[tuple[str, Dimensions], dict[str, State]] = {}
    for key, metric, fact, dimensions in asked:
        found.setdefault((fact, dimensions), {})[key] = metric
    for (fact, dimensions), some in found.items():
        yield fact, Sets(dimensions), some


def dimensions_of(wanted: Iterable[Slice]) -> Dimensions:
    """The sets of dimensions of slices, each once."""
    return tuple(dict.fromkeys(one.dimensions for one in wanted))


def at_moments(duck: DuckDBPyConnection, metrics: Mapping[str, tuple[Moment, tuple[Slice, ...]]]) -> None:
    """Totals from the day totals where there are, slices from the states at the ends of months; running ones: now."""
    asked: list[Asked[Moment]] = []
    for key, (metric, wanted) in metrics.items():
        if metric.daily:
            _daily_totals(duck, key, metric)
        facts: dict[str, list[tuple[str, ...]]] = {}
        for names in dimensions_of(one for one in wanted if one.dimensions or not metric.daily):
            facts.setdefault(_fact_of(metric, names), []).append(names)
        asked += [(key, metric, fact, tuple(dimensions)) for fact, dimensions in facts.items()]
    for fact, sets, some in alike(asked):
        _states(duck, fact, sets, some)


def _fact_of(metric: Moment, names: tuple[str, ...]) -> str:
    return next((metric.facts[name] for name in names if name in metric.facts), metric.fact)


def _states(duck: DuckDBPyConnection, fact: str, sets: Sets, metrics: Mapping[str, Moment]) -> None:
    measures = ", ".join(
        f"{columns(metric)[name]} AS {name}_{index}"
        for index, metric in enumerate(metrics.values())
        for name in MEASURES
    )
    cells = " UNION ALL ".join(
        f"SELECT '{key}' AS kpi_key, calendar, grain, start_day AS period_start, dimension, member, "
        f"{', '.join(f'{name}_{index} AS {name}' for name in MEASURES)} FROM found"
        for index, key in enumerate(metrics)
    )
    duck.execute(
        "INSERT INTO cells BY NAME WITH grouped AS "
        f"(SELECT day, is_now, {sets.mask} AS mask, {sets.member} AS member, {measures} FROM {fact} "
        f"GROUP BY {sets.by('day', 'is_now')}), "
        "found AS MATERIALIZED (SELECT p.calendar, p.grain, p.start_day, s.dimension, g.* "
        f"FROM grouped g JOIN {sets.named} ON s.mask = g.mask JOIN periods p ON g.is_now = p.is_running "
        "AND (p.is_running OR g.day = p.end_day - 1) WHERE p.grain IN ('month', 'quarter', 'year', 'all')) "
        f"{cells}"
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
