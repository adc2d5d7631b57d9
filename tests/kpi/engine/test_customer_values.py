"""What KPIs over customers say about a handful of them, worked out by hand."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from store.records import (
    Activity,
    ActivityLink,
    Company,
    LineItem,
    Product,
    ProductUsage,
    Subscription,
    SurveyResponse,
    Ticket,
)
from tests.kpi.engine.ledger import Ledger, at
from tests.kpi.engine.test_lead_values import only, touch


def subscription(ledger: Ledger, id: str, company: str, start: str, end: str | None = None, **values: Any) -> None:
    """A subscription of a company from a day up to another."""
    days = {"start_date": date.fromisoformat(start), "end_date": date.fromisoformat(end) if end else None}
    ledger.add(Subscription, id=id, company_id=company, **{**days, "mrr": Decimal(10), "currency": "EUR", **values})


def line(ledger: Ledger, deal: str, product: str | None, quantity: int = 1, net: int = 10) -> None:
    ledger.add(
        LineItem, id=f"{deal}-{product}", deal_id=deal, product_id=product, quantity=Decimal(quantity),
        net_amount=Decimal(net),
    )  # fmt: skip


RETENTION = ("customer_retention_rate", "average_customer_lifetime", "average_customer_lifetime_observed")


def test_customers_of_the_opening_stay_leave_or_come_back(any_ledger: Ledger) -> None:
    any_ledger.deal("early", created_at=at("2026-01-01 09:00"))
    any_ledger.add(Company, id="stays", country="TR")
    subscription(any_ledger, "1", "stays", "2026-01-01")
    subscription(any_ledger, "2", "leaves", "2026-01-01", "2026-04-10")
    subscription(any_ledger, "3", "returns", "2026-01-01", "2026-04-10")
    subscription(any_ledger, "4", "returns", "2026-04-20")
    subscription(any_ledger, "5", "renews", "2026-01-01", "2026-04-10")
    subscription(any_ledger, "6", "renews", "2026-04-10")
    subscription(any_ledger, "7", "new", "2026-04-05")
    subscription(any_ledger, "8", "last day", "2026-01-01", "2026-05-01")
    only(any_ledger, *RETENTION).compute()
    row = any_ledger.row("customer_retention_rate", "2026-04-01")
    assert (row["value"], row["numerator"], row["n"]) == (Decimal("0.8"), 4, 5)
    assert (row["coverage"], row["ci_low"] is not None) == ({"reactivated_n": 1}, True)
    assert any_ledger.value("customer_retention_rate", country="TR") == 1
    row = any_ledger.row("customer_retention_rate", "2026-04-10", "day")
    assert (row["numerator"], row["denominator"]) == (4, 6)
    row = any_ledger.row("customer_retention_rate", "2026-04-06", "week")
    assert (row["numerator"], row["denominator"]) == (4, 6)
    row = any_ledger.row("average_customer_lifetime", "2026-04-01")
    assert (row["value"], row["numerator"], row["denominator"], row["unit"]) == (5, 5, 1, "months")
    assert any_ledger.value("average_customer_lifetime", "2026-06-01") == "no_churn_observed"
    assert any_ledger.value("average_customer_lifetime", country="TR") == "no_churn_observed"
    row = any_ledger.row("average_customer_lifetime", "2026-04-01", "quarter")
    assert row["numerator"] == pytest.approx(Decimal(3 * 5 * 76) / 91)
    assert row["denominator"] == 2
    row = any_ledger.row("average_customer_lifetime_observed", "2026-04-01")
    assert (row["n"], row["value"]) == (2, pytest.approx(Decimal(99) / Decimal("30.4375")))
    assert any_ledger.value("customer_retention_rate", "2026-01-01", "year") == "zero_denominator"


def test_without_subscriptions_a_win_of_the_last_year_makes_a_customer(any_ledger: Ledger) -> None:
    any_ledger.won("1", "2025-04-10", company_id="a")
    any_ledger.won("2", "2025-04-10", company_id="b")
    any_ledger.won("3", "2026-04-10", company_id="b")
    any_ledger.won("4", "2025-04-10", company_id="c", amount=Decimal(-1))
    only(any_ledger, "customer_retention_rate").compute()
    row = any_ledger.row("customer_retention_rate", "2026-04-01")
    assert (row["numerator"], row["denominator"], row["coverage"]) == (1, 2, {"reactivated_n": 0})
    assert any_ledger.row("customer_retention_rate", "2025-05-01")["value"] == 1
    any_ledger.set(include=("customer_retention_rate",), active_customer_window_days=30)
    any_ledger.compute()
    assert any_ledger.row("customer_retention_rate", "2025-05-01")["value"] == 0


SALES = ("deals_after_first_sale", "deals_after_first_sale_count", "repeat_purchase_rate", "repeat_purchase_rate_12m")


def test_later_deals_follow_the_first_of_their_customer(any_ledger: Ledger) -> None:
    any_ledger.add(Company, id="was", merged_into_id="a", deleted_at=at("2026-04-11 00:00"))
    any_ledger.won("a1", "2025-03-10", company_id="was")
    any_ledger.won("a2", "2026-03-10", company_id="a")
    any_ledger.won("b1", "2026-03-10", company_id="b", closed_at=at("2026-03-10 10:00"))
    any_ledger.won("b2", "2026-03-10", company_id="b", closed_at=at("2026-03-10 09:00"))
    any_ledger.won("b3", "2026-04-10", company_id="b", amount=Decimal(-1))
    any_ledger.won("c1", "2026-04-10", primary_contact_id="x")
    any_ledger.won("d1", "2026-04-10")
    only(any_ledger, *SALES).compute()
    row = any_ledger.row("deals_after_first_sale", "2026-04-01")
    assert (row["value"], row["numerator"], row["n"]) == (Decimal("0.5"), 2, 4)
    row = any_ledger.row("deals_after_first_sale", "2026-03-01")
    assert (row["numerator"], row["denominator"]) == (2, 2)
    assert any_ledger.value("deals_after_first_sale", "2026-03-09", "day") == 0
    assert any_ledger.value("deals_after_first_sale_count", "2026-03-01") == 2
    assert any_ledger.value("deals_after_first_sale_count") == 0
    assert any_ledger.value("repeat_purchase_rate") == Decimal("0.5")
    row = any_ledger.row("repeat_purchase_rate", "2026-04-01", cohort="2025-03")
    assert (row["value"], row["n"], row["ci_low"] is not None) == (1, 1, True)
    row = any_ledger.row("repeat_purchase_rate_12m", "2025-03-01")
    assert (row["value"], row["flags"]) == (0, ["below_min_sample"])
    row = any_ledger.row("repeat_purchase_rate_12m", "2026-03-01")
    assert (row["value"], row["flags"]) == (1, ["below_min_sample", "immature"])


def test_products_are_owned_until_they_are_returned_or_end(any_ledger: Ledger) -> None:
    for id in ("p1", "p2", "p3"):
        any_ledger.add(Product, id=id, name=id)
    any_ledger.won("a1", "2026-03-10", company_id="a")
    line(any_ledger, "a1", "p1", 2)
    line(any_ledger, "a1", "p2", 1)
    any_ledger.won("a2", "2026-04-10", company_id="a", amount=Decimal(-10))
    line(any_ledger, "a2", "p2", 1, -10)
    any_ledger.won("b1", "2026-03-10", company_id="b")
    line(any_ledger, "b1", "p1")
    subscription(any_ledger, "s", "b", "2026-04-10", "2026-05-10", product_id="p3")
    any_ledger.won("c1", "2026-03-10", company_id="c")
    any_ledger.won("d1", "2026-03-10", company_id="d")
    line(any_ledger, "d1", None)
    any_ledger.deal("open", company_id="c")
    line(any_ledger, "open", "p1")
    only(any_ledger, "product_adoption_rate", "products_per_customer").compute()
    found = {
        month: (row["numerator"], row["denominator"], row["coverage"]["unknown_n"])
        for month in ("03", "04", "05")
        for row in any_ledger.rows(
            "product_adoption_rate", period_start=date(2026, int(month), 1), grain="month", dims={}
        )
    }
    assert found == {"03": (1, 2, 2), "04": (1, 2, 2), "05": (0, 2, 2)}
    assert any_ledger.value("product_adoption_rate", "2026-04-09", "day") == Decimal("0.5")
    assert any_ledger.row("products_per_customer", "2026-03-01")["value"] == Decimal("1.5")
    assert any_ledger.value("product_adoption_rate", product="crm:p1") == Decimal("0.5")


def test_usage_is_of_those_who_were_customers(any_ledger: Ledger) -> None:
    any_ledger.won("a1", "2026-03-10", company_id="a")
    any_ledger.won("b1", "2026-03-10", company_id="b")
    for id, company, events in (("1", "a", 3), ("2", "b", 0), ("3", "nobody", 3)):
        any_ledger.add(ProductUsage, id=id, company_id=company, product_id="p", day=date(2026, 4, 10), events=events)
    only(any_ledger, "product_usage_rate").compute()
    row = any_ledger.row("product_usage_rate", "2026-04-01")
    assert (row["value"], row["numerator"], row["n"]) == (Decimal("0.5"), 1, 2)
    assert any_ledger.value("product_usage_rate", "2026-03-01") == 0


EXPANSION = ("expansion_revenue_rate", "upsell_cross_sell_rate", "upsell_cross_sell_rate_amount")


def test_expansion_is_weighed_against_all_and_against_new_business(any_ledger: Ledger) -> None:
    any_ledger.won("n1", "2026-03-10", company_id="a", deal_type="new_business")
    line(any_ledger, "n1", "p1")
    for id, amount, kind in (
        ("up", 50, "expansion"), ("cross", 30, "expansion"), ("bare", 20, "expansion"), ("again", 40, "renewal"),
        ("n2", 60, "new_business"), ("refund", -30, "expansion"), ("unpriced", None, "expansion"),
    ):  # fmt: skip
        worth = None if amount is None else Decimal(amount)
        any_ledger.won(id, "2026-04-10", company_id="a", deal_type=kind, amount=worth)
    any_ledger.won("untyped", "2026-04-10", company_id="a", created_at=at("2026-04-01 09:00"), amount=Decimal(10))
    line(any_ledger, "up", "p1")
    line(any_ledger, "cross", "p1")
    line(any_ledger, "cross", "p2")
    only(any_ledger, *EXPANSION).compute()
    row = any_ledger.row("expansion_revenue_rate", "2026-04-01")
    assert (row["numerator"], row["denominator"], row["n"]) == (110, 210, 6)
    assert row["flags"] == ["amount_missing", "below_min_sample"]
    row = any_ledger.row("upsell_cross_sell_rate", "2026-04-01")
    assert (row["value"], row["n"], row["coverage"]) == (5, 1, {"upsell_n": 1, "cross_sell_n": 1})
    row = any_ledger.row("upsell_cross_sell_rate_amount", "2026-04-01")
    assert (row["numerator"], row["denominator"]) == (110, 60)
    assert any_ledger.value("upsell_cross_sell_rate", "2026-03-01") == 0
    assert any_ledger.value("upsell_cross_sell_rate", "2026-05-01") == "zero_denominator"


def test_engagement_is_the_mean_over_all_customers_of_thirty_days(any_ledger: Ledger) -> None:
    any_ledger.add(Company, id="a", country="TR")
    any_ledger.won("a1", "2026-03-10", company_id="a")
    any_ledger.won("b1", "2026-03-10", company_id="b")
    subscription(any_ledger, "s", "c", "2026-04-01", "2026-05-01")
    touch(any_ledger, "1", "2026-04-01 10:00", "companies", "a")
    any_ledger.add(Activity, id="2", type="meeting", outcome="completed", occurred_at=at("2026-04-02 10:00"))
    any_ledger.add(ActivityLink, activity_id="2", entity="deals", entity_id="a1")
    touch(any_ledger, "3", "2026-04-03 10:00", "companies", "a", type="email", direction="inbound", outcome="received")
    touch(any_ledger, "4", "2026-04-03 10:00", "companies", "a", type="email", outcome="sent")
    touch(any_ledger, "5", "2026-04-03 10:00", "companies", "prospect")
    any_ledger.add(SurveyResponse, id="1", type="CSAT", company_id="c", responded_at=at("2026-04-20 10:00"))
    any_ledger.add(Ticket, id="1", company_id="a", created_at=at("2026-04-04 10:00"))
    for number in range(30):
        touch(any_ledger, f"many {number}", "2026-05-30 10:00", "companies", "a", type="meeting", outcome="completed")
    only(any_ledger, "customer_engagement_score").compute()
    row = any_ledger.row("customer_engagement_score", "2026-04-30", "day")
    assert (row["numerator"], row["denominator"]) == (14, 3)
    row = any_ledger.row("customer_engagement_score", "2026-05-01", "day")
    assert (row["numerator"], row["denominator"]) == (9, 2)  # the call is over, and so is the subscription
    row = any_ledger.row("customer_engagement_score", "2026-04-01", "day")
    assert (row["numerator"], row["denominator"]) == (3, 3)
    row = any_ledger.row("customer_engagement_score", "2026-04-01")
    assert (row["value"], row["n"], row["unit"]) == (pytest.approx(Decimal(14) / 3), 3, "score")
    row = any_ledger.row("customer_engagement_score", "2026-05-01")
    assert (row["numerator"], row["denominator"]) == (100, 2)
    assert any_ledger.value("customer_engagement_score", "2026-05-01", country="TR") == 100
    any_ledger.set(include=("customer_engagement_score",), engagement_weights={"meeting": 1})
    any_ledger.compute()
    assert any_ledger.row("customer_engagement_score", "2026-05-01")["numerator"] == 30


def test_a_file_of_subscriptions_means_the_companies_of_the_crm(ledger: Ledger) -> None:
    ledger.add(Company, id="a", country="TR")
    ledger.add(Company, id="was", merged_into_id="a", deleted_at=at("2026-04-11 00:00"))
    subscription(ledger, "1", "was", "2026-01-01", connection="billing")
    subscription(ledger, "2", "crm:a", "2026-01-01", connection="billing")
    subscription(ledger, "3", "unknown", "2026-01-01", connection="billing")
    ledger.won("w", "2026-01-10")
    only(ledger, "customer_retention_rate").compute()
    assert ledger.row("customer_retention_rate", "2026-04-01")["n"] == 2
    assert ledger.row("customer_retention_rate", "2026-04-01", country="TR")["n"] == 1
