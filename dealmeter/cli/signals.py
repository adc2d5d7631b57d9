"""SIGINT and SIGTERM while something is under way: stop after the current page, and remember which it was."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread, current_thread, main_thread
from types import FrameType

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


@contextmanager
def stopping() -> Iterator[Stop]:
    """Until the end of the block signals set the flag; a second SIGINT interrupts at once."""
    stop = Stop()
    if current_thread() is not main_thread():
        yield stop
        return

    def asked(number: int, frame: FrameType | None) -> None:
        if stop.signal and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.signal = number
        # not here: the main thread may be inside the event's own lock, which would then never be free again
        Thread(target=stop.event.set, daemon=True).start()
        sys.stderr.write("stopping after the current page; what is stored stays stored (Ctrl-C again: at once)\n")

    before = {number: signal.signal(number, asked) for number in WATCHED}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
