"""Cells that are not one fact's: states at a moment, flows per head, growths, trailing windows, and their blends."""

from collections.abc import Iterable, Iterator

from duckdb import DuckDBPyConnection

from kpi.cells import Slice, add_up, coverage, marks, totals_of
from kpi.levels import at_ends, in_periods
from kpi.metric import (
    Against,
    Balance,
    Combined,
    Flow,
    Growth,
    LastYear,
    Moment,
    OverFact,
    Part,
    Percentile,
    Periodic,
    PerSpan,
    Ratio,
    TargetOf,
    Tenure,
    Trailing,
    Unit,
)
from kpi.moments import at_moments
from kpi.spans import per_span, tenure
from kpi.targeted import last_year, targets

Wanted = tuple[Slice, ...]
Asked = tuple[str, OverFact, Wanted]
State = Moment | Balance | Periodic
BASE = {Against.PERIOD: "previous_day", Against.YEAR: "year_ago_day"}


def direct_parts(key: str, metric: Part, wanted: Wanted) -> Iterator[Asked]:
    """What of a metric is one fact's and added up first: keys, metrics and slices."""
    match metric:
        case PerSpan():
            yield f"_{key}", metric.part, wanted
        case Growth():
            yield from direct_parts(f"_{key}", metric.of, wanted)
        case Trailing():
            yield f"_{key}", metric.of, _by_months(wanted)
        case Combined():
            for name, part in metric.parts.items():
                yield from direct_parts(_part(key, name), part, _slices_of(metric, name, wanted))
        case Moment() | Balance() | Periodic() | TargetOf() | LastYear() | Tenure():
            pass
        case _:
            yield key, metric, wanted


def state_parts(key: str, metric: Part, wanted: Wanted) -> Iterator[tuple[str, State, Wanted]]:
    """What of a metric are states, levels, and facts by period: keys, metrics and slices."""
    match metric:
        case Growth():
            yield from state_parts(f"_{key}", metric.of, wanted)
        case Combined():
            for name, part in metric.parts.items():
                yield from state_parts(_part(key, name), part, _slices_of(metric, name, wanted))
        case Moment() | Balance() | Periodic():
            yield key, metric, wanted
        case _:
            pass


def fill_states(duck: DuckDBPyConnection, parts: Iterable[tuple[str, State, Wanted]]) -> None:
    """Fill the cells of states, levels, and facts by period: metrics of one fact and the same slices in one pass."""
    every = list(parts)
    at_moments(duck, {key: (one, wanted) for key, one, wanted in every if isinstance(one, Moment)})
    at_ends(duck, {key: (one, wanted) for key, one, wanted in every if isinstance(one, Balance)})
    in_periods(duck, {key: (one, wanted) for key, one, wanted in every if isinstance(one, Periodic)})


def derive(duck: DuckDBPyConnection, key: str, metric: Part, wanted: Wanted, periods: str = "periods") -> None:
    """Fill the cells of a metric whose direct parts and states have been filled; nothing for metrics of one fact.

    `periods` is the table of the periods that heads are counted in.
    """
    match metric:
        case PerSpan():
            per_span(duck, key, metric, wanted, periods=periods)
        case Growth():
            _growth(duck, key, metric, wanted)
        case TargetOf():
            targets(duck, key, metric, wanted)
        case LastYear():
            last_year(duck, key, metric, wanted)
        case Tenure():
            tenure(duck, key, wanted, periods=periods)
        case Trailing():
            _trailing(duck, key, metric, wanted)
        case Combined():
            for name, part in metric.parts.items():
                derive(duck, _part(key, name), part, _slices_of(metric, name, wanted), periods)
            _combine(duck, key, metric, wanted, periods)
        case Flow(is_ranked=True):
            _rank(duck, key)
        case Ratio(outcomes=(_, *_)):
            _widen(duck, key, metric.outcomes, wanted)
        case _:
            pass


