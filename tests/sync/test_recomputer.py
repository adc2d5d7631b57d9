"""KPIs are computed in a thread of their own: no run waits for them, one computation serves all that have ended."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Event

from sqlalchemy import select

from connectors.hubspot import HubSpotConnector
from kpi.settings import KpiSettings
from store import leases, reads
from store.database import Database
from store.snapshots import DEFINITIONS
from store.snapshots import RUNS as SNAPSHOTS
from sync.cycle import CycleOutcome
from sync.job import Job
from sync.runner import Runner
from sync.turn import KPIS, PATIENCE_S
from sync.watcher import Watchers
from tests.rig import NAME, Rig, rig
from tests.sync.test_schedule import Notes

NAMES = (NAME, "hubspot-two", "hubspot-three")
EVERY = timedelta(minutes=15)


@dataclass
class Told:
    """A watcher that remembers the ends of runs."""

    ends: list[CycleOutcome] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    crash: Event = field(default_factory=Event)

    def started(self, connections: Sequence[str]) -> None: ...
    def beat(self, now: datetime) -> None: ...
    def stopping(self) -> None: ...

    def ended(self, outcome: CycleOutcome, seconds: float, now: datetime) -> None:
        self.ends.append(outcome)

    def crashed(self, connection: str, error: BaseException, now: datetime) -> None:
        self.crashes.append(connection)
        self.crash.set()


class Busy:
    """A runner on a store where somebody else computes, until it is `freed`."""

    def __init__(self, it: Rig) -> None:
        self.it, self.database = it, it.database
        self.log, self.told, self.stop, self.freed = Notes(), Told(), Event(), Event()
        clock, settings = it.times.clock(), it.connector_settings()
        self.jobs = [Job(name=name, connector=lambda context: HubSpotConnector(settings, context)) for name in NAMES]
        with self.database.write() as tx:
            self.other = leases.take(tx, KPIS, "another daemon", now=clock.now())

        def wait(stop: Event, seconds: float) -> bool:
            if seconds != PATIENCE_S:
                return clock.wait(stop, seconds)
            assert self.freed.wait(60)
            return stop.is_set()

        self.runner = Runner(
            self.database,
            version="test",
            clock=replace(clock, wait=wait),
            log=self.log,
            watchers=Watchers([self.told], self.log),
            stop=self.stop,
        )
        self.runner.kpis = KpiSettings(include=("win_rate",), calendars=("gregorian",))

    def free(self) -> None:
        """The other one has ended its computation, or has given up."""
        with self.database.write() as tx:
            leases.give_back(tx, self.other, now=self.it.times.clock().now())
        self.freed.set()

    @property
    def run_ids(self) -> list[int]:
        """All runs, as the books have them."""
        with self.database.read() as tx:
            return sorted(row["id"] for row in reads.recent_runs(tx))

    @property
    def taken_in(self) -> list[list[int]]:
        """The runs that each computation names."""
        with self.database.read() as tx:
            return [sorted(ids) for ids in tx.scalars(select(SNAPSHOTS.c.sync_run_ids).order_by(SNAPSHOTS.c.id))]


def test_runs_do_not_wait_for_a_computation_and_share_the_next_one(database: Database) -> None:
    with rig(database, deals=5, activities_per_deal=0) as it:
        busy = Busy(it)
        for job in busy.jobs:
            busy.runner.run(job)
        assert len(busy.run_ids) == len(NAMES)
        assert (busy.log.actions, busy.taken_in) == ([], [])
        busy.free()
        busy.runner.close()
        assert sorted(end.run.connection for end in busy.told.ends) == sorted(NAMES)
        computed = [end.computation for end in busy.told.ends if end.computation is not None]
        assert 1 <= len(computed) == len(busy.taken_in) <= 2, "the first may have been asked for alone"
        assert {id_ for ids in busy.taken_in for id_ in ids} == set(busy.run_ids)
        assert busy.log.actions == ["run_ended"] * len(NAMES)


def test_who_is_told_to_stop_while_it_waits_for_its_turn_tells_the_ends_and_computes_nothing(
    sqlite: Database,
) -> None:
    with rig(sqlite, deals=5, activities_per_deal=0) as it:
        busy = Busy(it)
        for job in busy.jobs:
            busy.runner.run(job)
        busy.stop.set()
        busy.freed.set()
        busy.runner.close()
        assert [(end.run.outcome, end.computation) for end in busy.told.ends] == [("ok", None)] * len(NAMES)
        assert busy.taken_in == []


def test_a_computation_that_breaks_is_told_and_the_next_takes_in_what_it_had_not(sqlite: Database) -> None:
    with rig(sqlite, deals=5, activities_per_deal=0) as it:
        busy = Busy(it)
        busy.free()
        _rename(sqlite, DEFINITIONS.name, "elsewhere")
        busy.runner.run(busy.jobs[0])
        assert busy.told.crash.wait(60)
        _rename(sqlite, "elsewhere", DEFINITIONS.name)
        busy.runner.run(busy.jobs[1])
        busy.runner.close()
        assert busy.told.crashes == [NAMES[0]]
        assert busy.log.actions in (["store_failed", "run_ended"], ["run_crashed", "run_ended"])
        assert busy.taken_in == [busy.run_ids]


def _rename(database: Database, before: str, after: str) -> None:
    with database.write() as tx:
        tx.exec_driver_sql(f"ALTER TABLE {before} RENAME TO {after}")


def test_what_ended_before_a_stop_is_computed_at_the_next_start(sqlite: Database) -> None:
    with rig(sqlite, deals=5) as it:
        run = it.sync()
        with sqlite.read() as tx:
            assert tx.scalars(select(SNAPSHOTS.c.sync_run_ids)).all() == []
        for _ in range(2):
            runner = Runner(
                sqlite,
                version="test",
                clock=it.times.clock(),
                log=Notes(),
                watchers=Watchers([], Notes()),
                stop=Event(),
            )
            runner.catch_up()
            runner.close()
        with sqlite.read() as tx:
            assert tx.scalars(select(SNAPSHOTS.c.sync_run_ids)).all() == [[run.run_id]]
