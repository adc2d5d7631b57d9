"""A cycle: one run of a connection, then the KPIs of the whole store."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from typing import Any

from connectors.errors import StoppedError
from kpi.engine import Computation, compute
from kpi.settings import KpiSettings
from store import leases, runs
from store.database import Database
from store.errors import LeaseHeldError
from store.leases import LEASE_FOR
from store.snapshots import last_run
from sync.clock import Clock
from sync.holder import holder, is_dead
from sync.outcome import FAILED, STOPPED, RunOutcome
from sync.run import Plan, Progress, execute

KPIS = "kpis:"
"""The lease under which KPIs are computed; no connection can have this name."""
PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleOutcome:
    """How a run ended, and what the computation after it found; None where there was none, or another one served."""

    run: RunOutcome
    computation: Computation | None = None


def cycle(
    database: Database,
    plan: Plan,
    kpis: KpiSettings,
    *,
    version: str,
    clock: Clock,
    stop: Event | None = None,
    progress: Progress | None = None,
) -> CycleOutcome:
    """Run, then recompute, unless a computation for others has seen the run already: fifty connections that end at once
    need one. After a run that failed or was stopped the last snapshot stands, with its time.

    Raises as `execute` does.
    """
    stop = stop or Event()
    run = execute(database, plan, version=version, clock=clock, stop=stop, progress=progress)
    if run.outcome in {FAILED, STOPPED}:
        return CycleOutcome(run=run)
    try:
        with _alone(database, clock, stop):
            if _has_seen(database, run.run_id):
                return CycleOutcome(run=run)
            return CycleOutcome(run=run, computation=_compute(database, kpis, clock, version, {run.run_id}))
    except StoppedError:
        return CycleOutcome(run=run)


def recompute(
    database: Database,
    kpis: KpiSettings,
    *,
    version: str,
    clock: Clock,
    stop: Event | None = None,
    run_ids: tuple[int, ...] = (),
    at: datetime | None = None,
) -> Computation:
    """Compute every KPI, one computation at a time on a store. Raises StoppedError when asked to stop while waiting.

    With `at` as if it were that instant.
    """
    with _alone(database, clock, stop or Event()):
        return _compute(database, kpis, clock, version, set(run_ids), at=at)


def _compute(
    database: Database, kpis: KpiSettings, clock: Clock, version: str, run_ids: set[int], at: datetime | None = None
) -> Computation:
    """Of the runs that it names are also those that have ended since the last computation: it sees their rows."""
    with database.read() as tx:
        before: Mapping[Any, Any] = last_run(tx, at=at) or {}
        ended = set(runs.ended_since(tx, before.get("computed_at"))) - set(before.get("sync_run_ids") or ())
    return compute(database, kpis, now=clock.now(), at=at, sync_run_ids=sorted(run_ids | ended), version=version)


def _has_seen(database: Database, run_id: int) -> bool:
    """Whether the newest computation began after this run had ended."""
    with database.read() as tx:
        newest = last_run(tx)
    return newest is not None and run_id in (newest["sync_run_ids"] or ())


@contextmanager
def _alone(database: Database, clock: Clock, stop: Event) -> Iterator[None]:
    sleep = clock.sleeper(stop)
    while True:
        try:
            with database.write() as tx:
                grant = leases.take(tx, KPIS, holder(), now=clock.now(), for_=5 * LEASE_FOR, is_dead=is_dead)
            break
        except LeaseHeldError:
            sleep(PATIENCE_S)
    try:
        yield
    finally:
        with database.write() as tx:
            leases.give_back(tx, grant, now=clock.now())
