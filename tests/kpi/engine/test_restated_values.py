"""Why the value of a period that is over changed."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from kpi.catalogue import METRICS
from kpi.engine import compute
from kpi.lineage import tables_of
from store.records import Activity, DealStageChange, ExchangeRate
from store.snapshots import history
from tests.kpi.engine.ledger import NOW, Ledger, at
from tests.kpi.engine.test_moment_values import visit

KPIS = (
    "active_deals_count",
    "calls_per_rep",
    "deal_stage_cycle_time",
    "revenue",
    "won_deals_count",
)

SINCE = NOW + timedelta(minutes=30)
LATER = NOW + timedelta(hours=1)


def begun(ledger: Ledger) -> Ledger:
    ledger.add(ExchangeRate, id="r", from_currency="USD", to_currency="EUR", effective_from=date(2026, 1, 1),
               rate=Decimal("0.5"))  # fmt: skip
    ledger.won("a", "2026-04-10", amount=Decimal(100))
    ledger.won("b", "2026-04-11", amount=Decimal(50), currency="USD")
    visit(ledger, "a", "new", "2026-03-01 09:00", "2026-04-10 12:00")
    visit(ledger, "a", "won", "2026-04-10 12:00")
    ledger.compute(NOW)
    return ledger


def reason(ledger: Ledger, key: str = "revenue", start: str = "2026-04-01") -> Any:
    compute(ledger.database, ledger.settings, now=LATER)
    return ledger.row(key, start)["change_reason"]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"amount": Decimal(70)}, "edited_record"),
        ({"deleted_at": SINCE}, "deleted_record"),
        ({"deleted_at": SINCE, "merged_into_id": "b"}, "merged_record"),
        ({"stage_id": "new", "is_closed": False, "is_won": False, "closed_at": None}, "edited_record"),
    ],
)
def test_what_was_done_to_a_record_is_told(any_ledger: Ledger, values: dict[str, Any], says: str) -> None:
    begun(any_ledger).won("a", "2026-04-10", last_seen_at=SINCE, **{"amount": Decimal(100), **values})
    assert reason(any_ledger) == says


def test_a_deal_that_came_late(any_ledger: Ledger) -> None:
    begun(any_ledger).won("late", "2026-04-20", first_seen_at=SINCE, last_seen_at=SINCE)
    assert reason(any_ledger) == "late_record"


def test_a_deal_that_was_reopened(any_ledger: Ledger) -> None:
    begun(any_ledger).deal("a", closed_at=None, last_seen_at=SINCE, close_date=date(2026, 4, 10))
    any_ledger.add(DealStageChange, deal_id="a", pipeline_id="p", stage_id="won", entered_at=at("2026-04-10 12:00"),
                   exited_at=SINCE)  # fmt: skip
    any_ledger.add(DealStageChange, deal_id="a", pipeline_id="p", stage_id="new", entered_at=SINCE)
    assert reason(any_ledger) == "reopened_deal"


def test_a_corrected_rate(any_ledger: Ledger) -> None:
    begun(any_ledger).add(ExchangeRate, id="r", from_currency="USD", to_currency="EUR", rate=Decimal("0.6"),
                          effective_from=date(2026, 1, 1), last_seen_at=SINCE)  # fmt: skip
    assert reason(any_ledger) == "fx_rate"


def test_several_reasons_are_all_told_and_only_where_they_have_to_do_with_the_period(ledger: Ledger) -> None:
    begun(ledger).won("a", "2026-04-10", last_seen_at=SINCE, deleted_at=SINCE, created_at=at("2026-04-01 09:00"))
    ledger.won("late", "2026-04-20", first_seen_at=SINCE, last_seen_at=SINCE, created_at=at("2026-04-02 09:00"),
               amount=Decimal(30))  # fmt: skip
    ledger.won("march", "2026-03-20", first_seen_at=SINCE, last_seen_at=SINCE, created_at=at("2026-03-02 09:00"))
    ledger.add(Activity, id="1", type="call", direction="outbound", occurred_at=at("2026-04-05 09:00"), owner_id="ann",
               first_seen_at=SINCE, last_seen_at=SINCE)  # fmt: skip
    assert reason(ledger) == "deleted_record,late_record"
    assert ledger.row("revenue", "2026-03-01")["change_reason"] == "late_record"
    row = ledger.row("revenue", "2026-04-20", "day")
    assert (row["value"], row["change_reason"]) == (30, "late_record")
    with ledger.database.read() as tx:
        assert [one["change_reason"] for one in history(tx, ledger.row("revenue", "2026-04-01")["series"])] == [
            None, "deleted_record,late_record",
        ]  # fmt: skip


def test_a_kpi_knows_the_tables_that_it_is_computed_from() -> None:
    assert {"deals", "exchange_rates", "companies"} <= tables_of(METRICS["revenue"])
    assert "activities" not in tables_of(METRICS["revenue"])
    assert {"activities", "users"} <= tables_of(METRICS["calls_per_rep"])
    assert "deal_stage_changes" in tables_of(METRICS["active_deals_count"])
    assert all(tables_of(metric) for metric in METRICS.values())
