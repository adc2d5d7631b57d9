"""What KPIs over leads say about a handful of them, worked out by hand."""

from decimal import Decimal
from typing import Any

import pytest

from kpi.settings import KpiSettings
from store.records import Activity, ActivityLink, Campaign, Company, Contact, DealContact, Lead
from tests.kpi.engine.ledger import Ledger, at


def lead(ledger: Ledger, id: str, day: str, **values: Any) -> None:
    """A lead of Ann's, created at noon."""
    ledger.add(Lead, id=id, **{"owner_id": "ann", "created_at": at(f"{day} 12:00"), **values})


def touch(ledger: Ledger, id: str, when: str, entity: str, target: str, **values: Any) -> None:
    """An outbound call about something."""
    common = {"type": "call", "direction": "outbound", "outcome": "connected", "owner_id": "ann"}
    ledger.add(Activity, id=id, **{**common, "occurred_at": at(when), **values})
    ledger.add(ActivityLink, activity_id=id, entity=entity, entity_id=target)


def only(ledger: Ledger, *keys: str, **settings: Any) -> Ledger:
    ledger.settings = KpiSettings(calendars=("gregorian",), include=keys, **settings)
    return ledger


def test_merged_leads_count_once_at_the_earliest_creation(any_ledger: Ledger) -> None:
    lead(any_ledger, "kept", "2026-04-10")
    lead(any_ledger, "away", "2026-03-31", merged_into_id="kept", deleted_at=at("2026-04-11 00:00"))
    lead(any_ledger, "first", "2026-03-02", merged_into_id="away", deleted_at=at("2026-04-11 00:00"))
    lead(any_ledger, "gone", "2026-04-10", deleted_at=at("2026-04-11 00:00"))
    lead(any_ledger, "other", "2026-04-10", owner_id=None)
    only(any_ledger, "leads_created").compute()
    assert any_ledger.value("leads_created", "2026-03-01") == 1
    assert any_ledger.value("leads_created", "2026-03-02", "day") == 1
    assert any_ledger.value("leads_created") == 1
    assert any_ledger.value("leads_created", owner="__none__") == 1


def test_leads_have_the_dimensions_of_their_company_contact_and_campaign(ledger: Ledger) -> None:
    ledger.add(Company, id="c", country="TR", industry="Steel", employees=12)
    ledger.add(Contact, id="x", company_id="c", source="web", country="DE")
    ledger.add(Contact, id="y", country="DE")
    ledger.add(Campaign, id="k", name="Fair", channel="events")
    lead(ledger, "1", "2026-04-10", contact_id="x", campaign_id="k", status="working", stage_id="s")
    lead(ledger, "2", "2026-04-10", contact_id="y", source="fair")
    only(ledger, "leads_created", region_map={"TR": "Anatolia"}, source_map={"web": "marketing"}).compute()
    for dims in (
        {"country": "TR"}, {"country": "DE"}, {"region": "Anatolia"}, {"industry": "Steel"}, {"size_band": "11-50"},
        {"source": "web"}, {"source_category": "marketing"}, {"source_category": "unknown"}, {"source": "fair"},
        {"channel": "events"}, {"campaign": "crm:k"}, {"lead_status": "working"}, {"lead_stage": "crm:s"},
    ):  # fmt: skip
        assert ledger.value("leads_created", **dims) == 1, dims
    assert ledger.value("leads_created", team="crm:t") == 2


def test_a_source_has_its_share_of_all_leads_and_an_unknown_one_is_shown(ledger: Ledger) -> None:
    for number, source in enumerate(("web", "web", "fair", None)):
        lead(ledger, str(number), "2026-04-10", source=source)
    only(ledger, "leads_by_source").compute()
    row = ledger.row("leads_by_source", "2026-04-01", source="web")
    assert (row["value"], row["numerator"], row["denominator"], row["n"]) == (Decimal("0.5"), 2, 4, 4)
    assert row["ci_low"] is not None
    assert ledger.value("leads_by_source", source="unknown") == Decimal("0.25")
    assert ledger.value("leads_by_source", owner="crm:ann") == 1
    assert ledger.rows("leads_by_source", dims={}) == []


