"""Open query cursors: what is left of an answer, for its owner, for a while, and never too many of them."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta

from dealmeter.sandbox.clock import Clock
from dealmeter.sandbox.salesforce import ids
from dealmeter.sandbox.salesforce.errors import invalid_locator
from dealmeter.sandbox.salesforce.soql.run import Found
from dealmeter.sandbox.salesforce.soql.shape import Shape

LIFE = timedelta(days=2)
MOST = 10


@dataclass(slots=True)
class Cursor:
    """`opened` in milliseconds."""

    id: str
    user: str
    found: Found
    shape: Shape
    size: int
    opened: int


class Cursors:
    """The oldest cursor of a user is released when there are too many."""

    def __init__(self, clock: Clock) -> None:
        self.life, self.most = LIFE, MOST
        self._clock = clock
        self._open: OrderedDict[str, Cursor] = OrderedDict()
        self._count = 0

    def open(self, user: str, found: Found, shape: Shape, size: int) -> Cursor:
        self._count += 1
        cursor = Cursor(ids.text("01g", self._count), user, found, shape, size, self._clock.ms())
        mine = [each.id for each in self._open.values() if each.user == user]
        for oldest in mine[: max(0, len(mine) + 1 - self.most)]:
            del self._open[oldest]
        self._open[cursor.id] = cursor
        return cursor

    def find(self, locator: str, user: str) -> tuple[Cursor, int]:
        """Cursor and place behind a locator. RefusedError INVALID_QUERY_LOCATOR when it is gone or somebody else's."""
        id, _, place = locator.partition("-")
        cursor = self._open.get(id)
        if cursor is None or cursor.user != user or not place.isdigit():
            raise invalid_locator()
        if self._clock.ms() - cursor.opened > self.life // timedelta(milliseconds=1):
            del self._open[id]
            raise invalid_locator()
        return cursor, int(place)

    def close(self, id: str) -> None:
        self._open.pop(id, None)

    def clear(self) -> None:
        """All expired."""
        self._open.clear()

    def __len__(self) -> int:
        return len(self._open)
