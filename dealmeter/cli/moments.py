"""Moments as people write them: a day means its end."""

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from dealmeter.errors import UsageError

if TYPE_CHECKING:
    from kpi.settings import KpiSettings
    from store.database import Database

DAY = len("2026-03-31")


def moment(written: str, zone: ZoneInfo | None = None) -> datetime:
    """An instant. A day means its end in the zone (UTC unless given), as does a time without one. Raises UsageError."""
    try:
        if len(written) == DAY:
            end = datetime.combine(date.fromisoformat(written) + timedelta(days=1), time())
            return end.replace(tzinfo=zone or UTC).astimezone(UTC)
        found = datetime.fromisoformat(written)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{written!r} is no time", hint="write it as 2026-03-31 or 2026-03-31T12:00:00+03:00"
        ) from None
    return (found if found.tzinfo is not None else found.replace(tzinfo=zone or UTC)).astimezone(UTC)


def ended(written: str, database: "Database", settings: "KpiSettings", *, now: datetime | None = None) -> datetime:
    """A past instant, in the reporting zone. Raises UsageError for one that lies ahead."""
    from kpi.settings import resolve
    from kpi.source import accounts

    found = moment(written, resolve(settings, accounts(database)).zone)
    if now is not None and found > now:
        raise UsageError(f"{written} is not over yet", hint="--at takes a day that has ended")
    return found
