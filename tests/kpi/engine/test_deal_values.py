"""What each KPI over deals says about a handful of deals, worked out by hand."""

from datetime import date
from decimal import Decimal

from store.records import (
    Company,
    Contact,
    DealFieldChange,
    ExchangeRate,
    LineItem,
    Product,
)
from tests.kpi.engine.ledger import Ledger, at

KPIS = (
    "active_deals_count",
    "average_deal_size",
    "average_deal_size_median",
    "new_opportunities_count",
    "opportunity_conversion_rate",
    "product_revenue",
    "regional_sales",
    "revenue",
    "revenue_per_customer",
    "revenue_per_rep",
    "sales_activity_count",
    "sales_cycle_length",
    "sales_cycle_length_median",
    "sales_cycle_length_p90",
    "sales_growth_mom",
    "stage_conversion_rate",
    "win_rate",
    "won_deals_count",
)


def test_revenue_adds_won_deals_and_credits(any_ledger: Ledger) -> None:
    any_ledger.won("a", "2026-04-01", amount=Decimal("1500.25"))
    any_ledger.won("b", "2026-04-30", amount=Decimal("0.10"))
    any_ledger.won("credit", "2026-04-30", amount=Decimal("-100"))
    any_ledger.won("next", "2026-05-01")
    any_ledger.lost("lost", "2026-04-02")
    any_ledger.compute()
    row = any_ledger.row("revenue", "2026-04-01")
    assert (row["value"], row["n"], row["currency"], row["unit"]) == (Decimal("1400.35"), 3, "EUR", "money")
    assert row["coverage"] == {"amount": 1, "credits": -100, "fx_missing": 0}
    assert any_ledger.value("won_deals_count") == 2
    assert any_ledger.value("revenue", "2026-04-01", "quarter") == Decimal("1500.35")
    assert any_ledger.value("revenue", "2026-04-30", "day") == Decimal("-99.9")
    assert any_ledger.value("revenue", "2026-01-01", "all") == Decimal("1500.35")


def test_no_deal_is_a_true_zero_for_counts_and_null_for_rates(any_ledger: Ledger) -> None:
    any_ledger.compute()
    assert any_ledger.value("revenue", "2026-06-01") == 0
    assert any_ledger.value("active_deals_count", "2026-06-01") == 0
    assert any_ledger.value("win_rate", "2026-06-01") == "zero_denominator"
    assert any_ledger.value("sales_activity_count", "2026-06-01") == "source_missing"
    assert any_ledger.rows("stage_conversion_rate") == []


def test_a_rep_who_never_lost_wins_every_time(ledger: Ledger) -> None:
    ledger.won("a", "2026-04-01")
    ledger.won("b", "2026-04-02", owner_id="bob")
    ledger.lost("c", "2026-04-03", owner_id="bob")
    ledger.lost("d", "2026-04-03", owner_id="bob", lost_reason=" Duplicate ")
    ledger.compute()
    assert ledger.value("win_rate", owner="crm:ann") == 1
    assert ledger.value("win_rate", owner="crm:bob") == Decimal("0.5")
    row = ledger.row("win_rate", "2026-04-01")
    assert (row["value"], row["numerator"], row["denominator"]) == (Decimal("0.6666666667"), 2, 3)
    assert row["flags"] == ["below_min_sample"]
    assert (round(row["ci_low"], 6), round(row["ci_high"], 6)) == (Decimal("0.207660"), Decimal("0.938508"))
    assert ledger.value("win_rate", "2026-05-01") == "zero_denominator"


def test_a_missing_amount_counts_but_adds_nothing(ledger: Ledger) -> None:
    ledger.won("a", "2026-04-01", amount=None)
    ledger.won("b", "2026-04-02", amount=Decimal(0))
    ledger.won("c", "2026-04-03", amount=Decimal(40))
    ledger.compute()
    assert ledger.value("won_deals_count") == 3
    assert ledger.value("average_deal_size") == 20
    assert ledger.value("average_deal_size_median") == 20
    assert ledger.row("revenue", "2026-04-01")["coverage"]["amount"] == 0.6666666667


