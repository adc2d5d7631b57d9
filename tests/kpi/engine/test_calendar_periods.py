"""Periods are half-open rows with exactly one neighbour on each side, whatever the calendar."""

from datetime import date, timedelta
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi.periods import Grain, Period, fiscal, gregorian
from kpi.settings import Weekday

DAYS = st.dates(date(1999, 1, 1), date(2040, 12, 31))


def by_grain(periods: list[Period], grain: Grain) -> list[Period]:
    return [period for period in periods if period.grain is grain]


@given(DAYS, st.integers(0, 2000), st.sampled_from(get_args(Weekday)), st.integers(1, 12))
def test_each_period_ends_where_the_next_begins(first: date, length: int, week_start: Weekday, month: int) -> None:
    last = first + timedelta(days=length)
    for calendar in (gregorian(week_start), fiscal(month)):
        periods = list(calendar(first, last))
        for grain in {period.grain for period in periods}:
            of_grain = by_grain(periods, grain)
            assert all(one.end == other.start for one, other in pairwise(of_grain))
            assert first in of_grain[0]
            assert last in of_grain[-1]


def test_a_fiscal_year_is_named_by_the_year_in_which_it_ends() -> None:
    years = by_grain(list(fiscal(4)(date(2026, 3, 31), date(2026, 4, 1))), Grain.YEAR)
    assert [(year.name, year.start, year.end) for year in years] == [
        ("FY2026", date(2025, 4, 1), date(2026, 4, 1)),
        ("FY2027", date(2026, 4, 1), date(2027, 4, 1)),
    ]


def test_fiscal_quarters_begin_with_the_fiscal_year() -> None:
    quarters = by_grain(list(fiscal(2)(date(2026, 1, 31), date(2026, 2, 1))), Grain.QUARTER)
    assert [(one.name, one.start) for one in quarters] == [
        ("FY2026-Q4", date(2025, 11, 1)), ("FY2027-Q1", date(2026, 2, 1)),
    ]  # fmt: skip


@pytest.mark.parametrize(("year", "days"), [(2023, 28), (2024, 29), (2000, 29), (2100, 28)])
def test_february_is_as_long_as_its_year_says(year: int, days: int) -> None:
    [month] = by_grain(list(gregorian()(date(year, 2, 10), date(year, 2, 10))), Grain.MONTH)
    assert month.days == days


@pytest.mark.parametrize(
    ("week_start", "start"),
    [("monday", date(2026, 6, 15)), ("saturday", date(2026, 6, 13)), ("sunday", date(2026, 6, 14))],
)
def test_a_week_starts_on_the_day_that_is_set(week_start: Weekday, start: date) -> None:
    [week] = by_grain(list(gregorian(week_start)(date(2026, 6, 15), date(2026, 6, 15))), Grain.WEEK)
    assert (week.start, week.days) == (start, 7)


def test_all_is_from_the_first_day_of_the_first_year_to_the_end_of_the_running_one() -> None:
    [whole] = by_grain(list(gregorian()(date(2024, 5, 5), date(2026, 6, 1))), Grain.ALL)
    assert (whole.start, whole.end) == (date(2024, 1, 1), date(2027, 1, 1))


def test_today_counts_as_elapsed() -> None:
    [month] = by_grain(list(gregorian()(date(2026, 6, 15), date(2026, 6, 15))), Grain.MONTH)
    assert [month.elapsed(date(2026, 6, day)) for day in (1, 15, 30)] == [1, 15, 30]
    assert month.elapsed(date(2026, 7, 9)) == 30
