"""The facts in DuckDB: settings as macros and tables, then one SQL file per fact over the copied columns."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files

import orjson
from duckdb import DuckDBPyConnection

from kpi.periods import SLICED, Calendar, Period, fiscal, gregorian
from kpi.settings import KpiSettings, Reporting
from kpi.zones import day_end, local_time
from store.columns import utc

EVENTS = ("macros", "rates", "teams", "deal", "histories", "reps", "rep_spans", "closed_deals", "created_deals",
          "product_lines", "rep_activities", "stage_visits", "stage_reach", "open_spans", "deal_calls")  # fmt: skip
MOMENTS = ("open_deals",)
LONGEST_PAST_YEARS = 30
FIRST_EVENT = """
SELECT min(day) FROM (
    SELECT min(created_day) AS day FROM deal UNION ALL SELECT min(close_day) FROM deal WHERE closed
    UNION ALL SELECT min(day) FROM rep_activities UNION ALL SELECT min(entered_day) FROM visits
)"""


def build(duck: DuckDBPyConnection, settings: KpiSettings, reporting: Reporting, now: datetime) -> list[Period]:
    """Make every fact; answers the periods from the first event to the one that contains `now`."""
    today = now.astimezone(reporting.zone).date()
    _settle(duck, settings, reporting, now, today)
    for name in EVENTS:
        duck.execute(sql(name))
    periods = _periods(duck, settings, reporting, today)
    _place(duck, periods, today)
    for name in MOMENTS:
        duck.execute(sql(name))
    return periods


@cache
def sql(name: str) -> str:
    """A fact's SQL."""
    return files("kpi.facts").joinpath(f"{name}.sql").read_text("utf-8")


def _settle(duck: DuckDBPyConnection, settings: KpiSettings, reporting: Reporting, now: datetime, today: date) -> None:
    zone = reporting.zone
    instant = utc(now).replace(tzinfo=None).isoformat(" ")
    currency = "NULL" if reporting.currency is None else _quoted(reporting.currency)
    for signature, expression in (
        ("local_day(t)", f"CAST({local_time('t', zone)} AS DATE)"),
        ("day_end(d)", day_end("d", zone)),
        ("today()", f"DATE '{today}'"),
        ("present()", f"TIMESTAMP '{instant}'"),
        ("reporting_currency()", f"CAST({currency} AS VARCHAR)"),
        ("close_date_policy()", _quoted(reporting.close_date_policy)),
    ):
        duck.execute(f"CREATE OR REPLACE MACRO {signature} AS {expression}")
    _pairs(duck, "region_map", ("country", "region"), settings.region_map)
    _pairs(duck, "source_map", ("source", "category"), settings.source_map)
    reasons = [reason.strip().lower() for reason in settings.lost_reason_exclusions]
    duck.execute("CREATE OR REPLACE TABLE lost_reason_exclusions AS SELECT unnest(?::VARCHAR[]) AS reason", [reasons])


def _periods(duck: DuckDBPyConnection, settings: KpiSettings, reporting: Reporting, today: date) -> list[Period]:
    [(first,)] = duck.execute(FIRST_EVENT).fetchall()
    first = min(today, max(first or today, today - timedelta(days=366 * LONGEST_PAST_YEARS)))
    return [period for calendar in calendars(settings, reporting) for period in calendar(first, today)]


def calendars(settings: KpiSettings, reporting: Reporting) -> Iterable[Calendar]:
    """The calendars of a company: a fiscal one only where its year is not the Gregorian one."""
    if "gregorian" in settings.calendars:
        yield gregorian(reporting.week_start)
    if "fiscal" in settings.calendars and reporting.fiscal_year_start != 1:
        yield fiscal(reporting.fiscal_year_start)


def _place(duck: DuckDBPyConnection, periods: list[Period], today: date) -> None:
    shape = {"calendar": "VARCHAR", "grain": "VARCHAR", "start_day": "DATE", "end_day": "DATE",
             "is_running": "BOOLEAN", "elapsed_days": "BIGINT"}  # fmt: skip
    rows = [(one.calendar, one.grain, one.start, one.end, today in one, one.elapsed(today)) for one in periods]
    put_rows(duck, "periods", shape, rows)
    starts = ", ".join(
        f"max(start_day) FILTER (calendar = '{calendar}' AND grain = '{grain}') AS {calendar}_{grain}"
        for calendar, grain in dict.fromkeys((period.calendar, period.grain.value) for period in periods)
    )
    duck.execute(
        "CREATE OR REPLACE TABLE days AS WITH every AS (SELECT CAST(unnest(generate_series(min(start_day), "
        f"max(end_day) - 1, INTERVAL 1 DAY)) AS DATE) AS day FROM periods) SELECT day, {starts} "
        "FROM every JOIN periods ON day >= start_day AND day < end_day GROUP BY day"
    )
    sliced = ", ".join(f"'{grain}'" for grain in SLICED)
    duck.execute(
        "CREATE OR REPLACE TABLE moments AS SELECT DISTINCT CAST(end_day - 1 AS DATE) AS day FROM periods "
        f"WHERE NOT is_running AND grain IN ({sliced})"
    )


def put_rows(duck: DuckDBPyConnection, table: str, shape: Mapping[str, str], rows: Iterable[Sequence[object]]) -> None:
    """Make a table of Python's values, as one text: a list of values is bound a thousand times more slowly."""
    records = [dict(zip(shape, row, strict=True)) for row in rows]
    kinds = orjson.dumps([dict(shape)]).decode()
    duck.execute(
        f"CREATE OR REPLACE TABLE {table} AS SELECT unnest(from_json(?, '{kinds}'), recursive := true)",
        [orjson.dumps(records).decode()],
    )


def _pairs(duck: DuckDBPyConnection, table: str, columns: tuple[str, str], pairs: Mapping[str, str]) -> None:
    duck.execute(
        f"CREATE OR REPLACE TABLE {table} AS SELECT unnest(?::VARCHAR[]) AS {columns[0]}, "
        f"unnest(?::VARCHAR[]) AS {columns[1]}",
        [list(pairs), list(pairs.values())],
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
