"""What happens to the world while a client is reading it: at exactly the n-th request, before its answer is made."""

import threading
from collections.abc import Callable

Action = Callable[[], object]


class Meanwhile:
    """Actions that wait for their request. What one raises is kept in `failed`; the request is answered anyway."""

    def __init__(self) -> None:
        self.failed: list[Exception] = []
        self._lock = threading.Lock()
        self._waiting: list[tuple[int, Action]] = []
        self._seen = 0

    def at(self, request: int, action: Action) -> None:
        """Do this when the n-th request from now on arrives; the next one is 1."""
        with self._lock:
            self._waiting.append((self._seen + request, action))

    def clear(self) -> None:
        """Nothing happens any more."""
        with self._lock:
            self._waiting.clear()

    def pass_through(self) -> None:
        """Called by every request before it is answered."""
        with self._lock:
            self._seen += 1
            due = [action for request, action in self._waiting if request <= self._seen]
            self._waiting = [entry for entry in self._waiting if entry[0] > self._seen]
        for action in due:
            try:
                action()
            except Exception as error:
                self.failed.append(error)
