"""Variants of KPIs: what a setting makes of them, and the companions beside them, worked out by hand."""

from datetime import date
from decimal import Decimal

import pytest
from pydantic import ValidationError

from kpi.settings import BusinessHours, KpiSettings
from store.records import (
    Activity,
    ActivityLink,
    Campaign,
    Company,
    CompetitorPrice,
    DealSplit,
    LineItem,
    Order,
    Product,
    Spend,
    Target,
    Ticket,
    TrainingEvent,
    User,
)
from tests.kpi.engine.ledger import Ledger, at
from tests.kpi.engine.test_lead_values import lead, only
from tests.kpi.engine.test_moment_values import visit


def _line(ledger: Ledger, id: str, deal: str, net: int, cost: int | None = None, product: str | None = None) -> None:
    ledger.add(LineItem, id=id, deal_id=deal, net_amount=Decimal(net), product_id=product,
               unit_cost=None if cost is None else Decimal(cost))  # fmt: skip


def _spend(ledger: Ledger, id: str, day: str, amount: int, category: str = "marketing", **values: object) -> None:
    ledger.add(Spend, connection="files", id=id, spent_on=date.fromisoformat(day), category=category,
               amount=Decimal(amount), **values)  # fmt: skip


def test_each_deals_margin_counts_as_much_as_every_other(any_ledger: Ledger) -> None:
    for id, net, cost in (("big", 900, 450), ("small", 100, 90), ("free", 0, 5)):
        any_ledger.won(id, "2026-04-10", amount=Decimal(net))
        _line(any_ledger, id, id, net, cost)
    any_ledger.won("half known", "2026-04-10", amount=Decimal(100))
    _line(any_ledger, "x", "half known", 50, 10)
    any_ledger.won("credit", "2026-04-11", amount=Decimal(-50))
    _line(any_ledger, "c", "credit", -50, -20)
    only(any_ledger, "gross_margin_pct_mean_of_deals").compute()
    row = any_ledger.row("gross_margin_pct_mean_of_deals", "2026-04-01")
    assert (row["value"], row["n"], row["coverage"]["unknown_n"]) == (Decimal("0.3"), 2, 2)  # (0.5 + 0.1) / 2


def test_growth_per_day_knows_how_long_months_are(ledger: Ledger) -> None:
    ledger.won("feb", "2026-02-10", amount=Decimal(280))
    ledger.won("mar", "2026-03-10", amount=Decimal(310))
    ledger.won("may", "2026-05-10", amount=Decimal(150))
    ledger.won("late may", "2026-05-20", amount=Decimal(999))
    ledger.won("june", "2026-06-10", amount=Decimal(300))
    only(ledger, "sales_growth_mom", growth_per_day=True).compute()
    row = ledger.row("sales_growth_mom", "2026-03-01")
    assert (row["value"], row["numerator"], row["denominator"]) == (0, 0, 10)
    assert ledger.value("sales_growth_mom", "2026-04-01") == -1
    row = ledger.row("sales_growth_mom", "2026-06-01")  # fifteen days of each
    assert (row["value"], row["numerator"], row["denominator"]) == (1, 10, 10)


def test_revenue_by_orders_and_the_gap_of_lines(ledger: Ledger) -> None:
    ledger.won("d", "2026-04-10", amount=Decimal(100), owner_id="bob")
    _line(ledger, "a", "d", 90)
    ledger.won("bare", "2026-04-10", amount=Decimal(7))
    for id, day, deal in (("1", "2026-05-02", "d"), ("2", "2026-05-03", None)):
        ledger.add(Order, id=id, deal_id=deal, ordered_on=date.fromisoformat(day), amount=Decimal(60))
    only(ledger, "revenue", "product_revenue").compute()
    assert (ledger.value("revenue"), ledger.value("revenue", "2026-05-01")) == (107, 0)
    assert ledger.row("product_revenue", "2026-04-01")["coverage"]["line_gap"] == 10
    keys = ("revenue", "revenue_per_rep", "sales_growth_mom", "marketing_sourced_revenue")
    only(ledger, *keys, revenue_basis="order").compute()
    assert (ledger.value("revenue"), ledger.value("revenue", "2026-05-01")) == (0, 120)
    assert ledger.value("revenue", "2026-05-01", owner="crm:bob") == 60
    row = ledger.row("revenue_per_rep", "2026-05-01")
    assert (row["numerator"], row["denominator"], row["coverage"]["non_rep"]) == (60, 2, 60)


