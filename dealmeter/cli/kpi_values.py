"""The values of one KPI: over periods, or by the members of a dimension."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson

from dealmeter.cli.kpi_against import Against, known_targets
from dealmeter.cli.terminal import Terminal
from dealmeter.show.number import change as difference
from dealmeter.show.number import number
from dealmeter.show.row import Row
from dealmeter.show.series import last_complete, last_with_data, least_known, period, series, status
from dealmeter.show.table import table
from kpi.calendars import name_of
from kpi.catalogue.dimensions import ON_DEMAND
from kpi.compare import Verdict
from kpi.metric import Metric
from kpi.periods import SLICED, Grain
from kpi.settings import KpiSettings, resolve
from kpi.source import accounts
from store.database import Database
from store.snapshots import last_run, latest

SPARE = ("line", "previous", "year before")
TWIN = "the fiscal year starts in January: its periods are those of --calendar gregorian"
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
    against: str = "previous"
    targets: bool = False

    def is_on_demand(self, fiscal_year_start: int) -> bool:
        """Whether such values are computed when somebody asks, and never stored."""
        metric, settings = self.metric, self.settings
        stored = metric.dimensions if metric.stored is None else metric.stored
        kept = {*stored} - {*ON_DEMAND, *settings.dimensions_off} | {"", *settings.dimensions_on}
        return not self._is_kept(fiscal_year_start) or (self.grain in SLICED and self.dimension not in kept)

    def _is_kept(self, fiscal_year_start: int) -> bool:
        names = {name_of(one) for one in self.settings.calendars}
        return self.calendar in names and not self.is_gregorian_twin(fiscal_year_start)

    def is_gregorian_twin(self, fiscal_year_start: int) -> bool:
        """Whether the fiscal calendar is asked for, and is the Gregorian one."""
        own = [one for one in self.settings.calendars if not isinstance(one, str) and one.name == "fiscal"]
        return self.calendar == "fiscal" and not own and fiscal_year_start == 1


def show(terminal: Terminal, database: Database, asked: Asked) -> None:
    """Print them."""
    card = asked.metric.card
    where: dict[str, Any] = {"kpi_key": card.key, "calendar": asked.calendar, "grain": asked.grain}
    with database.read() as tx:
        computed = last_run(tx)
        totals = latest(tx, **where, dimension="")
        rows: Sequence[Row] = latest(tx, **where, dimension=asked.dimension) if asked.dimension else totals
        plans = known_targets(tx, card.key, asked.calendar, asked.grain) if asked.targets else {}
    reporting = resolve(asked.settings, accounts(database))
    on_demand = asked.is_on_demand(reporting.fiscal_year_start) and not _is_too_fine(asked)
    if on_demand and computed is not None:
        rows = _computed_now(database, asked)
    against = Against(
        asked.metric,
        rows,
        settings=asked.settings,
        reporting=reporting,
        calendar=asked.calendar,
        grain=asked.grain,
        now=asked.now,
        by_year=asked.against == "year",
    )
    with database.read() as tx:
        against.read_days(tx)
    starts, remarks = _periods(totals or rows, asked)
    rows = [row for row in rows if row["period_start"] in starts]
    terminal.show(f"{card.names.en} ({card.key}), {_by(asked)}: {card.formula}")
    if not rows:
        terminal.show(_nothing(asked, computed))
    elif asked.dimension:
        remarks += _unknown(_show_members(terminal, rows, asked, starts, Told(against, plans)), "member_label")
    else:
        _show_periods(terminal, rows, asked, starts, Told(against, plans))
        remarks += _unknown(rows, "")
    if rows and asked.is_gregorian_twin(reporting.fiscal_year_start):
        remarks.append(TWIN)
    terminal.show(*(remarks if rows else ()))
    if rows and on_demand:
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
            "as_of": asked.now if on_demand else computed["as_of"] if computed is not None else None,
            "is_stored": not on_demand,
            "values": [_document(row, asked, against, plans) for row in rows],
        },
    )


def _document(row: Row, asked: Asked, against: Against, plans: Mapping[tuple[str, str, date], Row]) -> dict[str, Any]:
    told = {name: row[name] for name in TOLD}
    told |= {"period_name": against.name(row["period_start"]), "comparison": against.document(row)}
    return told | ({"target": asdict(against.plan(row, plans))} if asked.targets else {})


def _computed_now(database: Database, asked: Asked) -> list[Row]:
    from kpi.engine import evaluate

    found = evaluate(
        database,
        asked.settings,
        asked.metric.card.key,
        now=asked.now,
        by=[asked.dimension] if asked.dimension else [],
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


@dataclass(frozen=True, slots=True)
class Told:
    """What stands beside each value."""

    against: Against
    plans: Mapping[tuple[str, str, date], Row]

    def cells(self, row: Row, *, targets: bool) -> tuple[list[str], str]:
        """The cells beside a value, and a word about its change."""
        found = self.against.change(row)
        unit, currency = row["unit"], row["currency"]
        n = f"{row['n']:,}" if row["n"] is not None else ""
        cells = [number(found.value, unit, currency), number(found.base, unit, currency)]
        cells += [difference(found.value, found.base, unit), n]
        if targets:
            plan = self.against.plan(row, self.plans)
            cells += [number(plan.target, unit, currency), number(plan.attainment, "ratio"), number(plan.pace, "ratio")]
        return cells, "significant" if found.verdict is Verdict.SIGNIFICANT else ""


def _show_periods(terminal: Terminal, rows: Sequence[Row], asked: Asked, starts: Sequence[date], told: Told) -> None:
    numbers = _numbers(asked)
    for one in series(rows):
        columns = ("period" if asked.grain == Grain.ALL else asked.grain, *numbers, "status")
        lines = []
        for row in one.values:
            cells, word = told.cells(row, targets=asked.targets)
            name = "all time" if asked.grain == Grain.ALL else told.against.name(row["period_start"])
            lines.append([name, *cells, ", ".join(filter(None, (status(row), word)))])
        terminal.show(table(columns, lines, right=numbers, spare=SPARE))
        if asked.grain != Grain.ALL:
            terminal.show(one.line(starts))


def _show_members(
    terminal: Terminal, rows: Sequence[Row], asked: Asked, starts: Sequence[date], told: Told
) -> list[Row]:
    """Answers the rows of the period that is shown."""
    start = last_complete(rows)
    assert start is not None, "rows have periods"
    mine = [row for row in rows if row["period_start"] == start]
    length = "" if asked.grain == Grain.ALL else f"{asked.grain} "
    name = "all time" if asked.grain == Grain.ALL else told.against.name(start)
    terminal.show(f"{length}{name}, by {asked.dimension}")
    numbers = _numbers(asked)
    columns = [asked.dimension, *numbers, *(["line"] if asked.grain != Grain.ALL else []), "status"]
    lines = []
    found = [(one, row) for one in series(rows) if (row := one.at(start)) is not None]
    for one, row in sorted(found, key=lambda pair: (pair[1]["value"] is None, -(pair[1]["value"] or 0), pair[0].label)):
        cells, word = told.cells(row, targets=asked.targets)
        line = [one.line(starts)] if asked.grain != Grain.ALL else []
        lines.append([one.label, *cells, *line, ", ".join(filter(None, (status(row), word)))])
    terminal.show(table(columns, lines, right=numbers, spare=SPARE))
    return mine


def _numbers(asked: Asked) -> tuple[str, ...]:
    base = "year before" if asked.against == "year" else "previous"
    return ("value", base, "change", "n", *(("target", "attainment", "pace") if asked.targets else ()))


def _unknown(rows: Sequence[Row], name: str) -> list[str]:
    """A remark where the amounts of some deals are not known."""
    least = least_known(rows)
    if least is None:
        return []
    where = f" ({least[name] if name else period(least)}, the least here)" if len(rows) > 1 else ""
    percent = int(Decimal(str(least["coverage"]["amount"])) * 100)  # rounded down: 100 % would say all
    return [f"amounts known for {percent} % of the deals{where}"]


def _is_too_fine(asked: Asked) -> bool:
    return bool(asked.dimension) and asked.grain not in SLICED


def _nothing(asked: Asked, computed: Any) -> str:
    if computed is None:
        return "nothing is computed yet: run `dealmeter sync`, or `dealmeter kpi compute`"
    if _is_too_fine(asked):
        return "days and weeks have totals only: use --grain month, quarter or year with --by"
    return f"no values for calendar {asked.calendar} and grain {asked.grain}; see `kpis` in the configuration"
