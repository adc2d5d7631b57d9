"""Records: what a value of a KPI is made of, record by record, as the engine counted it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from duckdb import DuckDBPyConnection

from kpi.blueprint import columns as columns_of
from kpi.blueprint import dimensions_of, tell_connections
from kpi.catalogue import METRICS
from kpi.cells import MACROS, columns
from kpi.custom import custom_metrics
from kpi.engine import bring
from kpi.lineage import tables_of
from kpi.metric import Metric, Moment, OverFact, Percentile
from kpi.settings import KpiSettings, resolve
from kpi.source import Source, accounts
from kpi.warehouse import build, calendars
from kpi.workshop import DEFAULT_LIMITS, Limits, workshop
from store.database import Database

Listed = OverFact | Moment
"""The metrics whose values are made of the rows of one fact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A record, and what it adds to each side. `connection` and `id` are empty where the fact's rows are no records.

    `value` is that of a percentile's row, which adds up to nothing.
    """

    connection: str
    id: str
    day: date
    numerator: Decimal | None
    denominator: Decimal | None
    n: int
    value: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which value: of the period that contains `day`, of a member of `dimension` (empty: the total)."""

    key: str
    day: date
    grain: str = "month"
    dimension: str = ""
    member: str = ""


def can_be_listed(metric: Metric) -> bool:
    """Whether a KPI is made of records of one kind; others are made of other KPIs."""
    return isinstance(metric, Listed) and bool({"id", "deal"} & set(columns_of().get(metric.fact, ())))


Look = Callable[[Wanted], Sequence[Part]]


@contextmanager
def behind(
    database: Database,
    settings: KpiSettings,
    *,
    now: datetime,
    calendar: str = "gregorian",
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[Look]:
    """A way to list the records behind values of one calendar: the facts are made once for all of them.

    The largest record comes first. What they add to the numerator and the denominator sums up to the stored ones,
    except where distinct things are counted (a customer with two deals stands behind both). Raises ValueError for a
    KPI that is made of other KPIs, a dimension that it doesn't have, and a period or a calendar that there isn't.
    """
    every = {**METRICS, **custom_metrics(settings.custom)}
    with workshop(limits) as (duck, folder):
        reporting = resolve(settings, accounts(database))
        calendars(settings, reporting, only=calendar)
        bring(Source(database, duck, folder, memory=limits.memory), duck, reporting, None)
        build(duck, settings, reporting, now, metrics=every, calendar=calendar)
        duck.execute(MACROS)

        def look(wanted: Wanted) -> Sequence[Part]:
            metric = every[wanted.key]
            if not isinstance(metric, Listed) or not can_be_listed(metric):
                raise ValueError(f"{wanted.key} is made of other KPIs, not of records: ask for those")
            if wanted.dimension and wanted.dimension not in dimensions_of(metric):
                raise ValueError(f"{wanted.key} has no dimension {wanted.dimension}")
            if wanted.dimension == "connection":
                tell_connections(duck, {wanted.key: metric})
            return _listed(duck, metric, wanted, calendar)

        yield look


def kinds(metric: Metric) -> tuple[str, ...]:
    """The store's tables that the records may be in."""
    return tuple(sorted(tables_of(metric)))


def _listed(duck: DuckDBPyConnection, metric: Listed, wanted: Wanted, calendar: str) -> list[Part]:
    found = duck.execute(
        "SELECT start_day, end_day, is_running FROM periods WHERE calendar = ? AND grain = ? AND start_day <= ? "
        "AND end_day > ?",
        [calendar, wanted.grain, wanted.day, wanted.day],
    ).fetchone()
    if found is None:
        raise ValueError(f"there is no {wanted.grain} with {wanted.day}: nothing happened then, or it lies ahead")
    start, end, is_running = found
    known = {row[0] for row in duck.execute(f"DESCRIBE {metric.fact}").fetchall()}
    if isinstance(metric, Moment):
        where, given = ("f.is_now", []) if is_running else ("NOT f.is_now AND f.day = CAST(? AS DATE) - 1", [end])
    else:
        where, given = "f.day >= ? AND f.day < ?", [start, end]
    if wanted.dimension:
        where, given = f"{where} AND f.{wanted.dimension} = ?", [*given, wanted.member]
    named = _named(known)
    sides = {
        name: expression for name, expression in columns(metric).items() if name in ("numerator", "denominator", "n")
    }
    if isinstance(metric, Percentile):
        sides["value"] = f"any_value({metric.of})"
    measured = ", ".join(f"{expression} AS {name}" for name, expression in sides.items())
    duck.execute(
        f"CREATE OR REPLACE TABLE behind AS SELECT f.*, {named} FROM {metric.fact} f "
        f"{'LEFT JOIN deal d ON d.deal = f.deal' if 'deal' in known and 'id' not in known else ''} WHERE {where}",
        given,
    )
    names = ("of_connection", "of_id", "day", *sides)
    rows = duck.execute(
        f"SELECT of_connection, of_id, min(day) AS day, {measured} FROM behind GROUP BY of_connection, of_id "
        "HAVING coalesce(n, 0) > 0 OR coalesce(numerator, 0) <> 0 OR coalesce(denominator, 0) <> 0 "
        "ORDER BY abs(coalesce(numerator, denominator)) DESC NULLS LAST, of_connection, of_id"
    ).fetchall()
    return [_part(dict(zip(names, row, strict=True))) for row in rows]


def _named(known: set[str]) -> str:
    if "id" in known:
        connection = "f.connection" if "connection" in known else "''"
        return f"{connection} AS of_connection, CAST(f.id AS VARCHAR) AS of_id"
    return "d.connection AS of_connection, d.id AS of_id"


def _part(row: dict[str, Any]) -> Part:
    def exact(name: str) -> Decimal | None:
        return None if row.get(name) is None else Decimal(str(row[name]))

    return Part(
        connection=row["of_connection"] or "",
        id=row["of_id"] or "",
        day=row["day"],
        numerator=exact("numerator"),
        denominator=exact("denominator"),
        n=int(row["n"] or 0),
        value=exact("value"),
    )
