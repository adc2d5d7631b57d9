"""The daemon: APScheduler says when a connection is due; the store keeps the truth about it."""

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from queue import SimpleQueue
from threading import Event
from typing import Any, Protocol

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import Connection

from connectors.base import Connector, Context
from connectors.errors import BadCredentialsError
from kpi.settings import KpiSettings
from store import leases, reads, runs
from store.database import Database
from store.errors import LeaseHeldError, StoreError
from store.leases import LEASE_FOR
from sync.clock import Clock
from sync.cycle import CycleOutcome, cycle
from sync.handover import Handover, Queue
from sync.holder import is_dead
from sync.outcome import RunOutcome, trouble
from sync.run import Plan
from sync.signals import listening
from sync.waiting import Threads, Waiting
from sync.watcher import Watcher

HEART = "heart"
HEARTBEAT = timedelta(seconds=10)
AS_OFTEN_AS_DUE = 1_000_000
"""APScheduler's limit on calls of one job is none of ours: `Threads` sees to it."""
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Log(Protocol):
    """Where the daemon tells what it does: a sentence, and `action` with its details for machines."""

    def info(self, event: str, **details: Any) -> Any: ...
    def warning(self, event: str, **details: Any) -> Any: ...
    def error(self, event: str, **details: Any) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A connection and when it is due: `every` so often, or by a `cron` expression in UTC or `zone`.

    `settings_hash` tells whether the settings of a paused connection have changed.
    """

    name: str
    connector: Callable[[Context], Connector]
    every: timedelta | None = timedelta(minutes=15)
    cron: str | None = None
    zone: str = "UTC"
    jitter: timedelta = timedelta(0)
    parallel: int = 4
    settings_hash: str = ""
    lease: timedelta = LEASE_FOR
    compare_every: timedelta | None = None


Load = Callable[[], tuple[Sequence[Job], KpiSettings]]


class Daemon:
    """Runs every job when it is due, until a signal says stop. With a `queue` workers run them: it only asks."""

    def __init__(
        self,
        database: Database,
        load: Load,
        *,
        version: str,
        clock: Clock,
        log: Log,
        watchers: Sequence[Watcher] = (),
        heartbeat: timedelta = HEARTBEAT,
        queue: Queue | None = None,
    ) -> None:
        self._database = database
        self._load = load
        self._version = version
        self._clock = clock
        self._log = log
        self._watchers = watchers
        self._heartbeat = heartbeat
        self._handover = Handover(queue, log.info, log.error) if queue is not None else None
        self._waiting = Waiting(database)
        self._scheduler = _scheduler(self._waiting)
        self._stop = Event()
        self._signals: SimpleQueue[int] = SimpleQueue()
        self.jobs: Mapping[str, Job] = {}
        self._kpis = KpiSettings()

    def run(self) -> int:
        """Block until SIGTERM or SIGINT, finish the page under way, and answer the signal's number.

        SIGHUP loads the configuration again; a broken one leaves the old one in force.
        """
        scheduler = self._scheduler
        with listening(SIGNALS, self._signals.put):
            try:
                self.load()
                self._plan(scheduler, [(job, trigger(job), self.first_tick(job)) for job in self.jobs.values()])
                scheduler.start()
                self._log.info(
                    f"watching {len(self.jobs)} connection{'s' * (len(self.jobs) != 1)}",
                    action="started",
                    connections=sorted(self.jobs),
                )
                self.tell_started()
                while (number := self._signals.get()) == signal.SIGHUP:
                    self._load_again(scheduler)
            finally:
                self.stop()
                if scheduler.running:
                    scheduler.shutdown(wait=True)
        self._log.info("stopped", action="stopped")
        return number

    def load(self) -> None:
        """Take the jobs and the KPI settings from the configuration. Raises what the configuration raises."""
        jobs, self._kpis = self._load()
        self.jobs = {job.name: job for job in jobs}

    def reload(self) -> Sequence[tuple[Job, BaseTrigger, datetime]] | None:
        """Load again, and answer each job with its trigger and its first tick; None where the old jobs stay."""
        try:
            self.load()
            planned = [(job, trigger(job), self.first_tick(job)) for job in self.jobs.values()]
        except Exception as error:  # a broken configuration must not end the service
            self._log.error(f"the configuration was not reloaded: {error}", action="reload_failed")
            return None
        self._log.info("configuration reloaded", action="reloaded", connections=sorted(self.jobs))
        return planned

    def _load_again(self, scheduler: BackgroundScheduler) -> None:
        planned = self.reload()
        if planned is not None:
            scheduler.remove_all_jobs()
            self._plan(scheduler, planned)
            self.tell_started()

    def tell_started(self) -> None:
        """Tell the watchers that we are at work."""
        self._tell(lambda watcher: watcher.started(sorted(self.jobs)))

    def stop(self) -> None:
        """Begin nothing more, end every run after its page, and tell the watchers."""
        self._stop.set()
        self._tell(lambda watcher: watcher.stopping())

    @property
    def is_stopping(self) -> bool:
        """Whether somebody has said stop."""
        return self._stop.is_set()

    # ------------------------------------------------------------------------------------------------ planning

    def _plan(self, scheduler: BackgroundScheduler, planned: Sequence[tuple[Job, BaseTrigger, datetime]]) -> None:
        for job, when, first in planned:
            scheduler.add_job(
                self.due,
                when,
                args=[job.name],
                id=job.name,
                next_run_time=first,
                max_instances=AS_OFTEN_AS_DUE,
                coalesce=True,
                misfire_grace_time=None,
            )
        scheduler.add_job(
            self.beat,
            IntervalTrigger(seconds=self._heartbeat.total_seconds(), timezone="UTC"),
            id=f"{HEART}:",
            executor=HEART,
            coalesce=True,
        )

    def beat(self) -> None:
        """The scheduler moves: tell the watchers, and go on where another process fell silent."""
        now = self._clock.now()
        self._tell(lambda watcher: watcher.beat(now))
        try:
            with self._database.read() as tx:
                left = leases.abandoned(tx, now=now, is_dead=is_dead)
        except StoreError:  # whoever runs next will say so
            return
        silent = {name for name in set(left) & set(self.jobs) if self._may_rescue(name, now)}
        for name in sorted(silent):
            self._log.info(f"{name}: its run fell silent; going on", action="taken_over", connection=name)
        for name in sorted(silent | (self._untaken & set(self.jobs))):
            self._scheduler.add_job(
                self.due, args=[name], id=f"{HEART}:{name}", replace_existing=True, misfire_grace_time=None
            )

    def _may_rescue(self, name: str, now: datetime) -> bool:
        """A worker that has been asked to go on gets as long as a lease to begin."""
        handover = self._handover
        return handover is None or handover.may_rescue(name, now=now, patience=self.jobs[name].lease)

    @property
    def _untaken(self) -> frozenset[str]:
        return self._handover.untaken if self._handover is not None else frozenset()

    def _tell(self, told: Callable[[Watcher], None]) -> None:
        for watcher in self._watchers:
            try:
                told(watcher)
            except Exception as error:  # who only watches must not end the service
                said = f"{type(watcher).__name__}: {type(error).__name__}: {error}"
                self._log.error(said, action="watcher_failed", exc_info=error)

    def first_tick(self, job: Job) -> datetime:
        """When a job is due first: its last start plus its interval, however often we were restarted since.

        A run that was cut short goes on at once.
        """
        now = self._clock.now()
        with self._database.read() as tx:
            row, cut_short = runs.schedule(tx, job.name), _was_cut_short(tx, job.name)
        last, not_before = row.get("last_started_at"), row.get("not_before")
        if cut_short:
            due: datetime | None = now
        elif job.cron is not None:
            due = trigger(job).get_next_fire_time(None, last or now)
        else:
            due = last + (job.every or timedelta(0)) if last is not None else now
        return max(due or now, not_before or now, now)

    def due(self, _: str) -> None:
        """A connection is due: run all that are, who has waited longest first, until none is left for us."""
        while self._one_is_due():
            pass

    def _one_is_due(self) -> bool:
        """Run one, or ask a worker to; whether there was one."""
        with self._waiting.longest() as name:
            job = self.jobs.get(name or "")
            if self._handover is None:
                self.tick(name or "")
            elif job is not None and not self._stop.is_set() and self._may_run(job):
                now = self._clock.now()
                self._handover.ask(job.name, now=now, for_=until_next(job, now))
            return name is not None

    def tick(self, name: str, *, wanted_at: datetime | None = None) -> CycleOutcome | None:
        """One due run of a connection; None where it was not its time after all.

        A run that has begun since it was wanted, by whomever, is not done twice.
        """
        job = self.jobs.get(name)
        if job is None or self._stop.is_set() or not self._may_run(job, wanted_at):
            return None
        plan = Plan(
            connection=job.name,
            connector=job.connector,
            trigger="schedule",
            parallel=job.parallel,
            lease=job.lease,
            compare_every=job.compare_every,
            notice=lambda words: self._log.info(words, action="retry", connection=name),
        )
        begun = self._clock.monotonic()
        try:
            outcome = cycle(self._database, plan, self._kpis, version=self._version, clock=self._clock, stop=self._stop)
        except LeaseHeldError as error:
            self._log.info(str(error), action="lease_held", connection=name)
            return None
        except StoreError as error:
            self._log.error(str(error), action="store_failed", connection=name, hint=error.hint)
            self._crashed(name, error)
            return None
        except Exception as error:  # one connection's bug must not end the others
            self._log.error(f"{type(error).__name__}: {error}", action="run_crashed", connection=name, exc_info=error)
            self._crashed(name, error)
            return None
        self._note(job, outcome)
        seconds, now = self._clock.monotonic() - begun, self._clock.now()
        self._tell(lambda watcher: watcher.ended(outcome, seconds, now))
        return outcome

    def _crashed(self, name: str, error: BaseException) -> None:
        now = self._clock.now()
        self._tell(lambda watcher: watcher.crashed(name, error, now))

    def _may_run(self, job: Job, wanted_at: datetime | None = None) -> bool:
        with self._database.read() as tx:
            row, cut_short = runs.schedule(tx, job.name), _was_cut_short(tx, job.name)
        last, not_before = row.get("last_started_at"), row.get("not_before")
        recently = last is not None and self._clock.now() - last < (job.every or timedelta(0)) / 2
        if recently and job.cron is None and not cut_short:
            return False  # another daemon on this database has just been here
        if last is not None and wanted_at is not None and last >= wanted_at and not cut_short:
            return False  # the same wish, delivered again
        if not_before is not None and not_before > self._clock.now():
            self._log.info(f"{job.name} waits until {not_before:%H:%M} UTC", action="postponed", connection=job.name)
            return False
        if row.get("paused_reason") and row.get("settings_hash") == job.settings_hash:
            self._log.warning(
                f"{job.name} is paused: {row['paused_reason']}",
                action="paused",
                connection=job.name,
                hint=row.get("paused_hint"),
            )
            return False
        return True

    def _note(self, job: Job, outcome: CycleOutcome) -> None:
        settle(self._database, outcome.run, settings_hash=job.settings_hash, now=self._clock.now())
        run, computation = outcome.run, outcome.computation
        tell = self._log.info if run.outcome in {"ok", "stopped"} else self._log.warning
        tell(
            f"{run.connection}: {run.outcome}, {run.counts.written} rows written",
            action="run_ended",
            connection=run.connection,
            run_id=run.run_id,
            outcome=run.outcome,
            requests=run.requests,
            read=run.counts.read,
            rejected=run.counts.rejected,
            error=trouble(run.error).message if run.error is not None else None,
            values_written=computation.written if computation is not None else None,
        )
        for broken in computation.broken if computation is not None else ():
            self._log.error(broken, action="invariant_broken", connection=run.connection)


def settle(database: Database, run: RunOutcome, *, settings_hash: str, now: datetime) -> None:
    """Keep what the next tick has to know: a pause, a moment before which nothing may run, or that all is well."""
    with database.write() as tx:
        if isinstance(run.error, BadCredentialsError):
            words = trouble(run.error)
            runs.pause(tx, run.connection, reason=words.message, hint=words.hint, settings_hash=settings_hash)
        elif run.outcome != "stopped":
            runs.resume(tx, run.connection)
        runs.postpone(tx, run.connection, now + run.postponed if run.postponed is not None else None)


def _scheduler(waiting: Waiting) -> BackgroundScheduler:
    """The heart beats in a thread of its own, so that eight long runs don't look like death."""
    executors = {"default": Threads(waiting, workers=8), HEART: {"type": "threadpool", "max_workers": 1}}
    return BackgroundScheduler(timezone="UTC", executors=executors)


def _was_cut_short(tx: Connection, connection: str) -> bool:
    """Whether the last run ended before it was through: asked to stop, or killed."""
    last = reads.last_run(tx, connection)
    return last is not None and last["outcome"] in {"stopped", "interrupted", "running"}


def trigger(job: Job) -> BaseTrigger:
    """APScheduler's trigger of a job. Raises ValueError for a cron expression that can't be read."""
    jitter = int(job.jitter.total_seconds()) or None
    if job.cron is not None:
        cron: CronTrigger = CronTrigger.from_crontab(job.cron, timezone=job.zone)
        cron.jitter = jitter
        return cron
    every = job.every or timedelta(minutes=15)
    return IntervalTrigger(seconds=max(int(every.total_seconds()), 1), jitter=jitter, timezone="UTC")


def until_next(job: Job, now: datetime) -> timedelta:
    """How long until a job is due again."""
    following = trigger(job).get_next_fire_time(now, now) if job.cron is not None else None
    return following - now if following is not None else job.every or timedelta(minutes=15)
