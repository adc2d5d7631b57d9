"""The work of `dealmeter sync`: a run of each connection, one after the other, then the KPIs once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from threading import Event
from typing import Any

from connectors.errors import StoppedError
from dealmeter import VERSION
from dealmeter.cli.connectors import connector, context
from dealmeter.cli.errors import HANDLED, OK, QUALITY, exit_code, gravest, tell, words
from dealmeter.cli.invocation import Invocation
from dealmeter.cli.opened import chosen, configured, for_writing, log_of
from dealmeter.cli.progress import progress
from dealmeter.cli.signals import stopping
from dealmeter.cli.terminal import Terminal
from dealmeter.config.dump import fingerprint
from dealmeter.config.problems import suggestion
from dealmeter.errors import UsageError
from dealmeter.notify.outbox import Outbox
from dealmeter.show.run import complaints, computation_document, computed, document, told
from kpi.engine import Computation
from store.database import Database
from store.errors import LeaseHeldError
from sync.cycle import brings_news, recompute
from sync.outcome import FAILED, PARTIAL, SKIPPED, RunOutcome
from sync.plan import Plan
from sync.run import execute
from sync.runner import settle

LOOK_AGAIN_S = 2.0
"""How often a run that waits for another one looks whether it has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a run is to do beyond the ordinary. `wait` is how long it waits for another one that holds a connection."""

    only: Sequence[str] = ()
    full: bool = False
    deep: bool = False
    allow_shrink: bool = False
    wait: timedelta = timedelta(0)


class Syncing:
    """One call of `sync`: what is wanted, and what came of it."""

    def __init__(self, invocation: Invocation, names: Sequence[str], wish: Wish) -> None:
        self.clock, self.wish = invocation.clock, wish
        self.terminal = Terminal(invocation)
        self.settings = configured(invocation, connections=True)
        self.names = chosen(self.settings, names)
        log_of(invocation, self.settings)  # what libraries have to say comes through it
        self.codes: list[int] = []
        self.ended: list[tuple[RunOutcome, float]] = []
        self.errors: list[dict[str, str]] = []
        self.computation: Computation | None = None

    def run(self, *, kpis: bool) -> int:
        """Do it; answers the gravest exit code."""
        for name in self.names:
            self._insist_on_streams(name)
        with for_writing(self.settings) as database, stopping() as stop:
            outbox = Outbox(database, self.settings.config, self.clock)
            for name in self.names:
                if not stop.event.is_set():
                    self._one(database, name, stop.event, outbox)
            try:
                if kpis:
                    self._compute(database, stop.event, outbox)
            finally:
                self._show()
        code = gravest([*self.codes, stop.exit_code])
        self.terminal.document("sync/1", {"exit_code": code, **self._document()})
        return code

    # --------------------------------------------------------------------------------------------- one connection

    def _one(self, database: Database, name: str, stop: Event, outbox: Outbox) -> None:
        plan = Plan(
            connection=name,
            connector=connector(self.settings, name),
            parallel=self.settings.connection(name).parallel,
            lease=self.settings.config.service.lease,
            only=self.wish.only,
            full=self.wish.full,
            deep=self.wish.deep,
            allow_shrink=self.wish.allow_shrink,
            compare_every=self.settings.connection(name).schedule.reconcile,
            notice=self.terminal.say,
        )
        begun = self.clock.monotonic()
        try:
            run = self._in_turn(database, plan, stop)
        except StoppedError:
            return
        except LeaseHeldError as error:
            self._refused(name, error)
            return
        except Exception as error:
            outbox.crashed(name, error)
            raise
        self.ended.append((run, self.clock.monotonic() - begun))
        self.codes.append(code_of(run))
        found = fingerprint(self.settings.connection(name).crm, self.settings.settings[name])
        settle(database, run, settings_hash=found, now=self.clock.now())
        outbox.ended(run, is_whole=not self.wish.only)

    def _in_turn(self, database: Database, plan: Plan, stop: Event) -> RunOutcome:
        """Run once nobody else does. Raises LeaseHeldError where that takes too long, StoppedError on a signal."""
        until = self.clock.monotonic() + self.wish.wait.total_seconds()
        has_told = False
        while True:
            try:
                with progress(self.terminal, plan.connection) as tells:
                    return execute(database, plan, version=VERSION, clock=self.clock, stop=stop, progress=tells)
            except LeaseHeldError as error:
                if (left := until - self.clock.monotonic()) <= 0:
                    raise
                if not has_told:
                    self.terminal.say(f"{error}; waiting for its end")
                    has_told = True
                self.clock.sleeper(stop)(min(LOOK_AGAIN_S, left))

    def _refused(self, name: str, error: LeaseHeldError) -> None:
        self.terminal.complain(words(tell(error)))
        self.codes.append(exit_code(error))
        self.errors.append({"connection": name, "message": str(error), "hint": error.hint})

    def _compute(self, database: Database, stop: Event, outbox: Outbox) -> None:
        done = {run.run_id: run.connection for run, _ in self.ended if brings_news(run)}
        if not done or stop.is_set():
            return
        recomputing = partial(recompute, database, self.settings.config.kpis, version=VERSION, clock=self.clock)
        try:
            self.computation = recomputing(stop=stop, run_ids=tuple(done))
        except StoppedError:
            return
        outbox.computed(next(iter(done.values())), self.computation.broken)
        for broken in self.computation.broken:
            self.terminal.warn(f"the KPIs contradict each other: {broken}")
        if self.computation.broken:
            self.codes.append(HANDLED)

    def _insist_on_streams(self, name: str) -> None:
        """Raises UsageError for a stream that the connection doesn't have."""
        if not self.wish.only:
            return
        made = connector(self.settings, name)(context(self.clock, Event()))
        try:
            known = [stream.name for stream in made.streams]
        finally:
            made.close()
        for wanted in self.wish.only:
            if wanted not in known:
                hint = suggestion(wanted, known).removeprefix("; ")
                raise UsageError(f"{name} has no stream {wanted!r}", hint=hint)

    # ------------------------------------------------------------------------------------------------- telling

    def _show(self) -> None:
        alone = len(self.ended) == 1
        computation = self.computation if alone else None
        for run, seconds in self.ended:
            if run.outcome != "ok" or not self.terminal.is_quiet:
                self.terminal.show(*told(run, seconds=seconds, computation=computation))
            self.terminal.complain("".join(f"{line}\n" for line in complaints(run)))
        if self.computation is not None and not alone and not self.terminal.is_quiet:
            self.terminal.show(computed(self.computation))

    def _document(self) -> dict[str, Any]:
        return {
            "runs": [document(run, seconds=seconds) for run, seconds in self.ended],
            "errors": self.errors,
            "kpis": computation_document(self.computation) if self.computation is not None else None,
        }


def code_of(run: RunOutcome) -> int:
    """The exit code of a run's outcome."""
    if run.outcome == FAILED:
        return exit_code(run.error) if run.error is not None else HANDLED
    if run.outcome == PARTIAL:
        if run.differences:
            return QUALITY
        code = exit_code(run.error) if run.error is not None else HANDLED
        return code if code == QUALITY or _read_nothing(run) else HANDLED
    return OK


def _read_nothing(run: RunOutcome) -> bool:
    return all(stream.outcome in {FAILED, SKIPPED} for stream in run.streams if stream.stream != "account")
