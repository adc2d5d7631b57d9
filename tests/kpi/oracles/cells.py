"""What an oracle answers with (a cell per member), and for which stretch of days it is asked (a period)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

TOTAL_GRAINS = ("day", "week", "month", "quarter", "year", "all")
SLICE_GRAINS = ("month", "quarter", "year", "all")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The days from `start` up to, not including, `end`."""

    grain: str
    start: date
    end: date

    def has(self, day: date | None) -> bool:
        """Whether a day falls into it; an unknown day falls into none."""
        return day is not None and self.start <= day < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A number of a KPI and what it is made of."""

    value: Decimal | None
    numerator: Decimal | None
    denominator: Decimal | None
    n: int | None
    status: str = "ok"


MISSING = Cell(value=None, numerator=None, denominator=None, n=None, status="source_missing")
"""What a KPI says whose source isn't there."""


def count(rows: int) -> Cell:
    """So many rows."""
    return Cell(value=Decimal(rows), numerator=Decimal(rows), denominator=None, n=rows)


def total(amounts: Iterable[Decimal], rows: int) -> Cell:
    """Amounts added up; `rows` also counts those that had none to add."""
    added = sum(amounts, Decimal(0))
    return Cell(value=added, numerator=added, denominator=None, n=rows)


def ratio(numerator: Decimal | int, denominator: Decimal | int, n: int) -> Cell:
    """One number by another; null, not zero, where there is nothing to divide by (R1)."""
    above, below = Decimal(numerator), Decimal(denominator)
    if below == 0:
        return Cell(value=None, numerator=above, denominator=below, n=n, status="zero_denominator")
    if below < 0:
        return Cell(value=None, numerator=above, denominator=below, n=n, status="negative_base")
    return Cell(value=above / below, numerator=above, denominator=below, n=n)


def mean(values: list[Decimal]) -> Cell:
    """The sum by the count."""
    return ratio(sum(values, Decimal(0)), len(values), len(values))


def quantile(values: list[Decimal], share: Decimal) -> Cell:
    """The value below which `share` of the values lie, between neighbours in proportion. It can't be rolled up."""
    size = Decimal(len(values))
    if not values:
        return Cell(value=None, numerator=None, denominator=size, n=0, status="zero_denominator")
    ordered = sorted(values)
    place = (len(ordered) - 1) * share
    left = int(place)
    right = min(left + 1, len(ordered) - 1)
    value = ordered[left] + (ordered[right] - ordered[left]) * (place - left)
    return Cell(value=value, numerator=None, denominator=size, n=len(ordered))


def period_of(day: date, grain: str, *, week_start: str = "monday") -> Period:
    """The Gregorian period of a grain that has this day."""
    if grain == "day":
        return Period(grain=grain, start=day, end=day + timedelta(days=1))
    if grain == "week":
        start = day - timedelta(days=(day.weekday() - WEEKDAYS.index(week_start)) % 7)
        return Period(grain=grain, start=start, end=start + timedelta(days=7))
    if grain == "month":
        start = day.replace(day=1)
        return Period(grain=grain, start=start, end=months_later(start, 1))
    if grain == "quarter":
        start = date(day.year, day.month - (day.month - 1) % 3, 1)
        return Period(grain=grain, start=start, end=months_later(start, 3))
    if grain == "year":
        return Period(grain=grain, start=date(day.year, 1, 1), end=date(day.year + 1, 1, 1))
    raise ValueError(f"no such grain: {grain}")


def months_later(first_of_month: date, months: int) -> date:
    """The first day of the month that comes so many months later."""
    number = first_of_month.year * 12 + first_of_month.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def periods(grain: str, first: date, today: date, *, week_start: str = "monday") -> list[Period]:
    """Every period of a grain from the first event to the one that has today."""
    if grain == "all":
        return [Period(grain=grain, start=date(first.year, 1, 1), end=date(today.year + 1, 1, 1))]
    found = [period_of(first, grain, week_start=week_start)]
    while found[-1].end <= today:
        found.append(period_of(found[-1].end, grain, week_start=week_start))
    return found
