"""What KPIs over activities, heads and stage visits say about a handful of rows, worked out by hand."""

from decimal import Decimal
from typing import Any

from store.records import Activity, ActivityLink, TeamMembership, User
from tests.kpi.engine.ledger import Ledger, at
from tests.kpi.engine.test_moment_values import change, visit

KPIS = (
    "calls_per_opportunity",
    "calls_per_rep",
    "deal_stage_cycle_time",
    "deal_stage_cycle_time_median",
    "deal_stage_cycle_time_p90",
    "revenue_per_rep",
    "sales_activity_count",
    "stage_conversion_rate",
)


def activity(ledger: Ledger, id: str, type: str, when: str, **values: Any) -> None:
    ledger.add(Activity, id=id, **{"type": type, "owner_id": "ann", "occurred_at": at(when), **values})


def call(ledger: Ledger, id: str, when: str, *links: tuple[str, str]) -> None:
    activity(ledger, id, "call", when, direction="outbound", outcome="connected")
    for entity, target in links:
        ledger.add(ActivityLink, activity_id=id, entity=entity, entity_id=target)


def test_only_what_a_rep_really_did_counts(any_ledger: Ledger) -> None:
    for id, type, values in (
        ("1", "call", {}),
        ("2", "call", {"outcome": "canceled"}),
        ("3", "call", {"direction": "inbound"}),
        ("4", "email", {"outcome": "sent"}),
        ("5", "email", {"outcome": "bounced"}),
        ("6", "meeting", {"outcome": "no_show"}),
        ("7", "meeting", {"outcome": "scheduled"}),
        ("8", "task", {"outcome": "completed", "completed_at": at("2026-05-01 00:00")}),
        ("9", "task", {"outcome": "open"}),
        ("10", "note", {}),
        ("11", "email", {"outcome": "sent", "is_automated": True}),
        ("12", "message", {"deleted_at": at("2026-05-01 00:00")}),
    ):
        activity(any_ledger, id, type, "2026-04-10 10:00", **values)
    any_ledger.compute()
    assert any_ledger.value("sales_activity_count") == 3
    assert any_ledger.value("sales_activity_count", "2026-05-01", activity_type="task") == 1
    assert any_ledger.value("sales_activity_count", outcome="__none__") == 1


def test_calls_and_revenue_are_per_active_rep(ledger: Ledger) -> None:
    ledger.add(User, id="gone", name="Gone", role="rep", is_active=False, updated_at=at("2026-04-01 12:00"))
    ledger.add(User, id="late", name="Late", role="rep", active_from=at("2026-05-01 00:00"))
    ledger.add(User, id="clerk", name="Clerk", is_active=True)
    ledger.add(TeamMembership, user_id="gone", team_id="t", valid_to=at("2026-05-01 00:00"))
    ledger.won("a", "2026-04-10", amount=Decimal(90))
    ledger.won("b", "2026-05-10", amount=Decimal(90))
    call(ledger, "1", "2026-04-10 10:00")
    ledger.compute()
    row = ledger.row("revenue_per_rep", "2026-04-01")
    assert (row["value"], row["denominator"], row["n"]) == (30, 3, 3)
    assert ledger.row("revenue_per_rep", "2026-05-01")["denominator"] == 3
    assert ledger.value("revenue_per_rep", team="crm:t") == 45
    row = ledger.row("revenue_per_rep", "2026-04-01", owner="crm:ann")
    assert (row["value"], row["denominator"], row["n"]) == (90, 1, 1)
    assert ledger.value("calls_per_rep") == Decimal("0.3333333333")
    assert ledger.value("calls_per_rep", "2026-04-11", "day") == 0


def test_n_of_calls_per_rep_is_the_heads_behind_it(any_ledger: Ledger) -> None:
    any_ledger.set(crossed=(("team", "owner"),))
    for number in range(15):
        call(any_ledger, str(number), "2026-04-10 10:00")
    any_ledger.compute()
    row = any_ledger.row("calls_per_rep", "2026-04-01")
    assert (row["value"], row["n"], row["unit"]) == (Decimal("7.5"), 2, "count")
    assert any_ledger.row("calls_per_rep", "2026-04-10", "day")["n"] == 2
    for dims in ({"owner": "crm:ann"}, {"team": "crm:t"}, {"owner": "crm:ann", "team": "crm:t"}):
        for grain, start in (("month", "2026-04-01"), ("quarter", "2026-04-01"), ("year", "2026-01-01")):
            row = any_ledger.row("calls_per_rep", start, grain, **dims)
            assert (row["value"], row["numerator"], row["denominator"], row["n"]) == (15, 15, 1, 1)


def test_deals_of_others_than_reps_are_out_of_revenue_per_rep(ledger: Ledger) -> None:
    ledger.won("a", "2026-04-10", owner_id="unknown")
    ledger.compute()
    assert ledger.value("revenue_per_rep") == 0
    assert ledger.rows("revenue_per_rep", dims={"owner": "crm:unknown"}) == []


def test_calls_of_others_than_reps_are_out_of_calls_per_rep(ledger: Ledger) -> None:
    ledger.add(User, id="clerk", name="Clerk", is_active=True)
    call(ledger, "1", "2026-04-10 10:00")
    for id, owner in (("2", "clerk"), ("3", None)):
        activity(ledger, id, "call", "2026-04-10 10:00", direction="outbound", outcome="connected", owner_id=owner)
    ledger.compute()
    assert ledger.row("calls_per_rep", "2026-04-01")["numerator"] == 1
    assert {row["member"] for row in ledger.rows("calls_per_rep", dimension="owner")} == {"crm:ann"}
    assert ledger.value("sales_activity_count") == 3


