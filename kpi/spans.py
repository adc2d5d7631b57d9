"""Cells of flows over the distinct things that were there in a period: reps, open deals."""

from collections.abc import Sequence

from duckdb import DuckDBPyConnection

from kpi.cells import Slice
from kpi.metric import PerSpan


def per_span(
    duck: DuckDBPyConnection, key: str, metric: PerSpan, wanted: tuple[Slice, ...], *, periods: str = "periods"
) -> None:
    """Divide the cells of the part by the distinct things that were there in each of the `periods`."""
    _whole_spans(duck, metric, periods)
    alone, shared = ["NULL"], ["NULL"]
    for some in dict.fromkeys(one.dimensions for one in wanted if one.dimensions):
        if set(some) & set(metric.alone):
            alone.append(f"'{','.join(some)}'")
        elif set(some) & set(metric.shared):
            shared.append(f"'{','.join(some)}'")
        else:
            _sliced_spans(duck, metric, some, list(dict.fromkeys(one.calendar for one in wanted)), periods)
    place = "calendar, grain, period_start, dimension, member"
    duck.execute(
        "INSERT INTO cells BY NAME WITH part AS (SELECT * FROM cells WHERE kpi_key = '_' || $key), "
        "heads AS (SELECT * FROM spans UNION ALL SELECT p.calendar, p.grain, p.period_start, p.dimension, p.member, "
        "s.things FROM part p JOIN spans s ON s.dimension = '' AND (s.calendar, s.grain, s.period_start) "
        f"= (p.calendar, p.grain, p.period_start) WHERE p.dimension IN ({', '.join(shared)})), "
        f"divided AS (SELECT {place}, coalesce(a.numerator, 0) AS numerator, coalesce(s.things, "
        f"CASE WHEN dimension IN ({', '.join(alone)}) THEN 1 ELSE 0 END) AS things, a.coverage "
        f"FROM part a FULL JOIN heads s USING ({place})) "
        "SELECT $key AS kpi_key, * RENAME (things AS denominator), things AS n FROM divided",
        {"key": key},
    )


def _whole_spans(duck: DuckDBPyConnection, metric: PerSpan, periods: str) -> None:
    duck.execute(
        "CREATE OR REPLACE TABLE spans AS WITH whole AS (SELECT min(coalesce(since, DATE '0001-01-01')) AS since, "
        f"max(coalesce(until, DATE '9999-12-31')) AS until FROM {metric.spans} GROUP BY {metric.entity}), "
        "begun AS (SELECT since AS day, sum(count(*)) OVER (ORDER BY since) AS things FROM whole "
        "WHERE since <= until GROUP BY since), "
        "ended AS (SELECT until AS day, sum(count(*)) OVER (ORDER BY until) AS things FROM whole "
        "WHERE since <= until GROUP BY until), "
        f"crooked AS (SELECT p.calendar, p.grain, p.start_day, count(*) AS things FROM whole w JOIN {periods} p "
        "ON w.since < p.end_day AND w.until >= p.start_day WHERE w.since > w.until GROUP BY ALL) "
        "SELECT p.calendar, p.grain, p.start_day AS period_start, '' AS dimension, '' AS member, "
        f"coalesce(b.things, 0) - coalesce(e.things, 0) + coalesce(c.things, 0) AS things FROM {periods} p "
        "ASOF LEFT JOIN begun b ON p.end_day > b.day ASOF LEFT JOIN ended e ON p.start_day > e.day "
        "LEFT JOIN crooked c ON c.calendar = p.calendar AND c.grain = p.grain AND c.start_day = p.start_day",
    )


def _sliced_spans(
    duck: DuckDBPyConnection, metric: PerSpan, dimensions: tuple[str, ...], calendars: Sequence[str], periods: str
) -> None:
    """Spans are counted by the months of their ends first, as long as a thing has but one: there are few of those."""
    [(is_single,)] = duck.execute(f"SELECT count(*) = count(DISTINCT {metric.entity}) FROM {metric.spans}").fetchall()
    by = ", ".join(dimensions)
    for calendar in calendars:
        month = f"{calendar}_month"
        counted = (
            f"SELECT coalesce(b.{month}, s.since, DATE '0001-01-01') AS since, "
            f"coalesce(e.{month}, s.until, DATE '9999-12-31') AS until, concat_ws(chr(31), {by}) AS member, "
            f"{'count(*)' if is_single else f's.{metric.entity}'} AS things FROM {metric.spans} s "
            "LEFT JOIN days b ON b.day = s.since LEFT JOIN days e ON e.day = s.until GROUP BY ALL"
        )
        if periods != "periods":  # cut ones end within a month: by the days themselves
            counted = (
                "SELECT coalesce(since, DATE '0001-01-01') AS since, coalesce(until, DATE '9999-12-31') AS until, "
                f"concat_ws(chr(31), {by}) AS member, {'1' if is_single else metric.entity} AS things "
                f"FROM {metric.spans}"
            )
        duck.execute(
            f"INSERT INTO spans SELECT p.calendar, p.grain, p.start_day, ?, s.member, "
            f"{'sum(s.things)' if is_single else 'count(DISTINCT s.things)'} FROM ({counted}) s JOIN {periods} p "
            f"ON s.since < p.end_day AND s.until >= p.start_day WHERE p.calendar = '{calendar}' "
            "AND p.grain IN ('month', 'quarter', 'year', 'all') GROUP BY ALL",
            [",".join(dimensions)],
        )