def test_a_lead_is_qualified_once_and_a_higher_level_implies_mql(any_ledger: Ledger) -> None:
    lead(any_ledger, "1", "2026-03-10", qualified_at=at("2026-04-02 10:00"), qualified_level="SQL")
    lead(any_ledger, "2", "2026-04-10", qualified_at=at("2026-04-12 10:00"), qualified_level="MQL")
    lead(any_ledger, "3", "2026-04-10", qualified_at=at("2026-04-12 10:00"))
    lead(any_ledger, "4", "2026-04-10", disqualified_at=at("2026-04-12 10:00"))
    only(any_ledger, "qualified_leads_count", "lead_qualification_rate").compute(at("2026-07-09 10:00"))
    assert any_ledger.value("qualified_leads_count") == 3
    assert any_ledger.value("qualified_leads_count", level="SQL") == 1
    assert any_ledger.value("qualified_leads_count", level="MQL") == 2
    assert any_ledger.value("qualified_leads_count", level="__none__") == 1
    row = any_ledger.row("lead_qualification_rate", "2026-04-01")
    assert (row["numerator"], row["denominator"], row["coverage"]) == (2, 3, {"being_worked": 0})
    assert row["flags"] == ["below_min_sample"]
    assert any_ledger.row("lead_qualification_rate", "2026-03-01")["value"] == 1
    assert any_ledger.value("lead_qualification_rate", "2026-05-01") == "zero_denominator"


def test_a_cohort_is_immature_while_its_youngest_lead_is(ledger: Ledger) -> None:
    lead(ledger, "1", "2026-04-10")
    only(ledger, "lead_qualification_rate").compute(at("2026-07-08 10:00"))
    assert ledger.row("lead_qualification_rate", "2026-04-01")["flags"] == ["below_min_sample", "immature"]


def test_a_lead_converts_by_its_deal_or_by_one_of_its_contact_soon_after(any_ledger: Ledger) -> None:
    any_ledger.add(Contact, id="x", company_id="c")
    any_ledger.won("linked", "2026-04-20", created_at=at("2026-04-11 09:00"))
    any_ledger.won("credit", "2026-04-20", amount=Decimal(-5))
    any_ledger.won("later", "2026-05-20", created_at=at("2026-04-20 09:00"))
    any_ledger.add(DealContact, deal_id="later", contact_id="x")
    any_ledger.won("too late", "2026-05-12", created_at=at("2026-04-20 09:00"), company_id="d")
    any_ledger.deal("open", created_at=at("2026-04-20 09:00"))
    lead(any_ledger, "deal", "2026-04-10", converted_deal_id="linked")
    lead(any_ledger, "refunded", "2026-04-10", converted_deal_id="credit")
    lead(any_ledger, "person", "2026-04-25", contact_id="x")
    lead(any_ledger, "earlier person", "2026-04-20", contact_id="x", owner_id="bob")
    lead(any_ledger, "company", "2026-04-11", company_id="d")
    lead(any_ledger, "working", "2026-04-10", converted_deal_id="open")
    lead(any_ledger, "bad", "2026-04-10", disqualified_at=at("2026-04-12 10:00"))
    only(any_ledger, "lead_conversion_rate").compute(at("2026-06-15 10:00"))
    row = any_ledger.row("lead_conversion_rate", "2026-04-01")
    assert (row["numerator"], row["denominator"]) == (2, 7)
    assert row["coverage"]["matched_n"] == 1
    assert row["coverage"]["undecided"] == pytest.approx(3 / 7)  # person, company, working; the credit's deal is closed
    assert row["flags"] == ["below_min_sample"]
    assert any_ledger.value("lead_conversion_rate", owner="crm:bob") == 1
    only(any_ledger, "lead_conversion_rate").compute(at("2026-05-24 10:00"))
    assert "immature" in any_ledger.row("lead_conversion_rate", "2026-04-01")["flags"]


def test_wins_of_the_month_over_leads_of_the_month_may_exceed_one(ledger: Ledger) -> None:
    ledger.won("a", "2026-04-10", deal_type="new_business", source="web")
    ledger.won("b", "2026-04-11", deal_type="new_business", source="fair")
    ledger.won("c", "2026-04-11", deal_type="expansion")
    ledger.won("d", "2026-04-11", amount=Decimal(-1), deal_type="new_business")
    lead(ledger, "1", "2026-04-10", source="web")
    only(ledger, "lead_to_close_ratio").compute()
    row = ledger.row("lead_to_close_ratio", "2026-04-01")
    assert (row["value"], row["n"], row["ci_low"]) == (2, 1, None)
    assert ledger.value("lead_to_close_ratio", source="web") == 1
    row = ledger.row("lead_to_close_ratio", "2026-04-01", source="fair")
    assert (row["status"], row["numerator"]) == ("zero_denominator", 1)


