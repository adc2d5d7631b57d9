"""Cells that are not one fact's: states at a moment, flows per head, growth over the month before."""

from collections.abc import Sequence

from duckdb import DuckDBPyConnection

from kpi.cells import Slice, add_up, columns, coverage, part_key
from kpi.metric import Growth, Moment, PerSpan
from kpi.periods import Period

Wanted = tuple[Slice, ...]


def at_moments(duck: DuckDBPyConnection, metric: Moment, wanted: Wanted) -> None:
    """Totals from the day totals, slices from the deals open at the ends of months; running periods are now."""
    _totals_at_moments(duck, metric)
    dimensions = list(dict.fromkeys(one.dimensions for one in wanted if one.dimensions))
    measures = _measures(metric)
    for some in dimensions:
        duck.execute(
            "INSERT INTO cells WITH grouped AS (SELECT day, is_now, "
            f"concat_ws(chr(31), {', '.join(some)}) AS member, {measures} FROM {metric.fact} GROUP BY day, is_now, "
            f"{', '.join(some)}) SELECT ?, p.calendar, p.grain, p.start_day, ?, g.member, g.numerator, "
            "g.denominator, g.n, g.value, g.coverage FROM periods p JOIN grouped g ON g.is_now = p.is_running "
            "AND (p.is_running OR g.day = p.end_day - 1) WHERE p.grain IN ('month', 'quarter', 'year', 'all')",
            [metric.card.key, ",".join(some)],
        )


def _totals_at_moments(duck: DuckDBPyConnection, metric: Moment) -> None:
    measures = _measures(metric)
    daily = coverage(metric.daily_coverage)
    duck.execute(
        "INSERT INTO cells WITH present AS "
        f"(SELECT {measures} FROM {metric.fact} WHERE is_now), "
        f"daily AS (SELECT day, {metric.daily_total} AS numerator, {metric.daily_n} AS n, {daily} AS coverage "
        f"FROM {metric.daily}), "
        "past AS (SELECT p.*, CAST(p.end_day - 1 AS DATE) AS last_day FROM periods p WHERE NOT p.is_running) "
        "SELECT ?, p.calendar, p.grain, p.start_day, '', '', n.numerator, NULL, n.n, NULL, n.coverage "
        "FROM periods p CROSS JOIN present n WHERE p.is_running UNION ALL "
        "SELECT ?, p.calendar, p.grain, p.start_day, '', '', d.numerator, NULL, d.n, NULL, d.coverage "
        "FROM past p ASOF JOIN daily d ON p.last_day >= d.day",
        [metric.card.key, metric.card.key],
    )


def _measures(metric: Moment) -> str:
    names = ("numerator", "denominator", "n", "value", "coverage")
    return ", ".join(f"{columns(metric)[name]} AS {name}" for name in names)


def per_span(duck: DuckDBPyConnection, metric: PerSpan, wanted: Wanted) -> None:
    """Divide the cells of the part by the distinct things that were there in the period."""
    _whole_spans(duck, metric)
    alone = "NULL"
    for some in dict.fromkeys(one.dimensions for one in wanted if one.dimensions):
        if set(some) & set(metric.alone):
            alone += f", '{','.join(some)}'"
        else:
            _sliced_spans(duck, metric, some, list(dict.fromkeys(one.calendar for one in wanted)))
    duck.execute(
        "INSERT INTO cells WITH part AS (SELECT * FROM cells WHERE kpi_key = ?), "
        "divided AS (SELECT coalesce(a.calendar, s.calendar), coalesce(a.grain, s.grain), "
        "coalesce(a.period_start, s.period_start), coalesce(a.dimension, s.dimension), "
        "coalesce(a.member, s.member), coalesce(a.numerator, 0), coalesce(s.things, "
        f"CASE WHEN a.dimension IN ({alone}) THEN 1 ELSE 0 END) AS heads, "
        "a.coverage FROM part a FULL JOIN spans s ON (s.calendar, s.grain, s.period_start, s.dimension, s.member) "
        "= (a.calendar, a.grain, a.period_start, a.dimension, a.member)) "
        "SELECT ?, * EXCLUDE (heads, coverage), heads, heads, NULL, coverage FROM divided",
        [part_key(metric), metric.card.key],
    )