def test_a_missing_amount_is_flagged_in_totals_and_slices(any_ledger: Ledger) -> None:
    any_ledger.won("a", "2026-04-01", company_id="c")
    any_ledger.won("b", "2026-04-02", amount=None, owner_id="bob", company_id="c")
    any_ledger.won("later", "2026-05-02", amount=Decimal(0))
    any_ledger.compute()
    for key in ("revenue", "regional_sales", "revenue_per_customer", "average_deal_size", "average_deal_size_median",
                "revenue_per_rep"):  # fmt: skip
        row = any_ledger.row(key, "2026-04-01")
        assert "amount_missing" in row["flags"], key
        assert (row["status"], row["coverage"]["amount"]) == ("ok", 0.5), key
        assert "amount_missing" not in (any_ledger.row(key, "2026-05-01")["flags"] or []), key
    assert any_ledger.row("average_deal_size", "2026-04-01")["flags"] == ["amount_missing", "below_min_sample"]
    for key in ("revenue", "revenue_per_rep"):
        assert any_ledger.row(key, "2026-04-01", owner="crm:ann")["flags"] is None
        row = any_ledger.row(key, "2026-04-01", owner="crm:bob")
        assert (row["value"], row["n"], row["status"], row["flags"]) == (0, 1, "ok", ["amount_missing"])
    assert any_ledger.row("won_deals_count", "2026-04-01")["flags"] is None


def test_no_known_amount_at_all_is_a_flagged_zero_and_no_mean(ledger: Ledger) -> None:
    for id in ("a", "b"):
        ledger.won(id, "2026-04-01", amount=None)
    ledger.compute()
    row = ledger.row("revenue", "2026-04-01")
    assert (row["value"], row["n"], row["status"], row["flags"]) == (0, 2, "ok", ["amount_missing"])
    assert row["coverage"]["amount"] == 0
    row = ledger.row("average_deal_size", "2026-04-01")
    assert (row["value"], row["status"], row["flags"]) == (None, "zero_denominator", ["amount_missing"])
    assert ledger.row("revenue", "2026-05-01")["flags"] is None


def test_no_known_rate_at_all_is_a_flagged_zero(any_ledger: Ledger) -> None:
    for id in ("a", "b"):
        any_ledger.won(id, "2026-04-01", currency="JPY")
    any_ledger.compute()
    for dims in ({}, {"owner": "crm:ann"}, {"currency": "JPY"}):
        row = any_ledger.row("revenue", "2026-04-01", **dims)
        assert (row["value"], row["n"], row["status"], row["flags"]) == (0, 2, "ok", ["fx_missing"])
        assert row["coverage"] == {"amount": 1, "credits": 0, "fx_missing": 2}
    assert any_ledger.value("average_deal_size") == "zero_denominator"
    assert any_ledger.row("average_deal_size", "2026-04-01")["flags"] == ["fx_missing"]


def test_a_missing_rate_is_never_one(ledger: Ledger) -> None:
    ledger.won("euro", "2026-04-01")
    ledger.won("yen", "2026-04-02", currency="JPY")
    ledger.won("own rate", "2026-04-02", currency="USD", fx_rate=Decimal("0.9"))
    ledger.compute()
    row = ledger.row("revenue", "2026-04-01")
    assert (row["value"], row["n"], row["status"]) == (190, 3, "ok")
    assert (row["coverage"]["fx_missing"], row["flags"]) == (1, ["fx_missing"])
    assert ledger.row("average_deal_size", "2026-04-01")["denominator"] == 2
    assert ledger.value("revenue", currency="JPY") == 0
    assert ledger.value("revenue", deal_size_band="__none__") == 0


def test_the_newest_rate_on_or_before_the_day_holds(ledger: Ledger) -> None:
    for day, rate in (("2026-04-02", "0.5"), ("2026-04-10", "0.25")):
        ledger.add(ExchangeRate, id=day, from_currency="USD", to_currency="EUR", effective_from=date.fromisoformat(day),
                   rate=Decimal(rate))  # fmt: skip
    for day in ("2026-04-01", "2026-04-02", "2026-04-09", "2026-04-10"):
        ledger.won(day, day, currency="USD")
    ledger.compute()
    assert [ledger.value("revenue", f"2026-04-{day}", "day") for day in ("01", "02", "09", "10")] == [0, 50, 50, 25]


def test_a_negative_cycle_is_left_out_and_counted(ledger: Ledger) -> None:
    ledger.won("same day", "2026-04-01", created_at=at("2026-04-01 23:59"))
    ledger.won("ten days", "2026-04-11", created_at=at("2026-04-01 00:00"))
    ledger.won("backdated", "2026-04-01", created_at=at("2026-04-02 00:00"))
    ledger.compute()
    row = ledger.row("sales_cycle_length", "2026-04-01")
    assert (row["value"], row["n"], row["coverage"]) == (5, 2, {"invalid_n": 1, "standard_error": 5})
    assert ledger.value("sales_cycle_length_median") == 5
    assert ledger.value("sales_cycle_length_p90") == 9


