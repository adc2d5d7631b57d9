"""Recheck: a value rebuilt for the moment of the last run must be the one that was taken then.

Once a day, for one KPI in turn, over the months that were over by then: a rebuild reads the histories again, which is
too dear for every run. What was done to records since, and what bears a date ahead of that moment, excuses the months
that it has to do with: there the source has rewritten its history, and the new values say so (`change_reason`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from duckdb import DuckDBPyConnection
from sqlalchemy import or_, select
from sqlalchemy.engine import RowMapping

from store.columns import utc
from store.database import Database
from store.records import Account, Pipeline, Stage
from store.schema import TABLES
from store.snapshots import latest

SAMPLED = ("won_deals_count", "lost_deals_count", "new_opportunities_count", "revenue")
"""KPIs over deals alone, whose every change is seen: their rows, their stages, their close dates, the rates."""
GRAIN = "month"
LAG = timedelta(hours=1)
"""How long what was read may take to be stored: what was seen so long before a run may have come after it."""
STEP = Decimal("0.000001")
AHEAD = {
    "deals": ("created_at", "closed_at"),
    "deal_stage_changes": ("entered_at", "exited_at"),
    "deal_field_changes": ("changed_at",),
}
"""Instants of a deal that a rebuild looks away from where they lie ahead."""
CLOSED_AHEAD = "SELECT connection, id FROM deals WHERE is_closed AND close_date >= CAST({at} AS DATE)"
DISPUTED = """
SELECT d.connection, d.id FROM deals d JOIN (
    SELECT connection, deal_id, field, arg_max({'is': new_value}, changed_at) AS newest
    FROM deal_field_changes GROUP BY connection, deal_id, field
) h ON h.connection = d.connection AND h.deal_id = d.id
WHERE CASE h.field WHEN 'amount' THEN try_cast(h.newest['is'] AS DECIMAL(38, 6)) IS DISTINCT FROM d.amount
    WHEN 'close_date' THEN try_cast(h.newest['is'] AS DATE) IS DISTINCT FROM d.close_date
    WHEN 'owner_id' THEN h.newest['is'] IS DISTINCT FROM d.owner_id END
"""
"""Deals whose history says otherwise than they do themselves: the CRM has lost or rewritten a part of it."""
Rebuild = Callable[[str], Sequence[Mapping[str, Any]]]


def sampled(before: RowMapping | None, run: Mapping[str, Any], metrics: Iterable[str]) -> str | None:
    """The KPI whose turn it is; None where this day has been looked at, or values are read otherwise than before."""
    known = [key for key in SAMPLED if key in set(metrics)]
    if before is None or not known or before["computed_at"].date() >= run["computed_at"].date():
        return None
    same = ("definitions_hash", "parameters_hash", "version")
    return known[before["id"] % len(known)] if all(before[name] == run[name] for name in same) else None


def contradictions(
    database: Database, duck: DuckDBPyConnection, key: str, taken_at: datetime, calendar: str, rebuild: Rebuild
) -> tuple[str, ...]:
    """Sentences about months that are rebuilt otherwise than they were taken, though nothing was done to them.

    `edited` and `lineage` (see `restated`) must tell what was done since that moment, and for `LAG` before it.
    """
    with database.read() as tx:
        for record in (Account, Pipeline, Stage):
            table = TABLES[record]
            if tx.execute(select(table.c.connection).where(_touched(table, taken_at - LAG)).limit(1)).first():
                return ()
        rows = latest(tx, kpi_key=key, calendar=calendar, grain=GRAIN, dimension="", as_of=taken_at)
    excused = _excused(duck, key, taken_at)
    taken = {
        row["period_start"]: row
        for row in rows
        if not row["is_partial"] and not any(row["period_start"] <= until and row["period_end"] > since
                                             for since, until in excused)
    }  # fmt: skip
    if not taken:
        return ()
    return tuple(
        f"{key} rebuilt for {taken_at:%Y-%m-%d %H:%M} UTC is {row['value']} in the {GRAIN} from {row['period_start']} "
        f"({calendar}), but {then['value']} was taken then, and nothing was done to a record behind it since"
        for row in rebuild(key)
        if (then := taken.get(row["period_start"])) is not None and not _is_same(row["value"], then["value"])
    )


def _touched(table: Any, since: datetime) -> Any:
    return or_(table.c.first_seen_at > since, table.c.last_seen_at > since)


def _excused(duck: DuckDBPyConnection, key: str, taken_at: datetime) -> list[tuple[date, date]]:
    """Days, both in, that were touched since, or that deals have to do with whose past is told in two ways.

    Those have an instant ahead of that moment, or contradict their own history.
    """
    spans = "SELECT since, until FROM edited JOIN lineage USING (source) WHERE kpi_key = ?"
    known = {row[0] for row in duck.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    then = f"TIMESTAMP '{utc(taken_at).replace(tzinfo=None)}'"
    told = [CLOSED_AHEAD.format(at=then), *([DISPUTED] if "deal_field_changes" in known else [])]
    odd = (
        " UNION ".join(told)
        + " UNION "
        + " UNION ".join(
            f"SELECT connection, {'id' if name == 'deals' else 'deal_id'} AS id FROM {name} "
            f"WHERE greatest({', '.join(columns)}) > {then}"
            for name, columns in AHEAD.items()
            if name in known
        )
    )
    days = ["d.close_date", "local_day(d.closed_at)", "local_day(d.created_at)"]
    for day in days:
        spans += f" UNION ALL SELECT {day}, {day} FROM deals d SEMI JOIN ({odd}) USING (connection, id)"
    if "deal_field_changes" in known:
        spans += (
            " UNION ALL SELECT day, day FROM (SELECT connection, deal_id AS id, try_cast(new_value AS DATE) AS day "
            f"FROM deal_field_changes WHERE field = 'close_date') c SEMI JOIN ({odd}) USING (connection, id)"
        )
    return [(since, until) for since, until in duck.execute(spans, [key]).fetchall() if None not in (since, until)]


def _is_same(one: Decimal | None, other: Decimal | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= max(STEP, abs(other) * STEP / 10**8)
