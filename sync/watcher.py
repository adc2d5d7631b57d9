"""Those who want to know what the daemon does: metrics, the supervisor, people."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sync.cycle import CycleOutcome


class Watcher(Protocol):
    """Told of everything, in the thread where it happens; what it raises is logged and changes nothing."""

    def started(self, connections: Sequence[str]) -> None:
        """The schedule runs, also after it was loaded again."""
        ...

    def beat(self, now: datetime) -> None:
        """The scheduler has just moved; a few times a minute."""
        ...

    def ended(self, outcome: CycleOutcome, seconds: float, now: datetime) -> None:
        """A run has ended, well or not, with the computation after it."""
        ...

    def crashed(self, connection: str, error: BaseException, now: datetime) -> None:
        """A run ended by something that nobody expected, or without a database to write it down in."""
        ...

    def stopping(self) -> None:
        """The service is about to end."""
        ...