def test_growth_of_revenue_per_rep_against_last_year(ledger: Ledger) -> None:
    ledger.won("then", "2025-04-10", amount=Decimal(100))
    ledger.won("now", "2026-04-10", amount=Decimal(150))
    only(ledger, "revenue_per_rep_growth_yoy").compute()
    assert ledger.value("revenue_per_rep_growth_yoy") == Decimal("0.5")
    assert ledger.value("revenue_per_rep_growth_yoy", "2026-03-01") == "zero_denominator"


def test_visits_to_a_stage_are_added_up_by_deal(any_ledger: Ledger) -> None:
    any_ledger.deal("back", stage_id="offer")
    visit(any_ledger, "back", "new", "2026-03-01 00:00", "2026-03-03 00:00")
    visit(any_ledger, "back", "offer", "2026-03-03 00:00", "2026-04-02 00:00")
    visit(any_ledger, "back", "new", "2026-04-02 00:00", "2026-04-06 00:00")
    visit(any_ledger, "back", "offer", "2026-04-06 00:00")
    any_ledger.deal("once", stage_id="offer")
    visit(any_ledger, "once", "new", "2026-04-01 00:00", "2026-04-03 00:00")
    visit(any_ledger, "once", "offer", "2026-04-03 00:00")
    only(any_ledger, "deal_stage_cycle_time_cumulative", "deal_stage_cycle_time").compute()
    row = any_ledger.row("deal_stage_cycle_time_cumulative", "2026-04-01", stage="crm:p/new")
    assert (row["value"], row["n"]) == (4, 2)  # (2 + 4 and 2) / 2
    assert any_ledger.value("deal_stage_cycle_time", stage="crm:p/new") == 3
    march = [row for row in any_ledger.rows("deal_stage_cycle_time_cumulative") if row["period_start"].month == 3]
    assert march == []


def test_leads_that_are_still_worked_can_be_left_out(ledger: Ledger) -> None:
    lead(ledger, "good", "2026-04-10", qualified_at=at("2026-04-12 00:00"))
    lead(ledger, "bad", "2026-04-10", disqualified_at=at("2026-04-12 00:00"))
    lead(ledger, "open", "2026-04-10")
    only(ledger, "lead_qualification_rate").compute()
    assert ledger.row("lead_qualification_rate", "2026-04-01")["denominator"] == 3
    only(ledger, "lead_qualification_rate", resolved_leads_only=True).compute()
    assert ledger.value("lead_qualification_rate") == Decimal("0.5")


def test_the_latest_touch_and_one_name_for_each_source(ledger: Ledger) -> None:
    lead(ledger, "old", "2026-02-10", converted_deal_id="d", source="Google Ads", source_category="marketing")
    lead(ledger, "new", "2026-03-10", converted_deal_id="d", source="cold call", source_category="sales")
    lead(ledger, "spelled", "2026-04-10", source=" google adwords")
    ledger.won("d", "2026-04-20")
    keys = ("marketing_sourced_revenue", "sales_sourced_revenue", "leads_by_source")
    only(ledger, *keys).compute()
    assert (ledger.value("marketing_sourced_revenue"), ledger.value("sales_sourced_revenue")) == (100, 0)
    names = {"Google AdWords": "Google Ads"}
    only(ledger, *keys, attribution="latest", source_names=names, source_map={"Google Ads": "marketing"}).compute()
    assert (ledger.value("marketing_sourced_revenue"), ledger.value("sales_sourced_revenue")) == (0, 100)
    assert ledger.value("leads_by_source", source="Google Ads") == 1


