"""A cycle: one run of a connection, then the KPIs of the whole store."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import Event

from connectors.errors import StoppedError
from kpi.engine import Computation, compute
from kpi.settings import KpiSettings
from store import leases
from store.database import Database
from store.errors import LeaseHeldError
from store.leases import LEASE_FOR
from sync.clock import Clock
from sync.holder import holder, is_dead
from sync.outcome import FAILED, STOPPED, RunOutcome
from sync.run import Plan, Progress, execute

KPIS = "kpis:"
"""The lease under which KPIs are computed; no connection can have this name."""
PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleOutcome:
    """How a run ended, and what the computation after it found; None where there was none."""

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
    """Run, then recompute. After a run that failed or was stopped the last snapshot stands, with its time.

    Raises as `execute` does.
    """
    stop = stop or Event()
    run = execute(database, plan, version=version, clock=clock, stop=stop, progress=progress)
    if run.outcome in {FAILED, STOPPED}:
        return CycleOutcome(run=run)
    try:
        computation = recompute(database, kpis, version=version, clock=clock, stop=stop, run_ids=(run.run_id,))
    except StoppedError:
        return CycleOutcome(run=run)
    return CycleOutcome(run=run, computation=computation)


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
        return compute(database, kpis, now=clock.now(), at=at, sync_run_ids=run_ids, version=version)


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
