"""Time, sleep and chance: the only place where they come from outside."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random, SystemRandom
from threading import Event

from connectors.errors import StoppedError


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """What tells the time (UTC), measures it (seconds), waits, and draws lots."""

    now: Callable[[], datetime] = _utc_now
    monotonic: Callable[[], float] = time.monotonic
    wait: Callable[[Event, float], bool] = Event.wait
    random: Random = field(default_factory=SystemRandom)

    def sleeper(self, stop: Event) -> Callable[[float], None]:
        """A sleep that ends with StoppedError as soon as somebody asks to stop."""

        def sleep(seconds: float) -> None:
            if self.wait(stop, seconds):
                raise StoppedError

        return sleep
