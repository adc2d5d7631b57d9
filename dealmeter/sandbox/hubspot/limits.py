"""HubSpot's rate limits, on real time: a sliding window per token, search per second per account, a day's quota."""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from dealmeter.sandbox.world import World

DAILY = 625_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """What one account may do. `retry_after` adds that header to 429 answers, which HubSpot does not document."""

    burst: int = 190
    interval: timedelta = timedelta(seconds=10)
    search_per_second: int = 5
    associations: int | None = 150
    daily: int = DAILY
    retry_after: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request may pass: `policy` names the limit that it broke."""

    policy: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    retry_after: int | None = None


class Limiter:
    """Counts requests. Without a `RateLimit` it lets everything pass and shows no rate headers."""

    def __init__(
        self, world: World, limit: RateLimit | None, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.limit = limit
        self._world, self._monotonic = world, monotonic
        self._windows: dict[tuple[str, str], deque[float]] = defaultdict(deque)
        self._day = ""
        self._used = 0
        self._lock = threading.Lock()

    @property
    def used_today(self) -> int:
        with self._lock:
            self._turn_day()
            return self._used

    @property
    def daily(self) -> int:
        return self.limit.daily if self.limit else DAILY

    def spend(self, requests: int) -> None:
        """Use up part of the day's quota, as other programs of the same account do."""
        with self._lock:
            self._turn_day()
            self._used += requests

    def admit(self, token: str, endpoint: str) -> Verdict:
        """Count a request, or refuse it (a refused one is not counted)."""
        with self._lock:
            self._turn_day()
            if self.limit is None:
                self._used += 1
                return Verdict()
            return self._admit(self.limit, token, endpoint)

    def _admit(self, limit: RateLimit, token: str, endpoint: str) -> Verdict:
        if self._used >= limit.daily:
            return Verdict("DAILY", retry_after=3600 if limit.retry_after else None)
        key, allowed, length, policy = self._bucket(limit, token, endpoint)
        window, now = self._windows[key], self._monotonic()
        while window and window[0] <= now - length:
            window.popleft()
        if len(window) >= allowed:
            wait = int(window[0] + length - now) + 1
            return Verdict(policy, retry_after=wait if limit.retry_after else None)
        window.append(now)
        self._used += 1
        return Verdict(headers={} if endpoint == "search" else self._headers(limit, allowed - len(window), allowed))

    def _bucket(self, limit: RateLimit, token: str, endpoint: str) -> tuple[tuple[str, str], int, float, str]:
        if endpoint == "search":
            return ("search", ""), limit.search_per_second, 1.0, "SECONDLY"
        seconds = limit.interval.total_seconds()
        if endpoint == "associations" and limit.associations is not None:
            return ("associations", token), limit.associations, seconds, "TEN_SECONDLY_ROLLING"
        return ("burst", token), limit.burst, seconds, "TEN_SECONDLY_ROLLING"

    def _headers(self, limit: RateLimit, remaining: int, allowed: int) -> dict[str, str]:
        return {
            "X-HubSpot-RateLimit-Max": str(allowed),
            "X-HubSpot-RateLimit-Remaining": str(remaining),
            "X-HubSpot-RateLimit-Interval-Milliseconds": str(limit.interval // timedelta(milliseconds=1)),
            "X-HubSpot-RateLimit-Daily": str(limit.daily),
            "X-HubSpot-RateLimit-Daily-Remaining": str(limit.daily - self._used),
        }

    def _turn_day(self) -> None:
        """A new day starts at midnight in the account's zone, by the world's clock."""
        today = self._world.clock.now().astimezone(self._world.account.zone).date().isoformat()
        if today != self._day:
            self._day, self._used = today, 0
