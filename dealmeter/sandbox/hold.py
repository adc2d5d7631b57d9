"""Stops the world at a chosen request, so that a test can kill a client at exactly that moment."""

import threading


class Hold:
    """The chosen request waits, unanswered, until `release`; `held` is set once it is there."""

    def __init__(self) -> None:
        self.held = threading.Event()
        self._lock = threading.Lock()
        self._gate = threading.Event()
        self._left: int | None = None

    def at(self, request: int) -> None:
        """Hold the n-th request from now on; the next one is 1."""
        with self._lock:
            self.held.clear()
            self._gate.clear()
            self._left = request

    def release(self) -> None:
        """Let the held request be answered, and hold no other."""
        with self._lock:
            self._left = None
            self._gate.set()

    def pass_through(self) -> None:
        """Called by every request before it is answered."""
        with self._lock:
            if self._left is None:
                return
            self._left -= 1
            if self._left != 0:
                return
            self._left = None
        self.held.set()
        self._gate.wait()