def test_the_owner_at_closing_has_the_deal(ledger: Ledger) -> None:
    ledger.won("a", "2026-04-10", owner_id="bob")
    for instant, owner in (("2026-03-01 09:00", "ann"), ("2026-05-01 00:00", "bob")):
        ledger.add(DealFieldChange, deal_id="a", field="owner_id", changed_at=at(instant), new_value=owner)
    ledger.compute()
    assert ledger.value("revenue", owner="crm:ann") == 100
    assert ledger.value("revenue", team="crm:t") == 100
    assert ledger.row("revenue", "2026-04-01", owner="crm:ann")["member_label"] == "Ann"
    assert ledger.rows("revenue", dims={"owner": "crm:bob"}) == []


def test_a_customer_is_the_company_or_the_person_or_the_deal(ledger: Ledger) -> None:
    ledger.won("a", "2026-04-01", company_id="c")
    ledger.won("b", "2026-04-02", company_id="c", primary_contact_id="x")
    ledger.won("d", "2026-04-03", primary_contact_id="x")
    ledger.won("e", "2026-04-04")
    ledger.compute()
    row = ledger.row("revenue_per_customer", "2026-04-01")
    assert (row["numerator"], row["denominator"], row["value"]) == (400, 3, Decimal("133.333333"))


def test_products_add_up_to_revenue(ledger: Ledger) -> None:
    ledger.add(Product, id="x", name="Chair")
    ledger.won("a", "2026-04-01", amount=Decimal(100))
    ledger.won("bare", "2026-04-01", amount=Decimal(7))
    ledger.add(LineItem, id="1", deal_id="a", product_id="x", net_amount=Decimal(60))
    ledger.add(LineItem, id="2", deal_id="a", net_amount=Decimal(30))
    ledger.add(LineItem, id="gone", deal_id="a", net_amount=Decimal(1), deleted_at=at("2026-04-02 00:00"))
    ledger.compute()
    assert ledger.value("product_revenue", product="crm:x") == 60
    assert ledger.value("product_revenue", product="__none__") == 30
    assert ledger.value("product_revenue", product="__unallocated__") == 17
    assert ledger.value("product_revenue") == ledger.value("revenue") == 107
    assert ledger.value("revenue", product="crm:x") == 100


def test_a_credit_alone_stays_in_slices_without_a_customer(ledger: Ledger) -> None:
    ledger.won("credit", "2026-04-01", amount=Decimal(-30), currency="EUR")
    ledger.won("yen", "2026-04-01", amount=Decimal(-30), currency="JPY")
    ledger.compute()
    for currency, numerator in (("EUR", -30), ("JPY", 0)):
        row = ledger.row("revenue_per_customer", "2026-04-01", currency=currency)
        assert (row["value"], row["numerator"], row["denominator"], row["n"]) == (None, numerator, 0, 0)
        assert row["status"] == "zero_denominator"
    ledger.won("credit", "2026-04-01", amount=Decimal(-30), currency="GBP")
    ledger.compute()
    row = ledger.row("revenue_per_customer", "2026-04-01", currency="EUR")
    assert (row["numerator"], row["denominator"], row["n"]) == (0, 0, 0)


def test_products_count_lines_and_their_total_counts_deals(ledger: Ledger) -> None:
    ledger.won("explained", "2026-04-01", amount=Decimal(10))
    ledger.won("bare", "2026-04-01", amount=Decimal(7))
    ledger.won("in part", "2026-04-01", amount=Decimal(5), currency="JPY")
    ledger.won("priceless", "2026-04-01", amount=None)
    for id, deal, net in (("1", "explained", 6), ("2", "explained", 4), ("3", "in part", 2), ("4", "priceless", None)):
        ledger.add(LineItem, id=id, deal_id=deal, product_id="x", net_amount=None if net is None else Decimal(net))
    ledger.compute()
    assert ledger.row("product_revenue", "2026-04-01", product="crm:x")["n"] == 4
    assert ledger.row("product_revenue", "2026-04-01", product="__unallocated__")["n"] == 1
    assert ledger.row("product_revenue", "2026-04-01")["n"] == ledger.row("revenue", "2026-04-01")["n"] == 4


