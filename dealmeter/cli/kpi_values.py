"""The values of one KPI: over periods, or by the members of a dimension."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from dealmeter.cli.terminal import Terminal
from dealmeter.show.row import Row
from dealmeter.show.series import by_member, by_period, last_complete, period, series
from dealmeter.show.table import table
from kpi.metric import Metric
from store.database import Database
from store.snapshots import last_run, latest

NUMBERS = ("value", "previous", "change", "n")
TOLD = (
    "period_start", "period_end", "dimension", "member", "member_label", "value", "numerator", "denominator", "unit",
    "currency", "n", "ci_low", "ci_high", "status", "status_detail", "flags", "is_partial", "is_final", "as_of",
    "computed_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which values; `dimension` is empty for totals."""

    metric: Metric
    dimension: str
    grain: str
    calendar: str
    periods: int


def show(terminal: Terminal, database: Database, asked: Asked) -> None:
    """Print them."""
    card = asked.metric.card
    with database.read() as tx:
        computed = last_run(tx)
        rows = latest(tx, kpi_key=card.key, calendar=asked.calendar, grain=asked.grain, dimension=asked.dimension)
    starts = sorted({row["period_start"] for row in rows})[-asked.periods :]
    terminal.show(f"{card.names.en} ({card.key}), by {asked.grain}: {card.formula}")
    if not rows:
        terminal.show(_nothing(asked, computed))
    elif asked.dimension:
        _show_members(terminal, rows, asked, starts)
    else:
        _show_periods(terminal, rows, asked, starts)
    if computed is not None:
        terminal.show(f"as of {computed['as_of']:%Y-%m-%d %H:%M} UTC; `dealmeter kpi explain {card.key}` tells how")
    terminal.document(
        "kpi/1",
        {
            "kpi_key": card.key,
            "name": card.names.en,
            "calendar": asked.calendar,
            "grain": asked.grain,
            "as_of": computed["as_of"] if computed is not None else None,
            "values": [{name: row[name] for name in TOLD} for row in rows if row["period_start"] in starts],
        },
    )


def _show_periods(terminal: Terminal, rows: Sequence[Row], asked: Asked, starts: Sequence[date]) -> None:
    for one in series(rows):
        columns = (asked.grain, *NUMBERS, "status")
        terminal.show(table(columns, by_period(one, starts), right=NUMBERS), one.line(starts))


def _show_members(terminal: Terminal, rows: Sequence[Row], asked: Asked, starts: Sequence[date]) -> None:
    start = last_complete(rows)
    assert start is not None, "rows have periods"
    named = next(row for row in rows if row["period_start"] == start)
    terminal.show(f"{asked.grain} {period(named)}, by {asked.dimension}")
    columns = (asked.dimension, *NUMBERS, "line", "status")
    terminal.show(table(columns, by_member(series(rows), start, starts), right=NUMBERS))


def _nothing(asked: Asked, computed: Any) -> str:
    if computed is None:
        return "nothing is computed yet: run `dealmeter sync`, or `dealmeter kpi compute`"
    if asked.dimension and asked.grain in {"day", "week"}:
        return "days and weeks have totals only: use --grain month, quarter or year with --by"
    return f"no values for calendar {asked.calendar} and grain {asked.grain}; see `kpis` in the configuration"
