"""Once a day the old books go."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from dealmeter.config.models import Retention
from store.database import Database
from store.retention import prune
from sync.cycle import CycleOutcome

EVERY = timedelta(days=1)


class Housekeeper:
    """A watcher of the daemon."""

    def __init__(self, database: Database, retention: Retention) -> None:
        self._database = database
        self._retention = retention
        self._done: datetime | None = None

    def beat(self, now: datetime) -> None:
        if self._done is not None and now - self._done < EVERY:
            return
        kept = self._retention
        with self._database.write() as tx:
            prune(
                tx,
                runs=now - kept.runs,
                rejections=now - kept.rejections,
                notifications=now - kept.notifications,
            )
        self._done = now

    def started(self, connections: Sequence[str]) -> None:
        """Not yet."""

    def ended(self, outcome: CycleOutcome, seconds: float, now: datetime) -> None:
        """Not now."""

    def crashed(self, connection: str, error: BaseException, now: datetime) -> None:
        """Not now."""

    def stopping(self) -> None:
        """Not any more."""
