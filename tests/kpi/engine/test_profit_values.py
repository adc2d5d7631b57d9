"""Profit and what spend costs and brings, worked out by hand."""

from datetime import date
from decimal import Decimal

from store.records import (
    Account,
    Campaign,
    Company,
    ExchangeRate,
    Lead,
    LineItem,
    Product,
    Spend,
    Subscription,
    UnitCost,
)
from tests.kpi.engine.ledger import Ledger, at

PROFIT = ("gross_profit", "gross_margin_pct")


def _line(ledger: Ledger, id: str, deal: str, net: int | None, **more: object) -> None:
    ledger.add(LineItem, id=id, deal_id=deal, net_amount=net if net is None else Decimal(net), **more)


def test_a_cost_is_the_lines_else_the_products_else_the_files(any_ledger: Ledger) -> None:
    any_ledger.set(include=PROFIT)
    any_ledger.add(Product, id="p", unit_cost=Decimal(20), currency="USD")
    any_ledger.add(Product, id="q")
    any_ledger.add(ExchangeRate, id="r", from_currency="USD", to_currency="EUR", effective_from=date(2026, 1, 1),
                   rate=Decimal("0.5"))  # fmt: skip
    for id, day, cost in (("1", date(2026, 1, 1), 7), ("2", date(2026, 4, 1), 8), ("3", date(2026, 5, 1), 9)):
        any_ledger.add(UnitCost, connection="files", id=id, product_id="q", valid_from=day, cost=Decimal(cost))
    any_ledger.won("d", "2026-04-10", amount=Decimal(100))
    _line(any_ledger, "a", "d", 40, quantity=Decimal(2), unit_cost=Decimal(15), product_id="p")
    _line(any_ledger, "b", "d", 30, quantity=Decimal(2), product_id="p")
    _line(any_ledger, "c", "d", 20, product_id="q")
    _line(any_ledger, "x", "d", 10)
    any_ledger.compute()
    row = any_ledger.row("gross_profit", "2026-04-01")
    assert (row["value"], row["n"], row["coverage"]["cost"]) == (90 - (30 + 20 + 8), 3, 0.9)
    row = any_ledger.row("gross_margin_pct", "2026-04-01")
    assert (row["numerator"], row["denominator"], row["n"]) == (32, 90, 3)
    assert any_ledger.value("gross_profit", product="crm:p") == 20
    assert any_ledger.value("gross_margin_pct", product="crm:q") == Decimal("0.6")
    assert any_ledger.value("gross_profit", "2026-05-01") == 0
    assert any_ledger.value("gross_margin_pct", "2026-05-01") == "zero_denominator"


def test_too_few_known_costs_are_no_profit(ledger: Ledger) -> None:
    ledger.set(include=PROFIT)
    ledger.won("d", "2026-04-10", amount=Decimal(100))
    _line(ledger, "a", "d", 79, unit_cost=Decimal(100))
    ledger.won("enough", "2026-05-10", amount=Decimal(100))
    _line(ledger, "b", "enough", 80, unit_cost=Decimal(100))
    ledger.won("credit", "2026-06-10", amount=Decimal(-50))
    _line(ledger, "c", "credit", -50, quantity=Decimal(-1), unit_cost=Decimal(30))
    ledger.compute()
    row = ledger.row("gross_profit", "2026-04-01")
    assert (row["value"], row["status"], row["numerator"]) == (None, "insufficient_data", -21)
    assert ledger.value("gross_margin_pct", "2026-04-01") == "insufficient_data"
    assert ledger.value("gross_profit", "2026-05-01") == -20
    assert ledger.value("gross_margin_pct", "2026-05-01") == Decimal("-0.25")
    assert ledger.value("gross_profit", "2026-06-01") == -20
    assert ledger.value("gross_margin_pct", "2026-06-01") == "negative_base"


def test_nobody_who_tells_a_cost_is_a_missing_source(ledger: Ledger) -> None:
    ledger.set(include=(*PROFIT, "revenue"))
    ledger.won("d", "2026-04-10")
    _line(ledger, "a", "d", 100)
    ledger.compute()
    assert (ledger.value("gross_profit"), ledger.value("gross_margin_pct")) == ("source_missing", "source_missing")
    assert ledger.value("revenue") == 100
    assert "unit_cost" in ledger.row("gross_profit", "2026-04-01")["status_detail"]


