"""What holds whatever the data: slices and days add up; order of arrival, repeats and second looks do nothing."""

import tempfile
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from random import Random
from typing import Any

from sqlalchemy import select

from kpi.engine import compute
from store.database import Database
from store.schema import TABLES, KpiSnapshot, metadata, table_of
from store.upsert import upsert
from tests.kpi.agreement import choices, is_close
from tests.kpi.nasty import make_nasty
from tests.kpi.world import Rows, World

SNAPSHOTS = table_of(KpiSnapshot)
FLOWS = (
    "revenue", "gross_sales", "marketing_sourced_revenue", "sales_sourced_revenue", "regional_sales", "product_revenue",
    "won_deals_count", "lost_deals_count", "new_opportunities_count", "leads_created", "qualified_leads_count",
    "sales_activity_count",
)  # fmt: skip
MOMENTS = ("active_deals_count", "open_pipeline_value")
OVERLAPPING = ("level",)
"""A dimension in whose members a row may be more than once."""
CALENDARS = ("gregorian", "fiscal", "jalali")
LATER = timedelta(hours=12)
"""The same day still: world 7 is looked at first when it is a quarter past eleven in Auckland."""
Row = Mapping[str, Any]


@cache
def small(seed: int) -> World:
    """A nasty world that is quickly computed."""
    return make_nasty(seed, deals=16, days=100)


def computed(world: World, rows: Rows, calendars: Sequence[str], *, times: int = 1, looks: int = 1) -> list[Row]:
    """What is stored of rows that arrived so many times, in this order, after so many computations."""
    company = choices(world, calendars=calendars, fiscal_year_start=4)
    with tempfile.TemporaryDirectory() as folder, Database(f"sqlite:///{folder}/store.db") as database:
        metadata.create_all(database.engine)
        with database.write() as tx:
            for table in TABLES.values():
                filled = [dict.fromkeys(table.c.keys()) | row for row in rows.get(table.name, [])]
                for _ in range(times):
                    upsert(tx, table, filled)
        for look in range(looks):
            done = compute(database, company, now=world.now + look * LATER)
            assert not done.broken
        with database.read() as tx:
            return [dict(row) for row in tx.execute(select(SNAPSHOTS).order_by(SNAPSHOTS.c.id)).mappings()]


@cache
def looked_at() -> list[Row]:
    """What is stored of a small world after two looks at it on one day."""
    return computed(small(7), small(7).rows, CALENDARS, looks=2)


def seen() -> list[Row]:
    """What is stored of it by the first look."""
    return [row for row in looked_at() if row["run_id"] == looked_at()[0]["run_id"]]


def told(row: Row) -> tuple[Any, ...]:
    """What a row says, without when it was said."""
    names = ("series", "value", "numerator", "denominator", "n", "status", "flags", "coverage", "ci_low", "ci_high")
    return tuple(str(row[name]) for name in names)


def test_slices_with_those_of_nothing_add_up_to_the_total() -> None:
    totals: dict[tuple[Any, ...], Decimal] = {}
    sums: dict[tuple[Any, ...], Decimal] = {}
    for row in seen():
        if row["kpi_key"] in (*FLOWS, *MOMENTS) and row["dimension"] not in OVERLAPPING:
            place: tuple[Any, ...] = (row["kpi_key"], row["calendar"], row["grain"], row["period_start"])
            if row["dimension"]:
                place = (*place, row["dimension"])
                sums[place] = sums.get(place, Decimal(0)) + row["value"]
            else:
                totals[place] = row["value"]
    assert {place[0] for place in totals} == {*FLOWS, *MOMENTS}
    for place, added in sums.items():
        assert is_close(added, totals[place[:4]]), place
    sliced = {(place[0], place[4]) for place in sums}
    for (key, calendar, grain, start), value in totals.items():
        if value and grain in ("month", "quarter", "year", "all"):
            missing = [by for found, by in sliced if found == key and (key, calendar, grain, start, by) not in sums]
            assert not missing, (key, calendar, grain, start)


def test_days_add_up_to_the_periods_of_each_calendar() -> None:
    days: dict[str, dict[date, Decimal]] = {}
    flows = [row for row in seen() if row["kpi_key"] in FLOWS and not row["dimension"]]
    for row in flows:
        if row["grain"] == "day" and row["calendar"] == "gregorian":
            days.setdefault(row["kpi_key"], {})[row["period_start"]] = row["value"]
    found = set()
    for row in flows:
        if row["grain"] != "day" and not row["is_partial"]:
            start, end = row["period_start"], row["period_end"]
            added = sum((value for day, value in days[row["kpi_key"]].items() if start <= day < end), Decimal(0))
            assert is_close(added, row["value"]), (row["kpi_key"], row["calendar"], row["grain"], start)
            found.add((row["calendar"], row["grain"]))
    assert {(calendar, grain) for calendar in CALENDARS for grain in ("month", "quarter")} <= found


def test_order_of_arrival_and_repeats_change_nothing() -> None:
    world, dice = small(8), Random(8)
    shuffled = {name: dice.sample(rows, k=len(rows)) for name, rows in world.rows.items()}
    again = computed(world, shuffled, ("gregorian",), times=2)
    assert sorted(map(told, again)) == sorted(map(told, computed(world, world.rows, ("gregorian",))))


def test_a_second_look_at_the_same_data_on_the_same_day_writes_nothing() -> None:
    assert len(looked_at()) == len(seen())


def test_each_period_begins_where_the_one_before_ends() -> None:
    spans: dict[tuple[str, str], set[tuple[date, date]]] = {}
    for row in seen():
        if row["kpi_key"] == "revenue" and not row["dimension"]:
            spans.setdefault((row["calendar"], row["grain"]), set()).add((row["period_start"], row["period_end"]))
    assert {calendar for calendar, _ in spans} == set(CALENDARS)
    for found in spans.values():
        ordered = sorted(found)
        assert [end for _, end in ordered[:-1]] == [start for start, _ in ordered[1:]]


def test_a_value_is_its_numerator_by_its_denominator_and_null_says_why() -> None:
    for row in seen():
        assert (row["value"] is None) == (row["status"] != "ok"), told(row)
        if row["value"] is not None and row["denominator"] and row["numerator"] is not None:
            if row["kpi_key"] == "customers_needed_for_target":  # rounded up to whole customers
                continue
            exact = row["numerator"] / row["denominator"]
            assert abs(exact - row["value"]) <= Decimal("0.000001") * max(1, abs(exact)), told(row)
