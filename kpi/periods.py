"""Calendars: periods are rows, half-open spans of local days. A calendar says its months; the rest follows."""

from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from itertools import groupby

from kpi.calendars import WEEKDAYS, CalendarSettings, OwnCalendar, Weekday, WeeksCalendar, name_of

DAY = timedelta(days=1)
WEEK = 7 * DAY


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
    """Local days with `start` <= day < `end`.

    `place` is the number of its year, and its own within it (a day's: its month's, and its own within that).
    """

    calendar: str
    grain: Grain
    name: str
    start: date
    end: date
    place: tuple[int, ...] = field(default=(), compare=False)

    @property
    def days(self) -> int:
        """Its length."""
        return (self.end - self.start).days

    def elapsed(self, today: date) -> int:
        """How many of its days have begun by `today`."""
        return max(0, min((today - self.start).days + 1, self.days))

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A month of a calendar, with the names of its quarter and its year."""

    start: date
    end: date
    name: str
    quarter: str
    year: str


Months = Callable[[date, date], Iterator[Month]]
"""The months of every year that touches the first to the last day (both in), in order."""
Calendar = Callable[[date, date], Iterator[Period]]
"""From the first to the last day (both in), every period that touches them, in order within each grain."""


def gregorian(week_start: Weekday = "monday", *, days: bool = True) -> Calendar:
    """Days, weeks, months, quarters, years. A week is named by the day that it starts on."""
    return _calendar("gregorian", _twelve(1, "end"), week_start if days else None)


def fiscal(start_month: int, named_by: str = "end", week_start: Weekday | None = None) -> Calendar:
    """Years of twelve Gregorian months from any month on, named by the year in which they end (or start)."""
    return _calendar("fiscal", _twelve(start_month, named_by), week_start)


def jalali(week_start: Weekday | None = None) -> Calendar:
    """Solar Hijri years from Nowruz on: six months of 31 days, five of 30, one of 29, or 30 in a leap year."""
    return _calendar("jalali", _solar_hijri, week_start)


def described(settings: WeeksCalendar | OwnCalendar, week_start: Weekday | None = None) -> Calendar:
    """A calendar of the company's own."""
    months = _whole_weeks(settings) if isinstance(settings, WeeksCalendar) else _table(settings)
    return _calendar(settings.name, months, week_start)


def calendars(
    chosen: Iterable[CalendarSettings], *, fiscal_year_start: int, named_by: str, week_start: Weekday
) -> dict[str, Calendar]:
    """The calendars that are computed, by name. Days and weeks stand once: in the Gregorian one, else in the first.

    A fiscal year that starts in January is the Gregorian one, and left out where that is there too.
    """
    by_name = {name_of(one): one for one in chosen}
    if by_name.get("fiscal") == "fiscal" and fiscal_year_start == 1 and "gregorian" in by_name:
        del by_name["fiscal"]
    keeper = "gregorian" if "gregorian" in by_name else next(iter(by_name), "")
    return {
        name: calendar(
            one,
            fiscal_year_start=fiscal_year_start,
            named_by=named_by,
            week_start=week_start if name == keeper else None,
        )
        for name, one in by_name.items()
    }


def calendar(one: CalendarSettings, *, fiscal_year_start: int, named_by: str, week_start: Weekday | None) -> Calendar:
    """One calendar, with days and weeks where `week_start` is given."""
    match one:
        case "gregorian":
            return _calendar("gregorian", _twelve(1, "end"), week_start)
        case "fiscal":
            return fiscal(fiscal_year_start, named_by, week_start)
        case "jalali":
            return jalali(week_start)
        case _:
            return described(one, week_start)


Earlier = tuple[date | None, date | None]


def earlier(periods: Sequence[Period]) -> Mapping[Period, Earlier]:
    """By period, the starts of the one before it and of the same-named one a year before; None where there is none.

    The same month, quarter or day is the one with the same place in its calendar's year; a week's is 52 weeks before.
    """
    found: dict[Period, Earlier] = {}
    for (_, grain), group in groupby(periods, key=lambda one: (one.calendar, one.grain)):
        before: date | None = None
        known: dict[tuple[int, ...] | date, date] = {}
        for one in group:
            ago = known.get(one.start - 52 * WEEK if grain is Grain.WEEK else (one.place[0] - 1, *one.place[1:]))
            found[one] = (None, None) if grain is Grain.ALL else (before, ago)
            before = known[one.start if grain is Grain.WEEK else one.place] = one.start
    return found


