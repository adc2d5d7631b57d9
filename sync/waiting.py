"""Waiting: the connections that are due, while every thread is busy with others."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from sqlalchemy.engine import RowMapping

from store import reads
from store.database import Database
from store.errors import StoreError


class Waiting:
    """Who is due and not begun. Where more is due than can be done, the scheduler's order would let some starve."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._due: set[str] = set()
        self._begun: set[str] = set()
        self._lock = Lock()

    def add(self, name: str) -> bool:
        """A connection is due, if only once its present run is over; whether that is news."""
        with self._lock:
            is_news = name not in self._due
            self._due.add(name)
            return is_news

    @contextmanager
    def longest(self) -> Iterator[str | None]:
        """The one whose last run began longest ago, by the store's books; it is under way for the block.

        None where nobody waits but those that are under way: whoever ends these asks again.
        """
        try:
            with self._database.read() as tx:
                schedules = reads.schedules(tx)
        except StoreError:  # whoever runs will say so
            schedules = {}
        with self._lock:
            able = sorted(self._due - self._begun)
            name = min(able, key=lambda each: _last(schedules, each), default=None)
            if name is not None:
                self._due.remove(name)
                self._begun.add(name)
        try:
            yield name
        finally:
            with self._lock:
                self._begun.discard(name or "")


class Threads(ThreadPoolExecutor):
    """APScheduler's pool of threads, called once for each connection that comes to wait.

    A job's one argument is the connection. That its last call is still busy with another keeps no connection from
    being due: `max_instances` must not be what counts.
    """

    def __init__(self, waiting: Waiting, workers: int) -> None:
        super().__init__(workers)  # type: ignore[no-untyped-call]
        self._waiting = waiting

    def _do_submit_job(self, job: Any, run_times: list[datetime]) -> None:
        if self._waiting.add(*job.args):
            super()._do_submit_job(job, run_times)  # type: ignore[no-untyped-call]
        else:
            self._run_job_success(job.id, [])  # type: ignore[no-untyped-call]


def _last(schedules: Mapping[str, RowMapping], name: str) -> datetime:
    last: datetime | None = schedules[name]["last_started_at"] if name in schedules else None
    return last or datetime.min.replace(tzinfo=UTC)
