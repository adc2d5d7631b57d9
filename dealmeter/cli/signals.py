"""SIGINT and SIGTERM while something is under way: stop after the current page, and remember which it was."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event

from sync.signals import listening

WATCHED = (signal.SIGINT, signal.SIGTERM)


@dataclass(slots=True)
class Stop:
    """The flag that a run looks at between pages, and the signal that has set it (0: none)."""

    event: Event = field(default_factory=Event)
    signal: int = 0

    @property
    def exit_code(self) -> int:
        """What a shell expects of a program that a signal has ended."""
        return 128 + self.signal if self.signal else 0

    def ask(self, number: int) -> None:
        """Stop, because of this signal; the first one counts."""
        if self.event.is_set():
            return
        self.signal = number
        sys.stderr.write("stopping after the current page; what is stored stays stored (Ctrl-C again: at once)\n")
        self.event.set()


@contextmanager
def stopping() -> Iterator[Stop]:
    """Until the end of the block signals set the flag; a second SIGINT interrupts at once."""
    stop = Stop()
    with listening(WATCHED, stop.ask, twice=signal.SIGINT):
        yield stop
