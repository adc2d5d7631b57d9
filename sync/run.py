"""One run of one connection: take the lease, read what is due, write page by page, close with an outcome."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event

from connectors.base import Connector, Page, Stream
from connectors.errors import ConnectorError, CursorExpiredError, ShrunkError, StoppedError
from store import drift, leases, runs, writes
from store.database import Database
from store.differences import Compared
from store.drift import Change
from store.errors import LeaseLostError, StoreError
from store.leases import Grant
from store.runs import Saved
from sync.afterwards import Afterwards
from sync.clock import Clock
from sync.holder import holder, is_dead
from sync.identity import insist_own
from sync.outcome import (
    A_FEW,
    FAILED,
    OK,
    PARTIAL,
    SKIPPED,
    STOPPED,
    RunOutcome,
    StreamOutcome,
    emptied,
    ends_run,
    shrunk,
    stream_outcome,
    trouble,
    verdict,
)
from sync.plan import Plan
from sync.pulse import signs_of_life
from sync.readers import Brought, Ended, Readers, Started

ACCOUNT = "account"

Progress = Callable[[str, int], None]
"""Told the stream and how many records it has brought so far."""


def execute(
    database: Database,
    plan: Plan,
    *,
    version: str,
    clock: Clock,
    stop: Event | None = None,
    progress: Progress | None = None,
) -> RunOutcome:
    """Run once. Raises LeaseHeldError where another run holds the connection, StoreError where we can't write.

    Everything else that can go wrong is in the outcome and in the run's books; what we don't know is raised after it
    has been written down.
    """
    run = _Run(database, plan, version=version, clock=clock, stop=stop or Event(), progress=progress)
    return run.execute()


class _Run:
    """The state of one run: its grant, its id, and what each stream has done."""

    def __init__(
        self,
        database: Database,
        plan: Plan,
        *,
        version: str,
        clock: Clock,
        stop: Event,
        progress: Progress | None,
    ) -> None:
        self.database = database
        self.plan = plan
        self.version = version
        self.clock = clock
        self.stop = stop
        self.abandon = Event()
        self.progress = progress or (lambda stream, read: None)
        self.context = plan.context(database, clock, stop)
        self.streams: dict[str, StreamOutcome] = {}
        self.notes: list[str] = []
        self.once_read: set[str] = set()
        self.fresh: set[str] = set()
        self.emptied: set[str] = set()
        self.changes: list[Change] = []
        self.compared: list[Compared] | None = None
        self.stopped = False

    # -------------------------------------------------------------------------------------------- the whole run

    def execute(self) -> RunOutcome:
        with self.database.write() as tx:
            self.grant: Grant = leases.take(
                tx, self.plan.connection, holder(), now=self.clock.now(), for_=self.plan.lease, is_dead=is_dead
            )
            self.run_id = runs.open_run(
                tx, self.grant, trigger=self.plan.trigger, version=self.version, now=self.clock.now()
            )
        unknown: BaseException | None = None
        try:
            with signs_of_life(self.database, self.grant, self.clock, lost=self.abandon.set):
                connector = self.plan.connector(self.context)
                try:
                    self._read(connector)
                finally:
                    connector.close()
        except StoppedError:
            self.stopped = True
        except Exception as error:  # written down below, then raised if we don't know it
            self._fail(ACCOUNT, error)
            unknown = error if not _is_known(error) else None
        outcome = self._close()
        if unknown is not None:
            raise unknown
        return outcome

    def _read(self, connector: Connector) -> None:
        self._account(connector)
        with self.database.read() as tx:
            saved = runs.checkpoints(tx, self.plan.connection)
            self.once_read = drift.once_readable(tx, self.plan.connection)
        known_before = {name for name, checkpoint in saved.items() if checkpoint.finished_at is not None}
        self.once_read |= known_before
        chosen = [stream for stream in connector.streams if self.plan.takes(stream)]
        if self.plan.full:
            saved = self._forget(chosen, saved)
        first = [stream for stream in chosen if not stream.of]
        self._read_streams(connector, first, saved)
        completing = [s for s in chosen if s.of and self._is_due(s, saved, known_before)]
        self._imply([s for s in chosen if s.of and s not in completing], saved, known_before)
        completing.sort(key=lambda s: _last_finished(saved.get(s.name)))  # where a quota ends runs, none must starve
        completing = [s for s in completing if self._was_read(s.of)]
        if not self._ending:
            self._read_streams(connector, completing, saved)
        if not self._ending:
            self._afterwards(connector, first, is_first=not known_before - {ACCOUNT})

    def _afterwards(self, connector: Connector, first: Sequence[Stream], *, is_first: bool) -> None:
        """Look at the CRM's own schema and, but for a part or a first run, at its totals where it is time."""
        outcomes = [self.streams[stream.name] for stream in first if stream.name in self.streams]
        read = {each.stream: "" for each in outcomes if self._was_read(each.stream)}
        lost = {e.stream: str(e.error) for e in outcomes if e.outcome == SKIPPED and e.stream in self.once_read}
        after = Afterwards(self.database, self.grant, connector, self.clock)
        self.changes += after.changes(self.run_id, {**read, **lost})
        self.notes += [str(change) for change in self.changes]
        if self.plan.compare_every is None or is_first or self.plan.only:
            return
        try:
            self.compared = after.compared(self.plan.compare_every)
        except ConnectorError as error:  # what was read stands; the next run tries again
            self.notes.append(f"not compared with the CRM's own totals: {error}")
        self.notes += [str(each) for each in self.compared or () if each.is_real]

    def _account(self, connector: Connector) -> None:
        self._open(ACCOUNT)
        account = connector.open()
        insist_own(self.database, self.plan.connection, account)
        with self.database.write() as tx:
            runs.note_as_of(tx, self.grant, self.run_id, connector.now(), now=self.clock.now())
        self._save(ACCOUNT, Page(cursor={}, read_at=connector.now(), read=1, records=[account]))
        self._end(Ended(Stream(name=ACCOUNT, entity=type(account))))

    def _close(self) -> RunOutcome:
        for name in [name for name, stream in self.streams.items() if stream.outcome == "running"]:
            self.streams[name] = replace(self.streams[name], outcome=STOPPED)
        meters = self.context.meters
        streams = [
            replace(stream, requests=meters[name].requests, retries=dict(meters[name].retries))
            if name in meters
            else stream
            for name, stream in self.streams.items()
        ]
        differs = any(each.is_real for each in self.compared or ())
        outcome, error = verdict(streams, stopped=self.stopped, differs=differs)
        requests = sum(meter.requests for meter in meters.values())
        result = RunOutcome(
            connection=self.plan.connection,
            run_id=self.run_id,
            outcome=outcome,
            streams=streams,
            requests=requests,
            notes=self.notes,
            error=error,
            changes=self.changes,
            compared=self.compared,
        )
        with suppress(LeaseLostError), self.database.write() as tx:
            runs.close_run(
                tx,
                self.grant,
                self.run_id,
                outcome=outcome,
                trouble=trouble(error) if error is not None else None,
                requests=requests,
                notes=self.notes,
                retries={stream.stream: stream.retries for stream in streams if stream.retries},
                now=self.clock.now(),
            )
            leases.give_back(tx, self.grant, now=self.clock.now())
        return result

    # ------------------------------------------------------------------------------------------- which streams

    def _is_due(self, stream: Stream, saved: dict[str, Saved], known_before: set[str]) -> bool:
        """By the plan; and at once where nothing is left of what it completes: somebody allowed that it goes."""
        is_first = stream.of not in known_before
        return stream.of in self.emptied or self.plan.is_due(
            stream, saved.get(stream.name), is_first=is_first, now=self.clock.now()
        )

    def _imply(self, streams: Sequence[Stream], saved: dict[str, Saved], known_before: set[str]) -> None:
        """The first full read of a stream has done the work of those that complete it: their cadence begins now."""
        now = self.clock.now()
        for stream in streams:
            parent = self.streams.get(stream.of)
            if stream.implied and stream.name not in saved and parent is not None and parent.outcome == OK:
                with self.database.write() as tx:
                    runs.mark_finished(tx, self.grant, stream.name, self.run_id, now=now)

    def _forget(self, streams: Sequence[Stream], saved: dict[str, Saved]) -> dict[str, Saved]:
        with self.database.write() as tx:
            for stream in streams:
                runs.drop_checkpoint(tx, self.grant, stream.name, now=self.clock.now())
        return {name: cursor for name, cursor in saved.items() if name not in {stream.name for stream in streams}}

    def _was_read(self, stream: str) -> bool:
        """Whether a stream was read to its end, or was not to be."""
        return stream not in self.streams or self.streams[stream].outcome in {OK, PARTIAL}

    @property
    def _ending(self) -> bool:
        return self.stop.is_set() or self.abandon.is_set()

    # ------------------------------------------------------------------------------------------------- reading

    def _read_streams(self, connector: Connector, streams: Sequence[Stream], saved: dict[str, Saved]) -> None:
        self.fresh |= {s.name for s in streams if not s.of and s.name not in saved}
        expired: list[Stream] = []
        readers = Readers(connector, saved, parallel=self.plan.parallel, stop=_Either(self.stop, self.abandon))
        for news in readers.read(streams):
            match news:
                case Started(stream):
                    self._open(stream.name)
                case Brought(stream, page, stored):
                    self._save(stream.name, page)
                    stored.set()
                case Ended(stream, error=CursorExpiredError()) if stream.name in saved:
                    expired.append(stream)
                case Ended():
                    self._end(news)
        if expired:
            self.notes += [f"{stream.name}: the CRM no longer takes our checkpoint; read in full" for stream in expired]
            self._read_streams(connector, expired, self._forget(expired, saved))

    def _open(self, stream: str) -> None:
        if stream not in self.streams:
            with self.database.write() as tx:
                runs.open_stream(tx, self.grant, self.run_id, stream, now=self.clock.now())
            self.streams[stream] = StreamOutcome(stream=stream, outcome="running")

    def _save(self, stream: str, page: Page) -> None:
        with self.database.write() as tx:
            counts = writes.save_page(tx, self.grant, self.run_id, stream, page, now=self.clock.now())
        before = self.streams[stream]
        self.streams[stream] = replace(before, counts=before.counts + counts)
        self.notes += [note for note in page.notes if note not in self.notes]
        self.progress(stream, self.streams[stream].counts.read)

    def _end(self, news: Ended) -> None:
        stream, error = news.stream.name, news.error
        outcome = OK if error is None else stream_outcome(error)
        if news.stopped:
            outcome, self.stopped = STOPPED, self.stopped or self.stop.is_set()
        elif error is None and (error := self._lost(news.stream)) is not None:
            outcome = PARTIAL if self.streams[stream].counts.read else FAILED
        retries = dict(self.context.meter(stream).retries)
        optional = news.stream.optional and stream not in self.once_read
        self.streams[stream] = replace(
            self.streams[stream], outcome=outcome, error=error, retries=retries, optional=optional
        )
        with self.database.write() as tx:
            runs.close_stream(
                tx,
                self.grant,
                self.run_id,
                stream,
                outcome=outcome,
                retries=retries,
                trouble=trouble(error) if error is not None else None,
                finished=outcome in {OK, PARTIAL},
                now=self.clock.now(),
            )
            if stream in self.emptied and error is not None:  # each run begins again, until somebody allows it
                runs.drop_checkpoint(tx, self.grant, stream, now=self.clock.now())
        if error is not None and ends_run(error):
            self.abandon.set()
            if not _is_known(error):
                raise error

    def _lost(self, stream: Stream) -> ShrunkError | None:
        """What is wrong with a read that ended well: it brought nothing where there was much, or deleted much."""
        counts = self.streams[stream.name].counts
        if stream.name == ACCOUNT:
            return None
        if stream.name in self.fresh and not counts.read:
            error = emptied(stream.name, self.context.known.live(stream.entity, stream.prefix))
            self.emptied |= {stream.name} if error is not None else set()
            return error if not self.plan.allow_shrink else None
        if self.plan.allow_shrink:
            return None
        if counts.deleted > A_FEW and (stream.of or stream.name) in self.once_read:  # else what stood in for it goes
            return shrunk(stream.name, counts.deleted, self.context.known.live(stream.entity, stream.prefix))
        return None

    def _fail(self, stream: str, error: BaseException) -> None:
        """Write down what ended the run from outside any stream, as far as the store still lets us."""
        self._mark(stream, error)
        with suppress(StoreError), self.database.write() as tx:
            runs.close_stream(
                tx,
                self.grant,
                self.run_id,
                stream,
                outcome=FAILED,
                retries=dict(self.context.meter(stream).retries),
                trouble=trouble(error),
                finished=False,
                now=self.clock.now(),
            )

    def _mark(self, stream: str, error: BaseException) -> None:
        before = self.streams.get(stream, StreamOutcome(stream=stream))
        self.streams[stream] = replace(before, outcome=FAILED, error=error)


class _Either(Event):
    """Set when one of two events is."""

    def __init__(self, *events: Event) -> None:
        super().__init__()
        self._events = events

    def is_set(self) -> bool:
        return any(event.is_set() for event in self._events)


def _is_known(error: BaseException) -> bool:
    return isinstance(error, ConnectorError | StoreError)


def _last_finished(saved: Saved | None) -> datetime:
    return (saved and saved.finished_at) or datetime.min.replace(tzinfo=UTC)
