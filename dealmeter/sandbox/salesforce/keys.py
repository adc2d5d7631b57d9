"""The rows of one object type in two orders, by (SystemModstamp, Id) and by Id, so that a window costs a bisect."""

from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import NamedTuple

SERIAL_BITS = 60
LAST_SERIAL = (1 << SERIAL_BITS) - 1
LAST_SECOND = 1 << 40
_REBUILD_FROM = 500


def key(second: int, serial: int) -> int:
    """One number that sorts as (second, serial) does."""
    return second << SERIAL_BITS | serial


def serial_of(of: int) -> int:
    return of & LAST_SERIAL


class Box(NamedTuple):
    """Rows stamped within [first, last] seconds whose serial is within [low, high]."""

    first: int = 0
    last: int = LAST_SECOND
    low: int = 0
    high: int = LAST_SERIAL

    def meet(self, other: "Box") -> "Box":
        return Box(
            max(self.first, other.first),
            min(self.last, other.last),
            max(self.low, other.low),
            min(self.high, other.high),
        )

    @property
    def empty(self) -> bool:
        return self.first > self.last or self.low > self.high

    @property
    def every_serial(self) -> bool:
        return self.low <= 0 and self.high >= LAST_SERIAL

    @property
    def every_second(self) -> bool:
        return self.first <= 0 and self.last >= LAST_SECOND

    @property
    def solid(self) -> bool:
        """Whether its rows lie side by side in the order of keys."""
        return self.every_serial or self.first == self.last


class Keys:
    """Sorted keys. Changes are collected and take effect at the next look."""

    def __init__(self) -> None:
        self._keys: list[int] = []
        self._serials: list[int] | None = None
        self._fresh: set[int] = set()
        self._dead: set[int] = set()

    def __len__(self) -> int:
        return len(self.all())

    def load(self, keys: Iterable[int]) -> None:
        """Start over with these."""
        self._keys = sorted(keys)
        self._fresh, self._dead, self._serials = set(), set(), None

    def put(self, new: int) -> None:
        if new in self._dead:
            self._dead.discard(new)
        else:
            self._fresh.add(new)

    def drop(self, old: int) -> None:
        if old in self._fresh:
            self._fresh.discard(old)
        else:
            self._dead.add(old)

    def replace(self, old: int | None, new: int | None) -> None:
        if old == new:
            return
        if old is not None:
            self.drop(old)
        if new is not None:
            self.put(new)

    def all(self) -> list[int]:
        """Every key, in order. Not to be changed by the caller."""
        self._settle()
        return self._keys

    def serials(self) -> list[int]:
        """Every serial, in order."""
        keys = self.all()
        if self._serials is None:
            self._serials = sorted(serial_of(each) for each in keys)
        return self._serials

    def within(self, boxes: Iterable[Box]) -> list[int]:
        """The keys of solid boxes, each once and in order."""
        keys, found = self.all(), []
        spans = sorted(
            (bisect_left(keys, key(box.first, max(0, box.low))), bisect_left(keys, _end(box)))
            for box in boxes
            if not box.empty
        )
        done = 0
        for start, stop in spans:
            start = max(start, done)
            if stop > start:
                found.append(keys[start:stop])
                done = stop
        return found[0] if len(found) == 1 else [each for part in found for each in part]

    def between(self, low: int, high: int) -> list[int]:
        """The serials within [low, high], in order."""
        serials = self.serials()
        return serials[bisect_left(serials, low) : bisect_left(serials, high + 1)]

    def among(self, serials: list[int]) -> list[int]:
        """The keys of these serials, in order."""
        if len(serials) == len(self.all()):
            return self._keys
        wanted = set(serials)
        return [each for each in self._keys if serial_of(each) in wanted]

    def _settle(self) -> None:
        if not self._fresh and not self._dead:
            return
        if len(self._fresh) + len(self._dead) > _REBUILD_FROM:
            kept = [each for each in self._keys if each not in self._dead] if self._dead else self._keys
            self._keys = sorted([*kept, *self._fresh])
        else:
            self._keys = list(self._keys)  # whoever walks the old list keeps it whole
            for old in self._dead:
                place = bisect_left(self._keys, old)
                if place < len(self._keys) and self._keys[place] == old:
                    del self._keys[place]
            for new in self._fresh:
                insort(self._keys, new)
        self._fresh, self._dead, self._serials = set(), set(), None


def _end(box: Box) -> int:
    return key(box.last, box.high) + 1 if box.first == box.last else key(box.last + 1, 0)
