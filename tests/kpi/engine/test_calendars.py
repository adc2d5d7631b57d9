"""Calendars of a company: Solar Hijri, whole weeks, a table of its own; several side by side in one store."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kpi.calendars import OwnCalendar, WeeksCalendar
from kpi.engine import evaluate
from kpi.periods import DAY, Grain, Period, calendars, described, earlier, fiscal, gregorian, jalali
from kpi.settings import KpiSettings
from store.snapshots import latest
from tests.kpi.engine.ledger import NOW, Ledger, at

RETAIL = WeeksCalendar(name="retail", weeks="4-5-4", ends_in=1, ends="nearest", named_by="start")


def of(periods: list[Period], grain: Grain) -> list[Period]:
    return [period for period in periods if period.grain is grain]


def named(periods: list[Period], name: str) -> Period:
    return next(period for period in periods if period.name == name)


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("1404-01", date(2025, 3, 21)),
        ("1404-10", date(2025, 12, 22)),
        ("1404-11", date(2026, 1, 21)),
        ("1404-12", date(2026, 2, 20)),
        ("1405-01", date(2026, 3, 21)),
        ("1404-Q1", date(2025, 3, 21)),
        ("1404", date(2025, 3, 21)),
    ],
)
def test_a_solar_hijri_period_begins_when_nowruz_says(name: str, start: date) -> None:
    assert named(list(jalali()(date(2025, 3, 1), date(2026, 4, 1))), name).start == start


def test_a_solar_hijri_leap_year_has_a_thirtieth_of_esfand() -> None:
    periods = list(jalali()(date(2025, 3, 1), date(2030, 4, 1)))
    esfand = {one.name: (one.days, one.end - DAY) for one in of(periods, Grain.MONTH) if one.name.endswith("-12")}
    assert esfand["1403-12"] == (30, date(2025, 3, 20))
    assert esfand["1404-12"][0] == 29
    assert esfand["1408-12"] == (30, date(2030, 3, 20))
    assert [one.days for one in of(periods, Grain.MONTH)[1:13]] == [31] * 6 + [30] * 5 + [29]


@pytest.mark.parametrize(
    ("year", "start", "weeks"),
    [("FY2022", date(2022, 1, 30), 52), ("FY2023", date(2023, 1, 29), 53), ("FY2024", date(2024, 2, 4), 52)],
)
def test_a_retail_year_has_whole_weeks_and_now_and_then_one_more(year: str, start: date, weeks: int) -> None:
    periods = list(described(RETAIL)(date(2022, 1, 30), date(2025, 2, 1)))
    found = named(periods, year)
    assert (found.start, found.days) == (start, 7 * weeks)
    months = [one.days // 7 for one in of(periods, Grain.MONTH) if one.name.startswith(year)]
    assert months == [4, 5, 4, 4, 5, 4, 4, 5, 4, 4, 5, 4 if weeks == 52 else 5]


@pytest.mark.parametrize("weeks", ["4-4-5", "4-5-4", "5-4-4"])
def test_quarters_of_weeks_have_thirteen_of_them(weeks: Any) -> None:
    calendar = described(WeeksCalendar(name="fiscal", weeks=weeks, ends_in=12, ends_on="sunday"))
    periods = list(calendar(date(2025, 3, 1), date(2025, 6, 29)))
    assert [one.days for one in of(periods, Grain.QUARTER)] == [91, 91]
    assert "-".join(str(one.days // 7) for one in of(periods, Grain.MONTH)[-3:]) == weeks
    assert all(one.start.weekday() == 0 for one in periods)


def own(*rows: tuple[str, str, str, str, str]) -> OwnCalendar:
    names = ("name", "first_day", "last_day", "quarter", "year")
    return OwnCalendar.model_validate({"name": "own", "periods": [dict(zip(names, row, strict=True)) for row in rows]})


def test_a_table_of_ones_own_makes_its_quarters_and_years() -> None:
    calendar = described(
        own(
            ("P1", "2026-01-05", "2026-02-01", "Q1", "26"),
            ("P2", "2026-02-02", "2026-03-15", "Q1", "26"),
            ("P3", "2026-03-16", "2026-06-30", "Q2", "26"),
            ("P1b", "2026-07-01", "2026-09-30", "Q1b", "27"),
        )
    )
    periods = list(calendar(date(2026, 3, 1), date(2026, 12, 1)))
    assert [(one.grain, one.name, one.start, one.end) for one in periods] == [
        ("month", "P2", date(2026, 2, 2), date(2026, 3, 16)),
        ("month", "P3", date(2026, 3, 16), date(2026, 7, 1)),
        ("month", "P1b", date(2026, 7, 1), date(2026, 10, 1)),
        ("quarter", "Q1", date(2026, 1, 5), date(2026, 3, 16)),
        ("quarter", "Q2", date(2026, 3, 16), date(2026, 7, 1)),
        ("quarter", "Q1b", date(2026, 7, 1), date(2026, 10, 1)),
        ("year", "26", date(2026, 1, 5), date(2026, 7, 1)),
        ("year", "27", date(2026, 7, 1), date(2026, 10, 1)),
        ("all", "all", date(2026, 1, 5), date(2026, 10, 1)),
    ]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([("P1", "2026-01-01", "2026-01-31", "Q", "Y"), ("P2", "2026-02-02", "2026-02-28", "Q", "Y")],
         "P2 begins on 2026-02-02; it should begin on the day after P1"),
        ([("P1", "2026-01-31", "2026-01-01", "Q", "Y")], "before it begins"),
        ([("P1", "2026-01-01", "2026-01-31", "Q", "Y"), ("P2", "2026-02-01", "2026-02-28", "R", "Y"),
          ("P3", "2026-03-01", "2026-03-31", "Q", "Y")], "the quarter Q stands in two places"),
    ],
)  # fmt: skip
def test_a_table_with_gaps_is_refused(rows: list[tuple[str, str, str, str, str]], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        own(*rows)


@pytest.mark.parametrize(
    ("calendars_", "says"),
    [
        (["gregorian", "gregorian"], "'gregorian' stands twice"),
        ([{"name": "jalali", "weeks": "4-4-5"}], "is built in"),
        ([], "at least 1 item"),
    ],
)
def test_calendars_have_names_of_their_own(calendars_: list[Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        KpiSettings.model_validate({"calendars": calendars_})


def test_a_fiscal_year_may_be_named_by_its_start() -> None:
    names = {one.name for one in fiscal(4, "start")(date(2026, 3, 31), date(2026, 4, 1)) if one.grain is Grain.YEAR}
    assert names == {"FY2025", "FY2026"}


@given(
    st.dates(date(1999, 1, 1), date(2040, 12, 31)),
    st.integers(0, 1500),
    st.sampled_from(["4-4-5", "4-5-4", "5-4-4"]),
    st.sampled_from(["last", "nearest"]),
    st.integers(1, 12),
)
def test_every_calendar_leaves_no_day_out_and_counts_none_twice(
    first: date, length: int, weeks: Any, ends: Any, month: int
) -> None:
    last = first + timedelta(days=length)
    for calendar in (jalali("saturday"), described(WeeksCalendar(name="w", weeks=weeks, ends=ends, ends_in=month))):
        periods = list(calendar(first, last))
        for grain in {period.grain for period in periods}:
            some = of(periods, grain)
            assert all(one.end == other.start for one, other in pairwise(some))
            assert first in some[0]
            assert last in some[-1]


def test_the_same_period_a_year_before_is_the_one_with_the_same_name() -> None:
    periods = list(gregorian()(date(2023, 2, 10), date(2024, 12, 1)))
    before = earlier(periods)
    assert before[named(periods, "2024-03")] == (date(2024, 2, 1), date(2023, 3, 1))
    assert before[named(periods, "2024-Q1")] == (date(2023, 10, 1), date(2023, 1, 1))
    assert before[named(periods, "2024-02-28")] == (date(2024, 2, 27), date(2023, 2, 28))
    assert before[named(periods, "2024-02-29")] == (date(2024, 2, 28), None)
    assert before[named(periods, "2023-02")] == (None, None)
    hijri = list(jalali()(date(2024, 3, 1), date(2026, 4, 1)))
    assert earlier(hijri)[named(hijri, "1405-01")] == (date(2026, 2, 20), date(2025, 3, 21))


def test_days_and_weeks_stand_once() -> None:
    common = {"fiscal_year_start": 4, "named_by": "end", "week_start": "saturday"}
    for chosen, keeper in ((("jalali", "gregorian"), "gregorian"), (("jalali", "fiscal"), "jalali")):
        made = calendars(chosen, **common)  # type: ignore[arg-type]
        periods = [one for calendar in made.values() for one in calendar(date(2026, 1, 1), date(2026, 1, 9))]
        assert {one.calendar for one in of(periods, Grain.DAY) + of(periods, Grain.WEEK)} == {keeper}
        assert all(one.start.weekday() == 5 for one in of(periods, Grain.WEEK))


def test_several_calendars_stand_side_by_side_in_one_store(any_ledger: Ledger) -> None:
    any_ledger.settings = KpiSettings(
        calendars=("gregorian", "fiscal", "jalali", RETAIL, own(("P1", "2026-01-01", "2026-12-31", "H1", "26"))),
        fiscal_year_start=4,
        include=("revenue", "active_deals_count", "revenue_per_rep", "sales_growth_mom"),
    )
    any_ledger.won("a", "2026-03-20", amount=Decimal(100))
    any_ledger.won("b", "2026-03-21", amount=Decimal(50))
    any_ledger.won("c", "2025-12-31", amount=Decimal(7))
    any_ledger.compute()
    assert any_ledger.row("revenue", "2025-03-21", "year", "jalali")["value"] == 107
    assert any_ledger.row("revenue", "2026-03-21", "month", "jalali")["value"] == 50
    assert any_ledger.row("revenue", "2026-03-21", "month", "jalali", owner="crm:ann")["value"] == 50
    assert any_ledger.row("revenue_per_rep", "2026-03-21", "month", "jalali")["value"] == 25
    assert any_ledger.row("sales_growth_mom", "2026-03-21", "month", "jalali")["value"] == Decimal("-0.5")
    assert any_ledger.row("revenue", "2026-02-01", "quarter", "retail")["value"] == 150
    assert any_ledger.row("revenue", "2026-01-01", "year", "own")["value"] == 150
    assert any_ledger.row("revenue", "2026-01-01", "year")["value"] == 150
    assert any_ledger.row("revenue", "2025-04-01", "year", "fiscal")["value"] == 157
    with any_ledger.database.read() as tx:
        named_ = {(row["calendar"], row["period_start"]) for row in latest(tx, kpi_key="revenue", grain="quarter")}
        from sqlalchemy import text

        names = {tuple(row) for row in tx.execute(text(
            "SELECT DISTINCT calendar, period_name FROM kpi_latest WHERE kpi_key = 'revenue' AND grain = 'quarter'"
        ))}  # fmt: skip
    assert ("retail", date(2026, 2, 1)) in named_
    assert {("jalali", "1404-Q4"), ("gregorian", "2026-Q1"), ("fiscal", "FY2026-Q4"), ("own", "H1")} <= names


@pytest.mark.parametrize("calendar", ["fiscal", "jalali", "gregorian"])
def test_any_calendar_can_be_asked_for_without_being_stored(ledger: Ledger, calendar: str) -> None:
    ledger.won("a", "2026-04-10", amount=Decimal(100))
    rows = evaluate(ledger.database, ledger.settings, "revenue", now=NOW, calendar=calendar, grain=Grain.YEAR)
    assert sum(row["value"] for row in rows) == 100
    rows = evaluate(ledger.database, ledger.settings, "revenue", now=NOW, calendar=calendar, grain=Grain.WEEK)
    assert sum(row["value"] for row in rows) == 100
    with pytest.raises(ValueError, match="there is no calendar lunar; there are gregorian, fiscal, jalali"):
        evaluate(ledger.database, ledger.settings, "revenue", now=NOW, calendar="lunar")


def test_the_running_quarter_tells_how_much_of_it_is_over(ledger: Ledger) -> None:
    ledger.settings = KpiSettings(calendars=("jalali",), include=("revenue",))
    ledger.won("a", "2026-04-10")
    ledger.compute(at("2026-06-15 10:00"))
    row = ledger.row("revenue", "2026-03-21", "quarter", "jalali")
    assert (row["is_partial"], row["elapsed_fraction"]) == (True, Decimal("0.935483871"))
    assert ledger.row("revenue", "2026-04-10", "day", "jalali")["value"] == 100
