"""The fault injector: what goes wrong on purpose, once or at random, whatever the vendor."""

import re
import threading
from collections import Counter
from dataclasses import dataclass
from random import Random

ANY = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong. `seconds` is a delay, or how long a client is told to wait."""

    kind: str
    seconds: float | None = None


@dataclass(slots=True)
class _Planned:
    fault: Fault
    times: int
    after: int
    pattern: re.Pattern[str]


class Faults:
    """`next` plans faults for coming requests; `rate` adds random ones from `mix`, repeatable by seed.

    The mix is the vendor's common ones until somebody chooses another.
    """

    def __init__(self, kinds: frozenset[str], common: tuple[str, ...], *, rate: float = 0.0, seed: int = 7) -> None:
        self.rate = rate
        self.injected: Counter[str] = Counter()
        self.mix = common
        self._kinds, self._common = kinds, common
        self._rng = Random(f"{seed}:faults")
        self._planned: list[_Planned] = []
        self._lock = threading.Lock()

    def next(
        self, kind: str, times: int = 1, match: str = ANY, *, seconds: float | None = None, after: int = 0
    ) -> None:
        """The next `times` requests whose path matches (a regular expression, from the start) meet this fault; `after`
        so many of them pass first.
        """
        if kind not in self._kinds:
            raise ValueError(f"{kind!r} is not a fault; there are {', '.join(sorted(self._kinds))}")
        with self._lock:
            self._planned.append(_Planned(Fault(kind, seconds), times, after, re.compile(match)))

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        with self._lock:
            self._planned.clear()
            self.rate, self.mix = 0.0, self._common

    def take(self, path: str) -> Fault | None:
        """What happens to a request, if anything."""
        with self._lock:
            fault = self._planned_for(path) or self._at_random()
            if fault:
                self.injected[fault.kind] += 1
            return fault

    def _planned_for(self, path: str) -> Fault | None:
        for planned in self._planned:
            if planned.pattern.match(path):
                if planned.after > 0:
                    planned.after -= 1
                    continue
                planned.times -= 1
                if planned.times < 1:
                    self._planned.remove(planned)
                return planned.fault
        return None

    def _at_random(self) -> Fault | None:
        if self.rate <= 0 or self._rng.random() >= self.rate:
            return None
        return Fault(self._rng.choice(self.mix))
