"""Periods as people write them: by name, or by a day of theirs."""

import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta

from dealmeter.errors import UsageError
from kpi.periods import Grain, Period, calendar
from kpi.settings import KpiSettings, Reporting

YEARS_BACK = 100 * 365
YEARS_AHEAD = 2 * 365
NAMED = (Grain.MONTH, Grain.QUARTER, Grain.YEAR)
WEEK = "-W"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A period: how long it is, a day of it, and what people call it."""

    grain: str
    day: date
    name: str


def chosen(
    written: str | None, grain: str | None, *, name: str, settings: KpiSettings, reporting: Reporting, today: date
) -> Chosen:
    """The period that is meant, of the calendar of that name; the running month where nothing is said.

    A name (2026-03, 2026-Q1, 2026, in a Solar Hijri calendar 1404-12) tells the grain; a day is of the period of the
    grain that has it. Raises UsageError.
    """
    periods = _periods(name, settings, reporting, today)
    if written is None:
        return _with(today, grain or Grain.MONTH, periods)
    asked = _plain(written)
    if found := next((one for one in periods if _key(one.name) == _key(asked)), None):
        if grain not in (None, found.grain):
            raise UsageError(f"{written} is a {found.grain}, not a {grain}", hint="leave --grain out, or name a day")
        return _with(found.start, found.grain, periods)
    day = _day(asked, name)
    if day is None:
        running = ", ".join(one.name for one in periods if today in one)
        raise UsageError(f"{written!r} is no period", hint=f"write {running}, or a day (2026-03-31) with --grain")
    return _with(day, grain or (Grain.WEEK if WEEK in asked.upper() else Grain.MONTH), periods)


def _periods(name: str, settings: KpiSettings, reporting: Reporting, today: date) -> list[Period]:
    """Months, quarters and years, of the last century: older events are in no period."""
    own = next((one for one in settings.calendars if not isinstance(one, str) and one.name == name), name)
    rows = calendar(
        own,  # type: ignore[arg-type]  # the names of the built-in ones are checked by then
        fiscal_year_start=reporting.fiscal_year_start,
        named_by=settings.fiscal_year_named_by,
        week_start=None,
    )
    found = rows(today - timedelta(days=YEARS_BACK), today + timedelta(days=YEARS_AHEAD))
    return [one for one in found if one.grain in NAMED]


def _with(day: date, grain: str, periods: list[Period]) -> Chosen:
    found = (one.name for one in periods if one.grain == grain and day in one)
    return Chosen(grain=str(grain), day=day, name=next(found, f"with {day}"))


def _plain(written: str) -> str:
    """With the digits of this page: ۱۴۰۴-۱۲ is 1404-12."""
    return "".join(str(unicodedata.digit(sign)) if sign.isdigit() else sign for sign in written.strip())


def _key(name: str) -> str:
    """The same for FY2026-Q1, 2026-q1 and 2026Q1."""
    return name.casefold().removeprefix("fy").replace("-", "")


def _day(written: str, name: str) -> date | None:
    try:
        if name == "jalali" and written[:2] in ("13", "14"):
            from jdatetime import date as solar

            found: date = solar.fromisoformat(written).togregorian()
            return found
        return date.fromisoformat(written)
    except ValueError:
        return None
