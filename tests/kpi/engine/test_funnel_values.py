"""What the funnel says about a handful of deals and leads, worked out by hand."""

from decimal import Decimal
from typing import Any

import pytest

from kpi.engine import evaluate
from kpi.settings import KpiSettings
from store.records import DealStageChange, LeadStageChange, Pipeline, Stage
from tests.kpi.engine.ledger import NOW, Ledger, at
from tests.kpi.engine.test_lead_values import lead, only
from tests.kpi.engine.test_moment_values import change, visit

KEYS = ("stage_conversion_rate", "stage_drop_off_rate")


def funnel(ledger: Ledger) -> None:
    """Of five that came to `new`: one went on, one skipped to won, one was lost, one is still there, one moved away."""
    ledger.add(Pipeline, id="q", name="Other")
    ledger.add(Stage, pipeline_id="q", id="first", name="First", sort_order=0, is_closed=False)
    ledger.deal("on", stage_id="offer")
    visit(ledger, "on", "new", "2026-03-02 09:00", "2026-03-05 09:00")
    visit(ledger, "on", "offer", "2026-03-05 09:00")
    ledger.won("won", "2026-04-20")
    visit(ledger, "won", "new", "2026-03-02 09:00", "2026-04-20 09:00")
    visit(ledger, "won", "won", "2026-04-20 09:00")
    ledger.lost("lost", "2026-04-20", lost_reason="Price")
    visit(ledger, "lost", "new", "2026-03-03 09:00", "2026-04-20 09:00")
    visit(ledger, "lost", "lost", "2026-04-20 09:00")
    ledger.deal("reopened", stage_id="new", source="web")
    visit(ledger, "reopened", "new", "2026-03-03 09:00", "2026-03-09 09:00")
    visit(ledger, "reopened", "lost", "2026-03-09 09:00", "2026-04-09 09:00")
    visit(ledger, "reopened", "new", "2026-04-09 09:00")
    ledger.deal("moved", pipeline_id="q", stage_id="first")
    for pipeline, stage, entered, exited in (
        ("p", "new", "2026-03-03", "2026-03-09"),
        ("q", "first", "2026-03-09", None),
    ):
        ledger.add(
            DealStageChange, deal_id="moved", pipeline_id=pipeline, stage_id=stage, entered_at=at(f"{entered} 09:00"),
            exited_at=at(f"{exited} 09:00") if exited else None,
        )  # fmt: skip
    ledger.lost("never seen", "2026-04-20")


def test_conversion_loss_stay_and_move_add_up(any_ledger: Ledger) -> None:
    funnel(any_ledger)
    only(any_ledger, *KEYS).compute()
    row = any_ledger.row("stage_conversion_rate", "2026-03-01", stage="crm:p/new")
    assert (row["value"], row["numerator"], row["denominator"]) == (Decimal("0.4"), 2, 5)
    assert row["coverage"] == {"dropped": 0.2, "staying": 0.2, "moved": 0.2}
    row = any_ledger.row("stage_drop_off_rate", "2026-03-01", stage="crm:p/new")
    assert (row["value"], row["numerator"], row["ci_low"] is not None) == (Decimal("0.2"), 1, True)
    assert any_ledger.rows("stage_drop_off_rate", dims={}) == []
    assert any_ledger.value("stage_conversion_rate", "2026-03-01", stage="crm:q/first") == 0


def test_strict_counts_only_those_who_went_through_every_stage(any_ledger: Ledger) -> None:
    funnel(any_ledger)
    any_ledger.won("whole", "2026-04-20")
    visit(any_ledger, "whole", "new", "2026-03-02 09:00", "2026-03-05 09:00")
    visit(any_ledger, "whole", "offer", "2026-03-05 09:00", "2026-04-20 09:00")
    visit(any_ledger, "whole", "won", "2026-04-20 09:00")
    any_ledger.deal("backwards", stage_id="new")
    visit(any_ledger, "backwards", "offer", "2026-03-02 09:00", "2026-03-05 09:00")
    visit(any_ledger, "backwards", "new", "2026-03-05 09:00")
    only(any_ledger, *KEYS, funnel_mode="strict").compute()
    row = any_ledger.row("stage_conversion_rate", "2026-03-01", stage="crm:p/new")
    assert (row["numerator"], row["denominator"]) == (2, 7)  # `on` and `whole`; who skips to won has not gone on
    row = any_ledger.row("stage_conversion_rate", "2026-03-01", stage="crm:p/offer")
    assert (row["numerator"], row["denominator"]) == (1, 2)
    strict = row["series"]
    only(any_ledger, *KEYS).compute()
    row = any_ledger.row("stage_conversion_rate", "2026-03-01", stage="crm:p/offer")
    assert (row["denominator"], row["series"] != strict) == (3, True)


def test_leads_have_a_funnel_of_their_own(ledger: Ledger) -> None:
    ledger.add(Pipeline, id="l", name="Leads", object="leads")
    for order, (id, closed, won) in enumerate(
        (("fresh", False, False), ("talking", False, False), ("good", True, True))
    ):
        ledger.add(Stage, pipeline_id="l", id=id, name=id, sort_order=order, is_closed=closed, is_won=won)
    ledger.deal("d")
    visit(ledger, "d", "new", "2026-03-02 09:00")
    fates: dict[str, Any] = {"a": {}, "b": {"disqualified_at": at("2026-04-12 09:00")}, "c": {}}
    for id, fate in fates.items():
        lead(ledger, id, "2026-04-10", **fate)
        ledger.add(LeadStageChange, lead_id=id, changed_at=at("2026-04-10 12:00"), to_stage="fresh")
    ledger.add(LeadStageChange, lead_id="a", changed_at=at("2026-04-11 12:00"), to_stage="good")
    only(ledger, *KEYS).compute()
    row = ledger.row("stage_conversion_rate", "2026-04-01", stage="crm:l/fresh")
    assert (row["numerator"], row["denominator"]) == (1, 3)
    assert ledger.row("stage_drop_off_rate", "2026-04-01", stage="crm:l/fresh")["numerator"] == 1
    assert ledger.value("stage_conversion_rate", stage="crm:l/talking") == 1


def test_a_stage_is_sliced_further_on_demand_and_where_crossed(any_ledger: Ledger) -> None:
    funnel(any_ledger)
    change(any_ledger, "reopened", "owner_id", "2026-03-01 00:00", "bob")
    change(any_ledger, "reopened", "owner_id", "2026-03-10 00:00", "ann")
    only(any_ledger, *KEYS, crossed=(("owner", "stage"),)).compute()
    row = any_ledger.row("stage_conversion_rate", "2026-03-01", owner="crm:bob", stage="crm:p/new")
    assert (row["value"], row["denominator"]) == (0, 1)
    rows = evaluate(any_ledger.database, KpiSettings(), "stage_drop_off_rate", by=("stage", "lost_reason"), now=NOW)
    found = {row["member"]: (row["numerator"], row["denominator"]) for row in rows if row["period_start"].month == 3}
    assert found["Price,crm:p/new"] == (1, 5)  # of all that came to the stage, not of those lost for this reason
    assert found["__none__,crm:p/new"] == (0, 5)
    march = [row for row in rows if row["period_start"].month == 3 and row["member"] == "Price,crm:p/new"]
    assert [(row["value"], row["n"], row["coverage"]) for row in march] == [(Decimal("0.2"), 5, None)]
    with pytest.raises(ValueError, match="stage_drop_off_rate means something only by stage: ask by that too"):
        evaluate(any_ledger.database, KpiSettings(), "stage_drop_off_rate", by=("lost_reason",), now=NOW)