def _rank(duck: DuckDBPyConnection, key: str) -> None:
    """Add each slice's share of the whole, and its place."""
    duck.execute(
        "UPDATE cells SET coverage = CAST(json_merge_patch(coalesce(cells.coverage, '{}'), "
        "to_json({'rank': r.place, 'share': r.share})) AS VARCHAR) FROM (SELECT *, rank() OVER "
        "(PARTITION BY calendar, grain, period_start, dimension ORDER BY numerator DESC) AS place, "
        "CAST(round(numerator / nullif(sum(numerator) OVER "
        "(PARTITION BY calendar, grain, period_start, dimension), 0), 10) AS DOUBLE) AS share "
        "FROM cells WHERE kpi_key = $key AND dimension <> '') r "
        "WHERE cells.kpi_key = $key AND (cells.calendar, cells.grain, cells.period_start, cells.dimension, "
        "cells.member) = (r.calendar, r.grain, r.period_start, r.dimension, r.member)",
        {"key": key},
    )


def _widen(duck: DuckDBPyConnection, key: str, outcomes: tuple[str, ...], wanted: Wanted) -> None:
    """Give the members of an outcome, of which each row has one, the whole of all of them."""
    for some in dict.fromkeys(one.dimensions for one in wanted if set(one.dimensions) & set(outcomes)):
        kept = [f"split_part(member, chr(31), {place})" for place, name in enumerate(some, 1) if name not in outcomes]
        duck.execute(
            "UPDATE cells SET denominator = w.whole, n = w.whole, coverage = NULL FROM (SELECT *, sum(denominator) "
            f"OVER (PARTITION BY {', '.join(['calendar', 'grain', 'period_start', *kept])}) AS whole FROM cells "
            "WHERE kpi_key = $key AND dimension = $dimension) w WHERE cells.kpi_key = $key "
            "AND cells.dimension = $dimension AND (cells.calendar, cells.grain, cells.period_start, cells.member) "
            "= (w.calendar, w.grain, w.period_start, w.member)",
            {"key": key, "dimension": ",".join(some)},
        )


def _part(key: str, name: str) -> str:
    return f"_{key}_{name}"


def _slices_of(metric: Combined, name: str, wanted: Wanted) -> Wanted:
    """The slices that a part has itself, and the totals that stand in for those that it hasn't."""
    shared = set(metric.shared.get(name, ()))
    return tuple(dict.fromkeys(totals_of(one) if shared & set(one.dimensions) else one for one in wanted))


def _by_months(wanted: Wanted) -> Wanted:
    months = (Slice(calendar=one.calendar, grain="month", dimensions=one.dimensions) for one in wanted)
    return tuple(dict.fromkeys(months))


def has_denominator(metric: Part) -> bool:
    """Whether a value is a numerator by a denominator."""
    match metric:
        case Flow() | TargetOf() | Percentile() | Moment(base="") | Balance(base="") | Combined(denominator=""):
            return False
        case _:
            return True


def value_of(metric: Part, digits: int | None = None) -> str:
    """The value of a cell, as SQL over its columns; null where there is none."""
    digits = digits or (6 if metric.card.unit is Unit.MONEY else 10)
    found = "value" if isinstance(metric, Percentile) else "numerator"
    if has_denominator(metric):
        found = f"CASE WHEN denominator > 0 THEN coalesce(value, quotient(numerator, denominator, {digits})) END"
    return f"CASE WHEN status IS NULL THEN {found} END"


