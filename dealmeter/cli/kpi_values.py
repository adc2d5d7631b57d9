"""The values of one KPI: over periods, or by the members of a dimension."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson

from dealmeter.cli.terminal import Terminal
from dealmeter.show.row import Row
from dealmeter.show.series import by_member, by_period, last_complete, last_with_data, least_known, period, series
from dealmeter.show.table import table
from kpi.catalogue.dimensions import ON_DEMAND
from kpi.metric import Metric
from kpi.periods import SLICED, Grain
from kpi.settings import KpiSettings, resolve
from kpi.source import accounts
from store.database import Database
from store.snapshots import last_run, latest

NUMBERS = ("value", "previous", "change", "n")
SPARE = ("line", "previous")
TOLD = (
    "period_start", "period_end", "dimension", "member", "member_label", "value", "numerator", "denominator", "unit",
    "currency", "n", "ci_low", "ci_high", "status", "status_detail", "flags", "coverage", "is_partial", "is_final",
    "as_of", "computed_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which values; `dimension` is empty for totals."""

    metric: Metric
    dimension: str
    grain: str
    calendar: str
    periods: int
    settings: KpiSettings
    now: datetime

    @property
    def is_on_demand(self) -> bool:
        """Whether such values are computed when somebody asks, and never stored."""
        return self.grain in SLICED and self.dimension in {*ON_DEMAND, *self.settings.dimensions_off}


def show(terminal: Terminal, database: Database, asked: Asked) -> None:
    """Print them."""
    card = asked.metric.card
    where: dict[str, Any] = {"kpi_key": card.key, "calendar": asked.calendar, "grain": asked.grain}
    with database.read() as tx:
        computed = last_run(tx)
        totals = latest(tx, **where, dimension="")
        rows: Sequence[Row] = latest(tx, **where, dimension=asked.dimension) if asked.dimension else totals
    if asked.is_on_demand and totals:
        rows = _computed_now(database, asked)
    starts, remarks = _periods(totals or rows, asked)
    rows = [row for row in rows if row["period_start"] in starts]
    terminal.show(f"{card.names.en} ({card.key}), {_by(asked)}: {card.formula}")
    if not rows:
        terminal.show(_nothing(asked, computed, resolve(asked.settings, accounts(database)).fiscal_year_start))
    elif asked.dimension:
        remarks += _unknown(_show_members(terminal, rows, asked, starts), "member_label")
    else:
        _show_periods(terminal, rows, asked, starts)
        remarks += _unknown(rows, "")
    terminal.show(*(remarks if rows else ()))
    if rows and asked.is_on_demand:
        terminal.show(f"computed now, not stored; `dealmeter kpi explain {card.key}` tells how")
    elif computed is not None:
        terminal.show(f"as of {computed['as_of']:%Y-%m-%d %H:%M} UTC; `dealmeter kpi explain {card.key}` tells how")
    terminal.document(
        "kpi/1",
        {
            "kpi_key": card.key,
            "name": card.names.en,
            "calendar": asked.calendar,
            "grain": asked.grain,
            "as_of": asked.now if asked.is_on_demand else computed["as_of"] if computed is not None else None,
            "is_stored": not asked.is_on_demand,
            "values": [{name: row[name] for name in TOLD} for row in rows],
        },
    )


def _computed_now(database: Database, asked: Asked) -> list[Row]:
    from kpi.engine import evaluate

    found = evaluate(
        database,
        asked.settings,
        asked.metric.card.key,
        now=asked.now,
        by=[asked.dimension],
        grain=Grain(asked.grain),
        calendar=asked.calendar,
    )
    times = {"as_of": asked.now, "computed_at": asked.now}
    return [{**row, **times, **{name: _decoded(row[name]) for name in ("flags", "coverage")}} for row in found]


def _decoded(written: str | None) -> Any:
    return orjson.loads(written) if written is not None else None


def _periods(rows: Sequence[Row], asked: Asked) -> tuple[list[date], list[str]]:
    """The newest periods, the same for totals and members; where nothing was counted in them, the last with data."""
    starts = sorted({row["period_start"] for row in rows})
    newest, end = starts[-asked.periods :], last_with_data(rows)
    if end is None or end["period_start"] >= newest[0]:
        return newest, []
    before = [start for start in starts if start <= end["period_start"]]
    return before[-asked.periods :], [f"no data after {period(end)}: the periods end there"]


def _by(asked: Asked) -> str:
    return "all time" if asked.grain == Grain.ALL else f"by {asked.grain}"


def _show_periods(terminal: Terminal, rows: Sequence[Row], asked: Asked, starts: Sequence[date]) -> None:
    for one in series(rows):
        columns = ("period" if asked.grain == Grain.ALL else asked.grain, *NUMBERS, "status")
        terminal.show(table(columns, by_period(one, starts), right=NUMBERS, spare=SPARE))
        if asked.grain != Grain.ALL:
            terminal.show(one.line(starts))


def _show_members(terminal: Terminal, rows: Sequence[Row], asked: Asked, starts: Sequence[date]) -> list[Row]:
    """Answers the rows of the period that is shown."""
    start = last_complete(rows)
    assert start is not None, "rows have periods"
    mine = [row for row in rows if row["period_start"] == start]
    length = "" if asked.grain == Grain.ALL else f"{asked.grain} "
    terminal.show(f"{length}{period(mine[0])}, by {asked.dimension}")
    columns = [asked.dimension, *NUMBERS, "line", "status"]
    lines = [list(line) for line in by_member(series(rows), start, starts)]
    if asked.grain == Grain.ALL:
        columns, lines = [*columns[:-2], "status"], [[*line[:-2], line[-1]] for line in lines]
    terminal.show(table(columns, lines, right=NUMBERS, spare=SPARE))
    return mine


def _unknown(rows: Sequence[Row], name: str) -> list[str]:
    """A remark where the amounts of some deals are not known."""
    least = least_known(rows)
    if least is None:
        return []
    where = f" ({least[name] if name else period(least)}, the least here)" if len(rows) > 1 else ""
    percent = int(Decimal(str(least["coverage"]["amount"])) * 100)  # rounded down: 100 % would say all
    return [f"amounts known for {percent} % of the deals{where}"]


def _nothing(asked: Asked, computed: Any, fiscal_year_start: int) -> str:
    if computed is None:
        return "nothing is computed yet: run `dealmeter sync`, or `dealmeter kpi compute`"
    if asked.calendar == "fiscal" and fiscal_year_start == 1:
        return "the fiscal year starts in January: its periods are those of --calendar gregorian"
    if asked.dimension and asked.grain in {"day", "week"}:
        return "days and weeks have totals only: use --grain month, quarter or year with --by"
    return f"no values for calendar {asked.calendar} and grain {asked.grain}; see `kpis` in the configuration"
