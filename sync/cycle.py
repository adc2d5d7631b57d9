"""A cycle: one run of a connection, then the KPIs of the whole store."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event

from connectors.errors import StoppedError
from kpi.engine import Computation, compute
from kpi.settings import KpiSettings
from store import leases, runs, snapshots
from store.database import Database
from store.errors import LeaseLostError
from store.leases import LEASE_FOR, Grant
from sync.clock import Clock
from sync.outcome import FAILED, STOPPED, RunOutcome
from sync.plan import Plan
from sync.run import Progress, execute
from sync.turn import Wish, turn


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleOutcome:
    """How a run ended, and what the computation after it found.

    None where there was none: the run failed or was stopped, or another run's computation has taken in what it brought.
    """

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

    Of many runs that end while one computation is under way the next computes for all, and its snapshot names them all:
    who shares a store shares the configuration of its KPIs. Raises as `execute` does.
    """
    stop = stop or Event()
    run = execute(database, plan, version=version, clock=clock, stop=stop, progress=progress)
    if not brings_news(run):
        return CycleOutcome(run=run)
    wishes = {run.run_id: wish(database)}
    found = take_in(database, kpis, wishes, version=version, clock=clock, stop=stop, lease=plan.lease)
    return CycleOutcome(run=run, computation=found)


def brings_news(run: RunOutcome) -> bool:
    """Whether the KPIs are to be computed after this run."""
    return run.outcome not in {FAILED, STOPPED}


def wish(database: Database) -> Wish:
    """The wish of a run that has just ended."""
    with database.read() as tx:
        return Wish.made(tx)


def take_in(
    database: Database,
    kpis: KpiSettings,
    wishes: Mapping[int, Wish],
    *,
    version: str,
    clock: Clock,
    stop: Event,
    lease: timedelta,
) -> Computation | None:
    """Compute for runs that have ended, by their ids.

    None where others have computed meanwhile, and where we were asked to stop while waiting for our turn or lost it:
    the next computation takes them in.
    """
    try:
        with turn(database, clock, stop, lease=lease, wishes=set(wishes.values())) as ours:
            if ours is None:
                return None
            run_ids = tuple(sorted(not_taken_in(database) | set(wishes)))
            return _compute(database, kpis, ours, version=version, clock=clock, run_ids=run_ids)
    except (StoppedError, LeaseLostError):  # whoever took our turn began after these runs' ends
        return None


def recompute(
    database: Database,
    kpis: KpiSettings,
    *,
    version: str,
    clock: Clock,
    stop: Event | None = None,
    run_ids: tuple[int, ...] = (),
    at: datetime | None = None,
    lease: timedelta = LEASE_FOR,
) -> Computation:
    """Compute every KPI, one computation at a time on a store. With `at` as if it were that instant.

    Raises StoppedError when asked to stop while waiting, LeaseLostError where we fell silent and another went on.
    """
    with turn(database, clock, stop or Event(), lease=lease) as ours:
        assert ours is not None, "only a wish makes it needless"
        return _compute(database, kpis, ours, version=version, clock=clock, run_ids=run_ids, at=at)


def _compute(
    database: Database,
    kpis: KpiSettings,
    ours: Grant,
    *,
    version: str,
    clock: Clock,
    run_ids: tuple[int, ...],
    at: datetime | None = None,
) -> Computation:
    return compute(
        database,
        kpis,
        now=clock.now(),
        at=at,
        sync_run_ids=run_ids,
        version=version,
        fence=lambda tx: leases.confirm(tx, ours, now=clock.now()),
    )


def not_taken_in(database: Database) -> set[int]:
    """The runs that have ended since the last snapshot was begun, or about then, and that no snapshot names."""
    with database.read() as tx:
        last = snapshots.last_run(tx)
        since = last["computed_at"] - LEASE_FOR if last else None
        return runs.ended_since(tx, since) - snapshots.taken_in_since(tx, since)
