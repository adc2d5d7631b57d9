"""Waiting: the connections that are due, while every thread is busy with others."""

from collections.abc import Mapping
from datetime import UTC, datetime
from threading import Lock

from sqlalchemy.engine import RowMapping

from store import reads
from store.database import Database
from store.errors import StoreError


class Waiting:
    """Who is due and not begun. Where more is due than can be done, the scheduler's order would let some starve.

    Every connection that was added is one call of `longest`; which one a call answers is another question.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._names: set[str] = set()
        self._lock = Lock()

    def add(self, name: str) -> None:
        """A connection is due."""
        if name:
            with self._lock:
                self._names.add(name)

    def longest(self, name: str) -> str:
        """Take the one whose last run began longest ago, by the store's books; `name` where none waits."""
        try:
            with self._database.read() as tx:
                schedules = reads.schedules(tx)
        except StoreError:  # whoever runs will say so
            schedules = {}
        with self._lock:
            found = min(sorted(self._names), key=lambda each: _last(schedules, each), default=name)
            self._names.discard(found)
            return found


def _last(schedules: Mapping[str, RowMapping], name: str) -> datetime:
    last: datetime | None = schedules[name]["last_started_at"] if name in schedules else None
    return last or datetime.min.replace(tzinfo=UTC)
