"""Reps, their targets, calls and trainings, and prices against competitors, worked out by hand."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from store.records import (
    Activity,
    ActivityLink,
    Company,
    CompetitorPrice,
    Contact,
    DealSplit,
    DealStageChange,
    ExchangeRate,
    Lead,
    Product,
    Spend,
    Target,
    Team,
    TeamMembership,
    TrainingEvent,
    User,
)
from tests.kpi.engine.ledger import Ledger, at

APRIL, MAY, JULY = date(2026, 4, 1), date(2026, 5, 1), date(2026, 7, 1)


def _target(ledger: Ledger, id: str, start: date, end: date, value: int | None, **more: object) -> None:
    common = {"connection": "files", "kpi_key": "revenue", "period_start": start, "period_end": end}
    ledger.add(Target, id=id, value=None if value is None else Decimal(value), **{**common, **more})


def test_attainment_is_by_the_targets_own_scope_and_period(any_ledger: Ledger) -> None:
    any_ledger.set(include=("quota_attainment_pct",))
    any_ledger.add(TeamMembership, user_id="bob", team_id="t")
    any_ledger.won("a", "2026-04-02", amount=Decimal(60))
    any_ledger.won("b", "2026-04-02", amount=Decimal(30), owner_id="bob")
    any_ledger.won("c", "2026-05-02", amount=Decimal(30))
    _target(any_ledger, "1", APRIL, MAY, 999, scope_type="owner", scope_id="ann", version="a")
    _target(any_ledger, "2", APRIL, MAY, 50, scope_type="owner", scope_id="ann", version="b",
            valid_from=at("2026-04-01 00:00"))  # fmt: skip
    _target(any_ledger, "3", APRIL, MAY, 1, scope_type="owner", scope_id="ann", version="c",
            valid_from=at("2027-04-01 00:00"))  # fmt: skip
    _target(any_ledger, "4", date(2026, 6, 1), JULY, 0, scope_type="company")
    any_ledger.compute()
    row = any_ledger.row("quota_attainment_pct", "2026-04-01", owner="crm:ann")
    assert (row["value"], row["numerator"], row["denominator"]) == (Decimal("1.2"), 60, 50)
    assert row["status_detail"] == "b"
    assert any_ledger.rows("quota_attainment_pct", dims={"owner": "crm:bob"}) == []
    assert any_ledger.value("quota_attainment_pct", team="crm:t") == Decimal("1.8")
    assert any_ledger.value("quota_attainment_pct") == Decimal("1.8")
    assert any_ledger.value("quota_attainment_pct", "2026-05-01") == "no_target"
    assert any_ledger.value("quota_attainment_pct", "2026-06-01") == "zero_denominator"
    assert any_ledger.value("quota_attainment_pct", "2026-04-01", "quarter") == "no_target"


def test_customers_are_needed_while_revenue_is_short_of_its_target(any_ledger: Ledger) -> None:
    any_ledger.set(include=("customers_needed_for_target",))
    for id in "ab":
        any_ledger.add(Company, id=id)
    any_ledger.won("old", "2025-04-30", amount=Decimal(999), company_id="a", created_at=at("2025-01-01 00:00"))
    any_ledger.won("first", "2025-05-01", amount=Decimal(30), company_id="a", created_at=at("2025-01-01 00:00"))
    any_ledger.won("again", "2026-04-02", amount=Decimal(30), company_id="a")
    any_ledger.won("other", "2026-04-02", amount=Decimal(20), company_id="b")
    _target(any_ledger, "april", APRIL, MAY, 131)
    _target(any_ledger, "june", date(2026, 6, 1), JULY, 0)
    _target(any_ledger, "ann", APRIL, MAY, 50, scope_type="owner", scope_id="ann")
    _target(any_ledger, "bob", APRIL, MAY, 50, scope_type="owner", scope_id="bob")
    any_ledger.compute()
    row = any_ledger.row("customers_needed_for_target", "2026-04-01")
    assert (row["value"], row["numerator"], row["denominator"], row["n"]) == (3, 81, 40, 2)
    assert any_ledger.value("customers_needed_for_target", "2026-06-01") == 0
    assert any_ledger.value("customers_needed_for_target", "2026-05-01") == "no_target"
    assert any_ledger.value("customers_needed_for_target", owner="crm:ann") == 0
    assert any_ledger.value("customers_needed_for_target", owner="crm:bob") == "zero_denominator"


def test_revenue_per_rep_grows_and_is_read_against_what_is_put_in(any_ledger: Ledger) -> None:
    any_ledger.set(include=("revenue_per_rep", "revenue_per_rep_growth", "productivity_investment_gap"))
    any_ledger.add(User, id="bob", active_from=at("2026-04-10 00:00"))
    any_ledger.add(User, id="ann", active_from=at("2026-01-10 00:00"), role="senior")
    any_ledger.add(User, id="clerk")
    any_ledger.won("march", "2026-03-20", amount=Decimal(100))
    any_ledger.won("april", "2026-04-20", amount=Decimal(300))
    any_ledger.won("may", "2026-05-15", amount=Decimal(100), owner_id="bob")
    any_ledger.won("late may", "2026-05-16", amount=Decimal(900), owner_id="bob")
    any_ledger.won("june", "2026-06-15", amount=Decimal(150))
    any_ledger.won("nobody", "2026-06-15", amount=Decimal(7), owner_id=None)
    for id, day, amount in (("1", date(2026, 3, 1), 40), ("2", APRIL, 40), ("3", MAY, 60)):
        any_ledger.add(Spend, connection="files", id=id, spent_on=day, category="enablement", amount=Decimal(amount))
    any_ledger.compute()
    assert any_ledger.value("revenue_per_rep") == 150
    assert any_ledger.row("revenue_per_rep", "2026-06-01")["coverage"]["non_rep"] == 7
    assert any_ledger.value("revenue_per_rep", role="senior") == 300
    assert any_ledger.value("revenue_per_rep", tenure_band="90 - 364 days") == 300
    assert any_ledger.value("revenue_per_rep", tenure_band="0 - 89 days") == 0
    row = any_ledger.row("revenue_per_rep_growth", "2026-04-01")
    assert (row["value"], row["numerator"], row["denominator"], row["n"]) == (Decimal("0.5"), 50, 100, 1)
    assert any_ledger.value("revenue_per_rep_growth", "2026-06-01") == Decimal("0.5")
    assert any_ledger.value("revenue_per_rep_growth", "2026-03-01") == "zero_denominator"
    assert any_ledger.value("revenue_per_rep_growth", team="crm:t") == 2
    row = any_ledger.row("productivity_investment_gap", "2026-04-01")
    assert (row["value"], row["denominator"]) == (1, None)
    assert (row["coverage"]["capacity_growth"], row["coverage"]["experience_growth"]) == (1, -0.1875)
    team = any_ledger.row("productivity_investment_gap", "2026-04-01", team="crm:t")
    assert team["coverage"]["experience_growth"] == 0.375  # 110 days on 30 April, 80 on 31 March
    june = any_ledger.row("productivity_investment_gap", "2026-06-01")
    assert june["coverage"]["experience_growth"] == 0.3875  # (156 + 66) / (125 + 35): 15 June against 15 May
    assert any_ledger.value("productivity_investment_gap", "2026-06-01") == Decimal("1.5")
    assert any_ledger.value("productivity_investment_gap", "2026-03-01") == "zero_denominator"


def test_learning_counts_completed_trainings_of_reps(any_ledger: Ledger) -> None:
    any_ledger.set(include=("learning_rate",))
    any_ledger.add(User, id="clerk", name="Clerk")
    for id, user, status, day in (
        ("1", "ann", "completed", date(2026, 4, 30)),
        ("2", "ann", None, APRIL),
        ("3", "ann", "enrolled", APRIL),
        ("4", "bob", "Completed ", APRIL),
        ("5", "clerk", "completed", APRIL),
        ("6", "bob", "completed", None),
    ):
        any_ledger.add(TrainingEvent, connection="files", id=id, user_id=user, status=status, completed_on=day,
                       hours=Decimal(2), kind="demo" if user == "ann" else None)  # fmt: skip
    any_ledger.compute()
    row = any_ledger.row("learning_rate", "2026-04-01")
    assert (row["value"], row["numerator"], row["n"]) == (Decimal("1.5"), 3, 2)
    assert row["coverage"] == {"hours": 6, "learners": 2}
    assert any_ledger.value("learning_rate", owner="crm:ann") == 2
    assert any_ledger.value("learning_rate", team="crm:t") == 2
    assert any_ledger.value("learning_rate", skill="demo") == 1
    assert any_ledger.value("learning_rate", "2026-05-01") == 0


def test_no_training_file_is_no_zero(ledger: Ledger) -> None:
    ledger.set(include=("learning_rate", "competitor_price_index", "marketing_roi", "won_deals_count"))
    ledger.won("a", "2026-04-02")
    ledger.compute()
    assert ledger.value("learning_rate") == "source_missing"
    assert ledger.value("competitor_price_index") == "source_missing"
    assert ledger.value("marketing_roi") == "source_missing"
    assert ledger.value("won_deals_count") == 1


def test_calls_by_stage_outcome_and_hour_add_up(any_ledger: Ledger) -> None:
    any_ledger.set(include=("calls_per_opportunity", "calls_per_rep"))
    any_ledger.deal("open", region="north")
    any_ledger.deal("led", stage_id="offer")
    any_ledger.add(DealStageChange, deal_id="open", entered_at=at("2026-03-01 09:00"), pipeline_id="p", stage_id="new",
                   exited_at=at("2026-04-10 09:00"))  # fmt: skip
    any_ledger.add(
        DealStageChange, deal_id="open", entered_at=at("2026-04-10 09:00"), pipeline_id="p", stage_id="offer"
    )
    any_ledger.add(Lead, id="l", converted_deal_id="led", created_at=at("2026-02-01 00:00"))
    for id, when, outcome, entity, to in (
        ("1", "2026-04-09 09:15", "no_answer", "deals", "open"),
        ("2", "2026-04-10 14:00", "connected", "deals", "open"),
        ("3", "2026-04-11 09:59", "connected", "leads", "l"),
    ):
        any_ledger.add(Activity, id=id, type="call", direction="outbound", owner_id="ann", outcome=outcome,
                       occurred_at=at(when))  # fmt: skip
        any_ledger.add(ActivityLink, activity_id=id, entity=entity, entity_id=to)
    any_ledger.compute()
    assert any_ledger.value("calls_per_opportunity") == Decimal("1.5")
    assert any_ledger.value("calls_per_opportunity", region="north") == 2
    assert any_ledger.value("calls_per_opportunity", outcome="connected") == 1
    assert any_ledger.value("calls_per_opportunity", call_stage="crm:p/new") == Decimal("0.5")
    assert any_ledger.value("calls_per_opportunity", call_stage="crm:p/offer") == 1
    assert any_ledger.value("calls_per_rep", hour="09") == 1
    assert any_ledger.value("calls_per_rep", outcome="no_answer") == Decimal("0.5")
    assert any_ledger.value("calls_per_rep", role="rep") == Decimal("1.5")


def test_prices_are_compared_with_the_latest_of_each_competitor(any_ledger: Ledger) -> None:
    any_ledger.set(include=("competitor_price_index",))
    any_ledger.add(Product, id="p", list_price=Decimal(120))
    any_ledger.add(Product, id="q", list_price=Decimal(60), currency="USD")
    any_ledger.add(Product, id="unseen", list_price=Decimal(10))
    any_ledger.add(ExchangeRate, id="r", from_currency="USD", to_currency="EUR", effective_from=date(2026, 1, 1),
                   rate=Decimal("0.5"))  # fmt: skip
    last = date(2026, 4, 30)
    for id, product, name, price, day, region in (
        ("1", "p", "X", 999, date(2026, 4, 1), "north"),
        ("2", "p", "X", 100, date(2026, 4, 2), "north"),
        ("3", "p", "Y", 60, last - timedelta(days=90), "south"),
        ("4", "p", "Z", 1, last - timedelta(days=91), "south"),
        ("5", "q", "X", 20, last, "north"),
        ("6", "p", "X", 1, MAY, "north"),
    ):
        any_ledger.add(CompetitorPrice, connection="files", id=id, product_id=product, competitor=name,
                       price=Decimal(price), observed_on=day, region=region)  # fmt: skip
    any_ledger.won("so that there is an April", "2026-04-01")
    any_ledger.compute()
    row = any_ledger.row("competitor_price_index", "2026-04-01")
    assert (row["value"], row["n"], row["numerator"]) == (Decimal("1.5"), 2, 3)
    assert any_ledger.value("competitor_price_index", product="crm:q") == Decimal("1.5")
    assert any_ledger.value("competitor_price_index", competitor="X") == Decimal("1.35")
    assert any_ledger.value("competitor_price_index", competitor="Y") == 2
    assert any_ledger.value("competitor_price_index", region="north") == Decimal("1.35")
    assert any_ledger.value("competitor_price_index", currency="USD") == Decimal("1.5")
    assert any_ledger.value("competitor_price_index", "2026-03-01") == Decimal("3.9344262295")


def test_a_teams_own_target_beats_the_sum_of_its_people(ledger: Ledger) -> None:
    ledger.set(include=("quota_attainment_pct",))
    ledger.add(Team, id="u")
    ledger.won("a", "2026-04-02", amount=Decimal(60))
    _target(ledger, "1", APRIL, MAY, 50, scope_type="owner", scope_id="ann")
    _target(ledger, "2", APRIL, MAY, 120, scope_type="team", scope_id="t")
    _target(ledger, "3", APRIL, MAY, 30, scope_type="team", scope_id="u")
    ledger.compute()
    assert ledger.value("quota_attainment_pct", team="crm:t") == Decimal("0.5")
    assert ledger.value("quota_attainment_pct", team="crm:u") == 0
    assert ledger.value("quota_attainment_pct") == Decimal("0.4")


def test_splits_share_the_credit_and_leave_the_total(any_ledger: Ledger) -> None:
    any_ledger.set(include=("revenue", "revenue_per_rep", "won_deals_count"), credit_mode="splits")
    any_ledger.won("d", "2026-04-02", amount=Decimal(100))
    for id, user, percent, kind in (
        ("1", "ann", 60, "revenue"),
        ("2", "bob", 30, None),
        ("3", "boss", 60, "Revenue"),
        ("4", "bob", 100, "overlay"),
    ):
        any_ledger.add(DealSplit, id=id, deal_id="d", user_id=user, percent=Decimal(percent), kind=kind)
    any_ledger.won("whole", "2026-04-02", amount=Decimal(10), owner_id="bob")
    any_ledger.won("bare", "2026-04-02", amount=None)
    any_ledger.add(DealSplit, id="5", deal_id="bare", user_id="bob", percent=Decimal(100))
    any_ledger.compute()
    row = any_ledger.row("revenue", "2026-04-01")
    assert (row["value"], row["n"], row["flags"]) == (110, 3, ["amount_missing", "splits_scaled"])
    assert row["coverage"]["amount"] == round(2 / 3, 10)
    assert any_ledger.value("revenue", owner="crm:ann") == 40
    assert any_ledger.value("revenue", owner="crm:bob") == 30
    assert any_ledger.value("revenue", owner="crm:boss") == 40
    assert any_ledger.row("revenue", "2026-04-01", owner="crm:bob")["n"] == 3
    assert any_ledger.value("revenue", team="crm:t") == 40
    assert any_ledger.value("revenue_per_rep", owner="crm:ann") == 40
    assert any_ledger.row("revenue_per_rep", "2026-04-01")["coverage"]["non_rep"] == 40
    assert any_ledger.value("won_deals_count", owner="crm:ann") == 2


def test_thirds_add_up_to_the_cent(ledger: Ledger) -> None:
    ledger.set(include=("revenue",), credit_mode="splits")
    ledger.won("d", "2026-04-02", amount=Decimal(100))
    ledger.won("credit", "2026-04-02", amount=Decimal(-10))
    for deal in ("d", "credit"):
        for user in ("ann", "bob", "cat"):
            ledger.add(DealSplit, id=f"{deal} {user}", deal_id=deal, user_id=user, percent=Decimal(1))
    ledger.compute()
    values = [ledger.value("revenue", owner=f"crm:{user}") for user in ("ann", "bob", "cat")]
    assert values == [Decimal("30.000000"), Decimal("30.000000"), Decimal("30.000000")]
    assert ledger.row("revenue", "2026-04-01", owner="crm:cat")["coverage"]["credits"] == pytest.approx(-3.333334)
    assert ledger.value("revenue") == 90


def test_only_connected_calls_where_the_settings_say_so(ledger: Ledger) -> None:
    ledger.set(include=("calls_per_rep",), calls_connected_only=True)
    for id, outcome in (("1", "connected"), ("2", "no_answer")):
        ledger.add(Activity, id=id, type="call", direction="outbound", owner_id="ann", outcome=outcome,
                   occurred_at=at("2026-04-09 09:15"))  # fmt: skip
    ledger.compute()
    assert ledger.value("calls_per_rep") == Decimal("0.5")


def test_a_call_to_a_merged_contact_is_the_survivors(ledger: Ledger) -> None:
    ledger.set(include=("calls_per_opportunity",))
    ledger.add(Contact, id="kept")
    ledger.add(Contact, id="lost", merged_into_id="kept")
    ledger.deal("of survivor", primary_contact_id="kept", owner_id="bob")
    ledger.deal("other")
    for id, to in (("1", "lost"), ("2", "kept")):
        ledger.add(
            Activity, id=id, type="call", owner_id="ann", outcome="connected", occurred_at=at("2026-04-09 09:15")
        )
        ledger.add(ActivityLink, activity_id=id, entity="contacts", entity_id=to)
    ledger.compute()
    assert ledger.value("calls_per_opportunity") == 1
    assert ledger.value("calls_per_opportunity", owner="crm:bob") == 2
