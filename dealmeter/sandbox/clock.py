"""The world's clock: simulated UTC time that stands still or runs, and can be moved."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Monotonic = Callable[[], float]


class Clock:
    """Starts at a given instant. Frozen, it moves only by `advance` and `set`; running, it also keeps real pace."""

    def __init__(self, start: datetime, *, frozen: bool = True, monotonic: Monotonic = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._base = start.astimezone(UTC)
        self._mark = monotonic()
        self._frozen = frozen

    def now(self) -> datetime:
        """The present instant, in UTC."""
        with self._lock:
            return self._read()

    def ms(self) -> int:
        """The present instant in milliseconds since 1970, the grain of every stamp in the world."""
        return milliseconds(self.now())

    def advance(self, by: timedelta) -> None:
        """Move forward (a world never goes back)."""
        if by < timedelta(0):
            raise ValueError("the clock only moves forward")
        with self._lock:
            self._rebase(self._read() + by)

    def set(self, instant: datetime) -> None:
        """Jump to an instant, also backwards: for tests that replay a moment."""
        with self._lock:
            self._rebase(instant.astimezone(UTC))

    def freeze(self) -> None:
        """Stand still from now on."""
        with self._lock:
            self._rebase(self._read())
            self._frozen = True

    def run(self) -> None:
        """Keep pace with real time from now on."""
        with self._lock:
            self._rebase(self._read())
            self._frozen = False

    def _read(self) -> datetime:
        if self._frozen:
            return self._base
        return self._base + timedelta(seconds=self._monotonic() - self._mark)

    def _rebase(self, instant: datetime) -> None:
        self._base = instant
        self._mark = self._monotonic()


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(instant: datetime) -> int:
    """An aware instant as whole milliseconds since 1970."""
    return (instant - _EPOCH) // timedelta(milliseconds=1)


def instant(ms: int) -> datetime:
    """Milliseconds since 1970 as an aware UTC instant."""
    return _EPOCH + timedelta(milliseconds=ms)
