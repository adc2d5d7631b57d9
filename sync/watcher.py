"""Those who want to know what the daemon does: metrics, the supervisor, people."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

from sync.cycle import CycleOutcome


class Log(Protocol):
    """Where the daemon tells what it does: a sentence, and `action` with its details for machines."""

    def info(self, event: str, **details: Any) -> Any: ...
    def warning(self, event: str, **details: Any) -> Any: ...
    def error(self, event: str, **details: Any) -> Any: ...


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


class Watchers:
    """All of them."""

    def __init__(self, watchers: Sequence[Watcher], log: Log) -> None:
        self._watchers = watchers
        self._log = log

    def tell(self, told: Callable[[Watcher], None]) -> None:
        """Tell each in turn."""
        for watcher in self._watchers:
            try:
                told(watcher)
            except Exception as error:  # who only watches must not end the service
                said = f"{type(watcher).__name__}: {type(error).__name__}: {error}"
                self._log.error(said, action="watcher_failed", exc_info=error)
