"""How fresh a connection is: when it is due, and from when on it counts as late."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from dealmeter.config.models import Schedule


def due_at(schedule: Schedule, row: Mapping[str, Any]) -> datetime | None:
    """When the daemon would run a connection next, from its `row` in the schedule; None before its first run and
    while it is paused."""
    last: datetime | None = row.get("last_started_at")
    if last is None or row.get("paused_reason"):
        return None
    due, not_before = _after(schedule, last), row.get("not_before")
    return max(due, not_before) if not_before is not None else due


def late_at(schedule: Schedule, row: Mapping[str, Any]) -> datetime | None:
    """From when on two runs that were due have not been."""
    due, last = due_at(schedule, row), row.get("last_started_at")
    return due + (due - last) if due is not None and last is not None else None


def interval(schedule: Schedule, moment: datetime) -> timedelta:
    """The time between a run and the next one, as the schedule has it at a moment."""
    return _after(schedule, moment) - moment


def _after(schedule: Schedule, moment: datetime) -> datetime:
    if schedule.interval is not None:
        return moment + schedule.interval
    from apscheduler.triggers.cron import CronTrigger

    found: datetime = CronTrigger.from_crontab(schedule.cron, timezone=schedule.zone).get_next_fire_time(moment, moment)
    return found