def _growth(duck: DuckDBPyConnection, key: str, metric: Growth, wanted: Wanted) -> None:
    of = metric.of
    derive(duck, f"_{key}", of, wanted)
    _running_base(duck, key, metric, wanted)
    asked = ", ".join(repr(pair) for pair in dict.fromkeys((one.calendar, one.grain) for one in wanted))
    exact = "CAST(numerator AS DOUBLE) / CAST(denominator AS DOUBLE)" if has_denominator(of) else "numerator"
    if isinstance(of, Flow):
        now, base, n, value = "coalesce(n.v, 0)", "coalesce(b.v, 0)", "coalesce(b.n, 0)", "NULL"
        if metric.may_be_per_day:
            now, base = f"per_day({now}, t.days)", f"per_day({base}, t.base_days)"
    else:
        now, base, n = "n.v", "b.v", "least(coalesce(n.n, 0), coalesce(b.n, 0))"
        value = "CASE WHEN b.v > 0 THEN round(n.exact / b.exact - 1, 10) END"
    duck.execute(
        "INSERT INTO cells BY NAME WITH valued AS "
        f"(SELECT *, {value_of(of, 10)} AS v, CASE WHEN v IS NOT NULL THEN {exact} END AS exact "
        "FROM cells WHERE kpi_key IN ('_' || $key, '_cut_' || $key)), "
        "lengths AS (SELECT *, CASE WHEN is_running THEN elapsed_days ELSE end_day - start_day END AS days "
        "FROM periods), "
        f"turns AS (SELECT p.calendar, p.grain, p.start_day, p.is_running, p.{BASE[metric.against]} AS before, p.days, "
        "CASE WHEN p.is_running THEN least(p.days, b.days) ELSE b.days END AS base_days FROM lengths p "
        "LEFT JOIN lengths b ON b.calendar = p.calendar AND b.grain = p.grain "
        f"AND b.start_day = p.{BASE[metric.against]}), "
        f"now AS (SELECT * FROM valued WHERE kpi_key = '_' || $key AND (calendar, grain) IN ({asked})), "
        "base AS (SELECT t.start_day AS for_period, c.* FROM turns t JOIN valued c ON c.calendar = t.calendar "
        "AND c.grain = t.grain AND c.period_start = t.before "
        "AND c.kpi_key = CASE WHEN t.is_running THEN '_cut_' || $key ELSE '_' || $key END) "
        "SELECT $key AS kpi_key, coalesce(n.calendar, b.calendar) AS calendar, coalesce(n.grain, b.grain) AS grain, "
        "coalesce(n.period_start, b.for_period) AS period_start, coalesce(n.dimension, b.dimension) AS dimension, "
        f"coalesce(n.member, b.member) AS member, {now} - {base} AS numerator, {base} AS denominator, {n} AS n, "
        f"{value} AS value, "
        f"CASE WHEN {now} IS NULL OR {base} IS NULL THEN coalesce(b.status, n.status, 'zero_denominator') END "
        "AS status FROM now n FULL JOIN base b ON (b.calendar, b.grain, b.for_period, b.dimension, b.member) "
        "= (n.calendar, n.grain, n.period_start, n.dimension, n.member) "
        "LEFT JOIN turns t ON (t.calendar, t.grain, t.start_day) = (coalesce(n.calendar, b.calendar), "
        "coalesce(n.grain, b.grain), coalesce(n.period_start, b.for_period))",
        {"key": key},
    )


def _running_base(duck: DuckDBPyConnection, key: str, metric: Growth, wanted: Wanted) -> None:
    """The cells of the bases of running periods, cut to as many days as have elapsed of those."""
    asked = ", ".join(repr(pair) for pair in dict.fromkeys((one.calendar, one.grain) for one in wanted))
    duck.execute(
        "CREATE OR REPLACE TABLE cut_periods AS SELECT b.* REPLACE (least(b.end_day, CAST(b.start_day "
        "+ CAST(p.elapsed_days AS INTEGER) AS DATE)) AS end_day) FROM periods p JOIN periods b "
        f"ON b.calendar = p.calendar AND b.grain = p.grain AND b.start_day = p.{BASE[metric.against]} "
        f"WHERE p.is_running AND (p.calendar, p.grain) IN ({asked})"
    )
    found = duck.execute("SELECT calendar, grain, start_day, end_day FROM cut_periods").fetchall()
    for calendar, grain, start, end in found:
        ones = tuple(one for one in wanted if (one.calendar, one.grain) == (calendar, grain))
        where = f"{ones[0].column} = DATE '{start}' AND day < DATE '{end}'"
        for part, one, some in direct_parts(f"_cut_{key}", metric.of, ones):
            add_up(duck, {part: (one, some)}, where=where)
    if found:
        fill_states(duck, state_parts(f"_cut_{key}", metric.of, wanted))
        derive(duck, f"_cut_{key}", metric.of, wanted, "cut_periods")


