"""What KPIs over touches, meetings and answers say about a handful of them, worked out by hand."""

from decimal import Decimal
from typing import Any

import pytest

from store.records import (
    Activity,
    ActivityLink,
    Company,
    Contact,
    MeetingInvite,
    Subscription,
    SurveyResponse,
    Ticket,
    User,
)
from tests.kpi.engine.ledger import Ledger, at
from tests.kpi.engine.test_lead_values import lead, only, touch


def meeting(ledger: Ledger, id: str, when: str = "2026-04-10 10:00", outcome: str = "completed", **values: Any) -> None:
    common = {"type": "meeting", "outcome": outcome, "owner_id": "ann", "occurred_at": at(when)}
    ledger.add(Activity, id=id, **{**common, **values})


def test_demos_are_told_by_kind_or_title_and_are_no_conversations(any_ledger: Ledger) -> None:
    meeting(any_ledger, "1", subtype="Demo")
    meeting(any_ledger, "2", subject="Product DEMO for Acme")
    meeting(any_ledger, "3", subject="Coffee")
    meeting(any_ledger, "4", outcome="no_show", subtype="demo")
    touch(any_ledger, "5", "2026-04-10 10:00", "deals", "d", direction="inbound")
    touch(any_ledger, "6", "2026-04-10 10:00", "deals", "d", outcome="no_answer")
    touch(any_ledger, "7", "2026-04-10 10:00", "deals", "d", is_automated=True)
    any_ledger.deal("d", stage_id="offer")
    only(any_ledger, "conversation_to_demo_ratio").compute()
    row = any_ledger.row("conversation_to_demo_ratio", "2026-04-01")
    assert (row["value"], row["n"], row["coverage"]) == (1, 2, {"inverse": 1})
    assert any_ledger.value("conversation_to_demo_ratio", stage="crm:p/offer") == 0
    assert any_ledger.value("conversation_to_demo_ratio", pipeline="__none__") == 2
    any_ledger.set(include=("conversation_to_demo_ratio",), demo_words=("coffee",))
    any_ledger.compute()
    assert any_ledger.value("conversation_to_demo_ratio") == Decimal("0.3333333333")


def test_prospects_are_asked_and_accept_once_however_often(any_ledger: Ledger) -> None:
    any_ledger.add(User, id="ann", email="Ann@us.example", role="rep")
    any_ledger.add(Contact, id="colleague", email="ann@us.example")
    any_ledger.add(Contact, id="old", merged_into_id="x", deleted_at=at("2026-04-11 00:00"))
    any_ledger.add(Contact, id="x", source="web")
    meeting(any_ledger, "1", subtype="call")
    meeting(any_ledger, "2", outcome="rescheduled")
    for id, contact, status in (
        ("1", "x", "declined"), ("2", "old", "invited"), ("1", "y", "declined"), ("1", "z", "invited"),
        ("1", "colleague", "accepted"),
    ):  # fmt: skip
        any_ledger.add(MeetingInvite, activity_id=id, contact_id=contact, status=status)
    only(any_ledger, "meeting_acceptance_rate").compute()
    row = any_ledger.row("meeting_acceptance_rate", "2026-04-01")
    assert (row["numerator"], row["denominator"], row["coverage"]) == (1, 3, {"by_meeting": 0.25})
    assert any_ledger.value("meeting_acceptance_rate", meeting_type="call") == 0
    assert any_ledger.value("meeting_acceptance_rate", source="web") == 1


def test_invitations_without_any_answers_tell_nothing(ledger: Ledger) -> None:
    meeting(ledger, "1")
    ledger.add(MeetingInvite, activity_id="1", contact_id="x", status="invited")
    only(ledger, "meeting_acceptance_rate").compute()
    assert ledger.value("meeting_acceptance_rate") == "source_missing"


def answer(ledger: Ledger, id: str, kind: str, score: int | None, **values: Any) -> None:
    common = {"type": kind, "score": None if score is None else Decimal(score), "responded_at": at("2026-04-10 10:00")}
    ledger.add(SurveyResponse, id=id, **{**common, **values})


def test_answers_are_felt_by_their_words_or_their_scores(any_ledger: Ledger) -> None:
    for number, (kind, score, said) in enumerate((
        ("NPS", 9, None), ("NPS", 8, None), ("NPS", 6, None), ("CSAT", 4, None), ("CSAT", 3, None), ("CSAT", 2, None),
        ("CES", 5, None), ("CES", 3, None), ("NPS", 11, None), ("NPS", 9, "negative"), ("review", None, None),
    )):  # fmt: skip
        answer(any_ledger, str(number), kind, score, sentiment=said)
    only(any_ledger, "positive_response_rate", "negative_response_rate").compute()
    row = any_ledger.row("positive_response_rate", "2026-04-01")
    assert (row["numerator"], row["denominator"]) == (3, 9)
    assert row["coverage"] == {"unclassified": pytest.approx(2 / 11)}
    assert any_ledger.row("negative_response_rate", "2026-04-01")["numerator"] == 4
    assert any_ledger.value("negative_response_rate", survey_type="CES") == Decimal("0.5")


