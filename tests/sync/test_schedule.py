"""When a connection is due is in the store: a restart, a pause and a rate limit change nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from threading import Event
from typing import Any

import pytest

from connectors.hubspot import HubSpotConnector
from kpi.engine import Computation
from kpi.settings import KpiSettings
from store import leases, reads, runs
from store.database import Database
from store.snapshots import last_run
from sync.cycle import cycle, recompute
from sync.job import Job, trigger
from sync.plan import Plan
from sync.schedule import Daemon
from sync.turn import KPIS, PATIENCE_S
from tests.rig import HOUR, NAME, Rig, rig

MINUTE = timedelta(minutes=1)
EVERY = timedelta(minutes=15)


@dataclass
class Notes:
    """A log that remembers."""

    actions: list[str] = field(default_factory=list)

    def info(self, event: str, **details: Any) -> None:
        self.actions.append(details["action"])

    warning = error = info


@dataclass
class Watched:
    """A daemon over a rig."""

    it: Rig
    log: Notes
    daemon: Daemon

    def tick(self) -> Any:
        """What the scheduler does when the connection is due."""
        return self.daemon.tick(NAME)


def watch(it: Rig, **job: Any) -> Watched:
    """A daemon that has loaded one job."""
    log = Notes()
    settings = it.connector_settings()
    jobs = [Job(name=NAME, connector=lambda context: HubSpotConnector(settings, context), **{"every": EVERY, **job})]

    def load() -> tuple[Sequence[Job], KpiSettings]:
        return jobs, KpiSettings()

    daemon = Daemon(it.database, load, version="test", clock=it.times.clock(), log=log)
    daemon.load()
    return Watched(it, log, daemon)


def test_a_tick_syncs_and_computes(database: Database) -> None:
    with rig(database) as it:
        outcome = watch(it).tick()
        assert outcome.run.outcome == "ok"
        assert outcome.computation.written > 0
        assert not outcome.computation.broken
        it.assert_equals_account()
        it.later(EVERY)
        again = watch(it).tick()
        assert (again.run.counts.written, again.computation.written) == (0, 0)


def test_the_first_tick_after_a_restart_is_the_last_start_plus_the_interval(sqlite: Database) -> None:
    with rig(sqlite) as it:
        began = it.sandbox.world.clock.now()
        job = watch(it).daemon.jobs[NAME]
        assert watch(it).daemon.first_tick(job) == began
        watch(it).tick()
        it.later(5 * MINUTE)
        assert watch(it).daemon.first_tick(job) == began + EVERY
        it.later(HOUR)
        assert watch(it).daemon.first_tick(job) == it.sandbox.world.clock.now()


def test_a_cron_job_waits_for_its_hour(sqlite: Database) -> None:
    with rig(sqlite) as it:
        watched = watch(it, every=None, cron="30 12 * * *")
        assert f"{watched.daemon.first_tick(watched.daemon.jobs[NAME]):%H:%M}" == "12:30"


def test_two_daemons_on_one_database_do_not_double_the_work(sqlite: Database) -> None:
    with rig(sqlite) as it:
        assert watch(it).tick() is not None
        it.later(MINUTE)
        assert watch(it).tick() is None
        it.later(EVERY)
        assert watch(it).tick() is not None


def test_a_connection_that_another_run_holds_is_left_alone(sqlite: Database) -> None:
    with rig(sqlite) as it:
        with sqlite.write() as tx:
            leases.take(tx, NAME, "somebody else", now=it.sandbox.world.clock.now())
        watched = watch(it)
        assert watched.tick() is None
        assert watched.log.actions == ["lease_held"]


def test_a_run_that_is_under_way_is_no_reason_to_run_again_at_once(sqlite: Database) -> None:
    with rig(sqlite) as it:
        now = it.sandbox.world.clock.now()
        with sqlite.write() as tx:
            grant = leases.take(tx, NAME, "another daemon", now=now)
            runs.open_run(tx, grant, trigger="schedule", version="test", now=now)
        watched = watch(it)
        assert watched.daemon.first_tick(watched.daemon.jobs[NAME]) == now + EVERY
        assert watched.tick() is None
        assert watched.log.actions == []
        it.later(leases.LEASE_FOR)
        assert watched.daemon.first_tick(watched.daemon.jobs[NAME]) == now + leases.LEASE_FOR
        assert watched.tick() is not None


def test_a_jitter_delays_one_run_and_not_those_that_follow(sqlite: Database) -> None:
    with rig(sqlite) as it:
        job = replace(watch(it).daemon.jobs[NAME], jitter=MINUTE)
        first = it.sandbox.world.clock.now()
        when = trigger(job, first)
        due = first
        for count in range(1, 200):
            due = when.get_next_fire_time(due, due)
            assert first + count * EVERY <= due <= first + count * EVERY + MINUTE


def test_refused_credentials_pause_the_connection_until_its_settings_change(sqlite: Database) -> None:
    with rig(sqlite) as it:
        it.sandbox.expire_token()
        first = watch(it, settings_hash="a")
        assert first.tick().run.outcome == "failed"
        it.later(EVERY)
        second = watch(it, settings_hash="a")
        assert second.tick() is None
        assert second.log.actions == ["paused"]
        with sqlite.read() as tx:
            row = reads.schedules(tx)[NAME]
        assert "token" in row["paused_reason"]
        assert "dealmeter check" in row["paused_hint"]
        it.sandbox.set_scopes(None)
        assert watch(it, settings_hash="b").tick().run.outcome == "ok"


def test_a_spent_day_postpones_the_next_run(sqlite: Database) -> None:
    with rig(sqlite) as it:
        it.sandbox.faults.next("429_daily", match=".*objects.*deals")
        watched = watch(it)
        assert watched.tick().run.outcome == "failed"
        it.later(30 * MINUTE)
        assert watched.tick() is None
        it.later(31 * MINUTE)
        assert watched.tick().run.outcome == "ok"
        it.assert_equals_account()


def test_a_failed_run_leaves_the_last_snapshot_standing(sqlite: Database) -> None:
    with rig(sqlite) as it:
        watch(it).tick()
        it.later(EVERY)
        it.sandbox.expire_token()
        outcome = watch(it).tick()
        assert outcome.computation is None
        with sqlite.read() as tx:
            assert tx.exec_driver_sql("SELECT count(*) FROM kpi_snapshot_runs").scalar() == 1


@pytest.mark.parametrize("cron", ["* * *", "61 * * * *", "nonsense"])
def test_a_cron_expression_that_cannot_be_read_is_refused(sqlite: Database, cron: str) -> None:
    job = Job(name=NAME, connector=lambda context: HubSpotConnector(None, context), cron=cron)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r".+"):
        trigger(job)


def test_the_schedule_of_a_connection_without_runs_is_empty(sqlite: Database) -> None:
    with sqlite.read() as tx:
        assert runs.schedule(tx, "nobody") == {}


def test_runs_that_end_while_others_compute_share_the_next_computation(database: Database) -> None:
    with rig(database) as it:
        clock, kpis = it.times.clock(), KpiSettings(include=("win_rate",))
        with database.write() as tx:
            other = leases.take(tx, KPIS, "another daemon", now=clock.now())
        served: list[Computation] = []

        def wait(stop: Event, seconds: float) -> bool:
            """Our turn doesn't come: whoever waited longer computes first."""
            if seconds != PATIENCE_S:
                return clock.wait(stop, seconds)
            with database.write() as tx:
                leases.give_back(tx, other, now=clock.now())
            for _ in range(2):  # the one that was under way may have read before our run ended; the next has not
                served.append(recompute(database, kpis, version="test", clock=clock))
            return False

        settings = it.connector_settings()
        plan = Plan(connection=NAME, connector=lambda context: HubSpotConnector(settings, context))
        outcome = cycle(database, plan, kpis, version="test", clock=replace(clock, wait=wait))
        assert (outcome.run.outcome, outcome.computation) == ("ok", None)
        assert newest_computation(database) == served[1].run_id
        it.later(EVERY)
        again = cycle(database, plan, kpis, version="test", clock=clock)
        assert again.computation is not None
        assert newest_computation(database) == again.computation.run_id


def newest_computation(database: Database) -> int:
    """Its id."""
    with database.read() as tx:
        return int((last_run(tx) or {"id": 0})["id"])
