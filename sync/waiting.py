"""Waiting: the connections that are due, while every thread is busy with others."""

from collections.abc import Mapping
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from sqlalchemy.engine import RowMapping

from store import reads
from store.database import Database
from store.errors import StoreError


class Waiting:
    """Who is due and not begun. Where more is due than can be done, the scheduler's order would let some starve.

    Every connection that was added, before its call, is one call of `longest`; which one a call answers is another
    question.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._names: set[str] = set()
        self._lock = Lock()

    def add(self, name: str) -> None:
        """A connection is due."""
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


class Threads(ThreadPoolExecutor):
    """APScheduler's pool of threads, which tells who is due before any thread can ask who has waited longest.

    The scheduler's own events come too late for that: the job may have ended by then. A job's one argument is the
    connection.
    """

    def __init__(self, waiting: Waiting, workers: int) -> None:
        super().__init__(workers)  # type: ignore[no-untyped-call]
        self._waiting = waiting

    def _do_submit_job(self, job: Any, run_times: list[datetime]) -> None:
        self._waiting.add(*job.args)
        super()._do_submit_job(job, run_times)  # type: ignore[no-untyped-call]


def _last(schedules: Mapping[str, RowMapping], name: str) -> datetime:
    last: datetime | None = schedules[name]["last_started_at"] if name in schedules else None
    return last or datetime.min.replace(tzinfo=UTC)