def test_what_a_deleted_company_or_contact_was_stays_told(ledger: Ledger) -> None:
    gone = {"deleted_at": at("2026-05-01 00:00")}
    ledger.add(Company, id="c", name="Gone", country="DE", region="west", industry="food", employees=20, **gone)
    ledger.add(Contact, id="x", source="web", **gone)
    ledger.won("a", "2026-04-01", company_id="c", primary_contact_id="x")
    ledger.compute()
    told = {"country": "DE", "region": "west", "industry": "food", "size_band": "11-50", "source": "web"}
    for dimension, member in told.items():
        assert ledger.value("revenue", **{dimension: member}) == 100


def test_the_region_comes_from_deal_company_or_map(ledger: Ledger) -> None:
    ledger.set(region_map={"DE": "west"})
    ledger.add(Company, id="mapped", country="DE")
    ledger.add(Company, id="own", country="DE", region="north", employees=51)
    for id, company, region in (("a", "mapped", None), ("b", "own", None), ("c", "own", "south"), ("d", None, None)):
        ledger.won(id, "2026-04-01", company_id=company, region=region)
    ledger.compute()
    regions = {row["member"]: row["value"] for row in ledger.rows("regional_sales", grain="month", dimension="region")}
    assert regions == {"west": 100, "north": 100, "south": 100, "__none__": 100}
    assert ledger.value("revenue", size_band="51-200") == 200


def test_growth_compares_a_running_month_with_as_many_days(ledger: Ledger) -> None:
    ledger.won("march", "2026-03-05", amount=Decimal(50))
    ledger.won("april", "2026-04-05", amount=Decimal(100))
    ledger.won("early may", "2026-05-15", amount=Decimal(100))
    ledger.won("late may", "2026-05-16", amount=Decimal(900))
    ledger.won("june", "2026-06-01", amount=Decimal(150))
    ledger.compute(at("2026-06-15 10:00"))
    assert ledger.value("sales_growth_mom", "2026-03-01") == "zero_denominator"
    assert ledger.value("sales_growth_mom", "2026-04-01") == 1
    assert ledger.value("sales_growth_mom", "2026-05-01") == 9
    row = ledger.row("sales_growth_mom", "2026-06-01")
    assert (row["value"], row["numerator"], row["denominator"], row["n"]) == (Decimal("0.5"), 50, 100, 1)
    assert ledger.value("sales_growth_mom", "2026-06-01", owner="crm:ann") == Decimal("0.5")
    assert {row["grain"] for row in ledger.rows("sales_growth_mom")} == {"month"}


def test_more_credits_than_sales_are_no_base_for_growth(ledger: Ledger) -> None:
    ledger.won("credit", "2026-03-05", amount=Decimal(-50))
    ledger.won("april", "2026-04-05")
    ledger.compute()
    row = ledger.row("sales_growth_mom", "2026-04-01")
    assert (row["value"], row["status"], row["denominator"]) == (None, "negative_base", -50)


def test_a_cohort_is_followed_to_now(ledger: Ledger) -> None:
    for id in ("a", "b", "c"):
        ledger.deal(id)
    ledger.won("late", "2026-05-20")
    ledger.lost("lost", "2026-05-20")
    ledger.won("credit", "2026-05-20", amount=Decimal(-1))
    ledger.compute()
    row = ledger.row("opportunity_conversion_rate", "2026-03-01")
    assert (row["value"], row["n"], row["coverage"]) == (Decimal("0.2"), 5, {"open_share": 0.6})
    assert row["flags"] == ["below_min_sample", "immature"]
    assert ledger.value("new_opportunities_count", "2026-03-01") == 5
    assert ledger.value("new_opportunities_count", "2026-03-01", probability_band="__none__") == 5


def test_a_company_that_bought_before_expands(ledger: Ledger) -> None:
    ledger.won("first", "2026-04-01", company_id="c")
    ledger.won("again", "2026-04-20", company_id="c", created_at=at("2026-04-02 00:00"))
    ledger.compute()
    assert ledger.value("revenue", deal_type="new_business") == 100
    assert ledger.value("revenue", deal_type="expansion") == 100


def test_tombstones_merged_rows_and_excluded_pipelines_never_count(ledger: Ledger) -> None:
    from store.records import Pipeline

    ledger.add(Pipeline, id="tests", name="Tests", include_in_kpis=False)
    ledger.won("gone", "2026-04-01", deleted_at=at("2026-04-02 00:00"))
    ledger.won("merged", "2026-04-01", merged_into_id="x")
    ledger.won("test", "2026-04-01", pipeline_id="tests")
    ledger.won("x", "2026-04-01", pipeline_id="unknown", company_id="c")
    ledger.compute()
    assert ledger.value("won_deals_count") == 1