def test_what_marketing_brings_is_profit_or_else_revenue(ledger: Ledger) -> None:
    ledger.set(include=("marketing_roi",))
    ledger.add(Campaign, id="k", channel="mail")
    ledger.add(Spend, connection="files", id="1", spent_on=date(2026, 4, 1), category="Marketing", amount=Decimal(50),
               campaign_id="k", source="ads")  # fmt: skip
    ledger.add(Spend, connection="files", id="2", spent_on=date(2026, 5, 1), category="marketing", amount=Decimal(10))
    ledger.add(Spend, connection="files", id="3", spent_on=date(2026, 6, 1), category="marketing", amount=Decimal(10))
    ledger.add(Spend, connection="files", id="4", spent_on=date(2026, 4, 1), category="sales", amount=Decimal(999))
    mine = {"source": "ads", "source_category": "marketing", "campaign_id": "k", "channel": "mail"}
    ledger.won("costed", "2026-04-02", amount=Decimal(100), **mine)
    _line(ledger, "a", "costed", 100, unit_cost=Decimal(25))
    ledger.won("theirs", "2026-04-02", amount=Decimal(900), source_category="sales")
    ledger.won("bare", "2026-05-02", amount=Decimal(30), **mine)
    ledger.compute()
    row = ledger.row("marketing_roi", "2026-04-01")
    assert (row["value"], row["numerator"], row["denominator"], row["n"]) == (Decimal("0.5"), 25, 50, 1)
    row = ledger.row("marketing_roi", "2026-05-01")
    assert (row["value"], row["flags"]) == (2, ["below_min_sample", "revenue_basis"])
    assert ledger.value("marketing_roi", "2026-06-01") == -1
    assert ledger.value("marketing_roi", "2026-03-01") == "zero_denominator"
    for dims in ({"campaign": "crm:k"}, {"source": "ads"}, {"channel": "mail"}):
        assert ledger.value("marketing_roi", **dims) == Decimal("0.5")


def test_spend_spreads_over_its_days_to_the_last_cent(ledger: Ledger) -> None:
    ledger.set(include=("cost_per_lead", "customer_acquisition_cost"))
    ledger.add(Account, connection="files", id="f", base_currency=None)
    ledger.add(Spend, connection="files", id="year", period_start=date(2026, 3, 30), period_end=date(2026, 4, 2),
               category="marketing", amount=Decimal(100), currency="USD")  # fmt: skip
    ledger.add(ExchangeRate, id="r", from_currency="USD", to_currency="EUR", effective_from=date(2026, 3, 1),
               rate=Decimal(1))  # fmt: skip
    ledger.add(ExchangeRate, id="s", from_currency="USD", to_currency="EUR", effective_from=date(2026, 4, 1),
               rate=Decimal(5))  # fmt: skip
    ledger.add(Spend, connection="files", id="no rate", spent_on=date(2026, 4, 1), category="marketing",
               amount=Decimal(999), currency="JPY")  # fmt: skip
    for id, day in (("1", "2026-03-30 00:00"), ("2", "2026-04-01 00:00"), ("3", "2026-04-02 00:00")):
        ledger.add(Lead, id=id, created_at=at(day), source="ads")
    ledger.compute()
    assert ledger.row("cost_per_lead", "2026-03-01")["numerator"] == Decimal("66.666666")
    row = ledger.row("cost_per_lead", "2026-04-01")
    assert (row["numerator"], row["denominator"], row["flags"]) == (
        Decimal("33.333334"), 2, ["below_min_sample", "fx_missing"])  # fmt: skip
    assert ledger.row("cost_per_lead", "2026-01-01", "year")["numerator"] == 100
    row = ledger.row("customer_acquisition_cost", "2026-04-01")
    assert (row["status"], row["numerator"], row["n"]) == ("zero_denominator", Decimal("33.333334"), 0)
    assert {row["member"] for row in ledger.rows("cost_per_lead", dimension="source")} == {"__none__"}


def test_a_new_customer_has_neither_won_nor_subscribed_before(any_ledger: Ledger) -> None:
    any_ledger.set(include=("customer_acquisition_cost", "cost_per_acquisition"))
    for category, amount in (("marketing", 60), ("sales", 30), ("enablement", 6), ("other", 1000)):
        any_ledger.add(Spend, connection="files", id=category, spent_on=date(2026, 4, 1), category=category,
                       amount=Decimal(amount), source="ads")  # fmt: skip
    for id in "abcde":
        any_ledger.add(Company, id=id, merged_into_id="a" if id == "e" else None)
    any_ledger.won("a1", "2026-04-02", company_id="a", source="ads", source_category="marketing")
    any_ledger.won("a2", "2026-04-03", company_id="e")
    any_ledger.won("b0", "2026-03-02", company_id="b")
    any_ledger.won("b1", "2026-04-02", company_id="b")
    any_ledger.won("c1", "2026-04-20", company_id="c")
    any_ledger.add(Subscription, connection="files", id="c", company_id="c", start_date=date(2026, 4, 10))
    any_ledger.won("d1", "2026-04-20", company_id="d", source="ads")
    any_ledger.add(Subscription, connection="files", id="d", company_id="d", start_date=date(2026, 3, 10))
    any_ledger.compute()
    row = any_ledger.row("customer_acquisition_cost", "2026-04-01")
    assert (row["value"], row["numerator"], row["denominator"]) == (48, 96, 2)
    assert any_ledger.value("customer_acquisition_cost", cost_category="sales") == 15
    assert any_ledger.value("customer_acquisition_cost", source="ads") == 96
    assert any_ledger.value("cost_per_acquisition") == 60
    assert any_ledger.value("customer_acquisition_cost", "2026-04-20", "day") == "zero_denominator"
