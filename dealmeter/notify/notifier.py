"""Watches the daemon, writes news into the outbox, and carries it from there to the channels."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import RowMapping

from dealmeter.config.channels import ChannelSettings
from dealmeter.config.models import ConnectionSettings
from dealmeter.notify import alerts
from dealmeter.notify.channels import Send, UndeliveredError, sender
from dealmeter.notify.news import from_row
from dealmeter.service.freshness import due_at, late_at
from store import notices, reads
from store.database import Database
from sync.cycle import CycleOutcome
from sync.watcher import Log

CLAIM_FOR = timedelta(minutes=5)
BACK_OFF = timedelta(seconds=30)
GIVE_UP_AFTER = timedelta(days=1)
LOOK_EVERY = timedelta(minutes=1)


class Notifier:
    """A watcher. News is in the store before it is sent, so a crash loses none; it is sent at the heart's next beat.

    A channel that doesn't take it is tried again, more and more rarely, for a day.
    """

    def __init__(
        self,
        database: Database,
        channels: Sequence[ChannelSettings],
        connections: Sequence[ConnectionSettings],
        log: Log,
        *,
        sends: Mapping[str, Send] | None = None,
    ) -> None:
        self._database = database
        self._log = log
        self._channels = {channel.name or channel.type: channel for channel in channels}
        self._sends = sends or {name: sender(channel) for name, channel in self._channels.items()}
        self._connections = connections
        self._looked: datetime | None = None

    def started(self, connections: Sequence[str]) -> None:
        """Nothing is wrong yet."""

    def ended(self, outcome: CycleOutcome, seconds: float, now: datetime) -> None:
        with self._database.write() as tx:
            alerts.observe(tx, outcome, now)

    def crashed(self, connection: str, error: BaseException, now: datetime) -> None:
        with self._database.write() as tx:
            alerts.observe_failure(tx, connection, error, now)

    def beat(self, now: datetime) -> None:
        if self._looked is None or now - self._looked >= LOOK_EVERY:
            self._looked = now
            self._look_for_stale(now)
        self.deliver(now)

    def stopping(self) -> None:
        """What is in the outbox goes out after the next start."""

    def deliver(self, now: datetime) -> None:
        """Send what is due."""
        with self._database.read() as tx:
            rows = notices.due(tx, now=now)
        for row in rows:
            with self._database.write() as tx:
                is_ours = notices.claim(tx, row, now=now, for_=CLAIM_FOR)
            if is_ours:
                self._deliver(row, now)

    def _deliver(self, row: RowMapping, now: datetime) -> None:
        news, delivered, error = from_row(dict(row)), list(row["delivered"] or ()), ""
        wanted = [name for name, channel in self._channels.items() if _wants(channel, row)]
        for name in wanted:
            if name in delivered:
                continue
            try:
                self._sends[name](news)
            except UndeliveredError as caught:
                error = f"{name}: {caught}"
                self._log.warning(f"news about {news.connection} not delivered by {error}", action="undelivered")
            else:
                delivered.append(name)
        is_over = set(wanted) <= set(delivered) or now - row["at"] >= GIVE_UP_AFTER
        with self._database.write() as tx:
            notices.note_delivery(
                tx,
                row["id"],
                delivered=delivered,
                settled_at=now if is_over else None,
                not_before=now + BACK_OFF * 2 ** min(row["attempts"], 7),
                error=error,
            )

    def _look_for_stale(self, now: datetime) -> None:
        with self._database.read() as tx:
            schedules = reads.schedules(tx)
        for connection in self._connections:
            row = dict(schedules.get(connection.name, {}))
            due, late = due_at(connection.schedule, row), late_at(connection.schedule, row)
            if due is not None and late is not None and now > late:
                with self._database.write() as tx:
                    alerts.observe_stale(tx, connection.name, due, now)


def _wants(channel: ChannelSettings, row: RowMapping) -> bool:
    return row["kind"] in channel.kinds and (not channel.connections or row["connection"] in channel.connections)
