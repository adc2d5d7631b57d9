"""A plan: what one run is to do, and which streams that makes due."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event

from connectors.base import Connector, Context, Stream
from store.database import Database
from store.known import StoreKnown
from store.leases import LEASE_FOR
from store.runs import Saved
from sync.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one run is to do. `deep` reads every stream whatever its cadence; `full` drops checkpoints first.

    `only` names streams (with their passes) or single passes; empty means all. `notice` hears why the run waits.
    `lease` is how long the connection stays ours without a sign of life. Where our numbers were last compared with the
    CRM's own totals `compare_every` ago, the run ends with that (None: never).
    """

    connection: str
    connector: Callable[[Context], Connector]
    trigger: str = "manual"
    parallel: int = 4
    deep: bool = False
    full: bool = False
    only: Collection[str] = ()
    allow_shrink: bool = False
    notice: Callable[[str], None] = lambda words: None
    lease: timedelta = LEASE_FOR
    compare_every: timedelta | None = None

    def context(self, database: Database, clock: Clock, stop: Event) -> Context:
        """What its connector may ask of us."""
        return Context(
            known=StoreKnown(database, self.connection),
            clock=clock.now,
            monotonic=clock.monotonic,
            sleep=clock.sleeper(stop),
            random=clock.random,
            notice=self.notice,
            allow_shrink=self.allow_shrink,
        )

    def takes(self, stream: Stream) -> bool:
        """Whether a stream is to be read, if it is due."""
        return not self.only or bool({stream.name, stream.of} & set(self.only))

    def is_due(self, stream: Stream, saved: Saved | None, *, is_first: bool, now: datetime) -> bool:
        """By its cadence; in the middle of its last read; or never `saved`, unless its parent's first read does it too.

        `is_first` tells that the parent has not been read to its end before this run.
        """
        if self.deep or stream.every is None:
            return True
        if saved is None:
            return not (stream.implied and is_first)
        is_in_the_middle = bool(saved.cursor) and "since" not in (saved.cursor or {})
        return is_in_the_middle or saved.finished_at is None or now - saved.finished_at >= stream.every