def test_nps_takes_the_last_answer_of_a_person_to_a_survey(any_ledger: Ledger) -> None:
    any_ledger.add(Company, id="c", country="TR", owner_id="bob")
    any_ledger.add(Contact, id="x", company_id="c")
    answer(any_ledger, "1", "NPS", 0, contact_id="x", survey_id="s")
    answer(any_ledger, "2", "nps", 10, contact_id="x", survey_id="s", responded_at=at("2026-04-11 10:00"))
    answer(any_ledger, "3", "NPS", 0, contact_id="x", survey_id="other")
    answer(any_ledger, "4", "NPS", 9)
    answer(any_ledger, "5", "NPS", 7, company_id="c")
    answer(any_ledger, "6", "CSAT", 5)
    only(any_ledger, "net_promoter_score").compute()
    row = any_ledger.row("net_promoter_score", "2026-04-01")
    assert (row["value"], row["numerator"], row["n"], row["unit"]) == (25, 100, 4, "score")
    assert row["coverage"]["margin_of_error"] == pytest.approx(195.99639845 * (0.75 - 0.0625) ** 0.5 / 2)
    assert row["flags"] == ["below_min_sample"]
    assert any_ledger.row("net_promoter_score", "2026-04-01", country="TR")["n"] == 3
    assert any_ledger.value("net_promoter_score", owner="crm:bob") == 0
    assert any_ledger.value("net_promoter_score", survey="s") == 100
    assert any_ledger.value("net_promoter_score", "2026-05-01") == "zero_denominator"


def test_one_mail_to_five_people_of_a_company_is_one_touch(any_ledger: Ledger) -> None:
    any_ledger.add(Company, id="c", industry="Steel", source="web")
    any_ledger.add(Company, id="was", merged_into_id="c", deleted_at=at("2026-04-11 00:00"))
    for id in ("x", "y"):
        any_ledger.add(Contact, id=id, company_id="was" if id == "y" else "c")
    any_ledger.deal("d", company_id="c")
    touch(any_ledger, "1", "2026-04-10 10:00", "contacts", "x", type="email", direction="inbound", outcome="received")
    for entity, id in (("contacts", "y"), ("companies", "was"), ("deals", "d")):
        any_ledger.add(ActivityLink, activity_id="1", entity=entity, entity_id=id)
    touch(any_ledger, "2", "2026-04-10 10:00", "companies", "c")
    touch(any_ledger, "3", "2026-04-10 10:00", "contacts", "alone")
    touch(any_ledger, "4", "2026-04-10 10:00", "contacts", "alone", type="meeting", outcome="no_show")
    touch(any_ledger, "5", "2026-04-10 10:00", "tickets", "t")
    only(any_ledger, "touchpoints_per_customer").compute()
    row = any_ledger.row("touchpoints_per_customer", "2026-04-01")
    assert (row["value"], row["numerator"], row["n"], row["coverage"]) == (Decimal("1.5"), 3, 2, {"unlinked_n": 1})
    assert any_ledger.value("touchpoints_per_customer", industry="Steel") == 2
    assert any_ledger.value("touchpoints_per_customer", stage="crm:p/new") == 1