def test_the_highest_level_in_use_is_the_cohort_of_qualified_leads(ledger: Ledger) -> None:
    ledger.won("a", "2026-05-10")
    qualified = {"qualified_at": at("2026-04-12 10:00")}
    lead(ledger, "1", "2026-03-10", qualified_level="SAL", converted_deal_id="a", **qualified)
    lead(ledger, "2", "2026-03-10", qualified_level="sal", **qualified)
    lead(ledger, "3", "2026-03-10", qualified_level="MQL", **qualified)
    only(ledger, "qualified_lead_conversion_rate").compute()
    row = ledger.row("qualified_lead_conversion_rate", "2026-04-01")
    assert (row["value"], row["numerator"], row["denominator"]) == (Decimal("0.5"), 1, 2)
    assert ledger.value("qualified_lead_conversion_rate", "2026-03-01") == "zero_denominator"


def test_a_lead_is_followed_up_by_another_activity_within_two_weeks(any_ledger: Ledger) -> None:
    any_ledger.add(Contact, id="x")
    for number in "12345":
        lead(any_ledger, number, "2026-04-10", contact_id="x" if number == "1" else None)
    touch(any_ledger, "before", "2026-04-09 10:00", "contacts", "x")
    touch(any_ledger, "1a", "2026-04-11 10:00", "leads", "1")
    touch(any_ledger, "1b", "2026-04-25 10:00", "contacts", "x", type="meeting", outcome="no_show")
    touch(any_ledger, "2a", "2026-04-11 10:00", "leads", "2")
    touch(any_ledger, "2b", "2026-04-25 10:01", "leads", "2")
    touch(any_ledger, "3a", "2026-04-11 10:00", "leads", "3")
    touch(any_ledger, "3b", "2026-04-12 10:00", "leads", "3", type="email", outcome="sent", is_automated=True)
    touch(any_ledger, "4a", "2026-04-11 10:00", "leads", "4", outcome="canceled")
    touch(any_ledger, "5a", "2026-04-12 10:00", "leads", "5", direction="inbound")
    only(any_ledger, "lead_follow_up_rate").compute(at("2026-04-24 10:00"))
    row = any_ledger.row("lead_follow_up_rate", "2026-04-01")
    assert (row["numerator"], row["denominator"]) == (1, 3)
    assert row["flags"] == ["below_min_sample"]
    any_ledger.set(include=("lead_follow_up_rate",), follow_up_window_days=15)
    any_ledger.compute(at("2026-04-24 10:00"))
    row = any_ledger.row("lead_follow_up_rate", "2026-04-01")
    assert (row["numerator"], "immature" in row["flags"]) == (2, True)


def test_the_time_between_stages_is_elapsed_or_whole_days_where_the_end_is_a_day(any_ledger: Ledger) -> None:
    lead(
        any_ledger, "1", "2026-04-01", first_contacted_at=at("2026-04-03 00:00"),
        qualified_at=at("2026-04-03 06:00"), converted_at=at("2026-04-05 00:00"),
    )  # fmt: skip
    lead(any_ledger, "2", "2026-04-01")
    touch(any_ledger, "a", "2026-04-02 12:00", "leads", "2")
    lead(any_ledger, "3", "2026-04-01", first_contacted_at=at("2026-04-01 06:00"))
    lead(any_ledger, "4", "2026-04-01", disqualified_at=at("2026-04-02 00:00"))
    keys = ("lead_stage_cycle_time", "lead_stage_cycle_time_median", "lead_stage_cycle_time_p90")
    only(any_ledger, *keys).compute()
    row = any_ledger.row("lead_stage_cycle_time", "2026-04-01", stage_pair="created_to_contacted")
    assert (row["value"], row["n"], row["coverage"]["invalid_n"]) == (Decimal("1.25"), 2, 1)
    assert any_ledger.value("lead_stage_cycle_time", stage_pair="contacted_to_qualified") == Decimal("0.25")
    row = any_ledger.row("lead_stage_cycle_time", "2026-04-01", stage_pair="qualified_to_converted")
    assert (row["value"], row["coverage"]["by_day_n"]) == (2, 1)
    assert any_ledger.row("lead_stage_cycle_time", "2026-04-01")["coverage"]["open_n"] == 2
    assert any_ledger.value("lead_stage_cycle_time_median") == Decimal("1.25")
    assert any_ledger.value("lead_stage_cycle_time_p90") == Decimal("1.85")


def test_without_leads_everything_about_them_is_unknown(ledger: Ledger) -> None:
    ledger.won("a", "2026-04-10")
    keys = ("leads_created", "leads_by_source", "lead_conversion_rate", "lead_to_close_ratio", "lead_follow_up_rate")
    only(ledger, *keys).compute()
    for key in ("leads_created", "lead_conversion_rate", "lead_to_close_ratio", "lead_follow_up_rate"):
        assert ledger.value(key) == "source_missing"
