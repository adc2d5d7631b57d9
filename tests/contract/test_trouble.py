"""Whatever the CRM or the network does, nothing is lost or doubled, and a person is told what to do."""

from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.errors import (
    BadCredentialsError,
    MissingScopeError,
    QuotaSpentError,
    UnexpectedResponseError,
    UnreachableError,
)
from dealmeter.sandbox.hubspot import RateLimit
from dealmeter.sandbox.record import Kind
from store import reads
from store.database import Database
from store.errors import ForeignAccountError
from store.records import Activity, Contact, Deal, DealContact
from sync.outcome import StreamOutcome
from tests.rig import DAY, HOUR, NAME, Rig, rig

PASSING = [
    "500",
    "502",
    "503",
    "504",
    "524",
    "423",
    "reset",
    "reset_mid_body",
    "truncated_json",
    "html_200",
    "empty_200",
]


def _stream(it: Rig, outcome: object, name: str) -> StreamOutcome:
    return next(stream for stream in outcome.streams if stream.stream == name)  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("kind", [*PASSING, "429_ten_secondly", "429_secondly", "short_page"])
def test_a_passing_fault_is_retried_and_costs_nothing_but_time(sqlite: Database, kind: str) -> None:
    with rig(sqlite, deals=40) as it:
        for path in ("objects/.*deals", "associations", "owners"):
            it.sandbox.faults.next(kind, times=2, match=f".*{path}")
        outcome = it.sync()
        assert outcome.outcome == "ok", outcome.error
        it.assert_equals_account()
        if kind != "short_page":
            assert sum(sum(stream.retries.values()) for stream in outcome.streams) >= 4


@pytest.mark.parametrize(
    "path",
    ["objects/.*deals$", "objects/.*deals/search", "objects/.*deals/batch/read", "associations/.*deals/contacts/"],
)
def test_an_answer_without_results_is_no_end_of_data(sqlite: Database, path: str) -> None:
    with rig(sqlite, deals=30, activities_per_deal=0) as it:
        it.sync()
        before = it.row_counts(), {row["id"]: row["primary_contact_id"] for row in it.rows(Deal)}
        it.later(HOUR)
        it.sandbox.faults.next("no_results", times=1000, match=f".*{path}")
        outcome = it.sync(deep=True)
        assert outcome.outcome == "partial"
        assert any(isinstance(each.error, UnexpectedResponseError) for each in outcome.streams)
        assert (it.row_counts(), {row["id"]: row["primary_contact_id"] for row in it.rows(Deal)}) == before
        it.sandbox.faults.clear()
        assert it.sync(deep=True).outcome == "ok"
        it.assert_equals_account()


def test_what_a_batch_leaves_out_in_silence_is_asked_for_by_itself(sqlite: Database) -> None:
    with rig(sqlite, deals=30, activities_per_deal=0) as it:
        it.sync()
        it.later(HOUR)
        it.edits.update("deals", list(it.edits.truth("deals")["deals"]["live"])[:5], {"amount": "4321.00"})
        it.later(timedelta(minutes=1))
        it.sandbox.faults.next("left_out", match=".*deals/batch/read")
        outcome = it.sync(only=["deals"])
        assert (outcome.outcome, _stream(it, outcome, "deals").counts.updated) == ("ok", 5)


def test_more_links_than_a_page_holds_all_arrive(sqlite: Database) -> None:
    with rig(sqlite, deals=30, activities_per_deal=0, association_page=2) as it:
        deal = next(iter(it.edits.truth("deals")["deals"]["live"]))
        people = list(it.edits.truth("contacts")["contacts"]["live"])[:7]
        for contact in people:
            it.edits.associate("deals", deal, "contacts", contact)
        it.sync()
        linked = {row["contact_id"] for row in it.rows(DealContact) if row["deal_id"] == str(deal)}
        assert linked >= {str(contact) for contact in people}


