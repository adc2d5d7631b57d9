"""The facts in DuckDB: settings as macros and tables, then one SQL file per fact over the copied columns."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import orjson
from duckdb import DuckDBPyConnection

from kpi.calendars import BUILT_IN, name_of
from kpi.catalogue import METRICS
from kpi.lineage import texts
from kpi.metric import Flow, Metric, Unit
from kpi.periods import DAY, SLICED, Calendar, Grain, Period, earlier
from kpi.periods import calendar as made
from kpi.periods import calendars as chosen
from kpi.recipe import needed_files, sql
from kpi.settings import KpiSettings, Reporting
from kpi.words import enumerate_words
from kpi.worktime import business_hours
from kpi.zones import Span, day_end, local_time
from store.columns import utc

EVENTS = ("macros", "homes", "survivors", "rates", "teams", "deal", "parties", "histories", "reps", "rep_spans",
          "closed_deals", "credited_deals", "created_deals", "product_lines", "rep_activities", "stage_visits",
          "open_spans", "leads", "stage_reach", "deal_calls", "lead_touches", "first_contacts", "touches",
          "cohorts", "done_activities", "meeting_answers", "customers", "customer_deals", "sold_deals", "responses",
          "requests", "spend", "orders", "gross_deals", "trainings")  # fmt: skip
MOMENTS = ("targets", "open_deals", "open_visits", "new_customers", "price_gaps", "customer_levels", "adoption",
           "engagement")  # fmt: skip
WIDE = frozenset({"deal", "parties", "rep_activities", "customers"})
"""Facts of many words out of which most others are made."""
PEOPLE = ("owner", "rep")
LONGEST_PAST_YEARS = 30
A_FEW_YEARS = timedelta(days=3 * 366)
"""What periods and windows reach beyond the first and the last time that is known."""
ALSO = " target_values closed_deals"
"""What is read besides: targets are kept with the values, and cohorts ripen as deals close."""
CREDITED = {"owner": "sum(flag)", "splits": "sum(flag * share)"}
"""How many deals carry a flag, each once: one that is credited to several people has several rows, with shares."""
PER_DAY = "CAST(CAST(value AS DOUBLE) / days AS DECIMAL(38, 10))"
FIRST_EVENT = """
SELECT min(day) FROM (
    SELECT min(created_day) AS day FROM deal UNION ALL SELECT min(close_day) FROM deal WHERE closed
    UNION ALL SELECT min(day) FROM rep_activities WHERE call + counted > 0
    UNION ALL SELECT min(entered_day) FROM visits UNION ALL SELECT min(day) FROM lead
    UNION ALL SELECT min(day) FROM requests UNION ALL SELECT min(day) FROM responses
    UNION ALL SELECT min(day) FROM order_values UNION ALL SELECT min(day) FROM trainings
)"""


def build(
    duck: DuckDBPyConnection,
    settings: KpiSettings,
    reporting: Reporting,
    now: datetime,
    *,
    metrics: Mapping[str, Metric] = METRICS,
    only: Collection[str] = (*EVENTS, *MOMENTS),
    calendar: str | None = None,
    since: date | None = None,
) -> list[Period]:
    """Make the facts; answers the periods from the first event, or the day `since`, to the one that contains `now`.

    `only` names the files of facts (see `files_for`). With `calendar` only that one's periods, whether it is
    configured or not.
    """
    today = now.astimezone(reporting.zone).date()
    _settle(duck, settings, reporting, now, today)
    cut = any("[" in text for metric in metrics.values() for text in texts(metric))  # an enumeration can't be sliced
    for name in EVENTS:
        if name in only:
            duck.execute(sql(name))
            if name in WIDE and not cut:
                enumerate_words(duck, name, but=PEOPLE if settings.match_users == "email" else ())
    first, own = since or _first_day(duck, today), calendars(settings, reporting, only=calendar)
    periods = [period for one in own.values() for period in one(first, today)]
    _place(duck, periods, today)
    _plan(duck, own.values(), periods, {**METRICS, **metrics})
    for name in MOMENTS:
        if name in only:
            duck.execute(sql(name))
    if settings.match_users == "email":
        _match_users(duck)
    return periods


def files_for(metrics: Iterable[Metric], *more: str, since: date | None = None) -> frozenset[str]:
    """The files of facts that metrics are made from, those that every computation looks at, and `more` by name.

    Where it isn't known from which day periods are wanted (`since`), also those that tell the first event.
    """
    words = (ALSO, *more, *([FIRST_EVENT] if since is None else []))
    return needed_files(metrics, (*EVENTS, *MOMENTS), " ".join(words))


def _settle(duck: DuckDBPyConnection, settings: KpiSettings, reporting: Reporting, now: datetime, today: date) -> None:
    zone, known = reporting.zone, _known_times(duck, now)
    instant = utc(now).replace(tzinfo=None).isoformat(" ")
    currency = "NULL" if reporting.currency is None else _quoted(reporting.currency)
    for signature, expression in (
        ("local_day(t)", f"CAST({local_time('t', zone, known)} AS DATE)"),
        ("local_day_of_any(t)", f"CAST({local_time('t', zone)} AS DATE)"),
        ("local_hour(t)", f"hour({local_time('t', zone, known)})"),
        ("day_end(d)", day_end("d", zone, known)),
        ("today()", f"DATE '{today}'"),
        ("present()", f"TIMESTAMP '{instant}'"),
        ("reporting_currency()", f"CAST({currency} AS VARCHAR)"),
        ("close_date_policy()", _quoted(reporting.close_date_policy)),
        ("funnel_mode()", _quoted(reporting.funnel_mode)),
        ("follow_up_days()", str(reporting.follow_up_window_days)),
        ("active_customer_days()", str(reporting.active_customer_window_days)),
        ("credit_mode()", _quoted(reporting.credit_mode)),
        ("credited(flag, share)", CREDITED[reporting.credit_mode]),
        ("calls_connected_only()", str(reporting.calls_connected_only)),
        ("orders_exclude_zero()", str(reporting.orders_exclude_zero)),
        ("customer_basis()", _quoted(reporting.customer_basis)),
        ("is_demo(subtype, title)", _is_demo(reporting.demo_words)),
        ("revenue_basis()", _quoted(reporting.revenue_basis)),
        ("per_day(value, days)", PER_DAY if reporting.growth_per_day else "value"),
        ("touch_order(t)", "-epoch_us(t)" if reporting.attribution == "latest" else "epoch_us(t)"),
        ("attribution()", _quoted(reporting.attribution)),
        ("resolved_leads_only()", str(reporting.resolved_leads_only)),
        ("paid_leads_only()", str(reporting.paid_leads_only)),
        ("campaign_costs()", _quoted(reporting.campaign_costs)),
        ("acquisition_lag_months()", str(reporting.acquisition_lag_months)),
        ("exclude_renewals()", str(reporting.exclude_renewals)),
        ("source_name(source)", _renamed("source", settings.source_names)),
        *business_hours(reporting),
        ("target_split()", _quoted(settings.target_split or "none")),
    ):
        duck.execute(f"CREATE OR REPLACE MACRO {signature} AS {expression}")
    _pairs(duck, "region_map", ("country", "region"), settings.region_map)
    _pairs(duck, "source_map", ("source", "category"), settings.source_map)
    weights = {kind: str(weight) for kind, weight in reporting.engagement_weights.items()}
    _pairs(duck, "engagement_weight_texts", ("kind", "weight"), weights)
    duck.execute(
        "CREATE OR REPLACE VIEW engagement_weights AS SELECT kind, CAST(weight AS INTEGER) AS weight "
        "FROM engagement_weight_texts"
    )
    reasons = [reason.strip().lower() for reason in settings.lost_reason_exclusions]
    duck.execute("CREATE OR REPLACE TABLE lost_reason_exclusions AS SELECT unnest(?::VARCHAR[]) AS reason", [reasons])


def _known_times(duck: DuckDBPyConnection, now: datetime) -> Span:
    """A span in which every time in the copied columns lies, and the periods around now."""
    found = duck.execute(
        "SELECT table_name, list(column_name) FROM duckdb_columns() WHERE NOT internal "
        "AND database_name = current_database() AND data_type IN ('TIMESTAMP', 'DATE') GROUP BY table_name"
    ).fetchall()
    here = f"TIMESTAMP '{utc(now).replace(tzinfo=None)}'"
    bounds = [f"SELECT {here} AS first, {here} AS last"]
    for table, times in found:
        first, last = (", ".join(f"{bound}({time})" for time in times) for bound in ("min", "max"))
        bounds.append(f"SELECT least({first}), greatest({last}) FROM {table}")
    [span] = duck.execute(
        "SELECT greatest(min(first), TIMESTAMP '1000-01-01'), least(max(last), TIMESTAMP '9000-01-01') "
        f"FROM ({' UNION ALL '.join(bounds)})"
    ).fetchall()
    return span[0].replace(tzinfo=UTC) - A_FEW_YEARS, span[1].replace(tzinfo=UTC) + A_FEW_YEARS


def _first_day(duck: DuckDBPyConnection, today: date) -> date:
    [(first,)] = duck.execute(FIRST_EVENT).fetchall()
    return min(today, max(first or today, today - timedelta(days=366 * LONGEST_PAST_YEARS)))


def calendars(settings: KpiSettings, reporting: Reporting, *, only: str | None = None) -> dict[str, Calendar]:
    """The calendars of a company by name, or the one that is asked for. Raises ValueError for one that there isn't."""
    start, named_by = reporting.fiscal_year_start, settings.fiscal_year_named_by
    if only is None:
        return chosen(settings.calendars, fiscal_year_start=start, named_by=named_by, week_start=reporting.week_start)
    own = {name_of(one): one for one in (*BUILT_IN, *settings.calendars)}
    if only not in own:
        raise ValueError(f"there is no calendar {only}; there are {', '.join(own)}")
    return {only: made(own[only], fiscal_year_start=start, named_by=named_by, week_start=reporting.week_start)}


