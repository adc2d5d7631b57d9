"""What is rebuilt for a past instant is what a computation at that instant found, and never counts as the newest."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from kpi.engine import compute, evaluate
from store.database import Database
from store.records import (
    Activity,
    ActivityLink,
    Deal,
    DealFieldChange,
    DealStageChange,
    ExchangeRate,
    Pipeline,
    Stage,
)
from store.schema import metadata
from store.snapshots import RUNS, last_run, latest, rebuilt_moments
from tests.kpi.engine.ledger import NOW, Ledger, at
from tests.kpi.engine.test_moment_values import change, visit

KPIS = (
    "active_deals_count",
    "open_pipeline_value",
    "revenue",
    "sales_activity_count",
    "won_deals_count",
)

BEGIN, END = datetime(2026, 3, 1, 8, tzinfo=UTC), datetime(2026, 6, 15, 10, tzinfo=UTC)
HOURS = int((END - BEGIN).total_seconds()) // 3600
WHEN = st.integers(0, HOURS).map(lambda hours: BEGIN + timedelta(hours=hours, minutes=7))
STEP = st.one_of(
    st.tuples(st.just("stage_id"), st.sampled_from(["new", "offer", "won", "lost"])),
    st.tuples(st.just("amount"), st.one_of(st.none(), st.integers(-50, 100_000))),
    st.tuples(st.just("owner_id"), st.sampled_from(["ann", "bob", None])),
    st.tuples(st.just("close_date"), st.dates(date(2026, 2, 1), date(2026, 8, 31))),
    st.tuples(st.just("forecast_category"), st.sampled_from(["commit", "pipeline"])),
)
LIFE = st.fixed_dictionaries(
    {
        "created": WHEN,
        "steps": st.lists(st.tuples(WHEN, STEP), max_size=6, unique_by=lambda one: one[0]),
        "deleted": st.one_of(st.none(), st.none(), WHEN),
        "currency": st.sampled_from(["EUR", "USD"]),
        "told_from_birth": st.booleans(),
        "with_visits": st.booleans(),
    }
)
WORLD = st.lists(LIFE, min_size=1, max_size=4)


@contextmanager
def new_ledger() -> Iterator[Ledger]:
    with TemporaryDirectory() as folder, Database(f"sqlite:///{Path(folder)}/one.db") as database:
        metadata.create_all(database.engine)
        ledger = Ledger(database)
        ledger.add(ExchangeRate, id="1", from_currency="USD", to_currency="EUR", effective_from=date(2026, 1, 1),
                   rate=Decimal("0.5"), created_at=at("2026-01-01 00:00"))  # fmt: skip
        yield ledger


def text(value: object) -> str | None:
    return None if value is None else str(value)


def live(ledger: Ledger, id: str, life: Mapping[str, Any], until: datetime) -> None:
    """Write a deal as syncs up to `until` would have left it."""
    if life["created"] > until:
        return
    state: dict[str, Any] = {"stage_id": "new", "amount": 10, "owner_id": "ann", "close_date": date(2026, 7, 1),
                             "forecast_category": "pipeline"}  # fmt: skip
    visits: list[list[Any]] = [[life["created"], "new", None]]
    closed_at = None

    def told(field: str, when: datetime, old: object, new: object) -> None:
        ledger.add(DealFieldChange, deal_id=id, field=field, changed_at=when, old_value=text(old), new_value=text(new))

    if life["told_from_birth"]:
        for field in ("amount", "owner_id", "close_date", "forecast_category"):
            told(field, life["created"], None, state[field])
    for when, (field, value) in sorted(life["steps"], key=lambda one: one[0]):
        if (
            not life["created"] < when <= until
            or state[field] == value
            or not (life["with_visits"] or field != "stage_id")
        ):
            continue
        if field == "stage_id":
            was, now = (stage in {"won", "lost"} for stage in (state["stage_id"], value))
            visits[-1][2] = when
            visits.append([when, value, None])
            closed_at = when if now and not was else closed_at if now else None
        else:
            told(field, when, state[field], value)
        state[field] = value
    if life["with_visits"]:
        for entered, stage, exited in visits:
            ledger.add(
                DealStageChange, deal_id=id, pipeline_id="p", stage_id=stage, entered_at=entered, exited_at=exited
            )
    deleted = life["deleted"] if life["deleted"] and life["created"] < life["deleted"] <= until else None
    ledger.add(Deal, id=id, pipeline_id="p", currency=life["currency"], created_at=life["created"], deleted_at=deleted,
               is_closed=state["stage_id"] in {"won", "lost"}, is_won=state["stage_id"] == "won", closed_at=closed_at,
               **{**state, "amount": None if state["amount"] is None else Decimal(state["amount"])})  # fmt: skip


def rebuilt(ledger: Ledger, moment: datetime) -> dict[str, Any]:
    with ledger.database.read() as tx:
        return {row["series"]: said(row) for row in latest(tx, at=moment)}


def found(ledger: Ledger) -> dict[str, Any]:
    with ledger.database.read() as tx:
        return {row["series"]: said(row) for row in latest(tx)}


def said(row: Any) -> tuple[Any, ...]:
    names = ("kpi_key", "grain", "period_start", "dimension", "member", "value", "numerator", "denominator", "n",
             "status", "flags", "coverage", "is_partial", "is_final", "ci_low", "elapsed_fraction")  # fmt: skip
    return tuple(str(row[name]) for name in names)


@settings(max_examples=5, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(WORLD, WHEN)
def test_a_value_rebuilt_for_an_instant_is_the_one_that_was_taken_then(world: Any, moment: datetime) -> None:
    with new_ledger() as then, new_ledger() as now:
        for number, life in enumerate(world):
            live(then, f"d{number}", life, moment)
            live(now, f"d{number}", life, END)
        then.compute(moment)
        compute(now.database, now.settings, now=END, at=moment)
        assert rebuilt(now, moment) == found(then)


def test_a_rebuilt_value_is_never_the_newest(any_ledger: Ledger) -> None:
    any_ledger.won("a", "2026-04-10", created_at=at("2026-03-01 09:00"))
    any_ledger.won("b", "2026-04-20", created_at=at("2026-03-01 09:00"))
    any_ledger.compute()
    before = any_ledger.everything()
    moment = at("2026-04-16 00:00")
    done = compute(any_ledger.database, any_ledger.settings, now=NOW, at=moment)
    assert (done.broken, any_ledger.everything()) == ((), before)
    with any_ledger.database.read() as tx:
        [row] = latest(tx, at=moment, kpi_key="revenue", grain="month", dimension="", period_start=date(2026, 4, 1))
        assert (row["value"], row["basis"], row["as_of"], row["computed_at"]) == (100, "rebuilt", moment, NOW)
        assert row["is_partial"]
        assert rebuilt_moments(tx) == [moment]
        run = last_run(tx)
        assert run is not None
        assert run["basis"] == "live"
        from sqlalchemy import text as sql

        assert tx.scalar(sql("SELECT count(*) FROM kpi_rebuilt WHERE kpi_key = 'revenue'"))
        assert tx.scalar(sql("SELECT count(*) FROM kpi_latest")) == len(before)
    assert any_ledger.compute().written == 0


def test_rebuilding_twice_writes_only_what_the_histories_tell_otherwise(any_ledger: Ledger) -> None:
    any_ledger.won("a", "2026-04-10", created_at=at("2026-03-01 09:00"))
    moment, again, later = at("2026-05-01 00:00"), NOW + timedelta(hours=1), NOW + timedelta(hours=2)
    first = compute(any_ledger.database, any_ledger.settings, now=NOW, at=moment)
    assert first.written == first.checked
    assert compute(any_ledger.database, any_ledger.settings, now=again, at=moment).written == 0
    any_ledger.won("a", "2026-04-10", created_at=at("2026-03-01 09:00"), amount=Decimal(7))
    assert compute(any_ledger.database, any_ledger.settings, now=later, at=moment).written > 0
    where: dict[str, Any] = {"kpi_key": "revenue", "grain": "month", "dimension": "", "period_start": date(2026, 4, 1)}
    with any_ledger.database.read() as tx:
        assert [row["value"] for row in latest(tx, at=moment, **where)] == [7]
        assert [row["value"] for row in latest(tx, at=moment, as_of=again, **where)] == [100]
        assert latest(tx, at=at("2026-05-02 00:00"), **where) == []


def test_what_was_deleted_later_was_there_and_what_was_made_later_was_not(any_ledger: Ledger) -> None:
    any_ledger.won("gone", "2026-04-10", created_at=at("2026-03-01 09:00"), deleted_at=at("2026-05-10 00:00"))
    any_ledger.won("merged", "2026-04-11", created_at=at("2026-03-01 09:00"), deleted_at=at("2026-05-10 00:00"),
                   merged_into_id="late")  # fmt: skip
    any_ledger.won("late", "2026-04-12", created_at=at("2026-05-02 00:00"))
    any_ledger.compute()
    assert any_ledger.value("won_deals_count") == 1
    for moment, count in (("2026-05-01 00:00", 2), ("2026-05-05 00:00", 3), ("2026-05-11 00:00", 1)):
        rows = evaluate(any_ledger.database, any_ledger.settings, "won_deals_count", now=NOW, at=at(moment))
        assert [row["value"] for row in rows if row["period_start"] == date(2026, 4, 1)] == [count]


def test_a_deal_that_closed_later_was_open_in_the_stage_where_it_stood(ledger: Ledger) -> None:
    ledger.won("a", "2026-05-10", created_at=at("2026-03-01 09:00"), amount=Decimal(500), owner_id="bob")
    visit(ledger, "a", "new", "2026-03-01 09:00", "2026-04-05 09:00")
    visit(ledger, "a", "offer", "2026-04-05 09:00", "2026-05-10 12:00")
    visit(ledger, "a", "won", "2026-05-10 12:00")
    ledger.add(
        DealFieldChange, deal_id="a", field="amount", changed_at=at("2026-05-01 09:00"), old_value="80", new_value="500"
    )
    change(ledger, "a", "owner_id", "2026-03-01 09:00", "ann")
    change(ledger, "a", "owner_id", "2026-05-02 09:00", "bob")
    rows = evaluate(ledger.database, ledger.settings, "open_pipeline_value", by=("owner", "stage"), now=NOW,
                    at=at("2026-04-20 00:00"))  # fmt: skip
    assert {(row["member"], row["value"]) for row in rows if row["is_partial"] and row["grain"] == "month"} == {
        ("crm:ann,crm:p/offer", 80)
    }


def test_a_deal_without_visits_is_taken_by_its_closing(ledger: Ledger) -> None:
    ledger.won("known", "2026-04-10", created_at=at("2026-03-01 09:00"))
    ledger.won("dated", "2026-04-10", created_at=at("2026-03-01 09:00"), closed_at=None)
    for moment, wins, open_ in (("2026-04-10 00:00", 0, 2), ("2026-04-11 00:00", 2, 0)):
        then = {"now": NOW, "at": at(moment)}
        won = evaluate(ledger.database, ledger.settings, "won_deals_count", **then)  # type: ignore[arg-type]
        active = evaluate(ledger.database, ledger.settings, "active_deals_count", **then)  # type: ignore[arg-type]
        assert (won[-1]["value"], active[-1]["value"]) == (wins, open_)


def test_activities_that_were_done_later_were_not_done(any_ledger: Ledger) -> None:
    for id, created, done in (("1", "01", "02"), ("2", "01", "20"), ("3", "19", "03")):
        when = at(f"2026-04-{done} 09:00")
        any_ledger.add(Activity, id=id, type="task", outcome="completed", owner_id="ann", occurred_at=when,
                       created_at=at(f"2026-04-{created} 09:00"), completed_at=when)  # fmt: skip
    any_ledger.add(ActivityLink, activity_id="1", entity="deals", entity_id="x")
    rows = evaluate(
        any_ledger.database, any_ledger.settings, "sales_activity_count", now=NOW, at=at("2026-04-10 00:00")
    )
    assert [row["value"] for row in rows] == [1]


@pytest.mark.parametrize("zone", ["Asia/Tehran", "America/New_York"])
def test_a_rebuilt_world_in_another_zone_and_calendar(zone: str) -> None:
    with new_ledger() as then, new_ledger() as now:
        moment = at("2026-04-20 21:00")
        steps = [(at("2026-04-20 20:40"), ("stage_id", "won")), (at("2026-04-21 20:40"), ("amount", 3))]
        life = {"created": BEGIN, "deleted": None, "currency": "USD", "told_from_birth": True, "with_visits": True,
                "steps": steps}  # fmt: skip
        for ledger, until in ((then, moment), (now, END)):
            ledger.set(time_zone=zone, calendars=("gregorian", "jalali"))
            ledger.add(Pipeline, id="p", name="Sales")
            ledger.add(Stage, pipeline_id="p", id="new", name="new", sort_order=0, is_closed=False, is_won=False)
            live(ledger, "a", life, until)
        then.compute(moment)
        compute(now.database, now.settings, now=END, at=moment)
        assert rebuilt(now, moment) == found(then)
        with now.database.read() as tx:
            assert {row["basis"] for row in tx.execute(RUNS.select()).mappings()} == {"rebuilt"}