def test_whoever_is_told_how_long_to_wait_waits_so_long(sqlite: Database) -> None:
    with rig(sqlite, deals=30, activities_per_deal=0) as it:
        it.sandbox.faults.next("429_ten_secondly_told", match=".*owners", seconds=33)
        assert it.sync().outcome == "ok"
        assert 33 <= it.times.waited < 40


def test_a_storm_of_random_faults_loses_nothing(database: Database) -> None:
    with rig(database, deals=120, fault_rate=0.15) as it:
        for hours in range(3):
            it.sync(deep=hours > 0)
            it.edits.live(HOUR, changes=20, seed=hours)
        it.sandbox.faults.clear()
        it.later(2 * HOUR)
        assert it.sync(deep=True).outcome == "ok"
        it.assert_equals_account()


def test_a_fault_that_stays_ends_the_stream_and_the_next_run_goes_on_from_there(database: Database) -> None:
    with rig(database, deals=700, activities_per_deal=0) as it:
        it.sandbox.hold(at_request=10_000)
        it.sandbox.faults.next("503", times=1000, match=".*associations.*deals/contacts")
        outcome = it.sync()
        deals = _stream(it, outcome, "deals")
        assert (outcome.outcome, deals.outcome) == ("partial", "failed")
        assert isinstance(deals.error, UnreachableError)
        assert deals.error.hint
        assert it.count(Contact) == 700
        it.sandbox.faults.clear()
        assert it.sync().outcome == "ok"
        it.assert_equals_account()


def test_a_wrong_token_stops_the_run_and_names_the_way_out(sqlite: Database) -> None:
    with rig(sqlite, settings={"access_token": "pat-eu1-wrong"}) as it:
        outcome = it.sync()
        assert outcome.outcome == "failed"
        assert isinstance(outcome.error, BadCredentialsError)
        assert "dealmeter check" in outcome.error.hint
        assert "pat-eu1-wrong" not in str(outcome.error)


def test_a_token_that_expires_in_the_middle_loses_nothing(database: Database) -> None:
    with rig(database, deals=700, activities_per_deal=0) as it:
        it.sandbox.faults.next("latency", times=1, match=".*deals/batch", seconds=0)
        seen = 0

        def expire(stream: str, read: int) -> None:
            nonlocal seen
            seen += 1
            if seen == 4:
                it.sandbox.expire_token()

        outcome = it.sync_with(expire)
        assert isinstance(outcome.error, BadCredentialsError)
        it.sandbox.set_scopes(None)
        assert it.sync().outcome == "ok"
        it.assert_equals_account()


def test_a_missing_scope_leaves_out_its_stream_names_it_and_the_others_go_on(database: Database) -> None:
    scopes = ["crm.objects.deals.read", "crm.objects.companies.read", "crm.objects.owners.read", "oauth"]
    with rig(database) as it:
        it.sandbox.set_scopes(scopes)
        outcome = it.sync()
        contacts = _stream(it, outcome, "contacts")
        assert (outcome.outcome, contacts.outcome) == ("partial", "skipped")
        assert isinstance(contacts.error, MissingScopeError)
        assert "crm.objects.contacts.read" in str(contacts.error)
        assert _stream(it, outcome, "deals").outcome == "ok"
        assert (it.count(Deal), it.count(Contact), it.count(Activity)) == (60, 0, 0)
        it.sandbox.set_scopes(None)
        it.later(DAY)
        assert it.sync().outcome == "ok"
        it.assert_equals_account()


def test_an_unreachable_host_is_named(sqlite: Database) -> None:
    with rig(sqlite) as it:
        it.settings = {"base_url": "http://127.0.0.1:9", "connect_timeout": timedelta(seconds=1)}
        outcome = it.sync()
        assert outcome.outcome == "failed"
        assert isinstance(outcome.error, UnreachableError)
        assert "127.0.0.1:9" in str(outcome.error)
        assert "base_url" in outcome.error.hint


