"""The months that a generated world has behind it, and moments within them."""

from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from dealmeter.sandbox.clock import milliseconds

DAY = 86_400_000
MONTHS = timedelta(days=26 * 30 + 11)


class Span:
    """26 months up to the present, in milliseconds; people work from 9 to 18 local time, mostly on weekdays."""

    def __init__(self, now: datetime, zone: ZoneInfo) -> None:
        self.zone = zone
        self.end = milliseconds(now)
        self.start = self.end - MONTHS // timedelta(milliseconds=1)

    def moment(self, rng: Random) -> int:
        """A working moment, later ones likelier than earlier ones: the company grows."""
        share = rng.random() ** 0.8
        return self.working(rng, self.start + int((self.end - self.start) * share))

    def working(self, rng: Random, near: int) -> int:
        """A moment in working hours of the local day of `near` (or the next weekday), never after the present."""
        local = self._local(near)
        midnight = milliseconds(local.replace(hour=0, minute=0, second=0, microsecond=0))
        if local.weekday() >= 5 and rng.random() < 0.9:
            midnight += (7 - local.weekday()) * DAY
        found = midnight + int((9 + 9 * rng.random()) * 3_600_000)
        return found if found < self.end else self.end - 1 - int(rng.random() * 3_600_000)

    def local_midnight(self, near: int) -> int:
        """Where the local day of an instant starts."""
        return milliseconds(self._local(near).replace(hour=0, minute=0, second=0, microsecond=0))

    def _local(self, ms: int) -> datetime:
        return datetime.fromtimestamp(ms / 1000, UTC).astimezone(self.zone)