def _place(duck: DuckDBPyConnection, periods: list[Period], today: date) -> None:
    shape = {"calendar": "VARCHAR", "grain": "VARCHAR", "start_day": "DATE", "end_day": "DATE",
             "is_running": "BOOLEAN", "elapsed_days": "BIGINT", "name": "VARCHAR", "previous_day": "DATE",
             "year_ago_day": "DATE"}  # fmt: skip
    before = earlier(periods)
    rows = [
        (one.calendar, one.grain, one.start, one.end, today in one, one.elapsed(today), one.name, *before[one])
        for one in periods
    ]
    put_rows(duck, "periods", shape, rows)
    starts = ", ".join(
        f"max(start_day) FILTER (calendar = '{calendar}' AND grain = '{grain}') AS {calendar}_{grain}"
        for calendar, grain in dict.fromkeys((period.calendar, period.grain.value) for period in periods)
    )
    pairs = list(dict.fromkeys((period.calendar, period.grain.value) for period in periods))
    parts = ", ".join(f"coalesce({one}_month, day) AS {one}_part" for one in dict.fromkeys(one for one, _ in pairs))
    duck.execute(
        "CREATE OR REPLACE TABLE days AS WITH every AS (SELECT CAST(unnest(generate_series(min(start_day), "
        f"max(end_day) - 1, INTERVAL 1 DAY)) AS DATE) AS day FROM periods), placed AS (SELECT day, {starts} "
        f"FROM every JOIN periods ON day >= start_day AND day < end_day GROUP BY day) SELECT *, {parts} FROM placed"
    )
    spans = " UNION ALL ".join(
        f"SELECT DISTINCT '{calendar}' AS from_calendar, '{source}' AS from_grain, {calendar}_{source} AS part, "
        f"'{calendar}' AS calendar, '{grain}' AS grain, {calendar}_{grain} AS period_start FROM days "
        f"WHERE {calendar}_{grain} IS NOT NULL"
        for calendar, grain in pairs
        for source in ("part" if grain in SLICED else grain,)
    )
    duck.execute(f"CREATE OR REPLACE TABLE spans_of_parts AS {spans}")
    sliced = ", ".join(f"'{grain}'" for grain in SLICED)
    duck.execute(
        "CREATE OR REPLACE TABLE moments AS SELECT day, row_number() OVER (ORDER BY day) - 1 AS place FROM ("
        "SELECT DISTINCT CAST(end_day - 1 AS DATE) AS day FROM periods "
        f"WHERE NOT is_running AND grain IN ({sliced}))"
    )
    duck.execute(
        "CREATE OR REPLACE TABLE day_places AS SELECT d.day, count(m.day) AS place FROM days d "
        "LEFT JOIN moments m ON m.day < d.day GROUP BY d.day"
    )


