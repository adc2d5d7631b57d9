"""Ids as real accounts have them: growing with gaps, and of different lengths after years of growth."""

from random import Random

OLD, NEW = 9_000_000_000, 48_000_000_000
JUMP = 150_000_000_000


class Ids:
    """Ascending ids, unique in one kind; the later 60 % have twelve digits."""

    def __init__(self, rng: Random, count: int, *, first: int = OLD) -> None:
        self._rng = rng
        self._last = first
        self._left_before_jump = int(count * 0.4)

    def next(self) -> int:
        self._left_before_jump -= 1
        if self._left_before_jump == -1:
            self._last = JUMP
        self._last += 1 + int(self._rng.random() * 29)
        return self._last
