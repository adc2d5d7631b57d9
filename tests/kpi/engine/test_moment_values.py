"""What is open at a moment, from the histories; now, from the present state."""

from datetime import date
from decimal import Decimal

from store.records import DealFieldChange, DealStageChange, ExchangeRate
from tests.kpi.engine.ledger import NOW, Ledger, at

KPIS = (
    "active_deals_count",
    "average_deal_size_open",
    "deal_stage_cycle_time_open_visits",
    "new_opportunities_count",
    "open_pipeline_value",
)


def visit(ledger: Ledger, deal: str, stage: str, entered: str, exited: str | None = None) -> None:
    ledger.add(DealStageChange, deal_id=deal, pipeline_id="p", stage_id=stage, entered_at=at(entered),
               exited_at=at(exited) if exited else None)  # fmt: skip


def change(ledger: Ledger, deal: str, field: str, when: str, value: str | None) -> None:
    ledger.add(DealFieldChange, deal_id=deal, field=field, changed_at=at(when), new_value=value)


def test_a_reopened_deal_was_closed_in_between(any_ledger: Ledger) -> None:
    any_ledger.deal("a", stage_id="offer")
    visit(any_ledger, "a", "new", "2026-03-10 09:00", "2026-04-05 09:00")
    visit(any_ledger, "a", "lost", "2026-04-05 09:00", "2026-05-20 09:00")
    visit(any_ledger, "a", "offer", "2026-05-20 09:00")
    any_ledger.compute()
    days = ("2026-03-09", "2026-03-10", "2026-04-04", "2026-04-05", "2026-05-19", "2026-05-20", "2026-06-15")
    counts = [any_ledger.rows("active_deals_count", grain="day", period_start=at(day).date()) for day in days]
    assert [rows[0]["value"] if rows else None for rows in counts] == [0, 1, 1, 0, 0, 1, 1]
    assert any_ledger.value("active_deals_count", "2026-03-01") == 1
    assert any_ledger.value("active_deals_count", "2026-04-01") == 0
    assert any_ledger.value("open_pipeline_value", "2026-03-01", stage="crm:p/new") == 100
    assert any_ledger.value("open_pipeline_value", "2026-05-01", stage="crm:p/offer") == 100
    row = any_ledger.row("open_pipeline_value", "2026-05-01", stage="crm:p/offer")
    assert row["member_label"] == "Sales / offer"


def test_amount_and_owner_at_the_moment_come_from_their_histories(ledger: Ledger) -> None:
    ledger.deal("a", amount=Decimal(300), owner_id="bob")
    change(ledger, "a", "amount", "2026-03-01 09:00", "100")
    change(ledger, "a", "amount", "2026-04-30 23:59", "200.5")
    change(ledger, "a", "owner_id", "2026-03-01 09:00", "ann")
    change(ledger, "a", "owner_id", "2026-05-01 00:00", "bob")
    ledger.compute()
    assert ledger.value("open_pipeline_value", "2026-03-01") == 100
    assert ledger.value("open_pipeline_value", "2026-04-29", "day") == 100
    assert ledger.value("open_pipeline_value", "2026-04-01", owner="crm:ann") == Decimal("200.5")
    assert ledger.value("open_pipeline_value", "2026-05-01", owner="crm:bob") == Decimal("200.5")
    assert ledger.value("open_pipeline_value", "2026-06-01", owner="crm:bob") == 300


def test_a_deal_without_visits_is_open_from_creation_to_its_close_day(ledger: Ledger) -> None:
    ledger.won("a", "2026-04-10")
    ledger.deal("open")
    ledger.deal("credit", amount=Decimal(-5))
    ledger.compute()
    assert ledger.value("active_deals_count", "2026-03-01") == 2
    assert ledger.value("active_deals_count", "2026-04-09", "day") == 2
    assert ledger.value("active_deals_count", "2026-04-10", "day") == 1
    assert ledger.value("active_deals_count", "2026-04-01") == 1
    assert ledger.value("active_deals_count", "2026-06-01") == 1


def test_an_open_deal_converts_at_each_moments_rate_whatever_its_close_date_says(ledger: Ledger) -> None:
    ledger.deal("a", currency="USD", is_closed=True, close_date=date(2026, 4, 10))
    visit(ledger, "a", "new", "2026-03-01 09:00")
    for day, rate in (("2026-03-01", "0.5"), ("2026-05-10", "0.25")):
        ledger.add(ExchangeRate, id=day, from_currency="USD", to_currency="EUR", effective_from=date.fromisoformat(day),
                   rate=Decimal(rate))  # fmt: skip
    ledger.compute()
    months = ("2026-03-01", "2026-04-01", "2026-05-01")
    assert [ledger.value("open_pipeline_value", month) for month in months] == [50, 50, 25]