def _calendar(name: str, months: Months, week_start: Weekday | None) -> Calendar:
    def periods(first: date, last: date) -> Iterator[Period]:
        known, unsorted = list(months(first, last)), list[Period]()
        if week_start is not None:
            places = _places_of_days(known)
            for start in _steps(first, last, DAY):
                yield _period(name, Grain.DAY, start.isoformat(), start, start + DAY, places.get(start, (0, 0, 0)))
            begin = first - timedelta(days=(first.weekday() - WEEKDAYS.index(week_start)) % 7)
            for start in _steps(begin, last, WEEK):
                yield _period(name, Grain.WEEK, start.isoformat(), start, start + WEEK, (0,))
        for year, (title, group) in enumerate(groupby(known, key=lambda month: month.year)):
            some = list(group)
            spans = [*_spans(Grain.MONTH, some, "name"), *_spans(Grain.QUARTER, some, "quarter")]
            for grain, number, own, start, end in [*spans, (Grain.YEAR, 0, title, some[0].start, some[-1].end)]:
                if start <= last and end > first:
                    unsorted.append(_period(name, grain, own, start, end, (year, number)))
        yield from sorted(unsorted, key=lambda one: list(Grain).index(one.grain))
        if known:
            yield _period(name, Grain.ALL, "all", known[0].start, known[-1].end, (0,))

    return periods


def _twelve(start_month: int, named_by: str) -> Months:
    def months(first: date, last: date) -> Iterator[Month]:
        year = first.year - (first.month < start_month)
        while (start := date(year, start_month, 1)) <= last:
            label = year if start_month == 1 or named_by == "start" else year + 1
            prefix = "" if start_month == 1 else "FY"
            for number in range(12):
                begin = _shift(start, number)
                yield Month(
                    start=begin,
                    end=_shift(begin, 1),
                    name=f"{begin:%Y-%m}",
                    quarter=f"{prefix}{label}-Q{number // 3 + 1}",
                    year=f"{prefix}{label}",
                )
            year += 1

    return months


def _solar_hijri(first: date, last: date) -> Iterator[Month]:
    from jdatetime import date as solar

    year = solar.fromgregorian(date=first).year
    while solar(year, 1, 1).togregorian() <= last:
        starts = [
            *(solar(year, number, 1).togregorian() for number in range(1, 13)),
            solar(year + 1, 1, 1).togregorian(),
        ]
        for number in range(12):
            yield Month(
                start=starts[number],
                end=starts[number + 1],
                name=f"{year}-{number + 1:02d}",
                quarter=f"{year}-Q{number // 3 + 1}",
                year=f"{year}",
            )
        year += 1


def _whole_weeks(settings: WeeksCalendar) -> Months:
    lengths = [int(weeks) for weeks in settings.weeks.split("-")] * 4

    def months(first: date, last: date) -> Iterator[Month]:
        year = first.year - 1
        while _year_end(settings, year) < first:
            year += 1
        while (start := _year_end(settings, year - 1) + DAY) <= last:
            end = _year_end(settings, year) + DAY
            label = f"FY{year if settings.named_by == 'end' or settings.ends_in == 12 else year - 1}"
            for number, weeks in enumerate(lengths):
                until = end if number == 11 else start + weeks * WEEK
                yield Month(
                    start=start,
                    end=until,
                    name=f"{label}-P{number + 1:02d}",
                    quarter=f"{label}-Q{number // 3 + 1}",
                    year=label,
                )
                start = until
            year += 1

    return months


def _year_end(settings: WeeksCalendar, year: int) -> date:
    """The last day of the year whose closing month is in the Gregorian `year`."""
    close = date(year, settings.ends_in, monthrange(year, settings.ends_in)[1])
    back = (close.weekday() - WEEKDAYS.index(settings.ends_on)) % 7
    onward = 7 if settings.ends == "nearest" and back > 3 else 0
    return close + timedelta(days=onward - back)


def _table(settings: OwnCalendar) -> Months:
    def months(first: date, last: date) -> Iterator[Month]:
        rows = [
            Month(start=one.first_day, end=one.last_day + DAY, name=one.name, quarter=one.quarter, year=one.year)
            for one in settings.periods
        ]
        for _, group in groupby(rows, key=lambda month: month.year):
            some = list(group)
            if some[0].start <= last and some[-1].end > first:
                yield from some

    return months


def _spans(grain: Grain, months: Iterable[Month], named: str) -> Iterator[tuple[Grain, int, str, date, date]]:
    """A year's months or quarters: number, name, start, end."""
    for number, (title, group) in enumerate(groupby(months, key=lambda month: str(getattr(month, named)))):
        some = list(group)
        yield grain, number, title, some[0].start, some[-1].end


def _places_of_days(months: Iterable[Month]) -> dict[date, tuple[int, ...]]:
    places: dict[date, tuple[int, ...]] = {}
    for year, (_, group) in enumerate(groupby(months, key=lambda month: month.year)):
        for number, month in enumerate(group):
            for day in range((month.end - month.start).days):
                places[month.start + day * DAY] = (year, number, day)
    return places


def _period(calendar: str, grain: Grain, name: str, start: date, end: date, place: tuple[int, ...]) -> Period:
    return Period(calendar=calendar, grain=grain, name=name, start=start, end=end, place=place)


def _shift(month: date, months: int) -> date:
    count = month.year * 12 + month.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


def _steps(start: date, last: date, step: timedelta) -> Iterator[date]:
    while start <= last:
        yield start
        start += step
