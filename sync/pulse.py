"""Signs of life: a lease is prolonged for as long as its holder works, whatever that waits for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from store import leases
from store.database import Database
from store.errors import LeaseLostError, StoreError
from store.leases import Grant
from sync.clock import Clock

BEATS = 4
"""How often within a lease we prolong it."""


@contextmanager
def signs_of_life(
    database: Database, grant: Grant, clock: Clock, *, lost: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Prolong the lease until the end of the block; tell `lost`, once, where somebody else has taken it."""
    over = Event()

    def prolong() -> None:
        while not over.wait(grant.for_.total_seconds() / BEATS):
            try:
                with database.write() as tx:
                    leases.confirm(tx, grant, now=clock.now())
            except LeaseLostError:
                lost()
                return
            except StoreError:  # the holder's next write, or the next beat, will tell
                continue

    thread = Thread(target=prolong, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