def test_an_open_deal_without_an_amount_is_flagged_now_and_at_past_moments(any_ledger: Ledger) -> None:
    any_ledger.deal("priced")
    any_ledger.deal("unpriced", amount=None, owner_id="bob", created_at=at("2026-04-10 09:00"))
    any_ledger.compute()
    found = [any_ledger.row("open_pipeline_value", month) for month in ("2026-03-01", "2026-04-01", "2026-06-01")]
    assert [(row["value"], row["flags"]) for row in found] == [
        (100, None), (100, ["amount_missing"]), (100, ["amount_missing"]),
    ]  # fmt: skip
    for month in ("2026-04-01", "2026-06-01"):
        row = any_ledger.row("open_pipeline_value", month, owner="crm:bob")
        assert (row["value"], row["n"], row["status"], row["flags"]) == (0, 1, "ok", ["amount_missing"])
        assert any_ledger.row("open_pipeline_value", month, owner="crm:ann")["flags"] is None
    assert any_ledger.row("active_deals_count", "2026-04-01")["flags"] is None


def test_bands_and_buckets_are_against_the_moment(ledger: Ledger) -> None:
    ledger.deal("a", close_date=at("2026-07-10 00:00").date())
    change(ledger, "a", "close_date", "2026-03-01 09:00", "2026-03-20")
    change(ledger, "a", "close_date", "2026-04-15 09:00", "2026-07-10")
    ledger.compute()
    assert ledger.value("active_deals_count", "2026-03-01", close_date_bucket="past due") == 1
    assert ledger.value("active_deals_count", "2026-04-01", close_date_bucket="later") == 1
    assert ledger.value("active_deals_count", "2026-06-01", close_date_bucket="next month") == 1
    assert ledger.value("active_deals_count", "2026-03-01", age_band="0 - 30") == 1
    assert ledger.value("active_deals_count", "2026-04-01", age_band="31 - 90") == 1
    assert ledger.value("active_deals_count", "2026-06-01", age_band="91 - 180") == 1


def test_the_day_is_the_reporting_zones(sqlite: object) -> None:
    ledger = Ledger(sqlite, time_zone="Asia/Tehran")  # type: ignore[arg-type]  # the fixture is a Database
    ledger.deal("a", created_at=at("2026-03-31 20:29"))
    ledger.deal("b", created_at=at("2026-03-31 20:30"))
    ledger.compute(NOW)
    assert ledger.value("new_opportunities_count", "2026-03-01") == 1
    assert ledger.value("new_opportunities_count", "2026-04-01") == 1


def test_open_visits_age_until_the_moment(ledger: Ledger) -> None:
    ledger.set(include=("deal_stage_cycle_time_open_visits", "average_deal_size_open"))
    ledger.deal("a", amount=Decimal(30))
    ledger.deal("b", amount=Decimal(50))
    ledger.deal("c", amount=None)
    for deal, entered, left in (("a", "2026-04-21 00:00", None), ("b", "2026-04-11 00:00", "2026-05-02 00:00")):
        ledger.add(DealStageChange, deal_id=deal, entered_at=at(entered), pipeline_id="p", stage_id="new",
                   exited_at=left and at(left))  # fmt: skip
    ledger.add(DealStageChange, deal_id="b", entered_at=at("2026-05-02 00:00"), pipeline_id="p", stage_id="lost")
    ledger.compute()
    row = ledger.row("deal_stage_cycle_time_open_visits", "2026-04-01")
    assert (row["value"], row["n"]) == (15, 2)
    assert ledger.value("deal_stage_cycle_time_open_visits", "2026-05-01") == 41
    row = ledger.row("average_deal_size_open", "2026-04-01")
    assert (row["value"], row["n"], row["coverage"]["amount"]) == (40, 2, round(2 / 3, 10))


def test_a_visit_that_begins_in_the_last_instant_of_a_month_runs_at_its_end(ledger: Ledger) -> None:
    ledger.set(include=("deal_stage_cycle_time_open_visits",))
    ledger.deal("a")
    visit(ledger, "a", "new", "2026-04-30 23:59:59.999999")
    ledger.compute()
    row = ledger.row("deal_stage_cycle_time_open_visits", "2026-04-01")
    assert (row["value"], row["n"]) == (0, 1)
