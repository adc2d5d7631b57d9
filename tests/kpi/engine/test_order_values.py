"""Orders, list prices and sources: what each KPI says about a handful of them, worked out by hand."""

from datetime import date
from decimal import Decimal

import pytest

from store.records import Company, Contact, ExchangeRate, Lead, LineItem, Order
from tests.kpi.engine.ledger import Ledger, at


def _only(ledger: Ledger, *keys: str, **settings: object) -> None:
    ledger.set(include=keys, **settings)


def test_gross_sales_are_at_the_lines_own_list_prices(any_ledger: Ledger) -> None:
    _only(any_ledger, "gross_sales")
    any_ledger.won("listed", "2026-04-02", amount=Decimal(150))
    prices = {"quantity": Decimal(2), "list_price": Decimal(90), "unit_price": Decimal(80), "net_amount": Decimal(150)}
    any_ledger.add(LineItem, id="1", deal_id="listed", **prices)
    any_ledger.add(
        LineItem, id="2", deal_id="listed", quantity=Decimal(-1), list_price=Decimal(90), net_amount=Decimal(-90)
    )
    any_ledger.won("bare", "2026-04-03", amount=Decimal(70))
    any_ledger.won("credit", "2026-04-03", amount=Decimal(-70))
    any_ledger.won("net only", "2026-05-03", amount=Decimal(55))
    any_ledger.add(LineItem, id="3", deal_id="net only", net_amount=Decimal(50))
    any_ledger.compute()
    row = any_ledger.row("gross_sales", "2026-04-01")
    assert (row["value"], row["n"], row["flags"]) == (250, 2, None)
    row = any_ledger.row("gross_sales", "2026-05-01")
    assert (row["value"], row["flags"]) == (50, ["list_price_missing"])
    assert any_ledger.value("gross_sales", "2026-06-01") == 0


def test_orders_stand_in_for_deals_where_the_connection_has_them(any_ledger: Ledger) -> None:
    _only(any_ledger, "average_order_value", "average_order_value_median")
    any_ledger.won("deal", "2026-04-02", amount=Decimal(1000), company_id="c")
    any_ledger.add(Company, id="c", country="DE")
    any_ledger.add(ExchangeRate, id="r", from_currency="USD", to_currency="EUR", effective_from=date(2026, 1, 1),
                   rate=Decimal("0.5"))  # fmt: skip
    for id, amount, more in (
        ("1", 100, {"deal_id": "deal"}),
        ("2", 60, {"currency": "USD", "company_id": "c"}),
        ("3", 0, {}),
        ("no amount", None, {}),
        ("refund", -5, {}),
        ("canceled", 999, {"status": " Canceled"}),
        ("no rate", 999, {"currency": "JPY"}),
    ):
        values = {"ordered_on": date(2026, 4, 3), "amount": amount and Decimal(amount), **more}
        any_ledger.add(Order, id=id, **({**values, "amount": Decimal(0)} if amount == 0 else values))
    any_ledger.add(
        Order, id="gone", ordered_on=date(2026, 4, 3), amount=Decimal(999), deleted_at=at("2026-05-01 00:00")
    )
    any_ledger.compute()
    row = any_ledger.row("average_order_value", "2026-04-01")
    assert (row["numerator"], row["denominator"], row["n"]) == (130, 3, 3)
    assert row["flags"] == ["amount_missing", "below_min_sample", "fx_missing"]
    assert any_ledger.value("average_order_value_median") == 30
    assert any_ledger.value("average_order_value", owner="crm:ann") == 100
    assert any_ledger.value("average_order_value", country="DE") == 65
    assert any_ledger.value("average_order_value", currency="USD") == 30
    assert any_ledger.value("average_order_value", "2026-05-01") == "zero_denominator"


def test_without_orders_a_won_deal_is_one(ledger: Ledger) -> None:
    _only(ledger, "average_order_value")
    ledger.won("a", "2026-04-02", amount=Decimal(10))
    ledger.won("b", "2026-04-02", amount=None)
    ledger.won("credit", "2026-04-02", amount=Decimal(-10))
    ledger.lost("c", "2026-04-02")
    ledger.compute()
    row = ledger.row("average_order_value", "2026-04-01")
    assert (row["value"], row["n"], row["flags"]) == (10, 1, ["amount_missing", "below_min_sample"])


