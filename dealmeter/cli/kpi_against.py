"""What a KPI's values are held against: earlier periods, and targets."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from dealmeter.show.row import Row
from kpi.cells import is_holistic
from kpi.compare import Change, change
from kpi.metric import Flow, Mean, Metric, OverFact, Percentile, Quotient, Ratio
from kpi.periods import DAY, Period, earlier
from kpi.settings import KpiSettings, Reporting
from kpi.warehouse import calendars
from store.snapshots import latest, targets

NO_TARGET = "no_target"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A target, and how a value stands against it. `pace` is 1 where as much is reached as time has gone by."""

    target: Decimal | None
    attainment: Decimal | None
    pace: Decimal | None
    gap: Decimal | None
    versions: str | None
    status: str


class Against:
    """The periods of one calendar and grain, and the values of one metric in them."""

    def __init__(
        self,
        metric: Metric,
        rows: Sequence[Row],
        *,
        settings: KpiSettings,
        reporting: Reporting,
        calendar: str,
        grain: str,
        now: datetime,
        by_year: bool,
    ) -> None:
        self.metric, self.settings, self.by_year = metric, settings, by_year
        self.today = now.astimezone(reporting.zone).date()
        starts = [row["period_start"] for row in rows] or [self.today]
        last = max(self.today, max(starts))
        made = calendars(settings, reporting, only=calendar)[calendar]
        periods = [one for one in made(min(starts), last) if one.grain == grain]
        self.earlier = {one.start: before for one, before in earlier(periods).items()}
        self.periods = {one.start: one for one in periods}
        self.rows: dict[tuple[str, str, date], Row] = {
            (row["member"], row["currency"] or "", row["period_start"]): row for row in rows
        }
        self.days: Sequence[Row] = ()

    def read_days(self, tx: Connection) -> None:
        """Read the totals of days: a running period is held against as many days of an earlier one."""
        if is_additive(self.metric):
            self.days = latest(tx, kpi_key=self.metric.card.key, grain="day", dimension="")

    def name(self, start: date) -> str:
        """A period's name in its calendar."""
        found = self.periods.get(start)
        return found.name if found is not None else f"{start}"

    def change(self, row: Row) -> Change:
        """From the earlier value to this one; from its same elapsed part where this period is still running."""
        period = self.periods.get(row["period_start"])
        previous, year_ago = self.earlier.get(row["period_start"], (None, None))
        start = year_ago if self.by_year else previous
        base = self.rows.get((row["member"], row["currency"] or "", start)) if start is not None else None
        elapsed = period.elapsed(self.today) if period is not None else 1
        days = (elapsed, (base["period_end"] - base["period_start"]).days if base is not None else 1)
        if row["is_partial"] and period is not None and start is not None:
            base = self._part(row, self.periods.get(start), elapsed)
            days = (elapsed, elapsed)
        return change(self.metric, row, base, days=days, min_sample=self.settings.min_sample)

    def plan(self, row: Row, known: Mapping[tuple[str, str, date], Row]) -> Plan:
        """How it stands against its target."""
        found = known.get((row["dimension"], row["member"], row["period_start"]))
        if found is None:
            return Plan(target=None, attainment=None, pace=None, gap=None, versions=None, status=NO_TARGET)
        target, value = found["target"], row["value"]
        if target is None or value is None:
            status = "fx_missing" if target is None else row["status"]
            return Plan(target=target, attainment=None, pace=None, gap=None, versions=found["versions"], status=status)
        attainment = value / target if target else None
        period = self.periods.get(row["period_start"])
        share = Decimal(period.elapsed(self.today)) / period.days if period is not None else Decimal(1)
        return Plan(
            target=target,
            attainment=attainment,
            pace=attainment / share if attainment is not None and share else None,
            gap=target - value,
            versions=found["versions"],
            status="ok" if target else "zero_denominator",
        )

    def document(self, row: Row) -> dict[str, Any]:
        """The comparison for programs."""
        found = self.change(row)
        return {
            "against": "year" if self.by_year else "previous",
            **asdict(found),
            "verdict": str(found.verdict) or None,
        }

    def _part(self, row: Row, base: Period | None, elapsed: int) -> Row | None:
        """The first days of an earlier period, added up; None where that can't be done."""
        if base is None or row["dimension"] or not self.days:
            return None
        end = min(base.end, base.start + elapsed * DAY)
        some = [day for day in self.days if base.start <= day["period_start"] < end]
        if not some or any(day["status"] not in {"ok", "zero_denominator"} for day in some):
            return None
        numerator, denominator, n = (
            sum((day[name] or Decimal(0) for day in some), Decimal(0)) for name in ("numerator", "denominator", "n")
        )
        value = numerator if isinstance(self.metric, Flow) else numerator / denominator if denominator else None
        return {"value": value, "numerator": numerator, "denominator": denominator, "n": int(n), "coverage": None}


def is_additive(metric: Metric) -> bool:
    """Whether numerators and denominators of days add up to those of longer periods."""
    if not isinstance(metric, Flow | Ratio | Mean | Quotient) or isinstance(metric, Percentile):
        return False
    one: OverFact = metric
    return not is_holistic(one)


def known_targets(tx: Connection, key: str, calendar: str, grain: str) -> dict[tuple[str, str, date], Row]:
    """The targets of a KPI by dimension, member and period."""
    rows = targets(tx, kpi_key=key, calendar=calendar, grain=grain)
    return {(row["dimension"], row["member"], row["period_start"]): row for row in rows}
