"""Afterwards: what a run looks at once its streams are read: the CRM's own schema, and its totals beside ours."""

from collections.abc import Mapping
from datetime import timedelta

from connectors.base import Connector
from connectors.shown import Shaped
from store import differences, drift, leases
from store.database import Database
from store.differences import Compared
from store.drift import Change
from store.leases import Grant
from sync.clock import Clock
from sync.compare import compare


class Afterwards:
    """Keeps what it finds, under the run's lease."""

    def __init__(self, database: Database, grant: Grant, connector: Connector, clock: Clock) -> None:
        self._database = database
        self._grant = grant
        self._connector = connector
        self._clock = clock

    def changes(self, run_id: int, told: Mapping[str, str]) -> list[Change]:
        """What of the CRM's own schema isn't as it was: objects, fields, pipelines, stages.

        `told` are the objects that the run could read (no text), or can't read any more (why).
        """
        read = [name for name, why in told.items() if not why]
        shape = self._connector.shape(read) if isinstance(self._connector, Shaped) else {}
        now = self._clock.now()
        with self._database.write() as tx:
            return [
                *drift.note_readable(tx, self._grant, run_id, told, now=now),
                *drift.note_shape(tx, self._grant, run_id, shape, now=now),
            ]

    def compared(self, every: timedelta) -> list[Compared] | None:
        """Our numbers beside the CRM's; None where they were compared within this time. Raises a ConnectorError."""
        now = self._clock.now()
        with self._database.read() as tx:
            last = differences.compared_at(tx, self._grant.connection)
        if last is not None and now - last < every:
            return None
        made = compare(self._database, self._grant.connection, self._connector)
        with self._database.write() as tx:
            leases.confirm(tx, self._grant, now=now)
            differences.keep(tx, self._grant.connection, made, now=now)
        return made
