"""Compute every KPI from the store and write what changed; or one KPI, as it is asked for, without writing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any

from sqlalchemy.engine import RowMapping

from kpi.catalogue import METRICS
from kpi.cells import Slice, slices
from kpi.invariants import violations
from kpi.metric import Metric
from kpi.periods import SLICED, Grain, Period
from kpi.settings import KpiSettings, Reporting, definitions_hash, resolve
from kpi.snapshots import changed_rows, compare, newest
from kpi.source import COPIES, Source, accounts
from kpi.workshop import DEFAULT_LIMITS, Limits, fill, workshop
from store.database import Database
from store.snapshots import claim, define, last_run, save


@dataclass(frozen=True, slots=True, kw_only=True)
class Computation:
    """What a computation did. `broken` are invariants that don't hold, as sentences."""

    run_id: int
    checked: int
    written: int
    duration_s: float
    broken: Sequence[str]


def compute(
    database: Database,
    settings: KpiSettings,
    *,
    now: datetime,
    as_of: datetime | None = None,
    sync_run_ids: Sequence[int] = (),
    version: str = "0.1.0",
    limits: Limits = DEFAULT_LIMITS,
    clock: Callable[[], float] = perf_counter,
    metrics: Mapping[str, Metric] = METRICS,
) -> Computation:
    """Compute all KPIs as of `now`, and write the run with the values that changed in one transaction."""
    begun = clock()
    chosen = {key: metric for key, metric in metrics.items() if settings.wants(key)}
    definitions = definitions_hash({key: metric.card.version for key, metric in chosen.items()}, settings)
    with workshop(limits) as (duck, folder):
        source = Source(database, duck, folder, memory=limits.memory)
        reporting = resolve(settings, accounts(database))
        with database.read() as tx:
            before, stored = last_run(tx), newest(tx, reporting.parameters_hash)
        source.copy([*COPIES, stored])
        fill(duck, database, settings, reporting, chosen, _kept(settings), now)
        broken = violations(duck, chosen)
        checked, written = compare(duck, source, restated_by=_reason(before, reporting, definitions))
        with database.write() as tx:
            claim(tx)
            if last_run(tx) != before:  # another process has saved a run meanwhile
                source.copy([newest(tx, reporting.parameters_hash)])
                checked, written = compare(duck, source, restated_by="edited_record")
            run = {
                "sync_run_ids": list(sync_run_ids),
                "as_of": as_of or now,
                "computed_at": now,
                "basis": "live",
                "definitions_hash": definitions,
                "parameters_hash": reporting.parameters_hash,
                "version": version,
                "status": "complete",
                "duration_s": clock() - begun,
                "values_checked": checked,
                "values_written": written,
            }
            run_id = save(tx, run, changed_rows(duck, tx.dialect.name))
            define(tx, [_definition(metric, now) for metric in chosen.values()])
    return Computation(run_id=run_id, checked=checked, written=written, duration_s=clock() - begun, broken=broken)


def evaluate(
    database: Database,
    settings: KpiSettings,
    key: str,
    *,
    now: datetime,
    by: Sequence[str] = (),
    grain: Grain = Grain.MONTH,
    calendar: str = "gregorian",
    limits: Limits = DEFAULT_LIMITS,
    metrics: Mapping[str, Metric] = METRICS,
) -> list[dict[str, Any]]:
    """One KPI by any of its dimensions, also those that are never stored; nothing is written.

    Raises KeyError for an unknown KPI and ValueError for a slice that it doesn't have.
    """
    metric = metrics[key]
    if unknown := sorted(set(by) - set(metric.dimensions)):
        raise ValueError(f"{key} has no dimension {', '.join(unknown)}; it has {', '.join(metric.dimensions)}")
    if by and grain not in SLICED:
        raise ValueError(f"slices are for {', '.join(SLICED)}, not for each {grain}")
    asked = Slice(calendar=calendar, grain=grain.value, dimensions=tuple(sorted(by)))
    with workshop(limits) as (duck, folder):
        Source(database, duck, folder, memory=limits.memory).copy(COPIES)
        reporting = resolve(settings, accounts(database))
        fill(duck, database, settings, reporting, {key: metric}, lambda *_: (asked,), now)
        found = duck.execute(
            "SELECT * FROM kpi_values WHERE calendar = ? AND grain = ? AND dimension = ? ORDER BY period_start, member",
            [calendar, str(grain), asked.dimension],
        )
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _kept(settings: KpiSettings) -> Callable[[Metric, Sequence[Period]], tuple[Slice, ...]]:
    return lambda metric, periods: slices(metric, periods, settings.dimensions_off, settings.crossed)


def _reason(before: RowMapping | None, reporting: Reporting, definitions: str) -> str:
    """Why values of periods that are over differ from those of the last run, as far as the run can tell."""
    if before is None or before["parameters_hash"] != reporting.parameters_hash:
        return "edited_record"
    return "edited_record" if before["definitions_hash"] == definitions else "mapping_change"


def _definition(metric: Metric, now: datetime) -> dict[str, Any]:
    card = metric.card
    names = {language: getattr(card.names, language) for language in ("en", "fa", "tr", "ru")}
    return {
        "kpi_key": card.key,
        "version": card.version,
        "name": card.names.en,
        "formula": card.formula,
        "unit": str(card.unit),
        "polarity": str(card.polarity),
        "category": card.category,
        "names": names,
        "parameters": {"dimensions": list(metric.dimensions), "day": card.day},
        "valid_from": now,
    }
