"""Signals, heard in a thread of their own: whatever the main thread is at, they are told of at once."""

import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Thread, current_thread, main_thread
from types import FrameType

Heard = Callable[[int], None]


@contextmanager
def listening(numbers: Sequence[int], heard: Heard, *, twice: int | None = None) -> Iterator[None]:
    """Until the end of the block `heard` is called with each of these signals, in a thread of ours.

    A handler written in Python runs in the main thread, in the middle of whatever that does, and not before it comes
    back from waiting. The interpreter's own handler writes the number to a socket at once; we only read it. Where
    the second signal `twice` arrives, the main thread is interrupted (KeyboardInterrupt). Outside the main thread
    nothing can listen, and nothing does.
    """
    if current_thread() is not main_thread():
        yield
        return
    seen = 0

    def noticed(number: int, frame: FrameType | None) -> None:
        nonlocal seen
        seen += 1
        if seen > 1 and number == twice:
            raise KeyboardInterrupt

    mouth, ear = socket.socketpair()
    mouth.setblocking(False)
    before_fd = signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
    before = {number: signal.signal(number, noticed) for number in numbers}
    listener = Thread(target=_listen, args=(ear, frozenset(numbers), heard), name="signals", daemon=True)
    listener.start()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before_fd)
        mouth.close()
        listener.join()
        ear.close()


def _listen(ear: socket.socket, numbers: frozenset[int], heard: Heard) -> None:
    with suppress(OSError):
        while told := ear.recv(64):
            for number in told:
                if number in numbers:
                    heard(number)
