"""What a customer is worth, worked out by hand."""

from datetime import date
from decimal import Decimal

import pytest

from store.records import Company, LineItem, Spend
from tests.kpi.engine.ledger import Ledger, at
from tests.kpi.engine.test_customer_values import subscription
from tests.kpi.engine.test_lead_values import only

KEYS = ("customer_lifetime_value", "ltv_cac_ratio")


def test_subscriptions_are_worth_their_rate_margin_and_lifetime(any_ledger: Ledger) -> None:
    any_ledger.add(Company, id="a", country="TR")
    any_ledger.deal("early", created_at=at("2026-03-01 09:00"))
    subscription(any_ledger, "1", "a", "2026-01-01", mrr=Decimal(90))
    for id in ("b", "c", "d"):
        subscription(any_ledger, id, id, "2026-01-01", mrr=Decimal(30))
    subscription(any_ledger, "e", "e", "2026-01-01", "2026-04-10", mrr=Decimal(1000))
    any_ledger.won("w", "2026-04-10", amount=Decimal(100), source="web")
    any_ledger.add(LineItem, id="l", deal_id="w", quantity=Decimal(1), unit_cost=Decimal(40), net_amount=Decimal(100))
    any_ledger.add(Spend, id="s", spent_on=date(2026, 4, 2), category="marketing", amount=Decimal(50), currency="EUR")
    only(any_ledger, *KEYS).compute()
    row = any_ledger.row("customer_lifetime_value", "2026-04-01")
    # 180 a month / 4 customers x 0.6 margin x 1 month x 5 customers / 1 lost
    assert (row["value"], row["n"], row["currency"]) == (135, 4, "EUR")
    assert row["flags"] == ["below_min_sample"]
    assert row["coverage"]["capped_60m"] == 1620
    assert any_ledger.row("ltv_cac_ratio", "2026-04-01")["value"] == Decimal("2.7")
    row = any_ledger.row("customer_lifetime_value", "2026-05-01")
    assert (row["value"], row["status"]) == (None, "no_churn_observed")
    assert row["coverage"]["capped_60m"] == 180 / 4 * 60
    assert row["flags"] == ["revenue_basis"]
    assert any_ledger.value("ltv_cac_ratio", "2026-05-01") == "no_churn_observed"
    assert any_ledger.value("customer_lifetime_value", country="TR") == "no_churn_observed"


def test_without_subscriptions_orders_are_what_a_customer_brings(any_ledger: Ledger) -> None:
    any_ledger.won("a", "2025-04-10", company_id="a")
    any_ledger.won("b", "2025-06-10", company_id="b")
    any_ledger.won("c", "2026-04-20", company_id="c", amount=Decimal(300))
    any_ledger.won("d", "2026-05-20", company_id="d", amount=Decimal(60))
    only(any_ledger, *KEYS).compute()
    row = any_ledger.row("customer_lifetime_value", "2026-04-01")
    # 300 in the month / 2 customers, who stay 1 month x 2 customers / 1 lost
    assert (row["value"], row["n"], row["flags"]) == (300, 2, ["below_min_sample", "revenue_basis"])
    assert any_ledger.row("customer_lifetime_value", "2026-05-01")["coverage"]["capped_60m"] == 60 / 3 * 60
    row = any_ledger.row("customer_lifetime_value", "2026-04-01", "quarter")
    assert row["value"] == pytest.approx(Decimal(360) / 2 / (3 * Decimal(76) / 91) * (3 * Decimal(76) / 91) * 2 / 2)
    assert any_ledger.value("ltv_cac_ratio") == "source_missing"
