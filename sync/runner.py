"""The runner: runs a connection that is due, has the KPIs computed, and tells how that ended."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event

from sqlalchemy import Connection

from connectors.errors import BadCredentialsError
from kpi.engine import Computation
from kpi.settings import KpiSettings
from store import leases, reads, runs
from store.database import Database
from store.errors import LeaseHeldError, StoreError
from store.leases import LEASE_FOR
from sync.clock import Clock
from sync.cycle import CycleOutcome, brings_news, cycle, not_taken_in, take_in, wish
from sync.holder import is_dead
from sync.job import Job
from sync.outcome import RunOutcome, trouble
from sync.recomputer import Recomputer
from sync.run import execute
from sync.turn import KPIS, Wish
from sync.watcher import Log, Watchers


class Runner:
    """Safe to call from several threads, each with a connection of its own. Whatever goes wrong is told, not raised.

    Begins nothing once `stop` is set. `kpis` and `lease`, how long a computation may be silent, may be set anew.
    """

    def __init__(
        self, database: Database, *, version: str, clock: Clock, log: Log, watchers: Watchers, stop: Event
    ) -> None:
        self._database = database
        self._version = version
        self._clock = clock
        self._log = log
        self._watchers = watchers
        self._stop = stop
        self._recomputer = Recomputer(self._take_in)
        self.kpis = KpiSettings()
        self.lease = LEASE_FOR

    def is_time(self, job: Job, wanted_at: datetime | None = None) -> bool:
        """Whether a connection that is due may run."""
        with self._minding(job.name):
            return not self._stop.is_set() and self._may_run(job, wanted_at)
        return False

    def run(self, job: Job) -> None:
        """One run. The KPIs follow in a thread of their own, and its end is told from there: ours is wanted."""
        begun = self._clock.monotonic()
        with self._minding(job.name):
            run = execute(
                self._database,
                job.plan(self._notice(job)),
                version=self._version,
                clock=self._clock,
                stop=self._stop,
            )
            self._settle(job, run)
            if not brings_news(run):
                self._tell(CycleOutcome(run=run), begun)
                return
            answer = self._recomputer.ask(run.run_id, wish(self._database))
            answer.add_done_callback(lambda found: self._computed(run, begun, found))

    def cycle(self, job: Job) -> CycleOutcome | None:
        """One run, and the KPIs after it; None where that did not come to its end."""
        begun = self._clock.monotonic()
        with self._minding(job.name):
            outcome = cycle(
                self._database,
                job.plan(self._notice(job)),
                self.kpis,
                version=self._version,
                clock=self._clock,
                stop=self._stop,
            )
            self._settle(job, outcome.run)
            self._tell(outcome, begun)
            return outcome
        return None

    def catch_up(self) -> None:
        """Have what ended before we came, and nobody took in, computed now: its connection may not be due for long."""
        with self._minding(KPIS):
            left = not_taken_in(self._database)
            if left:
                answer = self._recomputer.ask(max(left), wish(self._database))
                answer.add_done_callback(self._caught_up)

    def close(self) -> None:
        """Tell the end of every run, and compute nothing more."""
        self._recomputer.close()

    def _may_run(self, job: Job, wanted_at: datetime | None) -> bool:
        now = self._clock.now()
        with self._database.read() as tx:
            row, cut_short = runs.schedule(tx, job.name), was_cut_short(tx, job.name, now)
        last, not_before = row.get("last_started_at"), row.get("not_before")
        recently = last is not None and now - last < (job.every or timedelta(0)) / 2
        if recently and job.cron is None and not cut_short:
            return False  # another daemon on this database has just been here
        if last is not None and wanted_at is not None and last >= wanted_at and not cut_short:
            return False  # the same wish, delivered again
        if not_before is not None and not_before > now:
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

    @contextmanager
    def _minding(self, name: str) -> Iterator[None]:
        """What a run or its KPIs raise is told: one connection's bug must not end the others."""
        try:
            yield
        except LeaseHeldError as error:
            self._log.info(str(error), action="lease_held", connection=name)
        except StoreError as error:
            self._log.error(str(error), action="store_failed", connection=name, hint=error.hint)
            self._crashed(name, error)
        except Exception as error:
            self._log.error(f"{type(error).__name__}: {error}", action="run_crashed", connection=name, exc_info=error)
            self._crashed(name, error)

    def _crashed(self, name: str, error: BaseException) -> None:
        now = self._clock.now()
        self._watchers.tell(lambda watcher: watcher.crashed(name, error, now))

    def _settle(self, job: Job, run: RunOutcome) -> None:
        settle(self._database, run, settings_hash=job.settings_hash, now=self._clock.now())

    def _tell(self, outcome: CycleOutcome, begun: float) -> None:
        """Tell how a run ended, and what its computation found."""
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
        seconds, now = self._clock.monotonic() - begun, self._clock.now()
        self._watchers.tell(lambda watcher: watcher.ended(outcome, seconds, now))

    def _computed(self, run: RunOutcome, begun: float, found: Future[Computation | None]) -> None:
        with self._minding(run.connection):
            self._tell(CycleOutcome(run=run, computation=found.result()), begun)

    def _caught_up(self, found: Future[Computation | None]) -> None:
        with self._minding(KPIS):
            found.result()

    def _take_in(self, wishes: Mapping[int, Wish]) -> Computation | None:
        """None also once we are to stop: a computation may take minutes, and the next one takes these in."""
        if self._stop.is_set():
            return None
        return take_in(
            self._database,
            self.kpis,
            wishes,
            version=self._version,
            clock=self._clock,
            stop=self._stop,
            lease=self.lease,
        )

    def _notice(self, job: Job) -> Callable[[str], None]:
        return lambda words: self._log.info(words, action="retry", connection=job.name)


def settle(database: Database, run: RunOutcome, *, settings_hash: str, now: datetime) -> None:
    """Keep what the next tick has to know: a pause, a moment before which nothing may run, or that all is well."""
    with database.write() as tx:
        if isinstance(run.error, BadCredentialsError):
            words = trouble(run.error)
            runs.pause(tx, run.connection, reason=words.message, hint=words.hint, settings_hash=settings_hash)
        elif run.outcome != "stopped":
            runs.resume(tx, run.connection)
        runs.postpone(tx, run.connection, now + run.postponed if run.postponed is not None else None)


def was_cut_short(tx: Connection, connection: str, now: datetime) -> bool:
    """Whether the last run ended before it was through: asked to stop, or killed. One that is under way is not."""
    last = reads.last_run(tx, connection)
    if last is None or last["outcome"] != "running":
        return last is not None and last["outcome"] in {"stopped", "interrupted"}
    return not leases.is_held(tx, connection, now=now, is_dead=is_dead)
