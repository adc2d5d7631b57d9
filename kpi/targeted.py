"""Cells that come from targets, and from the twelve months before the end of a period."""

from duckdb import DuckDBPyConnection

from kpi.cells import Slice, columns
from kpi.metric import LastYear, TargetOf

PLACE = "calendar, grain, period_start, dimension, member"


def targets(duck: DuckDBPyConnection, key: str, metric: TargetOf, wanted: tuple[Slice, ...]) -> None:
    """What there is of targets in the wanted slices; `fx_missing` where their worth is unknown."""
    duck.execute(
        f"INSERT INTO cells BY NAME SELECT $key AS kpi_key, {PLACE}, target AS numerator, n, versions AS detail, "
        "CASE WHEN fx_missing > 0 THEN 'fx_missing' END AS status FROM target_values "
        f"WHERE kpi_key = $of AND (calendar, grain, dimension) IN ({_asked(wanted)})",
        {"key": key, "of": metric.of.card.key},
    )


def last_year(duck: DuckDBPyConnection, key: str, metric: LastYear, wanted: tuple[Slice, ...]) -> None:
    """A mean over a sliding year, only where there are targets: elsewhere nobody asks."""
    found = columns(metric.of)
    for some in dict.fromkeys(one.dimensions for one in wanted):
        here = tuple(one for one in wanted if one.dimensions == some)
        member = f"concat_ws(chr(31), {', '.join(f'f.{name}' for name in some)})" if some else "''"
        duck.execute(
            "INSERT INTO cells BY NAME WITH asked AS (SELECT DISTINCT p.calendar, p.grain, p.start_day, t.dimension, "
            "t.member, CAST(CASE WHEN p.is_running THEN today() + 1 ELSE p.end_day END AS DATE) AS end_day "
            "FROM target_values t JOIN periods p ON (p.calendar, p.grain, p.start_day) "
            "= (t.calendar, t.grain, t.period_start) "
            f"WHERE t.kpi_key = 'revenue' AND (t.calendar, t.grain, t.dimension) IN ({_asked(here)})) "
            "SELECT $key AS kpi_key, a.calendar, a.grain, a.start_day AS period_start, a.dimension, a.member, "
            f"{found['numerator']} AS numerator, {found['denominator']} AS denominator, {found['n']} AS n "
            f"FROM asked a JOIN {metric.of.fact} f ON {member} = a.member AND f.day < a.end_day "
            "AND f.day >= a.end_day - INTERVAL 12 MONTH GROUP BY ALL",
            {"key": key},
        )


def _asked(wanted: tuple[Slice, ...]) -> str:
    return ", ".join(repr((one.calendar, one.grain, one.dimension)) for one in wanted)
