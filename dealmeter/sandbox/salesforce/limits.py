"""Salesforce's limits: calls in 24 rolling hours by the world's clock, and long requests at the same time."""

import threading
import time
from collections import deque
from collections.abc import Callable

from dealmeter.sandbox.clock import Clock
from dealmeter.sandbox.salesforce.errors import concurrent_limit, daily_limit

DAY_MS = 86_400_000
DAILY, SMALL = 100_000, 15_000
"""An enterprise org's calls a day, and a developer org's."""
LONG_SECONDS = 20.0
LONG_REQUESTS = 25
_GRAIN_MS = 60_000


class Meter:
    """Counts data calls. Unless `enforced`, it counts and announces but refuses nothing."""

    def __init__(
        self,
        clock: Clock,
        *,
        daily: int = DAILY,
        enforced: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.daily, self.enforced = daily, enforced
        self.long_requests = LONG_REQUESTS
        self.app: str | None = None
        """Name of the connected app, to announce its own share too."""
        self.bulk_jobs = 0
        self._clock, self._monotonic = clock, monotonic
        self._spent: deque[list[int]] = deque()
        self._running: dict[int, float] = {}
        self._ticket = 0
        self._lock = threading.Lock()

    @property
    def used(self) -> int:
        with self._lock:
            return self._count()

    def spend(self, calls: int) -> None:
        """What other programs of the org use up."""
        with self._lock:
            self._add(calls)

    def enter(self) -> int:
        """Count a call, or refuse it; the ticket goes back by `leave`."""
        with self._lock:
            now = self._monotonic()
            if self.enforced and self._count() >= self.daily:
                raise daily_limit()
            if (
                self.enforced
                and sum(now - since >= LONG_SECONDS for since in self._running.values()) >= self.long_requests
            ):
                raise concurrent_limit()
            self._add(1)
            self._ticket += 1
            self._running[self._ticket] = now
            return self._ticket

    def leave(self, ticket: int) -> None:
        with self._lock:
            self._running.pop(ticket, None)

    def header(self) -> str:
        """The value of Sforce-Limit-Info."""
        used = self.used
        own = f"; per-app-api-usage={used}/{self.daily}(appName={self.app})" if self.app else ""
        return f"api-usage={used}/{self.daily}{own}"

    def table(self) -> dict[str, dict[str, int]]:
        """The answer of /limits."""
        left = max(0, self.daily - self.used)
        return {
            "DailyApiRequests": {"Max": self.daily, "Remaining": left},
            "DailyBulkApiBatches": {"Max": 15_000, "Remaining": 15_000},
            "DailyBulkV2QueryFileStorageMB": {"Max": 976_562, "Remaining": 976_562},
            "DailyBulkV2QueryJobs": {"Max": 10_000, "Remaining": 10_000 - self.bulk_jobs},
            "DataStorageMB": {"Max": 10_240, "Remaining": 9_000},
            "FileStorageMB": {"Max": 10_240, "Remaining": 10_000},
        }

    def _add(self, calls: int) -> None:
        now = self._clock.ms() // _GRAIN_MS
        if self._spent and self._spent[-1][0] == now:
            self._spent[-1][1] += calls
        else:
            self._spent.append([now, calls])

    def _count(self) -> int:
        oldest = (self._clock.ms() - DAY_MS) // _GRAIN_MS
        while self._spent and self._spent[0][0] < oldest:
            self._spent.popleft()
        return sum(calls for _at, calls in self._spent)
