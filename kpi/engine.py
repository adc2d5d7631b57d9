"""Compute every KPI from the store and write what changed; or one KPI, as it is asked for, without writing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from time import perf_counter
from typing import Any

from duckdb import DuckDBPyConnection
from sqlalchemy import Connection
from sqlalchemy.engine import RowMapping

from kpi.blueprint import dimensions_of
from kpi.catalogue import METRICS
from kpi.cells import Slice, mandatory_dimensions, slices
from kpi.custom import custom_metrics
from kpi.invariants import lost_aliases, violations
from kpi.metric import Metric
from kpi.needs import missing_sources
from kpi.periods import SLICED, Grain, Period
from kpi.recheck import recheck
from kpi.recipe import needed_copies
from kpi.restated import touched, touched_copies
from kpi.rewind import REWOUND, earlier_copies, rewind
from kpi.settings import KpiSettings, Reporting, definitions_hash, resolve
from kpi.snapshots import changed_rows, compare, known_targets, named_periods, newest
from kpi.source import COPIES, Copy, Source, accounts
from kpi.warehouse import calendars, files_for
from kpi.workshop import DEFAULT_LIMITS, Limits, fill, workshop
from store.database import Database
from store.snapshots import LIVE, REBUILT, claim, define, keep_periods, keep_targets, last_run, save


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
    at: datetime | None = None,
    sync_run_ids: Sequence[int] = (),
    fence: Callable[[Connection], None] = lambda tx: None,
    version: str = "0.1.0",
    limits: Limits = DEFAULT_LIMITS,
    clock: Callable[[], float] = perf_counter,
    metrics: Mapping[str, Metric] = METRICS,
) -> Computation:
    """Compute all KPIs as of `now`, and write the run with the values that changed in one transaction.

    With `at` they are computed as if it were that instant, from what the histories tell of it. Such values are marked
    `rebuilt`, compared only with those that were rebuilt for the same instant, and never among the newest ones.

    `fence` is called in the writing transaction: what it raises leaves nothing written.
    """
    begun = clock()
    every = {**metrics, **custom_metrics(settings.custom)}
    chosen = {key: metric for key, metric in every.items() if settings.wants(key)}
    definitions = definitions_hash({key: metric.card.version for key, metric in chosen.items()}, settings)
    reporting, missing = resolve(settings, accounts(database)), missing_sources(database, chosen, at)
    with database.read() as tx:
        before, stored = last_run(tx, at=at), newest(tx, reporting.parameters_hash, at)
    said = {
        "computed_at": now,
        "definitions_hash": definitions,
        "parameters_hash": reporting.parameters_hash,
        "version": version,
    }
    known = _without(chosen, missing)
    rebuilt: Sequence[str] = ()
    if at is None:
        again = partial(evaluate, database, settings, now=now, limits=limits, metrics=metrics)
        try:
            rebuilt = recheck(database, settings, reporting, before, said, known, limits=limits, rebuild=again)
        except Exception as error:  # what looks at yesterday must not keep today's numbers back
            rebuilt = (f"what was taken at the last run could not be rebuilt: {type(error).__name__}: {error}",)
    with workshop(limits) as (duck, folder):
        source = Source(database, duck, folder, memory=limits.memory)
        since = None if at or before is None else before["computed_at"]
        more = (stored, *touched_copies(since, is_sqlite=source.is_sqlite))
        bring(source, duck, reporting, at, *more, metrics=known.values())
        fill(duck, settings, reporting, chosen, missing, _kept(settings), at or now)
        broken = (*violations(duck, chosen), *lost_aliases(database), *rebuilt)
        touched(duck, chosen, since)
        remapped = _is_remapped(before, reporting, definitions)
        checked, written = compare(duck, source, remapped=remapped)
        with database.write() as tx:
            claim(tx)
            fence(tx)
            if last_run(tx, at=at) != before:  # another process has saved a run meanwhile
                source.copy([newest(tx, reporting.parameters_hash, at)])
                checked, written = compare(duck, source, remapped=False)
            run = {
                "sync_run_ids": list(sync_run_ids),
                **said,
                "as_of": at or as_of or now,
                "basis": LIVE if at is None else REBUILT,
                "status": "complete",
                "duration_s": clock() - begun,
                "values_checked": checked,
                "values_written": written,
                **({"broken": list(broken)} if broken else {}),
            }
            run_id = save(tx, run, changed_rows(duck, tx.dialect.name))
            define(tx, [_definition(metric, now) for metric in chosen.values()])
            keep_periods(tx, named_periods(duck))
            if at is None:
                keep_targets(tx, known_targets(duck))
    return Computation(run_id=run_id, checked=checked, written=written, duration_s=clock() - begun, broken=broken)


def bring(
    source: Source,
    duck: DuckDBPyConnection,
    reporting: Reporting,
    at: datetime | None,
    *more: Copy,
    metrics: Iterable[Metric] | None = None,
    since: date | None = None,
) -> None:
    """Copy what the facts need, as it stands, or as it stood at an instant; with `metrics`, what those need."""
    past = REWOUND if at is not None else ()
    copies = COPIES if metrics is None else needed_copies(files_for(metrics, since=since), *past)
    if at is None:
        source.copy([*copies, *more])
        return
    source.copy([*earlier_copies(copies, at, is_sqlite=source.is_sqlite), *more])
    rewind(duck, copies, at, reporting.zone)


def evaluate(
    database: Database,
    settings: KpiSettings,
    key: str,
    *,
    now: datetime,
    by: Sequence[str] = (),
    grain: Grain = Grain.MONTH,
    calendar: str = "gregorian",
    at: datetime | None = None,
    limits: Limits = DEFAULT_LIMITS,
    metrics: Mapping[str, Metric] = METRICS,
    since: date | None = None,
) -> list[dict[str, Any]]:
    """One KPI by any of its dimensions and any calendar, also those that are never stored; nothing is written.

    With `at` as if it were that instant; with `since` in periods from that day, else from the first event. Raises
    KeyError for an unknown KPI and ValueError for a slice or a calendar that there isn't, and for one without the
    dimension that the KPI is only kept by.
    """
    metric = {**metrics, **custom_metrics(settings.custom)}[key]
    known = dimensions_of(metric) if "connection" in by else metric.dimensions
    if unknown := sorted(set(by) - set(known)):
        raise ValueError(f"{key} has no dimension {', '.join(unknown)}; it has {', '.join(known)}")
    if by and grain not in SLICED:
        raise ValueError(f"slices are for {', '.join(SLICED)}, not for each {grain}")
    if unsaid := sorted(set(mandatory_dimensions(metric)) - set(by)):
        raise ValueError(f"{key} means something only by {', '.join(unsaid)}: ask by that too")
    asked = Slice(calendar=calendar, grain=grain.value, dimensions=tuple(sorted(by)))
    with workshop(limits) as (duck, folder):
        reporting = resolve(settings, accounts(database))
        calendars(settings, reporting, only=calendar)
        missing = missing_sources(database, {key: metric}, at)
        source = Source(database, duck, folder, memory=limits.memory)
        bring(source, duck, reporting, at, metrics=_without({key: metric}, missing).values(), since=since)
        fill(
            duck,
            settings,
            reporting,
            {key: metric},
            missing,
            lambda *_: (asked,),
            at or now,
            calendar=calendar,
            since=since,
        )
        found = duck.execute(
            "SELECT * FROM kpi_values WHERE calendar = ? AND grain = ? AND dimension = ? ORDER BY period_start, member",
            [calendar, str(grain), asked.dimension],
        )
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _without(metrics: Mapping[str, Metric], missing: Mapping[str, str]) -> Mapping[str, Metric]:
    return {key: metric for key, metric in metrics.items() if key not in missing}


def _kept(settings: KpiSettings) -> Callable[[Metric, Sequence[Period]], tuple[Slice, ...]]:
    """Which slices are stored: those of the settings, `connection` where the facts tell it."""

    def kept(metric: Metric, periods: Sequence[Period]) -> tuple[Slice, ...]:
        more = [name for name in settings.dimensions_on if name in metric.dimensions]
        if "connection" in settings.dimensions_on and "connection" in dimensions_of(metric):
            more.append("connection")
        return slices(metric, periods, settings.dimensions_off, settings.crossed, more)

    return kept


def _is_remapped(before: RowMapping | None, reporting: Reporting, definitions: str) -> bool:
    """Whether the words of the CRM are read otherwise than in the last run."""
    if before is None or before["parameters_hash"] != reporting.parameters_hash:
        return False
    return bool(before["definitions_hash"].partition(".")[2] != definitions.partition(".")[2])


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
