"""Relative date literals (`LAST_N_DAYS:7`) as half-open ranges of local days."""

from collections.abc import Callable
from datetime import date, timedelta

Range = tuple[date, date]
DAY = timedelta(days=1)


def _week(day: date, by: int = 0) -> date:
    """The Sunday on which a week begins."""
    return day - timedelta(days=(day.weekday() + 1) % 7) + 7 * by * DAY


def _month(day: date, by: int = 0) -> date:
    months = day.year * 12 + day.month - 1 + by
    return date(months // 12, months % 12 + 1, 1)


def _quarter(day: date, by: int = 0) -> date:
    return _month(date(day.year, (day.month - 1) // 3 * 3 + 1, 1), 3 * by)


def _year(day: date, by: int = 0) -> date:
    return date(day.year + by, 1, 1)


def _day(day: date, by: int = 0) -> date:
    return day + by * DAY


Start = Callable[[date, int], date]
_UNITS: dict[str, Start] = {"DAY": _day, "WEEK": _week, "MONTH": _month, "QUARTER": _quarter, "YEAR": _year}
_SHIFTS = {"LAST": -1, "THIS": 0, "NEXT": 1}
_FIXED: dict[str, Callable[[date], Range]] = {
    "TODAY": lambda today: (today, today + DAY),
    "YESTERDAY": lambda today: (today - DAY, today),
    "TOMORROW": lambda today: (today + DAY, today + 2 * DAY),
    "LAST_90_DAYS": lambda today: (today - 90 * DAY, today + DAY),
    "NEXT_90_DAYS": lambda today: (today + DAY, today + 91 * DAY),
}


def relative(word: str, today: date) -> Range | None:
    """The range that a literal names, seen from a day; None for no such literal."""
    if word in _FIXED:
        return _FIXED[word](today)
    name, _, number = word.partition(":")
    parts = name.split("_")
    if not number and len(parts) == 2 and parts[0] in _SHIFTS and parts[1] in _UNITS and parts[1] != "DAY":
        start, by = _UNITS[parts[1]], _SHIFTS[parts[0]]
        return start(today, by), start(today, by + 1)
    if number and len(parts) == 3:
        return _counted(parts, int(number), today)
    return None


def _counted(parts: list[str], count: int, today: date) -> Range | None:
    """`LAST_N_DAYS:n` includes today, other units end with the last whole one."""
    if parts[1] == "N" and parts[0] in ("LAST", "NEXT"):
        unit = parts[2].removesuffix("S")
        if unit not in _UNITS:
            return None
        start = _UNITS[unit]
        if parts[0] == "NEXT":
            return start(today, 1), start(today, count + 1)
        return start(today, -count), start(today, 1 if unit == "DAY" else 0)
    if parts[0] == "N" and parts[2] == "AGO" and (unit := parts[1].removesuffix("S")) in _UNITS:
        return _UNITS[unit](today, -count), _UNITS[unit](today, 1 - count)
    return None
