"""Budget: how many requests of a CRM's limits one connection may spend, in a rolling window and in a day."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition

from connectors.errors import QuotaSpentError

LOOK_AROUND_S = 1.0
"""How long we wait for a request under way before we look whether we are asked to stop."""
GROW_AFTER = 50
"""Answers without a refusal after which a window that was halved grows by one again."""


class Day:
    """What is left of a CRM's daily limit, as its last answer told, and the `share` of it that this connection may use.

    `whose` requests they are and what to do (`hint`) are for people.
    """

    def __init__(self, share: float, *, whose: str, hint: str) -> None:
        self._share = share
        self._whose = whose
        self._hint = hint
        self.told: tuple[int, int] | None = None
        """The limit and what is left of it; None while no answer has told."""

    def leave_some(self) -> None:
        """Raises QuotaSpentError where only the others' share is left."""
        if self.told is None:
            return
        limit, left = self.told
        if left <= limit * (1 - self._share):
            raise QuotaSpentError(
                f"{self._whose} are down to {left:,} of {limit:,}, and this connection may use {self._share:.0%}",
                reason="daily_share",
                hint=f"{self._hint}; the run goes on where it stopped. Raise `budget.daily_share` to use more",
            )


class Window:
    """At most `limit` requests in any `seconds`, as the server counts them. Safe between threads.

    A place is free again `seconds` after its request has *ended*: whenever the server has counted it, it was before
    that, so this client alone never exceeds the limit. `refused` halves the limit, answers grow it back.
    """

    def __init__(
        self, limit: int, seconds: float, *, monotonic: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        self._seconds = seconds
        self._monotonic = monotonic
        self._sleep = sleep
        self._most = max(limit, 1)
        self._limit = self._most
        self._under_way = 0
        self._ended: deque[float] = deque()
        self._blocked_until = 0.0
        self._answers = 0
        self._changed = Condition()

    @property
    def limit(self) -> int:
        """The limit in force."""
        return self._limit

    def allow(self, limit: int) -> None:
        """The server told its limit: keep to it (or to less, while it has refused us)."""
        with self._changed:
            limit = max(limit, 1)
            if limit != self._most:
                self._limit = limit if self._limit == self._most else min(self._limit, limit)
                self._most = limit
                self._changed.notify_all()

    def refused(self, wait: float) -> None:
        """The server refused: half as many from now on, and none for `wait` seconds."""
        with self._changed:
            now = self._monotonic()
            if now >= self._blocked_until:  # requests side by side are refused together: that is one refusal
                self._limit = max(self._limit // 2, 1)
            self._answers = 0
            self._blocked_until = max(self._blocked_until, now + wait)

    def hold(self, seconds: float) -> None:
        """None for some seconds: others have used up what we leave to them."""
        with self._changed:
            self._blocked_until = max(self._blocked_until, self._monotonic() + seconds)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Wait for a free place and hold it for one request."""
        self._enter()
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._ended.append(self._monotonic())
                self._answers += 1
                if self._limit < self._most and self._answers >= GROW_AFTER:
                    self._limit, self._answers = self._limit + 1, 0
                self._changed.notify_all()

    def _enter(self) -> None:
        while True:
            with self._changed:
                wait = self._wait()
                if wait == 0.0:
                    self._under_way += 1
                    return
                if wait is None:
                    self._changed.wait(LOOK_AROUND_S)
            self._sleep(wait or 0.0)

    def _wait(self) -> float | None:
        """Seconds until there may be a place: 0 for now, None for when a request under way ends."""
        now = self._monotonic()
        if now < self._blocked_until:
            return self._blocked_until - now
        while self._ended and self._ended[0] + self._seconds <= now:
            self._ended.popleft()
        if self._under_way + len(self._ended) < self._limit:
            return 0.0
        return self._ended[0] + self._seconds - now if self._ended else None