def test_new_customers_are_shares_of_the_companies_in_play(any_ledger: Ledger) -> None:
    for id in "abcde":
        any_ledger.add(Company, id=id, country="TR" if id == "a" else None)
    created = {"created_at": at("2026-03-20 09:00")}
    any_ledger.won("a1", "2026-04-10", company_id="a", **created)
    any_ledger.deal("a2", company_id="a", **created)
    any_ledger.won("b1", "2026-03-25", company_id="b", **created)
    any_ledger.deal("b2", company_id="b", **created)
    any_ledger.lost("c1", "2026-04-02", company_id="c", **created)
    lead(any_ledger, "c2", "2026-04-20", company_id="c")
    lead(any_ledger, "d1", "2026-04-20", company_id="d")
    any_ledger.add(Subscription, id="s", company_id="d", start_date=at("2026-03-01 00:00").date())
    any_ledger.deal("e1", company_id="e", created_at=at("2026-05-01 09:00"))
    any_ledger.won("alone", "2026-02-10", created_at=at("2026-02-10 09:00"))
    any_ledger.add(Subscription, id="t", company_id="f", start_date=at("2026-02-02 00:00").date())
    any_ledger.won("f1", "2026-02-20", company_id="f", created_at=at("2026-02-12 09:00"))
    only(any_ledger, "customer_acquisition_rate").compute()
    row = any_ledger.row("customer_acquisition_rate", "2026-04-01")
    assert (row["value"], row["numerator"], row["n"]) == (Decimal("0.5"), 1, 2)
    assert row["ci_low"] is not None
    row = any_ledger.row("customer_acquisition_rate", "2026-03-01")
    assert (row["numerator"], row["denominator"]) == (1, 3)
    assert any_ledger.value("customer_acquisition_rate", country="TR") == 1
    row = any_ledger.row("customer_acquisition_rate", "2026-04-10", "day")
    assert (row["numerator"], row["denominator"]) == (1, 1)
    row = any_ledger.row("customer_acquisition_rate", "2026-04-20", "day")
    assert (row["numerator"], row["denominator"]) == (0, 1)
    assert any_ledger.value("customer_acquisition_rate", "2026-05-01") == 0
    row = any_ledger.row("customer_acquisition_rate", "2026-02-01")
    assert (row["numerator"], row["denominator"]) == (2, 2)  # nobody was a customer when the month began
    assert any_ledger.value("customer_acquisition_rate", "2026-02-10", "day") == 1
    assert any_ledger.value("customer_acquisition_rate", "2026-02-20", "day") == "zero_denominator"


def test_a_sale_takes_from_the_first_contact_on_the_deal_its_lead_or_its_people(any_ledger: Ledger) -> None:
    news = {"deal_type": "new_business"}
    any_ledger.won("touched", "2026-04-20", primary_contact_id="x", **news)
    touch(any_ledger, "1", "2026-04-15 10:00", "deals", "touched")
    touch(any_ledger, "2", "2026-04-10 10:00", "contacts", "x")
    any_ledger.won("from lead", "2026-04-20", **news)
    lead(any_ledger, "l", "2026-04-19", converted_deal_id="from lead")
    any_ledger.won("late", "2026-04-20", **news)
    touch(any_ledger, "3", "2026-04-21 10:00", "deals", "late")
    any_ledger.won("unknown", "2026-04-20", **news)
    any_ledger.won("old", "2026-04-20", deal_type="expansion", primary_contact_id="x")
    keys = ("first_contact_to_close_time", "first_contact_to_close_time_median", "first_contact_to_close_time_p90")
    only(any_ledger, *keys).compute()
    row = any_ledger.row("first_contact_to_close_time", "2026-04-01")
    assert (row["value"], row["n"]) == (Decimal("5.5"), 2)
    assert (row["coverage"]["invalid_n"], row["coverage"]["no_contact_n"]) == (1, 1)
    assert any_ledger.value("first_contact_to_close_time_median") == Decimal("5.5")
    assert any_ledger.value("first_contact_to_close_time_p90") == Decimal("9.1")


def test_tickets_are_answered_in_minutes_and_unanswered_ones_counted(any_ledger: Ledger) -> None:
    any_ledger.add(Company, id="c", country="TR")
    opened = {"owner_id": "ann", "created_at": at("2026-04-10 10:00")}
    any_ledger.add(Ticket, id="1", first_response_at=at("2026-04-10 10:01"), company_id="c", priority="high", **opened)
    any_ledger.add(Ticket, id="2", first_response_at=at("2026-04-10 10:02"), **opened)
    any_ledger.add(Ticket, id="3", **opened)
    any_ledger.add(Ticket, id="4", first_response_at=at("2026-04-10 09:00"), **opened)
    only(any_ledger, "response_time", "response_time_median", "response_time_p90").compute()
    row = any_ledger.row("response_time", "2026-04-01")
    assert (row["value"], row["n"], row["unit"]) == (Decimal("1.5"), 2, "minutes")
    assert (row["coverage"]["unanswered_n"], row["coverage"]["invalid_n"]) == (1, 1)
    assert any_ledger.value("response_time", priority="high") == 1
    assert any_ledger.value("response_time", country="TR") == 1
    assert any_ledger.value("response_time", team="crm:t") == Decimal("1.5")
    assert any_ledger.value("response_time_p90") == Decimal("1.9")


def test_what_has_no_source_is_unknown(ledger: Ledger) -> None:
    ledger.won("a", "2026-04-10")
    keys = ("meeting_acceptance_rate", "positive_response_rate", "net_promoter_score", "response_time")
    only(ledger, *keys).compute()
    assert {ledger.value(key) for key in keys} == {"source_missing"}
