"""Local days in SQL are those of Python's zoneinfo, at every turn of the clock."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi.zones import day_end, local_time, offset_changes

ZONES = [
    "Europe/Berlin",
    "Asia/Tehran",
    "America/Sao_Paulo",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "UTC",
]
INSTANTS = st.datetimes(datetime(1995, 1, 1), datetime(2035, 1, 1))  # noqa: DTZ001  # made aware below


UNHURRIED = settings(deadline=None)


def sql(expression: str) -> object:
    return duckdb.execute(f"SELECT {expression}").fetchall()[0][0]


@UNHURRIED
@given(st.sampled_from(ZONES), INSTANTS)
def test_the_local_time_of_an_instant_is_pythons(name: str, instant: datetime) -> None:
    zone = ZoneInfo(name)
    expected = instant.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
    assert sql(local_time(f"TIMESTAMP '{instant}'", zone)) == expected


@pytest.mark.parametrize("name", ZONES)
def test_the_local_time_turns_where_the_clock_does(name: str) -> None:
    zone = ZoneInfo(name)
    for turn, _ in offset_changes(zone)[1:60]:
        for instant in (turn - timedelta(seconds=1), turn):
            expected = instant.astimezone(zone).replace(tzinfo=None)
            assert sql(local_time(f"TIMESTAMP '{instant.replace(tzinfo=None)}'", zone)) == expected


@UNHURRIED
@given(st.sampled_from(ZONES), st.dates(date(1995, 1, 1), date(2035, 1, 1)))
def test_a_day_ends_a_microsecond_before_the_next_begins(name: str, day: date) -> None:
    zone = ZoneInfo(name)
    midnight = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    assert sql(day_end(f"DATE '{day}'", zone)) == midnight.replace(tzinfo=None) - timedelta(microseconds=1)


@UNHURRIED
@given(st.sampled_from(ZONES), st.tuples(INSTANTS, INSTANTS, INSTANTS))
def test_a_span_around_an_instant_tells_no_other_time(name: str, instants: tuple[datetime, datetime, datetime]) -> None:
    zone, (first, instant, last) = ZoneInfo(name), sorted(instants)
    within = (first.replace(tzinfo=UTC), last.replace(tzinfo=UTC))
    asked = f"TIMESTAMP '{instant}'"
    assert sql(local_time(asked, zone, within)) == sql(local_time(asked, zone))
