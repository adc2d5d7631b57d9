"""The outbox, for what somebody runs by hand or by cron: who ran it must not matter to those who are told."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from sqlalchemy import Connection

from dealmeter.config.models import Config
from dealmeter.notify import alerts
from store.database import Database
from store.differences import Compared
from store.errors import StoreError
from sync.clock import Clock
from sync.cycle import CycleOutcome
from sync.outcome import RunOutcome


class Outbox:
    """Takes news where somebody is to be told any; a daemon on the same database delivers it at its next heartbeat."""

    def __init__(self, database: Database, config: Config, clock: Clock) -> None:
        self._database = database
        self._has_readers = bool(config.notifications)
        self._clock = clock

    def ended(self, run: RunOutcome, *, is_whole: bool) -> None:
        """A run has ended. One of only some streams finds nothing well again."""
        now = self._clock.now()
        if is_whole:
            self._write(lambda tx: alerts.observe(tx, CycleOutcome(run=run), now))
        else:
            self._write(lambda tx: alerts.observe_trouble(tx, run, now))

    def crashed(self, connection: str, error: BaseException) -> None:
        """A run ended by something that nobody expected. It is raised anyway, so a store that is away is no matter."""
        with suppress(StoreError):
            self._write(lambda tx: alerts.observe_failure(tx, connection, error, self._clock.now()))

    def compared(self, connection: str, differences: Sequence[Compared]) -> None:
        """All numbers were compared with the CRM's, and nothing explains these differences."""
        self._write(lambda tx: alerts.observe_differences(tx, connection, differences, self._clock.now()))

    def computed(self, connection: str, broken: Sequence[str]) -> None:
        """The KPIs were computed after a run of this connection; these of them contradict each other."""
        self._write(lambda tx: alerts.observe_kpis(tx, connection, broken, self._clock.now()))

    def _write(self, news: Callable[[Connection], None]) -> None:
        if self._has_readers:
            with self._database.write() as tx:
                news(tx)
