"""Calendars: periods are rows, half-open spans of local days, made by one generator per calendar."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from kpi.settings import WEEKDAYS, Weekday

DAY = timedelta(days=1)


class Grain(StrEnum):
    """How long a period is. `ALL` is everything from the first year to the end of the running one."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    ALL = "all"


SLICED = (Grain.MONTH, Grain.QUARTER, Grain.YEAR, Grain.ALL)
"""The grains that have slices; days and weeks have totals only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Local days with `start` <= day < `end`."""

    calendar: str
    grain: Grain
    name: str
    start: date
    end: date

    @property
    def days(self) -> int:
        """Its length."""
        return (self.end - self.start).days

    def elapsed(self, today: date) -> int:
        """How many of its days have begun by `today`."""
        return max(0, min((today - self.start).days + 1, self.days))

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end


Calendar = Callable[[date, date], Iterator[Period]]
"""From the first to the last day (both in), every period that touches them, in order within each grain."""


def gregorian(week_start: Weekday = "monday") -> Calendar:
    """Days, weeks, months, quarters, years. A week is named by the day that it starts on."""

    def periods(first: date, last: date) -> Iterator[Period]:
        for start in _steps(first, last, lambda day: day + DAY):
            yield _period("gregorian", Grain.DAY, start.isoformat(), start, start + DAY)
        monday = first - timedelta(days=(first.weekday() - WEEKDAYS.index(week_start)) % 7)
        for start in _steps(monday, last, lambda day: day + 7 * DAY):
            yield _period("gregorian", Grain.WEEK, start.isoformat(), start, start + 7 * DAY)
        yield from _months("gregorian", 1, first, last)

    return periods


def fiscal(start_month: int) -> Calendar:
    """Years of twelve Gregorian months from any month on, named by the year in which they end."""

    def periods(first: date, last: date) -> Iterator[Period]:
        yield from _months("fiscal", start_month, first, last)

    return periods


def _months(calendar: str, start_month: int, first: date, last: date) -> Iterator[Period]:
    for grain, months in ((Grain.MONTH, 1), (Grain.QUARTER, 3), (Grain.YEAR, 12)):
        start = _floor(first, start_month, months)
        while start <= last:
            end = _shift(start, months)
            yield _period(calendar, grain, _name(grain, start, start_month), start, end)
            start = end
    begin = _floor(first, start_month, 12)
    yield _period(calendar, Grain.ALL, "all", begin, _shift(_floor(last, start_month, 12), 12))


def _name(grain: Grain, start: date, start_month: int) -> str:
    year_start = _floor(start, start_month, 12)
    year = (_shift(year_start, 12) - DAY).year
    if grain is Grain.YEAR:
        return f"{year}" if start_month == 1 else f"FY{year}"
    if grain is Grain.MONTH:
        return f"{start:%Y-%m}"
    quarter = ((start.month - start_month) % 12) // 3 + 1
    return f"{year}-Q{quarter}" if start_month == 1 else f"FY{year}-Q{quarter}"


def _floor(day: date, start_month: int, months: int) -> date:
    return _shift(day.replace(day=1), -((day.month - start_month) % 12 % months))


def _shift(month: date, months: int) -> date:
    count = month.year * 12 + month.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


def _steps(start: date, last: date, onward: Callable[[date], date]) -> Iterator[date]:
    while start <= last:
        yield start
        start = onward(start)


def _period(calendar: str, grain: Grain, name: str, start: date, end: date) -> Period:
    return Period(calendar=calendar, grain=grain, name=name, start=start, end=end)