def test_sourced_revenue_is_shared_as_splits_say(ledger: Ledger) -> None:
    ledger.won("d", "2026-04-20", source_category="marketing")
    for user, percent in (("ann", 40), ("bob", 60)):
        ledger.add(DealSplit, id=user, deal_id="d", user_id=user, percent=Decimal(percent))
    only(ledger, "marketing_sourced_revenue", credit_mode="splits").compute()
    row = ledger.row("marketing_sourced_revenue", "2026-04-01")
    assert (row["value"], row["n"], row["coverage"]["share"]) == (100, 1, 1)
    assert ledger.value("marketing_sourced_revenue", owner="crm:bob") == 60


@pytest.mark.parametrize(("costs", "spent"), [("spend", 5), ("actual", 5 + 30), ("budget", 5 + 30 + 700)])
def test_campaigns_bring_their_own_cost_where_no_spend_names_them(ledger: Ledger, costs: str, spent: int) -> None:
    ledger.add(Campaign, id="named", start_date=date(2026, 4, 1), actual_cost=Decimal(1000))
    ledger.add(Campaign, id="own", start_date=date(2026, 4, 29), end_date=date(2026, 5, 1), actual_cost=Decimal(45))
    ledger.add(Campaign, id="planned", start_date=date(2026, 4, 2), budget=Decimal(700))
    ledger.add(Campaign, id="undated", actual_cost=Decimal(9))
    _spend(ledger, "1", "2026-04-01", 5, campaign_id="named")
    lead(ledger, "l", "2026-04-10", campaign_id="own")
    only(ledger, "cost_per_lead", campaign_costs=costs).compute()
    assert ledger.row("cost_per_lead", "2026-04-01")["numerator"] == spent
    if costs != "spend":
        assert ledger.value("cost_per_lead", campaign="crm:own") == 30
    _spend(ledger, "2", "2026-04-01", 8)  # names no campaign: it may hold their cost already
    ledger.compute()
    assert ledger.row("cost_per_lead", "2026-04-01")["numerator"] == 13


def test_cost_per_paid_lead(ledger: Ledger) -> None:
    _spend(ledger, "1", "2026-03-01", 90, source="ads")
    _spend(ledger, "2", "2026-04-01", 60, source="ads")
    lead(ledger, "paid", "2026-04-10", source="ads")
    lead(ledger, "free", "2026-04-10", source="friend")
    only(ledger, "cost_per_lead").compute()
    assert ledger.value("cost_per_lead") == 30
    only(ledger, "cost_per_lead", paid_leads_only=True).compute()
    assert ledger.value("cost_per_lead") == 60


def test_spend_meets_the_customers_it_won_later(ledger: Ledger) -> None:
    _spend(ledger, "1", "2026-02-28", 80, "sales")
    ledger.won("d", "2026-04-20")
    only(ledger, "customer_acquisition_cost").compute()
    assert ledger.row("customer_acquisition_cost", "2026-04-01")["numerator"] == 0
    only(ledger, "customer_acquisition_cost", acquisition_lag_months=2).compute()
    assert ledger.value("customer_acquisition_cost") == 80


def test_spend_against_all_that_its_leads_brought_later(ledger: Ledger) -> None:
    _spend(ledger, "1", "2026-03-01", 40, source="ads")
    _spend(ledger, "2", "2026-06-01", 10, source="ads")
    mine = {"source": "ads", "source_category": "marketing", "converted_deal_id": "d"}
    lead(ledger, "a", "2026-03-10", **mine)
    lead(ledger, "b", "2026-04-10", **mine)
    lead(ledger, "young", "2026-06-10", source="ads", source_category="marketing")
    ledger.won("d", "2026-05-20", amount=Decimal(100), source="ads", source_category="marketing")
    only(ledger, "marketing_roi_cohort").compute()
    row = ledger.row("marketing_roi_cohort", "2026-03-01", source="ads")
    assert (row["value"], row["numerator"], row["flags"]) == (Decimal("1.5"), 60, ["below_min_sample"])
    row = ledger.row("marketing_roi_cohort", "2026-06-01")
    assert (row["value"], row["flags"]) == (-1, ["below_min_sample", "immature"])
    assert ledger.value("marketing_roi_cohort", "2026-04-01") == "zero_denominator"


