"""The daemon: APScheduler says when a connection is due; the store keeps the truth about it."""

import signal
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from queue import SimpleQueue
from threading import Event

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from store import leases, runs
from store.database import Database
from store.errors import StoreError
from store.leases import LEASE_FOR
from sync.clock import Clock
from sync.cycle import CycleOutcome
from sync.handover import Handover, Queue
from sync.holder import is_dead
from sync.job import Job, Load, trigger, until_next
from sync.runner import Runner, was_cut_short
from sync.signals import listening
from sync.waiting import Threads, Waiting
from sync.watcher import Log, Watcher, Watchers

HEART = "heart"
HEARTBEAT = timedelta(seconds=10)
AS_OFTEN_AS_DUE = 1_000_000
"""APScheduler's limit on calls of one job is none of ours: `Threads` sees to it."""
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


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
        self._clock = clock
        self._log = log
        self._watchers = Watchers(watchers, log)
        self._heartbeat = heartbeat
        self._handover = Handover(queue, log.info, log.error) if queue is not None else None
        self._waiting = Waiting(database)
        self._scheduler = _scheduler(self._waiting)
        self._stop = Event()
        self._signals: SimpleQueue[int] = SimpleQueue()
        self._runner = Runner(database, version=version, clock=clock, log=log, watchers=self._watchers, stop=self._stop)
        self.jobs: Mapping[str, Job] = {}

    def run(self) -> int:
        """Block until SIGTERM or SIGINT, finish the page under way, and answer the signal's number.

        SIGHUP loads the configuration again; a broken one leaves the old one in force.
        """
        scheduler = self._scheduler
        with listening(SIGNALS, self._signals.put):
            try:
                self.load()
                if self._handover is None:
                    self._runner.catch_up()
                self._plan(scheduler, self._planned())
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
                self._runner.close()
        self._log.info("stopped", action="stopped")
        return number

    def load(self) -> None:
        """Take the jobs and the KPI settings from the configuration. Raises what the configuration raises."""
        jobs, self._runner.kpis = self._load()
        self._runner.lease = max((job.lease for job in jobs), default=LEASE_FOR)
        self.jobs = {job.name: job for job in jobs}

    def reload(self) -> Sequence[tuple[Job, BaseTrigger, datetime]] | None:
        """Load again, and answer each job with its trigger and its first tick; None where the old jobs stay."""
        try:
            self.load()
            planned = self._planned()
        except Exception as error:  # a broken configuration must not end the service
            self._log.error(f"the configuration was not reloaded: {error}", action="reload_failed")
            return None
        self._log.info("configuration reloaded", action="reloaded", connections=sorted(self.jobs))
        return planned

    def _planned(self) -> list[tuple[Job, BaseTrigger, datetime]]:
        firsts = {name: self.first_tick(job) for name, job in self.jobs.items()}
        return [(job, trigger(job, firsts[name]), firsts[name]) for name, job in self.jobs.items()]

    def _load_again(self, scheduler: BackgroundScheduler) -> None:
        planned = self.reload()
        if planned is not None:
            scheduler.remove_all_jobs()
            self._plan(scheduler, planned)
            self.tell_started()

    def tell_started(self) -> None:
        """Tell the watchers that we are at work."""
        self._watchers.tell(lambda watcher: watcher.started(sorted(self.jobs)))

    def stop(self) -> None:
        """Begin nothing more, end every run after its page, and tell the watchers."""
        self._stop.set()
        self._watchers.tell(lambda watcher: watcher.stopping())

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
        self._watchers.tell(lambda watcher: watcher.beat(now))
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

    def first_tick(self, job: Job) -> datetime:
        """When a job is due first: its last start plus its interval, however often we were restarted since.

        A run that was cut short goes on at once.
        """
        now = self._clock.now()
        with self._database.read() as tx:
            row, cut_short = runs.schedule(tx, job.name), was_cut_short(tx, job.name, now)
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
            if job is not None and self._runner.is_time(job):
                now = self._clock.now()
                if self._handover is not None:
                    self._handover.ask(job.name, now=now, for_=until_next(job, now))
                else:
                    self._runner.run(job)
            return name is not None

    def tick(self, name: str, *, wanted_at: datetime | None = None) -> CycleOutcome | None:
        """One due run of a connection, with its KPIs; None where it was not its time after all.

        A run that has begun since it was wanted, by whomever, is not done twice.
        """
        job = self.jobs.get(name)
        return self._runner.cycle(job) if job is not None and self._runner.is_time(job, wanted_at) else None


def _scheduler(waiting: Waiting) -> BackgroundScheduler:
    """The heart beats in a thread of its own, so that eight long runs don't look like death."""
    executors = {"default": Threads(waiting, workers=8), HEART: {"type": "threadpool", "max_workers": 1}}
    return BackgroundScheduler(timezone="UTC", executors=executors)