def test_the_day_s_limit_stops_the_run_cleanly_and_says_until_when(database: Database) -> None:
    with rig(database, deals=300) as it:
        it.sandbox.faults.next("429_daily", match=".*deals/batch")
        outcome = it.sync()
        assert outcome.outcome == "failed"
        assert isinstance(outcome.error, QuotaSpentError)
        assert outcome.postponed == HOUR
        assert it.sync().outcome == "ok"
        it.assert_equals_account()


def test_a_share_of_the_daily_limit_is_left_to_others(sqlite: Database) -> None:
    limit = RateLimit(daily=1000)
    with rig(sqlite, rate_limit=limit, settings={"budget": {"daily_share": 0.5, "burst_limit": 190}}) as it:
        it.sandbox.limits.spend(495)
        outcome = it.sync()
        assert isinstance(outcome.error, QuotaSpentError)
        assert "50%" in str(outcome.error)
        assert outcome.requests < 20


def test_a_malformed_amount_is_rejected_by_itself_and_the_deal_stays(database: Database) -> None:
    with rig(database, activities_per_deal=0) as it:
        id_, *_ = it.edits.truth("deals")["deals"]["live"]
        it.edits.update("deals", id_, {"amount": "N/A"})
        outcome = it.sync()
        assert (outcome.outcome, outcome.counts.rejected) == ("partial", 1)
        row = next(row for row in it.rows(Deal) if row["id"] == id_)
        assert row["amount"] is None
        assert row["name"]
        with it.database.read() as tx:
            (rejection,) = reads.open_rejections(tx, NAME)
        assert (rejection["record_id"], rejection["field"]) == (id_, "amount")
        assert "'N/A'" in rejection["reason"]
        assert rejection["payload"]["properties"]["amount"] == "N/A"
        it.later(HOUR)
        it.edits.update("deals", id_, {"amount": "1500.25"})
        it.later(timedelta(minutes=1))
        assert it.sync().outcome == "ok"
        with it.database.read() as tx:
            assert reads.count_rejections(tx, NAME) == 0
        it.assert_equals_account()


def test_an_account_that_is_another_one_is_refused(sqlite: Database) -> None:
    with rig(sqlite) as it:
        it.sync()
        before = it.everything()
        it.sandbox.world.account = replace(it.sandbox.world.account, id=999)
        outcome = it.sync()
        assert isinstance(outcome.error, ForeignAccountError)
        assert "999" in str(outcome.error)
        assert it.everything() == before


def test_an_answer_that_makes_no_sense_is_no_end_of_data(sqlite: Database) -> None:
    with rig(sqlite) as it:
        it.sandbox.faults.next("414", match=".*objects.*deals")
        outcome = it.sync()
        deals = _stream(it, outcome, "deals")
        assert isinstance(deals.error, UnexpectedResponseError)
        assert deals.outcome == "failed"
        assert it.sync().outcome == "ok"
        it.assert_equals_account()


def test_properties_that_disappear_leave_their_fields_and_the_rest_goes_on(sqlite: Database) -> None:
    with rig(sqlite, activities_per_deal=0) as it:
        it.sync()
        it.sandbox.portal.remove(Kind.DEAL, "hs_next_step")
        it.later(HOUR)
        it.edits.bulk("deals", 60, {"amount": "10.00"})
        it.later(timedelta(minutes=1))
        assert it.sync().outcome == "ok"
        it.assert_equals_account()


def test_under_the_burst_limit_there_is_no_refusal_and_hardly_a_pause(sqlite: Database) -> None:
    limit = RateLimit(burst=100, search_per_second=5)
    budget = {"burst_share": 1.0, "burst_limit": 100, "search_per_second": 4, "parallel": 6}
    with rig(sqlite, deals=150, rate_limit=limit, settings={"budget": budget}) as it:
        assert it.sync().outcome == "ok"
        assert it.sandbox.requests.statuses[429] == 0
