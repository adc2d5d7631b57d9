"""Cells of what is divided by the distinct things that were there in a period: reps, open deals."""

from collections.abc import Sequence

from duckdb import DuckDBPyConnection

from kpi.cells import Sets, Slice
from kpi.metric import PerSpan


def per_span(
    duck: DuckDBPyConnection, key: str, metric: PerSpan, wanted: tuple[Slice, ...], *, periods: str = "periods"
) -> None:
    """Divide the cells of the part by the distinct things that were there in each of the `periods`."""
    _whole_spans(duck, metric, periods)
    dimensions = list(dict.fromkeys(one.dimensions for one in wanted if one.dimensions))
    alone = [some for some in dimensions if set(some) & set(metric.alone)]
    shared = [some for some in dimensions if some not in alone and set(some) & set(metric.shared)]
    if sliced := [some for some in dimensions if some not in alone and some not in shared]:
        _sliced_spans(duck, metric, sliced, list(dict.fromkeys(one.calendar for one in wanted)), periods)
    place = "calendar, grain, period_start, dimension, member"
    duck.execute(
        "INSERT INTO cells BY NAME WITH part AS (SELECT * FROM cells WHERE kpi_key = '_' || $key), "
        "heads AS (SELECT * FROM spans UNION ALL SELECT p.calendar, p.grain, p.period_start, p.dimension, p.member, "
        "s.things FROM part p JOIN spans s ON s.dimension = '' AND (s.calendar, s.grain, s.period_start) "
        f"= (p.calendar, p.grain, p.period_start) WHERE p.dimension IN ({_listed(shared)})), "
        f"divided AS (SELECT {place}, coalesce(a.numerator, 0) AS numerator, coalesce(s.things, "
        f"CASE WHEN dimension IN ({_listed(alone)}) THEN 1 ELSE 0 END) AS things, a.coverage "
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


def _listed(dimensions: Sequence[tuple[str, ...]]) -> str:
    return ", ".join(["NULL", *(f"'{','.join(some)}'" for some in dimensions)])


def _sliced_spans(
    duck: DuckDBPyConnection,
    metric: PerSpan,
    dimensions: Sequence[tuple[str, ...]],
    calendars: Sequence[str],
    periods: str,
) -> None:
    """Spans are counted by the months of their ends first, as long as a thing has but one: there are few of those."""
    [(is_single,)] = duck.execute(f"SELECT count(*) = count(DISTINCT {metric.entity}) FROM {metric.spans}").fetchall()
    sets = Sets(dimensions)
    for calendar in calendars:
        month = f"{calendar}_month"
        since, until = f"coalesce(b.{month}, s.since)", f"coalesce(e.{month}, s.until)"
        joins = "LEFT JOIN days b ON b.day = s.since LEFT JOIN days e ON e.day = s.until"
        if periods != "periods":  # cut ones end within a month: by the days themselves
            since, until, joins = "s.since", "s.until", ""
        duck.execute(
            f"INSERT INTO spans WITH placed AS (SELECT s.* REPLACE (coalesce({since}, DATE '0001-01-01') AS since, "
            f"coalesce({until}, DATE '9999-12-31') AS until) FROM {metric.spans} s {joins}), "
            f"counted AS (SELECT since, until, {sets.mask} AS mask, {sets.member} AS member, "
            f"{'count(*)' if is_single else metric.entity} AS things FROM placed "
            f"GROUP BY {sets.by('since', 'until', *(() if is_single else (metric.entity,)))}) "
            "SELECT p.calendar, p.grain, p.start_day, s.dimension, c.member, "
            f"{'sum(c.things)' if is_single else 'count(DISTINCT c.things)'} FROM counted c "
            f"JOIN {sets.named} ON s.mask = c.mask JOIN {periods} p "
            f"ON c.since < p.end_day AND c.until >= p.start_day WHERE p.calendar = '{calendar}' "
            "AND p.grain IN ('month', 'quarter', 'year', 'all') GROUP BY ALL"
        )


def tenure(duck: DuckDBPyConnection, key: str, wanted: tuple[Slice, ...], *, periods: str = "periods") -> None:
    """The days since the reps of each of the `periods` began, and how many of them there are."""
    for one in wanted:
        member = f"concat_ws(chr(31), {', '.join(f's.{name}' for name in one.dimensions)})" if one.dimensions else "''"
        duck.execute(
            f"INSERT INTO cells BY NAME WITH heads AS (SELECT DISTINCT p.start_day, {member} AS member, s.rep, "
            "greatest(0, least(p.end_day - 1, today(), r.to_day) - r.from_day) AS days "
            f"FROM {periods} p JOIN rep_spans s ON s.since < p.end_day AND coalesce(s.until >= p.start_day, true) "
            "JOIN reps r ON r.connection || ':' || r.user_id = s.rep AND r.from_day IS NOT NULL "
            "WHERE p.calendar = $calendar AND p.grain = $grain) "
            "SELECT $key AS kpi_key, $calendar AS calendar, $grain AS grain, start_day AS period_start, "
            "$dimension AS dimension, member, sum(days) AS numerator, count(*) AS denominator, count(*) AS n "
            "FROM heads GROUP BY ALL",
            {"key": key, "calendar": one.calendar, "grain": one.grain, "dimension": one.dimension},
        )
