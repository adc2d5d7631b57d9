"""Recheck: a value rebuilt for the moment of the last run must be the one that was taken then.

Once a day, for one KPI in turn, over the months that were over by then: a rebuild reads the histories again, which is
too dear for every run. What was done to records since, and what bears a date ahead of that moment, excuses the months
that it has to do with: there the source has rewritten its history, and the new values say so (`change_reason`).
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from duckdb import DuckDBPyConnection
from sqlalchemy import and_, func, or_, select
from sqlalchemy.engine import RowMapping

from kpi.calendars import name_of
from kpi.lineage import tables_of
from kpi.metric import Metric
from kpi.recipe import needed_copies
from kpi.restated import touched, touched_copies
from kpi.rewind import REWOUND
from kpi.settings import KpiSettings, Reporting
from kpi.source import Source
from kpi.warehouse import build, files_for
from kpi.workshop import Limits, workshop
from store.columns import utc
from store.database import Database
from store.records import Account, ExchangeRate, Pipeline, Stage
from store.schema import TABLES, SyncRun, table_of
from store.snapshots import latest

SAMPLED = ("won_deals_count", "lost_deals_count", "revenue")
"""KPIs over deals alone by close date, whose every change is seen: their rows, stages, close dates, the rates."""
GRAIN = "month"
LAG = timedelta(hours=1)
"""How long what was read may take to be stored: what was seen so long before a run may have come after it."""
DAY = timedelta(days=1)
STEP = Decimal("0.000001")
RUNS = table_of(SyncRun)
SAME = ("definitions_hash", "parameters_hash", "version")
FACTS = "deal field_history close_date_history"
ODD = """
CREATE OR REPLACE TABLE odd_deals AS
SELECT deal FROM deal WHERE closed AND close_date >= CAST({at} AS DATE) OR greatest(created_at, closed_at) > {at}
UNION SELECT d.deal FROM deal d
JOIN deal_stage_changes v ON v.connection = d.connection AND v.deal_id = d.id
WHERE greatest(v.entered_at, v.exited_at) > {at}
UNION SELECT deal FROM field_history WHERE changed_at > {at}
UNION SELECT d.deal FROM field_history h JOIN deal d ON d.deal = h.deal WHERE h.to_at = never() AND CASE h.field
    WHEN 'amount' THEN try_cast(h.value AS DECIMAL(38, 6)) IS DISTINCT FROM d.amount
    WHEN 'close_date' THEN try_cast(h.value AS DATE) IS DISTINCT FROM d.close_date
    WHEN 'owner_id' THEN h.value IS DISTINCT FROM d.owner_id END
"""
"""Deals with an instant ahead, which a rebuild looks away from, and those whose history says otherwise than they do."""
SIGN = " rebuilt for "
LOOKED_UP = (Account, Pipeline, Stage, ExchangeRate)
"""Whatever is done to these may have to do with any month."""
EXCUSED = """
CREATE OR REPLACE TABLE excused AS
SELECT since, until FROM edited JOIN lineage USING (source)
UNION SELECT day, day FROM (SELECT unnest([close_date, local_day(closed_at), created_day]) AS day
    FROM deal d SEMI JOIN odd_deals o ON o.deal = d.deal)
UNION SELECT close_date, close_date FROM close_date_history h SEMI JOIN odd_deals o ON o.deal = h.deal
UNION SELECT DATE '0001-01-01', DATE '9999-12-31' FROM touched_deals t WHERE t.first_seen_at <= {at} AND NOT EXISTS (
    SELECT 1 FROM deal_field_changes c WHERE c.connection = t.connection AND c.field = 'close_date')
"""
"""The days, both in; all of them where a deal was touched and nothing tells when it was to close before."""
MONTHS = """
SELECT DISTINCT p.start_day FROM periods p JOIN excused e ON e.since < p.end_day AND e.until >= p.start_day
WHERE p.grain = ?
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """The KPI whose turn it is, in the first calendar, and the moment of the last run."""

    key: str
    metric: Metric
    calendar: str
    at: datetime


