"""A job: a connection as the daemon has it, and when it is due."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from connectors.base import Connector, Context
from kpi.settings import KpiSettings
from store.leases import LEASE_FOR
from sync.plan import Plan

EVERY = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A connection and when it is due: `every` so often, or by a `cron` expression in UTC or `zone`.

    `settings_hash` tells whether the settings of a paused connection have changed.
    """

    name: str
    connector: Callable[[Context], Connector]
    every: timedelta | None = EVERY
    cron: str | None = None
    zone: str = "UTC"
    jitter: timedelta = timedelta(0)
    parallel: int = 4
    settings_hash: str = ""
    lease: timedelta = LEASE_FOR
    compare_every: timedelta | None = None

    def plan(self, notice: Callable[[str], None]) -> Plan:
        """What one run of it is to do."""
        return Plan(
            connection=self.name,
            connector=self.connector,
            trigger="schedule",
            parallel=self.parallel,
            lease=self.lease,
            compare_every=self.compare_every,
            notice=notice,
        )


Load = Callable[[], tuple[Sequence[Job], KpiSettings]]


def trigger(job: Job, first: datetime | None = None) -> BaseTrigger:
    """APScheduler's trigger of a job that is due first at this moment.

    Raises ValueError for a cron expression that can't be read.
    """
    jitter = int(job.jitter.total_seconds()) or None
    if job.cron is not None:
        cron: CronTrigger = CronTrigger.from_crontab(job.cron, timezone=job.zone)
        cron.jitter = jitter
        return cron
    seconds = max(int((job.every or EVERY).total_seconds()), 1)
    jitter = min(jitter or 0, seconds // 2) or None  # of two ticks that are nearer the second is taken for a twin
    return _Every(seconds=seconds, start_date=first, jitter=jitter, timezone="UTC")  # type: ignore[no-untyped-call]


class _Every(IntervalTrigger):
    """At equal distances, each time up to its jitter later. Its parent adds every delay to all that follow."""

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        after = now if previous_fire_time is None else previous_fire_time + timedelta(microseconds=1)
        found: datetime | None = super().get_next_fire_time(None, after)  # type: ignore[no-untyped-call]
        return found


def until_next(job: Job, now: datetime) -> timedelta:
    """How long until a job is due again."""
    following = trigger(job).get_next_fire_time(now, now) if job.cron is not None else None
    return following - now if following is not None else job.every or EVERY
