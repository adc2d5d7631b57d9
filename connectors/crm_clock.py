"""The CRM's clock, as the `Date` of its answers shows it: every window of changes is cut by it, never by ours."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from threading import Lock

LEAP = timedelta(minutes=10)
"""How far the CRM's clock may run ahead of ours between two answers before we don't believe it."""


class CrmClock:
    """The latest time that a CRM has told, UTC, whole seconds; ours before its first answer. Safe between threads."""

    def __init__(self, ours: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._ours = ours
        self._monotonic = monotonic
        self._lock = Lock()
        self._now: datetime | None = None
        self._seen_at = 0.0

    def now(self) -> datetime:
        """The latest time told."""
        return self._now or self._ours()

    def told(self, date: str | None) -> None:
        """An answer came with this `Date`. One that has run away isn't believed: no cursor may lie in the future."""
        if not date:
            return
        try:
            seen = parsedate_to_datetime(date).astimezone(UTC)
        except ValueError:
            return
        monotonic = self._monotonic()
        with self._lock:
            if self._now is None or self._now < seen <= self._now + timedelta(seconds=monotonic - self._seen_at) + LEAP:
                self._now, self._seen_at = seen, monotonic