def recheck(
    database: Database,
    settings: KpiSettings,
    reporting: Reporting,
    before: RowMapping | None,
    run: Mapping[str, Any],
    metrics: Mapping[str, Metric],
    *,
    limits: Limits,
    rebuild: Callable[..., Sequence[Mapping[str, Any]]],
) -> tuple[str, ...]:
    """Sentences about months that are rebuilt otherwise than they were taken, though nothing was done to them.

    Later on the same day those of its first run, which stand until the next day's.

    `before` is the last run and `run` the one that is about to be. `rebuild` evaluates a KPI by month: key, calendar,
    instant, and from which day.
    """
    if before is not None and before["computed_at"].date() >= run["computed_at"].date():
        return tuple(sentence for sentence in before["broken"] or () if SIGN in sentence)
    key = sampled(before, run, metrics, reporting)
    if before is None or key is None:
        return ()
    turn = _Turn(key=key, metric=metrics[key], calendar=name_of(settings.calendars[0]), at=before["computed_at"])
    taken = _taken(database, turn)
    if not taken:
        return ()
    rebuilt = rebuild(key, calendar=turn.calendar, at=turn.at, since=min(taken))
    if _is_doubtful(database, turn.at, run["computed_at"]):  # asked last: what comes meanwhile counts
        return ()
    with workshop(limits) as (duck, folder):
        source = Source(database, duck, folder, memory=limits.memory)
        excused = _excused(duck, source, settings, reporting, turn, min(taken), run["computed_at"])
    return tuple(
        f"{key}{SIGN}{turn.at:%Y-%m-%d %H:%M} UTC is {_told(row['value'])} in the {GRAIN} from {row['period_start']} "
        f"({turn.calendar}), but {_told(then['value'])} was taken then, and nothing was done to a record behind it "
        "since"
        for row in rebuilt
        if row["period_start"] not in excused
        and (then := taken.get(row["period_start"])) is not None
        and not _is_same(row["value"], then["value"])
    )


def sampled(
    before: RowMapping | None, run: Mapping[str, Any], metrics: Iterable[str], reporting: Reporting
) -> str | None:
    """The KPI whose day it is; None where values are read otherwise than before, or not by what histories tell."""
    if before is None or reporting.close_date_policy == "closed_at" or any(before[name] != run[name] for name in SAME):
        return None
    left_out = () if reporting.revenue_basis == "deal" else ("revenue",)
    known = [key for key in SAMPLED if key in set(metrics) and key not in left_out]
    return known[run["computed_at"].toordinal() % len(known)] if known else None


def _taken(database: Database, turn: _Turn) -> Mapping[date, RowMapping]:
    """What was taken of the months that were over."""
    with database.read() as tx:
        rows = latest(tx, kpi_key=turn.key, calendar=turn.calendar, grain=GRAIN, dimension="", as_of=turn.at)
    return {row["period_start"]: row for row in rows if not row["is_partial"]}


def _is_doubtful(database: Database, taken_at: datetime, now: datetime) -> bool:
    """Whether something was done that any month may have to do with, or rows may have come that were read long ago.

    Such rows come with runs that took longer than `LAG`, or went on where one was stopped.
    """
    new = [
        or_(t.c.first_seen_at > taken_at - LAG, t.c.last_seen_at > taken_at - LAG)
        for t in (TABLES[record] for record in LOOKED_UP)
    ]
    long = and_(RUNS.c.started_at < taken_at - LAG, func.coalesce(RUNS.c.finished_at, now) > taken_at)
    cut = and_(RUNS.c.started_at > taken_at - DAY, RUNS.c.outcome.in_(("stopped", "interrupted")))
    with database.read() as tx:
        return any(tx.execute(select(1).where(each).limit(1)).first() for each in (*new, or_(long, cut)))


def _excused(
    duck: DuckDBPyConnection,
    source: Source,
    settings: KpiSettings,
    reporting: Reporting,
    turn: _Turn,
    since: date,
    now: datetime,
) -> Collection[date]:
    """The months that were touched since, or that deals have to do with whose past is told in two ways."""
    files, metrics = files_for([turn.metric], FACTS, since=since), {turn.key: turn.metric}
    new = touched_copies(turn.at - LAG, is_sqlite=source.is_sqlite, only=tables_of(turn.metric))
    source.copy([*needed_copies(files, *REWOUND), *new])
    build(duck, settings, reporting, now, metrics=metrics, only=files, calendar=turn.calendar, since=since)
    touched(duck, metrics, turn.at - LAG)
    at = f"TIMESTAMP '{utc(turn.at).replace(tzinfo=None)}'"
    duck.execute(ODD.format(at=at))
    duck.execute(EXCUSED.format(at=at))
    return {day for (day,) in duck.execute(MONTHS, [GRAIN]).fetchall()}


def _told(value: Decimal | None) -> str:
    return "nothing" if value is None else f"{value.normalize():f}"


def _is_same(one: Decimal | None, other: Decimal | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= max(STEP, abs(other) * STEP / 10**8)
