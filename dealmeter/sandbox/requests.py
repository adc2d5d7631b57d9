"""What was asked: a log of requests with counters, for tests that care how a client behaves."""

import threading
from collections import Counter, deque
from typing import NamedTuple

KEPT = 100_000


class Logged(NamedTuple):
    """One request. Status 0: it was never answered."""

    method: str
    path: str
    status: int


class RequestLog:
    """The last requests and, without limit, how many there were of each kind of endpoint and status."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[Logged] = deque(maxlen=KEPT)
        self._endpoints: Counter[str] = Counter()
        self._statuses: Counter[int] = Counter()

    def add(self, method: str, path: str, status: int, endpoint: str) -> None:
        with self._lock:
            self._entries.append(Logged(method, path, status))
            self._endpoints[endpoint] += 1
            self._statuses[status] += 1

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
            self._endpoints.clear()
            self._statuses.clear()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def entries(self) -> list[Logged]:
        with self._lock:
            return list(self._entries)

    @property
    def endpoints(self) -> Counter[str]:
        """Requests by kind: list, one, batch, search, associations, owners, account, ..."""
        with self._lock:
            return Counter(self._endpoints)

    @property
    def statuses(self) -> Counter[int]:
        with self._lock:
            return Counter(self._statuses)