def _whole_spans(duck: DuckDBPyConnection, metric: PerSpan) -> None:
    duck.execute(
        "CREATE OR REPLACE TABLE spans AS WITH whole AS (SELECT min(coalesce(since, DATE '0001-01-01')) AS since, "
        f"max(coalesce(until, DATE '9999-12-31')) AS until FROM {metric.spans} GROUP BY {metric.entity}), "
        "begun AS (SELECT since AS day, sum(count(*)) OVER (ORDER BY since) AS things FROM whole "
        "WHERE since <= until GROUP BY since), "
        "ended AS (SELECT until AS day, sum(count(*)) OVER (ORDER BY until) AS things FROM whole "
        "WHERE since <= until GROUP BY until), "
        "crooked AS (SELECT p.calendar, p.grain, p.start_day, count(*) AS things FROM whole w JOIN periods p "
        "ON w.since < p.end_day AND w.until >= p.start_day WHERE w.since > w.until GROUP BY ALL) "
        "SELECT p.calendar, p.grain, p.start_day AS period_start, '' AS dimension, '' AS member, "
        "coalesce(b.things, 0) - coalesce(e.things, 0) + coalesce(c.things, 0) AS things FROM periods p "
        "ASOF LEFT JOIN begun b ON p.end_day > b.day ASOF LEFT JOIN ended e ON p.start_day > e.day "
        "LEFT JOIN crooked c ON c.calendar = p.calendar AND c.grain = p.grain AND c.start_day = p.start_day",
    )


def _sliced_spans(
    duck: DuckDBPyConnection, metric: PerSpan, dimensions: tuple[str, ...], calendars: Sequence[str]
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
        duck.execute(
            f"INSERT INTO spans SELECT p.calendar, p.grain, p.start_day, ?, s.member, "
            f"{'sum(s.things)' if is_single else 'count(DISTINCT s.things)'} FROM ({counted}) s JOIN periods p "
            f"ON s.since < p.end_day AND s.until >= p.start_day WHERE p.calendar = '{calendar}' "
            "AND p.grain IN ('month', 'quarter', 'year', 'all') GROUP BY ALL",
            [",".join(dimensions)],
        )


def growth(duck: DuckDBPyConnection, metric: Growth, wanted: Wanted, periods: Sequence[Period]) -> None:
    """Months against the months before them; the running one against as many days of the one before."""
    key = metric.card.key
    for calendar in dict.fromkeys(one.calendar for one in wanted):
        months = [one for one in periods if one.calendar == calendar and one.grain == "month"]
        base = tuple(one for one in wanted if one.calendar == calendar)
        if len(months) > 1:
            _running_base(duck, metric, base, months[-2].start)
    duck.execute(
        "INSERT INTO cells WITH months AS (SELECT calendar, start_day, is_running, lag(start_day) OVER "
        "(PARTITION BY calendar ORDER BY start_day) AS before FROM periods WHERE grain = 'month'), "
        "now AS (SELECT * FROM cells WHERE kpi_key = '_' || $key AND grain = 'month'), "
        "base AS (SELECT m.start_day AS for_month, c.* FROM months m JOIN cells c ON c.calendar = m.calendar "
        "AND c.grain = 'month' AND c.period_start = m.before "
        "AND c.kpi_key = CASE WHEN m.is_running THEN '_base_' || $key ELSE '_' || $key END) "
        "SELECT $key, coalesce(n.calendar, b.calendar), 'month', coalesce(n.period_start, b.for_month), "
        "coalesce(n.dimension, b.dimension), coalesce(n.member, b.member), "
        "coalesce(n.numerator, 0) - coalesce(b.numerator, 0), coalesce(b.numerator, 0), coalesce(b.n, 0), NULL, NULL "
        "FROM now n FULL JOIN base b ON (b.calendar, b.for_month, b.dimension, b.member) "
        "= (n.calendar, n.period_start, n.dimension, n.member)",
        {"key": key},
    )


def _running_base(duck: DuckDBPyConnection, metric: Growth, wanted: Wanted, before: object) -> None:
    calendar = wanted[0].calendar
    duck.execute(
        "CREATE OR REPLACE MACRO base_end() AS (SELECT max(DATE '" + str(before) + "' + CAST(elapsed_days AS INTEGER)) "
        f"FROM periods WHERE calendar = '{calendar}' AND grain = 'month' AND is_running)"
    )
    where = f"{calendar}_month = DATE '{before}' AND day < base_end()"
    add_up(duck, {f"_base_{metric.card.key}": (metric.of, wanted)}, where=where)