def test_a_credit_takes_from_what_a_lead_brought_and_a_deal_is_its_first_leads(ledger: Ledger) -> None:
    _spend(ledger, "1", "2026-03-01", 40)
    ledger.won("back", "2026-05-20", amount=Decimal(-30))
    ledger.won("met", "2026-05-20", amount=Decimal(500))
    lead(ledger, "a", "2026-03-10", source_category="marketing", converted_deal_id="back")
    lead(ledger, "b", "2026-03-05", source_category="sales", converted_deal_id="met")
    lead(ledger, "c", "2026-03-06", source_category="marketing", converted_deal_id="met")
    only(ledger, "marketing_roi_cohort").compute()
    row = ledger.row("marketing_roi_cohort", "2026-03-01")
    assert (row["numerator"], row["value"], row["coverage"]["won_n"]) == (-70, Decimal("-1.75"), 0)


def test_a_deal_older_than_its_history_is_flagged(ledger: Ledger) -> None:
    for id, first in (("usual", "2026-04-02 09:00"), ("old", "2026-04-20 09:00")):
        ledger.deal(id, created_at=at("2026-04-01 09:00"))
        visit(ledger, id, "new", first)
    only(ledger, "new_opportunities_count").compute()
    row = ledger.row("new_opportunities_count", "2026-04-01")
    assert (row["value"], row["flags"], row["coverage"]["backdated_n"]) == (2, ["backdated"], 1)


def test_only_working_hours_are_a_wait(any_ledger: Ledger) -> None:
    hours = BusinessHours.model_validate({"from": "09:00", "to": "17:00", "zone": "Europe/Berlin"})
    for id, asked, answered in (
        ("over the weekend", "2026-04-10 14:30", "2026-04-13 07:15"),  # Friday 16:30 to Monday 09:15
        ("at night", "2026-04-14 20:00", "2026-04-15 05:00"),
        ("three weeks", "2026-03-16 07:00", "2026-04-06 07:00"),  # the clocks change in between: 08:00 to 09:00
    ):
        any_ledger.add(Ticket, id=id, created_at=at(asked), first_response_at=at(answered))
    only(any_ledger, "response_time", business_hours=hours).compute()
    row = any_ledger.row("response_time", "2026-04-01")
    assert (row["value"], row["n"]) == (Decimal("22.5"), 2)  # 30 + 15 minutes, and none
    assert any_ledger.value("response_time", "2026-03-01") == 15 * 8 * 60


def test_a_working_day_needs_hours() -> None:
    with pytest.raises(ValidationError, match="has no hours"):
        KpiSettings.model_validate({"business_hours": {"from": "17:00", "to": "09:00"}})


def test_renewals_can_be_left_out_of_repeat_purchases(ledger: Ledger) -> None:
    ledger.add(Company, id="a")
    ledger.add(Company, id="b")
    for id, day, company, kind in (
        ("a1", "2026-01-10", "a", "new_business"),
        ("a2", "2026-02-10", "a", "renewal"),
        ("a3", "2026-03-10", "a", "expansion"),
        ("b1", "2026-01-10", "b", "renewal"),
        ("b2", "2026-02-10", "b", "renewal"),
    ):
        ledger.won(id, day, company_id=company, deal_type=kind)
    keys = ("deals_after_first_sale", "repeat_purchase_rate", "deals_after_first_sale_count")
    only(ledger, *keys).compute()
    assert (ledger.value(keys[0]), ledger.value(keys[1])) == (Decimal("1.5"), 1)
    only(ledger, *keys, exclude_renewals=True).compute()
    assert (ledger.value(keys[0]), ledger.value(keys[1])) == (Decimal("0.5"), Decimal("0.5"))
    assert (ledger.value(keys[2], "2026-02-01"), ledger.value(keys[2], "2026-03-01")) == (0, 1)


def test_hours_and_learners_have_series_of_their_own(ledger: Ledger) -> None:
    for id, user, hours in (("1", "ann", 3), ("2", "ann", 4), ("3", "bob", None)):
        ledger.add(TrainingEvent, connection="files", id=id, user_id=user, completed_on=date(2026, 4, 2),
                   hours=None if hours is None else Decimal(hours))  # fmt: skip
    only(ledger, "learning_hours_per_rep", "learners_share").compute()
    assert ledger.value("learning_hours_per_rep") == Decimal("3.5")
    assert (ledger.value("learners_share"), ledger.value("learners_share", team="crm:t")) == (1, 1)
    assert ledger.value("learners_share", "2026-05-01") == 0


