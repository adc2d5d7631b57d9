"""A soak: the daemon ticks through weeks of simulated time; what grows that should not is a leak."""

import gc
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from threading import enumerate as threads
from typing import Any

from sqlalchemy import func, select

from connectors.hubspot import HubSpotConnector
from dealmeter.config.models import Retention
from dealmeter.sandbox.hubspot import trouble
from dealmeter.service.housekeeper import Housekeeper
from dealmeter.service.metrics import Metrics
from kpi.settings import KpiSettings
from store.retention import REJECTIONS, RUNS, STREAMS
from sync.job import Job
from sync.schedule import Daemon
from tests.rig import DAY, NAME, Rig

FAULT_RATE = 0.05
CHANGES = 6
MIX = tuple(kind for kind in trouble.PASSING if kind != "slow")
KPIS = KpiSettings(include=("revenue",), calendars=("gregorian",))


class Quiet:
    """A log that keeps only what is graver than a warning."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    def info(self, event: str, **details: Any) -> None:
        """Not kept."""

    def warning(self, event: str, **details: Any) -> None:
        """Not kept."""

    def error(self, event: str, **details: Any) -> None:
        """Kept."""
        self.errors.append(event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How large everything is at the end of a day."""

    day: int
    ticks: int
    runs: int
    books: int
    deals: int
    files: int
    threads: int
    rss_mb: float
    database_mb: float


class Soak:
    """One account and the daemon's ticks over it; nothing waits in real time."""

    def __init__(self, it: Rig, *, every: timedelta, keep: timedelta, kpis: KpiSettings = KPIS, seed: int = 7) -> None:
        self.it, self.every = it, every
        self.log = Quiet()
        self.ticks = 0
        self._rng = Random(seed)
        settings = it.connector_settings()
        job = Job(name=NAME, connector=lambda context: HubSpotConnector(settings, context), every=every)
        retention = Retention(runs=keep, rejections=keep, notifications=keep)
        self._daemon = Daemon(
            it.database,
            lambda: ([job], kpis),
            version="test",
            clock=it.times.clock(),
            log=self.log,
            watchers=[Housekeeper(it.database, retention), Metrics(it.database, version="test")],
        )
        self._daemon.load()
        it.sandbox.faults.mix = MIX

    def days(self, count: int) -> Iterator[Look]:
        """So many days, and how everything looks after each."""
        for day in range(1, count + 1):
            for _ in range(DAY // self.every):
                self._tick()
            yield self._look(day)

    def _tick(self) -> None:
        self.it.edits.live(self.every, changes=self._rng.randrange(CHANGES), seed=self._rng.randrange(10**9))
        self.it.sandbox.faults.rate = self._rng.choice((0.0, FAULT_RATE))
        self._daemon.beat()
        self._daemon.tick(NAME)
        self.ticks += 1

    def _look(self, day: int) -> Look:
        gc.collect()
        for thread in threads():
            if thread.name == "sandbox":
                thread.join(5)
        with self.it.database.read() as tx:
            runs, streams, rejections = (
                tx.scalar(select(func.count()).select_from(table)) or 0 for table in (RUNS, STREAMS, REJECTIONS)
            )
        file = self.it.database.url.database if self.it.database.is_sqlite else None
        return Look(
            day=day,
            ticks=self.ticks,
            runs=runs,
            books=runs + streams + rejections,
            deals=self.it.count_deals(),
            files=len(os.listdir("/proc/self/fd")),
            threads=len(threads()),
            rss_mb=_rss() / 2**20,
            database_mb=Path(file).stat().st_size / 2**20 if file else 0.0,
        )


def _rss() -> int:
    """Bytes that this process, the sandbox within it included, really holds."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
