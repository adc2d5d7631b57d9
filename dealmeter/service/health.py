"""Whether the process can do its work. How fresh the data are is another matter: no outage of a CRM restarts us."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from store import migrate
from store.database import Database
from store.errors import StoreError
from sync.cycle import CycleOutcome
from sync.schedule import HEARTBEAT

PATIENCE = 6 * HEARTBEAT


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One look: its name, whether all is well, and what is wrong."""

    name: str
    is_well: bool
    said: str = ""


class Health:
    """Answers whether we are ready; a watcher of the daemon, whose heart it listens to."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self._beat: datetime | None = None
        self._is_stopping = False

    def look(self) -> Sequence[Finding]:
        """Look at everything that readiness needs."""
        return (self._scheduler(), *self._store())

    def _scheduler(self) -> Finding:
        if self._is_stopping:
            return Finding(name="scheduler", is_well=False, said="the service is stopping")
        if self._beat is None:
            return Finding(name="scheduler", is_well=False, said="not started yet")
        silent = self._now() - self._beat
        is_well = silent <= PATIENCE
        return Finding(
            name="scheduler", is_well=is_well, said="" if is_well else f"silent for {silent.total_seconds():.0f} s"
        )

    def _store(self) -> Sequence[Finding]:
        try:
            found = migrate.current(self._database)
        except StoreError as error:
            return (Finding(name="database", is_well=False, said=str(error)),)
        is_current = found == migrate.head()
        said = "" if is_current else f"at revision {found}, needs {migrate.head()}: run `dealmeter db upgrade`"
        return (Finding(name="database", is_well=True), Finding(name="schema", is_well=is_current, said=said))

    def started(self, connections: Sequence[str]) -> None:
        self._beat = self._now()

    def beat(self, now: datetime) -> None:
        self._beat = now

    def ended(self, outcome: CycleOutcome, seconds: float, now: datetime) -> None:
        """A run that fails doesn't make us unfit."""

    def crashed(self, connection: str, error: BaseException, now: datetime) -> None:
        """Nor does one that crashes."""

    def stopping(self) -> None:
        self._is_stopping = True
