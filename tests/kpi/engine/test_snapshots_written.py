"""A snapshot is written only where something changed, keeps what was believed, and leaves no slice stale."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import StatementError

from kpi.catalogue import METRICS
from kpi.engine import compute, evaluate
from kpi.explain import explain
from kpi.metric import Growth, Ratio
from kpi.periods import Grain
from kpi.settings import KpiSettings
from store.database import Database
from store.snapshots import DEFINITIONS, RUNS, VALUES, history, last_run, latest
from tests.kpi.engine.ledger import NOW, Ledger, at

KPIS = (
    "active_deals_count",
    "average_deal_size",
    "calls_per_opportunity",
    "calls_per_rep",
    "open_pipeline_value",
    "revenue",
    "revenue_per_rep",
    "sales_cycle_length",
    "win_rate",
    "won_deals_count",
)


def sold(ledger: Ledger) -> Ledger:
    """Two won deals in April, an open one."""
    ledger.won("a", "2026-04-10", amount=Decimal(100))
    ledger.won("b", "2026-04-11", amount=Decimal(50), owner_id="bob")
    ledger.deal("c")
    return ledger


def written(ledger: Ledger, run_id: int) -> list[Any]:
    with ledger.database.read() as tx:
        return list(tx.execute(select(VALUES).where(VALUES.c.run_id == run_id)).mappings())


def test_a_second_computation_with_nothing_changed_writes_only_its_run(any_ledger: Ledger) -> None:
    any_ledger.set(include=None)
    first = sold(any_ledger).compute()
    second = any_ledger.compute(NOW + timedelta(hours=13))
    assert (first.checked, second.checked) == (first.written, first.written)
    assert second.written == 0
    with any_ledger.database.read() as tx:
        run = last_run(tx)
        assert run is not None
        assert (run["id"], run["status"], run["values_written"]) == (second.run_id, "complete", 0)
        assert run["values_checked"] == first.checked
        assert len(tx.execute(select(DEFINITIONS)).all()) == len(METRICS)


def test_an_edit_writes_what_it_touches_and_names_what_was_there(any_ledger: Ledger) -> None:
    sold(any_ledger).compute()
    before = any_ledger.row("revenue", "2026-04-01")
    any_ledger.won("a", "2026-04-10", amount=Decimal(70))
    done = any_ledger.compute()
    after = any_ledger.row("revenue", "2026-04-01")
    assert (after["value"], after["previous_id"], after["change_reason"]) == (120, before["id"], "edited_record")
    touched = {row["kpi_key"] for row in written(any_ledger, done.run_id)}
    assert "revenue" in touched
    assert not touched & {"win_rate", "won_deals_count", "sales_cycle_length", "active_deals_count"}
    with any_ledger.database.read() as tx:
        assert [row["value"] for row in history(tx, after["series"])] == [150, 120]


def test_what_was_believed_stays_readable(any_ledger: Ledger) -> None:
    sold(any_ledger).compute(NOW)
    any_ledger.won("a", "2026-04-10", amount=Decimal(70))
    any_ledger.compute(NOW + timedelta(hours=2))
    april = at("2026-04-01").date()
    where: dict[str, Any] = {"kpi_key": "revenue", "grain": "month", "dimension": "", "period_start": april}
    with any_ledger.database.read() as tx:
        assert [row["value"] for row in latest(tx, as_of=NOW + timedelta(hours=1), **where)] == [150]
        assert [row["value"] for row in latest(tx, as_of=NOW + timedelta(hours=2), **where)] == [120]
        assert latest(tx, as_of=NOW - timedelta(hours=1), **where) == []


def test_a_slice_without_rows_is_not_left_stale(any_ledger: Ledger) -> None:
    sold(any_ledger).compute()
    any_ledger.won("b", "2026-04-11", amount=Decimal(50), owner_id="ann")
    any_ledger.compute()
    assert any_ledger.value("revenue", owner="crm:bob") == 0
    assert any_ledger.value("win_rate", owner="crm:bob") == "zero_denominator"
    row = any_ledger.row("revenue", "2026-04-01", owner="crm:bob")
    assert (row["n"], row["change_reason"], row["member_label"]) == (0, "edited_record", "Bob")
    assert any_ledger.compute().written == 0


def test_a_run_that_is_not_complete_is_not_read(ledger: Ledger) -> None:
    done = sold(ledger).compute()
    with ledger.database.write() as tx:
        tx.execute(RUNS.update().values(status="incomplete"))
        assert latest(tx) == []
    assert ledger.compute().written == done.written


def test_a_new_day_moves_what_runs_and_leaves_the_rest(ledger: Ledger) -> None:
    sold(ledger).compute(at("2026-06-15 10:00"))
    done = ledger.compute(at("2026-06-16 10:00"))
    rows = written(ledger, done.run_id)
    assert {(str(row["period_start"]), row["grain"]) for row in rows} <= {
        ("2026-06-15", "day"), ("2026-06-16", "day"),
        ("2026-03-17", "day"), ("2026-03-18", "day"), ("2026-03-16", "week"), ("2026-03-09", "week"),
        ("2026-06-01", "month"),
    }  # fmt: skip
    assert all(row["change_reason"] is None for row in rows)
    over = ledger.row("revenue", "2026-06-15", "day")
    assert (over["is_partial"], over["is_final"], over["elapsed_fraction"]) == (False, False, 1)


def test_periods_are_final_once_late_data_can_no_longer_come(ledger: Ledger) -> None:
    sold(ledger).compute(at("2026-07-29 10:00"))
    assert not ledger.row("revenue", "2026-04-01")["is_final"]
    ledger.compute(at("2026-07-30 10:00"))
    row = ledger.row("revenue", "2026-04-01")
    assert (row["is_final"], row["change_reason"]) == (True, None)


def test_elapsed_time_is_told_but_writes_nothing_by_itself(ledger: Ledger) -> None:
    sold(ledger).compute(at("2026-06-15 10:00"))
    assert ledger.row("revenue", "2026-06-01")["elapsed_fraction"] == Decimal("0.5")
    ledger.compute(at("2026-06-18 10:00"))
    row = ledger.row("revenue", "2026-06-01")
    assert (row["is_partial"], row["elapsed_fraction"]) == (True, Decimal("0.5"))


def test_another_zone_makes_another_series(ledger: Ledger) -> None:
    sold(ledger).compute()
    before = ledger.row("revenue", "2026-04-01")
    ledger.set(time_zone="Asia/Tehran")
    ledger.compute()
    after = ledger.row("revenue", "2026-04-01")
    assert after["series"] != before["series"]
    assert after["previous_id"] is None


def test_another_map_restates_the_series(ledger: Ledger) -> None:
    ledger.lost("d", "2026-04-12", lost_reason="duplicate")
    sold(ledger).compute()
    ledger.set(lost_reason_exclusions=())
    ledger.compute()
    row = ledger.row("win_rate", "2026-04-01")
    assert (row["value"], row["change_reason"]) == (Decimal("0.6666666667"), "mapping_change")


def test_what_is_switched_off_is_neither_computed_nor_emptied(ledger: Ledger) -> None:
    sold(ledger).compute()
    ledger.set(exclude=("win_rate",), dimensions_off=("owner",))
    assert ledger.compute().written == 0
    assert ledger.value("win_rate") == 1
    assert ledger.value("revenue", owner="crm:bob") == 50


def test_crossed_dimensions_are_kept_where_configured(any_ledger: Ledger) -> None:
    any_ledger.set(crossed=(("stage", "owner"),), include=("revenue", "active_deals_count"))
    sold(any_ledger).compute()
    row = any_ledger.row("revenue", "2026-04-01", owner="crm:bob", stage="crm:p/won")
    assert (row["value"], row["dimension"], row["member"]) == (50, "owner,stage", "crm:bob,crm:p/won")
    assert row["member_label"] == "Bob, Sales / won"
    assert any_ledger.value("active_deals_count", owner="crm:ann", stage="crm:p/new") == 1


def test_a_fiscal_calendar_stands_beside_the_gregorian(ledger: Ledger) -> None:
    sold(ledger)
    ledger.set(fiscal_year_start=4, calendars=("gregorian", "fiscal"))
    ledger.compute()
    assert ledger.row("revenue", "2026-04-01", "year", "fiscal")["value"] == 150
    assert ledger.row("revenue", "2026-04-01", "quarter", "fiscal", owner="crm:bob")["value"] == 50
    assert ledger.row("revenue", "2026-04-01", "month", "fiscal")["value"] == 150
    assert ledger.row("active_deals_count", "2025-04-01", "year", "fiscal")["value"] == 3


def test_the_close_date_policy_may_follow_the_closing(ledger: Ledger) -> None:
    ledger.won("a", "2026-04-30", closed_at=at("2026-05-01 08:00"))
    ledger.set(close_date_policy="closed_at")
    ledger.compute()
    assert ledger.value("revenue", "2026-05-01") == 100


def test_a_failed_write_leaves_nothing(ledger: Ledger) -> None:
    sold(ledger)
    with pytest.raises(StatementError, match="a time without a zone"):
        compute(ledger.database, ledger.settings, now=NOW, as_of=NOW.replace(tzinfo=None))
    with ledger.database.read() as tx:
        assert last_run(tx) is None


def test_one_kpi_on_demand_by_what_is_never_stored(any_ledger: Ledger) -> None:
    sold(any_ledger)
    any_ledger.won("d", "2026-04-10", company_id="c", amount=Decimal(5))
    rows = evaluate(any_ledger.database, any_ledger.settings, "revenue", by=("company", "owner", "stage"), now=NOW)
    found = {row["member"]: row["value"] for row in rows if str(row["period_start"]) == "2026-04-01"}
    assert found == {
        "__none__,crm:ann,crm:p/won": 100, "__none__,crm:bob,crm:p/won": 50, "crm:c,crm:ann,crm:p/won": 5,
    }  # fmt: skip
    assert rows[-1]["dims"].startswith('{"company":"')
    fiscal = KpiSettings(fiscal_year_start=4)
    rows = evaluate(any_ledger.database, fiscal, "revenue", by=("owner",), calendar="fiscal", now=NOW)
    assert [(row["calendar"], row["member"], row["value"]) for row in rows] == [
        ("fiscal", "crm:ann", 105), ("fiscal", "crm:bob", 50),
    ]  # fmt: skip
    totals = evaluate(any_ledger.database, any_ledger.settings, "win_rate", grain=Grain.DAY, now=NOW)
    assert [row["value"] for row in totals if row["value"] is not None] == [1, 1]
    with any_ledger.database.read() as tx:
        assert last_run(tx) is None


def test_on_demand_says_which_slices_there_are(sqlite: Database) -> None:
    with pytest.raises(ValueError, match="win_rate has no dimension colour; it has owner"):
        evaluate(sqlite, KpiSettings(), "win_rate", by=("colour",), now=NOW)
    with pytest.raises(ValueError, match="not for each day"):
        evaluate(sqlite, KpiSettings(), "win_rate", by=("owner",), grain=Grain.DAY, now=NOW)


@pytest.mark.parametrize("key", ["revenue", "open_pipeline_value", "average_deal_size", "revenue_per_rep"])
def test_money_over_deals_explains_what_a_missing_amount_does(key: str) -> None:
    assert "amount_missing" in explain(METRICS[key])


def test_ratios_are_shares_or_growth_and_means_of_counts_are_counts() -> None:
    assert {
        key for key, metric in METRICS.items() if isinstance(metric, Ratio | Growth) and metric.card.unit != "ratio"
    } == set()
    assert {METRICS[key].card.unit for key in ("calls_per_rep", "calls_per_opportunity")} == {"count"}


@pytest.mark.parametrize("key", sorted(METRICS))
def test_every_kpi_explains_itself_in_four_languages(key: str) -> None:
    metric = METRICS[key]
    for language in ("en", "fa", "tr", "ru"):
        text = explain(metric, language)
        assert metric.card.formula in text
        assert getattr(metric.card.names, language) in text.splitlines()[0]
    assert all(f"  {name} " in text for name in metric.dimensions if name != "company")
