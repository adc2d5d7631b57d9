"""Cells: a fact's rows added up for every period and slice at once, with GROUPING SETS."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from duckdb import DuckDBPyConnection

from kpi.catalogue.dimensions import ON_DEMAND
from kpi.metric import (
    Balance,
    Combined,
    Flow,
    Growth,
    Mean,
    Metric,
    Moment,
    OverFact,
    Percentile,
    Periodic,
    Quotient,
    Ratio,
    Trailing,
)
from kpi.periods import SLICED, Grain, Period
from kpi.rollup import roll

HOLISTIC_BUDGET = 12_000_000  # values held at once by medians and distinct counts, which keep every value
MOST_TABLES = 400  # hash tables of distinct values at once: each holds a megabyte before it has a row
WHOLE_NUMBERS = frozenset({"fx_missing"})
CELLS = """CREATE OR REPLACE TABLE cells (
    kpi_key VARCHAR, calendar VARCHAR, grain VARCHAR, period_start DATE, dimension VARCHAR, member VARCHAR,
    numerator DECIMAL(38, 10), denominator DECIMAL(38, 10), n BIGINT, value DECIMAL(38, 10), coverage VARCHAR,
    status VARCHAR, marks VARCHAR, detail VARCHAR)"""
MACROS = """
CREATE OR REPLACE MACRO days(us) AS CAST((CAST(us AS HUGEINT) * 10000000000 + 43200000000) // 86400000000
    AS DECIMAL(38, 0)) * 0.0000000001::DECIMAL(11, 10);
CREATE OR REPLACE MACRO minutes(us) AS CAST((CAST(us AS HUGEINT) * 10000000000 + 30000000) // 60000000
    AS DECIMAL(38, 0)) * 0.0000000001::DECIMAL(11, 10);
CREATE OR REPLACE MACRO significant(x) AS CASE WHEN x = 0 THEN 0
    ELSE round(x, 5 - CAST(floor(log10(abs(x))) AS INTEGER)) END;