def _plan(
    duck: DuckDBPyConnection, own: Iterable[Calendar], periods: Sequence[Period], metrics: Mapping[str, Metric]
) -> None:
    """The periods that targets may be for, to the end of the running years; and what adds up, and what is money."""
    whole = [one for one in periods if one.grain is Grain.ALL]
    planned = [
        period for calendar, all_ in zip(own, whole, strict=True) for period in calendar(all_.start, all_.end - DAY)
    ]
    shape = {"calendar": "VARCHAR", "grain": "VARCHAR", "start_day": "DATE", "end_day": "DATE"}
    put_rows(duck, "plan_periods", shape, [(one.calendar, one.grain, one.start, one.end) for one in planned])
    kinds = [(key, isinstance(metric, Flow), metric.card.unit is Unit.MONEY) for key, metric in metrics.items()]
    put_rows(duck, "kpi_kinds", {"kpi_key": "VARCHAR", "is_flow": "BOOLEAN", "is_money": "BOOLEAN"}, kinds)


def _match_users(duck: DuckDBPyConnection) -> None:
    """Let people whom several connections know by one e-mail address be one: the first connection's, by name."""
    duck.execute(
        "CREATE OR REPLACE TABLE same_people AS SELECT connection || ':' || id AS member, "
        "first_value(connection || ':' || id) OVER (PARTITION BY lower(trim(email)) ORDER BY deleted_at IS NOT NULL, "
        "connection, id) AS person FROM users WHERE trim(coalesce(email, '')) <> '' QUALIFY member <> person"
    )
    found = duck.execute(
        "SELECT c.table_name, c.column_name FROM duckdb_columns() c JOIN duckdb_tables() t USING (table_oid) "
        "WHERE t.database_name = current_database() AND list_contains(?, c.column_name)",
        [PEOPLE],
    ).fetchall()
    for table, column in found:
        duck.execute(f"UPDATE {table} SET {column} = person FROM same_people WHERE {column} = same_people.member")


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


def _is_demo(words: Sequence[str]) -> str:
    """Whether a meeting is a demo, by its kind or its title."""
    lowered = [_quoted(word.lower()) for word in words]
    kinds = [f"lower(trim(subtype)) = {word}" for word in lowered]
    titles = [f"contains(lower(title), {word})" for word in lowered]
    return f"coalesce({' OR '.join([*kinds, *titles, 'false'])}, false)"


def _renamed(text: str, names: Mapping[str, str]) -> str:
    """A word by the name that is set for it, however it is spelled."""
    cases = " ".join(f"WHEN {_quoted(one.strip().lower())} THEN {_quoted(name)}" for one, name in names.items())
    return f"CASE lower(trim({text})) {cases} ELSE {text} END" if cases else text


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