def test_a_deal_that_was_never_open_still_tells_whose_call_it_was(ledger: Ledger) -> None:
    ledger.lost("no day", "2026-04-01", close_date=None, closed_at=None)
    ledger.deal("unborn", created_at=None, owner_id="bob")
    call(ledger, "1", "2026-04-10 10:00", ("deals", "no day"))
    call(ledger, "2", "2026-04-10 10:00", ("deals", "unborn"))
    ledger.compute()
    for dims in ({"owner": "crm:ann"}, {"owner": "crm:bob"}, {"team": "crm:t"}, {"team": "__none__"}):
        row = ledger.row("calls_per_opportunity", "2026-04-01", **dims)
        assert (row["numerator"], row["denominator"], row["status"]) == (1, 0, "zero_denominator")
    assert {row["member"] for row in ledger.rows("calls_per_opportunity", dimension="pipeline")} == {"crm:p"}


def test_a_call_counts_once_for_its_deal_or_the_open_deal_that_moved_last(ledger: Ledger) -> None:
    for id in ("a", "b"):
        ledger.deal(id, company_id="c", owner_id={"a": "ann", "b": "bob"}[id], primary_contact_id="x")
    ledger.lost("closed", "2026-03-31", company_id="c")
    visit(ledger, "a", "new", "2026-03-01 09:00", "2026-04-03 09:00")
    visit(ledger, "a", "offer", "2026-04-03 09:00")
    visit(ledger, "b", "new", "2026-04-01 09:00")
    call(ledger, "direct", "2026-04-02 10:00", ("deals", "closed"), ("companies", "c"))
    call(ledger, "before", "2026-04-02 10:00", ("companies", "c"), ("contacts", "x"))
    call(ledger, "after", "2026-04-04 10:00", ("contacts", "x"))
    call(ledger, "untied", "2026-04-04 10:00", ("companies", "other"))
    ledger.compute()
    row = ledger.row("calls_per_opportunity", "2026-04-01")
    assert (row["numerator"], row["denominator"], row["value"]) == (3, 2, Decimal("1.5"))
    assert ledger.row("calls_per_opportunity", "2026-04-01", owner="crm:bob")["numerator"] == 1
    assert ledger.row("calls_per_opportunity", "2026-04-01", owner="crm:ann")["numerator"] == 2
    assert ledger.row("calls_per_opportunity", "2026-03-01")["denominator"] == 3
    assert ledger.row("calls_per_opportunity", "2026-03-31", "day")["denominator"] == 3
    assert ledger.row("calls_per_opportunity", "2026-04-01", "day")["denominator"] == 2


def test_a_skipped_stage_is_passed_and_a_lost_one_is_no_progress(any_ledger: Ledger) -> None:
    any_ledger.deal("skips", stage_id="offer")
    visit(any_ledger, "skips", "offer", "2026-03-05 09:00")
    any_ledger.lost("falls", "2026-03-20")
    visit(any_ledger, "falls", "new", "2026-03-06 09:00", "2026-03-20 12:00")
    visit(any_ledger, "falls", "lost", "2026-03-20 12:00")
    any_ledger.won("straight", "2026-04-20")
    any_ledger.compute()
    row = any_ledger.row("stage_conversion_rate", "2026-03-01", stage="crm:p/new")
    assert (row["value"], row["numerator"], row["denominator"]) == (Decimal("0.5"), 1, 2)
    assert any_ledger.value("stage_conversion_rate", "2026-03-01", stage="crm:p/offer") == 0
    assert any_ledger.value("stage_conversion_rate", "2026-04-01", stage="crm:p/offer") == 1
    assert {row["dimension"] for row in any_ledger.rows("stage_conversion_rate")} == {"stage"}


def test_time_in_stage_is_elapsed_time_on_the_day_of_exit(ledger: Ledger) -> None:
    ledger.deal("a", stage_id="offer")
    visit(ledger, "a", "new", "2026-03-31 12:00", "2026-04-02 00:00")
    visit(ledger, "a", "offer", "2026-04-02 00:00", "2026-04-02 12:00")
    visit(ledger, "a", "new", "2026-04-03 00:00", "2026-04-02 00:00")
    visit(ledger, "a", "won", "2026-04-04 00:00", "2026-04-05 00:00")
    change(ledger, "a", "owner_id", "2026-03-01 00:00", "bob")
    ledger.compute()
    row = ledger.row("deal_stage_cycle_time", "2026-04-01")
    assert (row["value"], row["n"], row["coverage"]) == (1, 2, {"invalid_n": 1, "standard_error": 0.5})
    assert ledger.value("deal_stage_cycle_time", stage="crm:p/new") == Decimal("1.5")
    assert ledger.value("deal_stage_cycle_time_p90") == Decimal("1.4")
    assert ledger.value("deal_stage_cycle_time_median", owner="crm:bob") == 1


def test_histories_that_are_not_connected_are_unknown_not_zero(ledger: Ledger) -> None:
    ledger.deal("a")
    ledger.compute()
    row = ledger.row("deal_stage_cycle_time", "2026-04-01")
    assert (row["status"], row["status_detail"], row["n"]) == ("source_missing", "deal_stage_changes", None)
    assert ledger.rows("calls_per_opportunity", grain="month", dimension="owner") == []