CREATE OR REPLACE MACRO standard_error(x) AS significant(stddev_samp(CAST(x AS DOUBLE)) / sqrt(count(x)));
CREATE OR REPLACE MACRO unscaled(x) AS CAST(x * 10000000000 AS HUGEINT);
CREATE OR REPLACE MACRO quotient(a, b, digits) AS CASE
    WHEN abs(a) > 1e16 THEN round(CAST(a AS DOUBLE) / CAST(b AS DOUBLE), digits)
    ELSE sign(a) * sign(b) * CAST(
        (2 * abs(unscaled(a)) * CASE digits WHEN 6 THEN 1000000 ELSE 10000000000 END + abs(unscaled(b)))
        // (2 * abs(unscaled(b))) AS DECIMAL(38, 0))
        * CASE digits WHEN 6 THEN 0.0000010000::DECIMAL(11, 10) ELSE 0.0000000001::DECIMAL(11, 10) END END
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """What rows are grouped by: a grain of a calendar, and no, one or two dimensions in the order of their names."""

    calendar: str
    grain: str
    dimensions: tuple[str, ...] = ()

    @property
    def column(self) -> str:
        """The column of `days` that has the period's start."""
        return f"{self.calendar}_{self.grain}"

    @property
    def dimension(self) -> str:
        """What readers see."""
        return ",".join(self.dimensions)


def totals_of(one: Slice) -> Slice:
    """The total that the members of a slice are shares of."""
    return Slice(calendar=one.calendar, grain=one.grain)


def slices(
    metric: Metric,
    periods: Iterable[Period],
    off: Iterable[str],
    crossed: Iterable[Sequence[str]],
    on: Iterable[str] = (),
) -> tuple[Slice, ...]:
    """Every slice in which a metric is kept: totals for each grain, its dimensions for months and longer."""
    pairs_of_grains = dict.fromkeys((period.calendar, period.grain.value) for period in periods)
    grains = [pair for pair in pairs_of_grains if pair[1] in grains_of(metric)]
    stored = metric.dimensions if metric.stored is None else metric.stored
    kept = [name for name in stored if name not in ON_DEMAND and name not in off]
    names = [(name,) for name in dict.fromkeys((*kept, *on))]
    pairs = [tuple(sorted(pair)) for pair in crossed if set(pair) <= set(metric.dimensions)]
    totals = [] if is_mandatory(metric) else [Slice(calendar=c, grain=g) for c, g in grains]
    return (
        *totals,
        *(Slice(calendar=c, grain=g, dimensions=d) for c, g in grains if g in SLICED for d in (*names, *pairs)),
    )


def grains_of(metric: Metric) -> tuple[str, ...]:
    """The grains that a metric is kept for."""
    match metric:
        case Growth() | Trailing() | Combined() | Periodic():
            return metric.grains
        case Moment(daily=""):
            return tuple(grain.value for grain in SLICED)
        case _:
            return tuple(grain.value for grain in Grain)


def is_mandatory(metric: Metric) -> bool:
    """Whether a metric has no totals."""
    return isinstance(metric, OverFact | Moment | Balance | Periodic | Combined) and metric.mandatory


def mandatory_dimensions(metric: Metric) -> tuple[str, ...]:
    """The dimensions without which no slice of a metric means anything."""
    return (metric.stored or ()) if is_mandatory(metric) else ()


def columns(metric: OverFact | Moment | Periodic, *, among: Iterable[OverFact] = ()) -> dict[str, str]:
    """The aggregates behind a metric's numerator, denominator, n, direct value and coverage; NULL for none.

    `rows` and `whole_n` stand in for n where a slice is kept though n is 0, and in totals.
    Percentiles of one expression `among` others are asked for at once: DuckDB then keeps the values once.
    """
    match metric:
        case Moment() | Periodic():
            found = (metric.total, metric.base or "NULL", metric.n, "NULL")
        case Flow():
            found = (metric.total, "NULL", metric.n, "NULL")
        case Quotient():
            found = (metric.over, metric.under, metric.n, "NULL")
        case Ratio():
            found = (metric.part, metric.whole, metric.whole, "NULL")
        case Mean():
            found = (metric.total, metric.count, metric.count, "NULL")
        case Percentile():
            others = (one.at for one in among if isinstance(one, Percentile) and one.of == metric.of)
            shares = sorted({metric.at, *others})
            value = f"round(quantile_cont({metric.of}, {shares})[{shares.index(metric.at) + 1}], 10)"
            found = ("NULL", f"count({metric.of})", f"count({metric.of})", value)
    names = ("numerator", "denominator", "n", "value")
    rows = metric.rows if isinstance(metric, Mean | Quotient) else None
    whole_n = metric.whole_n if isinstance(metric, Flow) else None
    more = {
        "coverage": coverage(metric.coverage),
        "status": metric.status or "NULL",
        "marks": marks(metric.marks),
        "rows": rows or "NULL",
        "whole_n": whole_n or "NULL",
    }
    return dict(zip(names, found, strict=True)) | more


def coverage(parts: Mapping[str, str]) -> str:
    """A JSON text of the aggregates, by name."""
    if not parts:
        return "NULL"
    kinds = {name: "BIGINT" if name in WHOLE_NUMBERS or name.endswith("_n") else "DOUBLE" for name in parts}
    fields = (f"'{name}': CAST({parts[name]} AS {kinds[name]})" for name in sorted(parts))
    return f"CAST(to_json({{{', '.join(fields)}}}) AS VARCHAR)"


def marks(flags: Mapping[str, str]) -> str:
    """The names of the flags that are up, as a list in JSON without its brackets."""
    if not flags:
        return "NULL"
    up = ", ".join(f"CASE WHEN {flags[name]} THEN '\"{name}\"' END" for name in sorted(flags))
    return f"nullif(concat_ws(',', {up}), '')"


@dataclass(frozen=True, slots=True)
class Sets:
    """Groupings by several sets of dimensions at once, as SQL: `named` (as `s`) tells a `mask` its dimension."""

    dimensions: Iterable[tuple[str, ...]]

    def by(self, *always: str, whole: str = "") -> str:
        """What to group by; the total by the column `whole` instead."""
        by = ((*(always if some or not whole else (whole,)), *some) for some in self.dimensions)
        sets = ", ".join(f"({', '.join(names)})" for names in by)
        return f"GROUPING SETS ({sets})"

    @property
    def mask(self) -> str:
        """The number of a row's set."""
        return f"GROUPING({', '.join(self._names)})" if self._names else "0"

    @property
    def member(self) -> str:
        """The members of a row, joined; the names are in the order of the alphabet, as in every slice."""
        return f"concat_ws(chr(31), {', '.join(self._names)})" if self._names else "''"

    @property
    def named(self) -> str:
        """A table of the sets."""
        rows = ", ".join(f"({_mask(some, self._names)}, '{','.join(some)}')" for some in self.dimensions)
        return f"(VALUES {rows}) s (mask, dimension)"

    @property
    def _names(self) -> list[str]:
        return sorted({name for some in self.dimensions for name in some})


def add_up(
    duck: DuckDBPyConnection,
    metrics: Mapping[str, tuple[OverFact, tuple[Slice, ...]]],
    *,
    where: str = "true",
) -> None:
    """Fill `cells` for metrics of one fact, each in its slices.

    What can be rolled up is added up by the parts of periods (see `days`), and from those for longer ones. What must
    see every value, such as a median, goes over the rows again, for as many slices at once as memory bears.
    """
    fact = next(iter(metrics.values()))[0].fact
    [(rows,)] = duck.execute(f"SELECT count(*) FROM {fact}").fetchall()
    if not rows:
        return
    every = [metric for metric, _ in metrics.values()]
    parts, rolled, direct, holistic = dict[str, str](), dict[str, str](), dict[str, str](), list[Slice]()
    for index, (metric, ones) in enumerate(metrics.values()):
        for name, expression in columns(metric, among=every).items():
            if expression == "NULL":
                continue
            if (outer := roll(expression, parts)) is not None:
                rolled[f"{name}_{index}"] = outer
            else:
                direct[f"{name}_{index}"] = expression
                holistic += ones
    wanted = tuple(dict.fromkeys(one for _, ones in metrics.values() for one in ones))
    _group(duck, "parts", fact, _named(parts), tuple(dict.fromkeys(map(_part, wanted))), where)
    some = tuple(dict.fromkeys(holistic))
    at_once = min(HOLISTIC_BUDGET // (rows * max(1, len(direct))), MOST_TABLES // max(1, len(direct)))
    for chunk in _chunks(some, max(1, at_once)):
        _group(duck, "direct", fact, direct, chunk, where, adds=chunk[0] != some[0])
    _keep(duck, metrics, wanted, rolled, direct)


def is_holistic(metric: OverFact) -> bool:
    """Whether every value must be held to aggregate it, so that cells don't add up."""
    return any(told != "NULL" and roll(told, {}) is None for told in columns(metric).values())


def _named(parts: Mapping[str, str]) -> dict[str, str]:
    return {name: aggregate for aggregate, name in parts.items()}


def _part(one: Slice) -> Slice:
    """What a slice is rolled up from: days and weeks from themselves."""
    return replace(one, grain="part") if one.grain in SLICED else one


def _group(
    duck: DuckDBPyConnection,
    table: str,
    fact: str,
    measures: Mapping[str, str],
    wanted: tuple[Slice, ...],
    where: str,
    *,
    adds: bool = False,
) -> None:
    """Make (or add to) a table of a fact's rows, grouped by every slice at once."""
    periods = list(dict.fromkeys(one.column for one in wanted))
    dimensions = sorted({name for one in wanted for name in one.dimensions})
    by = [*periods, *dimensions]
    sets = ", ".join(f"({', '.join([one.column, *one.dimensions])})" for one in wanted)
    member = f"concat_ws(chr(31), {', '.join(dimensions)})" if dimensions else "''"
    named = ", ".join(
        f"({_mask((one.column, *one.dimensions), by)}, '{one.calendar}', '{one.grain}', '{one.dimension}')"
        for one in wanted
    )
    found = ", ".join(f"{expression} AS {name}" for name, expression in measures.items())
    duck.execute(
        f"{f'INSERT INTO {table}' if adds else f'CREATE OR REPLACE TABLE {table} AS'} "
        f"SELECT s.* EXCLUDE (mask), w.* EXCLUDE (mask) FROM (SELECT GROUPING({', '.join(by)}) AS mask, "
        f"coalesce({', '.join(periods)}) AS period_start, {member} AS member{', ' if found else ''}{found} "
        f"FROM {fact} JOIN days USING (day) WHERE {where} GROUP BY GROUPING SETS ({sets})) w "
        f"JOIN (VALUES {named}) s (mask, calendar, grain, dimension) ON s.mask = w.mask"
    )


def _mask(grouped: Container[str], by: Sequence[str]) -> int:
    return sum(1 << place for place, name in enumerate(reversed(by)) if name not in grouped)


def _keep(
    duck: DuckDBPyConnection,
    metrics: Mapping[str, tuple[OverFact, tuple[Slice, ...]]],
    wanted: tuple[Slice, ...],
    rolled: Mapping[str, str],
    direct: Mapping[str, str],
) -> None:
    """Put the cells of each metric down."""
    place = "calendar, grain, period_start, dimension, member"
    places = {one: number for number, one in enumerate(wanted)}
    named = ", ".join(f"({at}, '{one.calendar}', '{one.grain}', '{one.dimension}')" for one, at in places.items())
    measures = ", ".join(f"{expression} AS {name}" for name, expression in rolled.items())
    joined = f"LEFT JOIN direct USING ({place})" if direct else ""
    picked = {key: sorted(places[one] for one in set(ones)) for key, (_, ones) in metrics.items()}
    cells = " UNION ALL ".join(_cells(key, index, {*rolled, *direct}, picked[key]) for index, key in enumerate(metrics))
    duck.execute(
        "INSERT INTO cells WITH rolled AS (SELECT u.calendar, u.grain, u.period_start, p.dimension, p.member"
        f"{', ' if measures else ''}{measures} FROM parts p JOIN spans_of_parts u ON u.part = p.period_start "
        "AND u.from_calendar = p.calendar AND u.from_grain = p.grain "
        "GROUP BY u.calendar, u.grain, u.period_start, p.dimension, p.member), "
        f"grouped AS MATERIALIZED (SELECT * FROM rolled {joined} "
        f"JOIN (VALUES {named}) s (slice, calendar, grain, dimension) USING (calendar, grain, dimension)) {cells}"
    )


def _cells(key: str, index: int, measures: Container[str], picked: Sequence[int]) -> str:
    names = ("numerator", "denominator", "n", "value", "coverage", "status", "marks", "rows", "whole_n")
    found = {name: f"{name}_{index}" if f"{name}_{index}" in measures else "NULL" for name in names}
    n = f"CASE WHEN dimension = '' THEN coalesce({found['whole_n']}, {found['n']}) ELSE {found['n']} END"
    return (
        f"SELECT '{key}', calendar, grain, period_start, dimension, member, {found['numerator']}, "
        f"{found['denominator']}, {n}, {found['value']}, {found['coverage']}, {found['status']}, {found['marks']}, "
        f"NULL FROM grouped WHERE slice IN ({', '.join(map(str, picked))}) "
        f"AND (coalesce({found['rows']}, {found['n']}) > 0 OR dimension = '')"
    )


def _chunks(items: tuple[Slice, ...], size: int) -> Iterator[tuple[Slice, ...]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