def test_order_size_grows_against_the_same_named_period(ledger: Ledger) -> None:
    _only(ledger, "average_order_size_growth_yoy")
    ledger.won("then 1", "2025-04-30", amount=Decimal(100), created_at=at("2025-03-01 09:00"))
    ledger.won("then 2", "2025-06-10", amount=Decimal(50), created_at=at("2025-03-01 09:00"))
    ledger.won("then, later than today", "2025-06-16", amount=Decimal(900), created_at=at("2025-03-01 09:00"))
    ledger.won("now 1", "2026-04-01", amount=Decimal(110))
    ledger.won("now 2", "2026-04-01", amount=Decimal(130))
    ledger.won("now 3", "2026-06-15", amount=Decimal(75))
    ledger.compute()
    row = ledger.row("average_order_size_growth_yoy", "2026-04-01")
    assert (row["value"], row["numerator"], row["denominator"]) == (Decimal("0.2"), 20, 100)
    assert (row["n"], row["flags"]) == (1, ["below_min_sample"])
    assert ledger.value("average_order_size_growth_yoy", "2026-06-01") == Decimal("0.5")
    assert ledger.value("average_order_size_growth_yoy", "2026-05-01") == "zero_denominator"
    assert ledger.value("average_order_size_growth_yoy", "2025-04-01") == "zero_denominator"
    assert ledger.value("average_order_size_growth_yoy", "2026-04-01", owner="crm:ann") == Decimal("0.2")


@pytest.mark.parametrize("mapped", [True, False])
def test_revenue_has_the_source_of_the_deal_the_lead_or_the_contact(ledger: Ledger, mapped: bool) -> None:
    sources = {"ads": "marketing", "cold call": "sales"} if mapped else {}
    _only(ledger, "marketing_sourced_revenue", "sales_sourced_revenue", "revenue", source_map=sources)
    ledger.add(Contact, id="p", source="cold call")
    ledger.won("own", "2026-04-02", amount=Decimal(1), source="ads")
    ledger.won("of lead", "2026-04-02", amount=Decimal(2), primary_contact_id="p")
    ledger.add(Lead, id="late", converted_deal_id="of lead", source="fair", created_at=at("2026-02-02 00:00"))
    ledger.add(Lead, id="early", converted_deal_id="of lead", source="ads", created_at=at("2026-02-01 00:00"))
    ledger.won("of contact", "2026-04-02", amount=Decimal(4), primary_contact_id="p")
    ledger.won("credit", "2026-04-02", amount=Decimal(-8), source="ads")
    ledger.won("said", "2026-04-02", amount=Decimal(16), source="fair", source_category="sales")
    ledger.won("none", "2026-04-02", amount=Decimal(32))
    ledger.compute()
    marketing = ledger.row("marketing_sourced_revenue", "2026-04-01")
    sales = ledger.row("sales_sourced_revenue", "2026-04-01")
    if mapped:
        assert (marketing["value"], marketing["n"], sales["value"], sales["n"]) == (-5, 3, 20, 2)
        assert (marketing["coverage"]["share"], marketing["coverage"]["credits"]) == (round(-5 / 47, 10), -8)
        assert ledger.value("revenue", source_category="unknown") == 32
    else:
        assert (marketing["value"], marketing["n"], sales["value"]) == (0, 0, 16)
        assert ledger.value("revenue", source_category="unknown") == 31


def test_customers_are_sliced_by_how_they_were_won(ledger: Ledger) -> None:
    _only(ledger, "revenue_per_customer")
    for id, into in (("a", None), ("b", None), ("c", "b")):
        ledger.add(Company, id=id, merged_into_id=into, country="DE" if id == "b" else "FR")
    ledger.won("a1", "2026-03-02", company_id="a", amount=Decimal(1), source="ads")
    ledger.won("a2", "2026-04-02", company_id="a", amount=Decimal(10), source="fair")
    ledger.won("b1", "2026-04-03", company_id="b", amount=Decimal(20))
    ledger.won("c1", "2026-04-04", company_id="c", amount=Decimal(40))
    ledger.won("credit", "2026-04-05", company_id="a", amount=Decimal(-4))
    ledger.won("nobody", "2026-05-05", amount=Decimal(3))
    ledger.compute()
    row = ledger.row("revenue_per_customer", "2026-04-01")
    assert (row["numerator"], row["denominator"]) == (66, 2)
    assert ledger.value("revenue_per_customer", acquisition_source="ads") == 6
    assert ledger.value("revenue_per_customer", cohort="2026-04") == 60
    assert ledger.value("revenue_per_customer", country="DE") == 60
    assert "company_missing" in ledger.row("revenue_per_customer", "2026-05-01")["flags"]


def test_a_line_at_its_list_price_is_rounded_once(ledger: Ledger) -> None:
    _only(ledger, "gross_sales")
    ledger.won("a", "2026-04-10", currency="USD", fx_rate=Decimal("1.234567"))
    ledger.add(LineItem, id="1", deal_id="a", quantity=Decimal("0.5"), list_price=Decimal("80.333333"))
    ledger.compute()
    assert ledger.value("gross_sales") == Decimal("49.588441")  # 40.1666665 x 1.234567, not 40.166667 x 1.234567
