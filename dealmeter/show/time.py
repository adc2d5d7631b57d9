"""Moments and lengths of time for people."""

from datetime import datetime, timedelta

UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
LONG = (("years", 31_557_600), ("days", 86_400), ("hours", 3600), ("min", 60), ("s", 1))


def moment(at: datetime | None) -> str:
    """A moment in UTC to the second; nothing for None."""
    return f"{at:%Y-%m-%d %H:%M:%S}" if at is not None else ""


def apart(time: timedelta) -> str:
    """How far two clocks are apart, in words: 8.8 years, 3 days, 40 s."""
    seconds = abs(time.total_seconds())
    name, unit = next(((name, unit) for name, unit in LONG if seconds >= unit), LONG[-1])
    amount = seconds / unit
    return f"{amount:.1f} {name}" if amount < 10 and unit > 1 else f"{amount:.0f} {name}"


def length(start: datetime | None, end: datetime | None) -> str:
    """How long it took: 2.4 s, 3 min."""
    return span(end - start) if start is not None and end is not None else ""


def span(time: timedelta) -> str:
    """A length of time in its largest fitting unit."""
    seconds = max(time.total_seconds(), 0.0)
    if seconds < 10:
        return f"{seconds:.1f} s"
    name, unit = next(((name, unit) for name, unit in UNITS if seconds >= unit * 2), UNITS[-1])
    return f"{seconds / unit:.0f} {name}"