def test_who_left_before_he_learned_is_no_part_of_the_learners(ledger: Ledger) -> None:
    ledger.add(User, id="gone", name="Gone", role="rep", active_from=at("2026-01-01 00:00"),
               active_to=at("2026-04-10 09:00"))  # fmt: skip
    for id, user, day in (("1", "ann", 2), ("2", "gone", 20)):
        ledger.add(TrainingEvent, connection="files", id=id, user_id=user, completed_on=date(2026, 4, day))
    only(ledger, "learners_share").compute()
    row = ledger.row("learners_share", "2026-04-01")
    assert (row["numerator"], row["denominator"], row["flags"]) == (1, 3, ["below_min_sample"])
    assert (round(row["ci_low"], 4), round(row["ci_high"], 4)) == (Decimal("0.0615"), Decimal("0.7923"))  # Wilson, 1/3


def test_customers_needed_by_industry(ledger: Ledger) -> None:
    ledger.add(Company, id="a", industry="steel")
    ledger.won("d", "2026-04-20", company_id="a")
    ledger.add(Target, id="1", kpi_key="revenue", scope_type="industry", scope_id="steel", value=Decimal(350),
               period_start=date(2026, 4, 1), period_end=date(2026, 5, 1))  # fmt: skip
    only(ledger, "customers_needed_for_target").compute()
    assert ledger.value("customers_needed_for_target", industry="steel") == 3


def test_prices_weighted_by_what_is_sold(ledger: Ledger) -> None:
    for product, ours, theirs, sold in (("p", 10, 20, 300), ("q", 10, 5, 100)):
        ledger.add(Product, id=product, list_price=Decimal(ours))
        ledger.add(CompetitorPrice, connection="files", id=product, product_id=product, competitor="x",
                   price=Decimal(theirs), observed_on=date(2026, 4, 20))  # fmt: skip
        ledger.won(product, "2026-04-02", amount=Decimal(sold))
        _line(ledger, product, product, sold, product=product)
    only(ledger, "competitor_price_index").compute()
    row = ledger.row("competitor_price_index", "2026-04-01")
    assert (row["value"], row["coverage"]["weighted"]) == (Decimal("1.25"), 0.875)  # (0.5 x 300 + 2 x 100) / 400


def _meet(ledger: Ledger, id: str, when: str, company: str, kind: str) -> None:
    ledger.add(Activity, id=id, type="meeting", subtype=kind, outcome="completed", owner_id="ann", occurred_at=at(when))
    ledger.add(ActivityLink, activity_id=id, entity="companies", entity_id=company)


def test_whoever_was_talked_to_is_followed_to_the_demo(ledger: Ledger) -> None:
    for company in ("soon", "late", "before"):
        ledger.add(Company, id=company)
        _meet(ledger, company, "2026-04-02 09:00", company, "talk")
    _meet(ledger, "again", "2026-04-09 09:00", "soon", "talk")
    _meet(ledger, "1", "2026-05-02 09:00", "soon", "demo")
    _meet(ledger, "2", "2026-05-03 09:00", "late", "demo")
    _meet(ledger, "3", "2026-04-01 09:00", "before", "demo")
    only(ledger, "conversation_to_demo_cohort").compute()
    row = ledger.row("conversation_to_demo_cohort", "2026-04-01")
    assert (row["numerator"], row["denominator"], row["flags"]) == (1, 3, ["below_min_sample"])


def test_touches_are_counted_until_the_win(ledger: Ledger) -> None:
    ledger.add(Company, id="a")
    for number, day in enumerate(("2025-04-02", "2026-04-02", "2026-04-10", "2026-04-11")):
        _meet(ledger, str(number), f"{day} 09:00", "a", "talk")
    ledger.won("d", "2026-04-10", company_id="a")
    ledger.won("untouched", "2026-04-10")
    only(ledger, "touchpoints_until_win").compute()
    row = ledger.row("touchpoints_until_win", "2026-04-01")
    assert (row["value"], row["n"], row["coverage"]["untouched_n"]) == (Decimal("1.5"), 2, 1)