def _trailing(duck: DuckDBPyConnection, key: str, metric: Trailing, wanted: Wanted) -> None:
    """Add up the cells of the last months of each period."""
    asked = ", ".join(repr((one.calendar, one.grain, one.dimension)) for one in wanted)
    has_base = not isinstance(metric.of, Flow)
    duck.execute(
        "INSERT INTO cells BY NAME WITH months AS (SELECT calendar, start_day, end_day, "
        "row_number() OVER (PARTITION BY calendar ORDER BY start_day) AS place FROM periods WHERE grain = 'month'), "
        "lasts AS (SELECT p.calendar, p.grain, p.start_day AS period_start, max(m.place) AS place FROM periods p "
        "JOIN months m ON m.calendar = p.calendar AND m.start_day < p.end_day AND m.end_day > p.start_day "
        "GROUP BY ALL) "
        f"SELECT $key AS kpi_key, l.calendar, l.grain, l.period_start, c.dimension, c.member, "
        f"sum(c.numerator) AS numerator, {'sum(c.denominator)' if has_base else 'NULL'} AS denominator, sum(c.n) AS n "
        "FROM lasts l JOIN months m ON m.calendar = l.calendar AND m.place <= l.place AND m.place > l.place - $months "
        "JOIN cells c ON c.kpi_key = '_' || $key AND c.calendar = m.calendar AND c.grain = 'month' "
        f"AND c.period_start = m.start_day WHERE (l.calendar, l.grain, c.dimension) IN ({asked}) GROUP BY ALL",
        {"key": key, "months": metric.months},
    )


def _combine(duck: DuckDBPyConnection, key: str, metric: Combined, wanted: Wanted, periods: str) -> None:
    """Join the cells of the parts and compute the expressions; in totals also where no part has a cell."""
    place = "calendar, grain, period_start, dimension, member"
    asked = ", ".join(repr((one.calendar, one.grain, one.dimension)) for one in wanted)
    own = {name: "', '".join(metric.shared.get(name, ())) for name in metric.parts}
    members = " UNION ".join(
        f"SELECT {place} FROM cells WHERE kpi_key = '{_part(key, name)}'"
        + ("" if name == (metric.slices_of or name) else " AND dimension = ''")
        for name in metric.parts
    )
    if totals := [repr((one.calendar, one.grain)) for one in wanted if not one.dimensions]:
        members += (
            f" UNION SELECT calendar, grain, start_day, '', '' FROM {periods} "
            f"WHERE (calendar, grain) IN ({', '.join(totals)})"
        )
    joins = " ".join(_joined(key, name, part, own[name]) for name, part in metric.parts.items())
    known = ", ".join(
        f"coalesce({name}_.numerator, 0) AS {name}, {name}_.denominator AS {name}_base, "
        f"coalesce({name}_.n, 0) AS {name}_n, {name}_.v AS {name}_value, {name}_.status AS {name}_status, "
        f"{name}_.coverage AS {name}_coverage, {name}_.detail AS {name}_detail"
        for name in metric.parts
    )
    duck.execute(
        f"INSERT INTO cells BY NAME WITH places AS ({members}), "
        f"known AS (SELECT {', '.join(f'p.{name}' for name in place.split(', '))}, {known} FROM places p {joins}) "
        f"SELECT '{key}' AS kpi_key, {place}, {metric.numerator} AS numerator, "
        f"{metric.denominator or 'NULL'} AS denominator, {metric.n} AS n, {metric.status or 'NULL'} AS status, "
        f"{metric.detail or 'NULL'} AS detail, {coverage(metric.coverage)} AS coverage, "
        f"{marks(metric.marks)} AS marks FROM known WHERE (calendar, grain, dimension) IN ({asked})"
    )


def _joined(key: str, name: str, part: Part, shared: str) -> str:
    cells = f"(SELECT *, {value_of(part, 10)} AS v FROM cells WHERE kpi_key = '{_part(key, name)}')"
    on = " AND ".join(f"{name}_.{column} = p.{column}" for column in ("calendar", "grain", "period_start"))
    if not shared:
        return f"LEFT JOIN {cells} {name}_ ON {on} AND {name}_.dimension = p.dimension AND {name}_.member = p.member"
    is_shared = f"list_has_any(string_split(p.dimension, ','), ['{shared}'])"
    return (
        f"LEFT JOIN {cells} {name}_ ON {on} "
        f"AND {name}_.dimension = CASE WHEN {is_shared} THEN '' ELSE p.dimension END "
        f"AND {name}_.member = CASE WHEN {is_shared} THEN '' ELSE p.member END"
    )
