"""Whose turn it is to compute: one computation at a time on a store, and none that another has made needless."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Event

from sqlalchemy import Connection

from store import leases, snapshots
from store.database import Database
from store.errors import LeaseHeldError
from store.leases import Grant
from sync.clock import Clock
from sync.holder import holder, is_dead
from sync.pulse import signs_of_life

KPIS = "kpis:"
"""The lease under which KPIs are computed; no connection can have this name."""
PATIENCE_S = 0.5


@dataclass(frozen=True, slots=True)
class Wish:
    """That the KPIs know what the store holds by now: granted by any computation that begins after it was made.

    Told by counting, not by clocks: where a computation was under way, the next one to be saved may be that one, which
    may have read before; the second is not.
    """

    newest: int
    needed: int

    @classmethod
    def made(cls, tx: Connection) -> "Wish":
        """A wish of this moment; `tx` sees what it is about."""
        last = snapshots.last_run(tx)
        return cls(newest=last["id"] if last else 0, needed=2 if leases.is_taken(tx, KPIS) else 1)

    def is_granted(self, tx: Connection) -> bool:
        """Whether others have computed since."""
        return snapshots.count_since(tx, self.newest) >= self.needed


@contextmanager
def turn(
    database: Database, clock: Clock, stop: Event, *, lease: timedelta, wishes: Collection[Wish] = ()
) -> Iterator[Grant | None]:
    """Wait for our turn and keep it for the block; None where all the wishes for it were granted meanwhile.

    Raises StoppedError when asked to stop while waiting.
    """
    grant = _take(database, clock, stop, lease, wishes)
    if grant is None:
        yield None
        return
    try:
        with signs_of_life(database, grant, clock):
            yield grant
    finally:
        with database.write() as tx:
            leases.give_back(tx, grant, now=clock.now())


def _take(database: Database, clock: Clock, stop: Event, lease: timedelta, wishes: Collection[Wish]) -> Grant | None:
    sleep = clock.sleeper(stop)
    while True:
        try:
            with database.write() as tx:
                if wishes and all(wish.is_granted(tx) for wish in wishes):
                    return None
                return leases.take(tx, KPIS, holder(), now=clock.now(), for_=lease, is_dead=is_dead)
        except LeaseHeldError:
            sleep(PATIENCE_S)
