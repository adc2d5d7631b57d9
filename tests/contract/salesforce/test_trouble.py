"""Whatever Salesforce or the network does, nothing is lost or doubled, and a person is told what to do."""

from dataclasses import replace

import pytest

from connectors.errors import ActionNeededError, MissingScopeError, QuotaSpentError, RateLimitedError, UnreachableError
from dealmeter.sandbox.generate import generate
from dealmeter.sandbox.salesforce import SalesforceSandbox
from store import reads
from store.database import Database
from store.errors import ForeignAccountError
from store.records import Contact, Deal, DealStageChange, Lead
from tests.contract.salesforce.rig import NAME, SalesforceRig, rig, stream
from tests.rig import DAY, HOUR, NOW

PASSING = [
    *("406", "420", "429", "500", "500_html", "502", "503", "503_html", "504", "maintenance_200", "empty_200"),
    *(
        "no_done",
        "lock_row",
        "reset",
        "reset_mid_body",
        "truncated",
        "truncated_gzip",
        "403_concurrent",
        "401",
        "401_html",
    ),
]
FEW = {"include": ["owners", "pipelines", "deals"]}


@pytest.mark.parametrize("kind", PASSING)
def test_a_passing_fault_is_retried_and_costs_nothing_but_time(sqlite: Database, kind: str) -> None:
    with rig(sqlite, deals=30, activities_per_deal=0, settings=FEW) as it:
        it.sandbox.faults.next(kind, match="/services/data/.*/sobjects/Opportunity/describe")
        it.sandbox.faults.next(kind, match="/services/data/.*/query")
        outcome = it.sync()
        assert outcome.outcome == "ok", outcome.error
        it.assert_equals_account()
        assert it.sandbox.faults.injected[kind] == 2


def test_long_requests_of_others_are_waited_for_as_long_as_it_takes_them(sqlite: Database) -> None:
    with rig(sqlite, deals=10, activities_per_deal=0, settings=FEW) as it:
        it.sandbox.faults.next("403_concurrent", match="/services/data/.*/query")
        assert it.sync().outcome == "ok"
        assert 5 <= it.times.waited < 6


def test_a_storm_of_random_faults_loses_nothing(sqlite: Database) -> None:
    with rig(sqlite, deals=40, activities_per_deal=1, fault_rate=0.1) as it:
        for hours in range(2):
            it.sync(deep=hours > 0)
            it.edits.live(HOUR, changes=20, seed=hours)
        it.sandbox.faults.clear()
        it.later(2 * HOUR)
        assert it.sync(deep=True).outcome == "ok"
        it.assert_equals_account()


def test_a_cursor_that_is_gone_goes_on_from_the_last_id(sqlite: Database) -> None:
    with rig(sqlite, deals=1_400, activities_per_deal=0, settings=FEW) as it:
        it.sandbox.behaviour.short_pages = 1.0
        it.sandbox.faults.next("locator", times=2, match="/services/data/[^/]*/query(All)?/01g")
        outcome = it.sync()
        assert outcome.outcome == "ok", outcome.error
        assert it.sandbox.faults.injected["locator"] == 2
        assert stream(outcome, "deals").counts.read == 1_400
        it.assert_equals_account()


def test_a_fault_that_stays_ends_the_stream_and_the_next_run_goes_on_from_there(sqlite: Database) -> None:
    with rig(sqlite, deals=1_400, activities_per_deal=0, settings=FEW) as it:
        it.sandbox.behaviour.short_pages = 1.0
        it.sandbox.faults.next("503", times=1000, match="/services/data/[^/]*/query(All)?/01g")
        outcome = it.sync()
        deals = stream(outcome, "deals")
        assert (outcome.outcome, deals.outcome) == ("partial", "failed")
        assert isinstance(deals.error, UnreachableError)
        assert deals.error.hint
        stored = it.count(Deal)
        assert 0 < stored < 1_400
        it.sandbox.faults.clear()
        again = it.sync()
        assert again.outcome == "ok"
        assert stream(again, "deals").counts.inserted == 1_400 - stored
        it.assert_equals_account()


def test_a_field_that_goes_while_we_read_is_left_out_and_named(sqlite: Database) -> None:
    settings = {**FEW, "extra": {"deals": ["Priority__c"]}}
    with rig(sqlite, activities_per_deal=0, settings=settings) as it:
        it.sync()
        before = {row["id"]: row["forecast_category"] for row in it.rows(Deal)}
        it.sandbox.hide(fields={"Opportunity": ["ForecastCategory", "Priority__c"]})
        it.later(HOUR)
        it.edits.update("Opportunity", it.ids("Opportunity")[0], {"Amount": "5.00"})
        outcome = it.sync()
        assert outcome.outcome == "ok", outcome.error
        assert any("'Priority__c'" in note for note in outcome.notes)
        it.assert_equals_account()
        assert {row["id"]: row["forecast_category"] for row in it.rows(Deal)} == before


def test_hidden_objects_leave_their_stream_out_and_the_others_going(sqlite: Database) -> None:
    with rig(sqlite, activities_per_deal=1) as it:
        it.sandbox.hide(objects=["Lead", "OpportunityHistory", "UserRole", "CurrencyType"])
        outcome = it.sync()
        assert outcome.outcome == "partial"
        leads = stream(outcome, "leads")
        assert isinstance(leads.error, MissingScopeError)
        assert leads.outcome == "skipped"
        assert "View All" in leads.error.hint
        assert it.count(Lead) == 0
        assert it.count(Deal) > 0
        assert stream(outcome, "deals.history").outcome == "skipped"


def test_the_daily_share_stops_a_run_cleanly_and_the_next_one_goes_on(sqlite: Database) -> None:
    with rig(sqlite, deals=30, activities_per_deal=0) as it:
        it.sandbox.limits.daily = 100
        it.sandbox.limits.enforced = True
        outcome = it.sync()
        assert isinstance(outcome.error, QuotaSpentError)
        assert "80%" in str(outcome.error)
        assert it.sandbox.limits.used <= 86
        it.later(DAY + HOUR)
        it.sandbox.limits.daily = 100_000
        assert it.sync().outcome == "ok"
        it.assert_equals_account()


def test_the_two_limits_are_told_apart(sqlite: Database) -> None:
    with rig(sqlite, deals=30, activities_per_deal=0, settings=FEW) as it:
        it.sandbox.faults.next("403_daily", match="/services/data/.*")
        outcome = it.sync()
        assert isinstance(outcome.error, QuotaSpentError)
        assert outcome.postponed is not None
        it.sandbox.faults.next("403_concurrent", times=100, match="/services/data/.*")
        outcome = it.sync()
        assert isinstance(outcome.error, RateLimitedError)
        assert not isinstance(outcome.error, QuotaSpentError)


def test_a_retired_version_and_a_closed_api_say_what_to_do(sqlite: Database) -> None:
    with rig(sqlite, settings={**FEW, "api_version": "30.0"}) as it:
        outcome = it.sync()
        assert isinstance(outcome.error, ActionNeededError)
        assert "api_version" in outcome.error.hint
        it.settings = FEW
        it.sandbox.faults.next("403_disabled", match="/services/data/.*")
        assert "API Enabled" in it.sync().error.hint  # type: ignore[union-attr]


def test_long_queries_travel_in_a_body(sqlite: Database) -> None:
    with rig(sqlite, deals=250, activities_per_deal=0, settings=FEW) as it:
        it.sync()
        it.later(HOUR)
        it.edits.bulk("Opportunity", 250, {"StageName": "Contract Sent"})
        for fault in ("503", "refused_part"):
            it.sandbox.faults.next(fault, match="/services/data/[^/]*/composite")
        assert it.sync().outcome == "ok"
        assert any(entry.path.endswith("/composite") for entry in it.sandbox.requests.entries)
        last = {row["deal_id"]: row["stage_id"] for row in it.rows(DealStageChange) if row["exited_at"] is None}
        assert set(last.values()) == {"Contract Sent"}


def test_fields_of_parents_are_kept_and_those_that_are_not_there_are_named(sqlite: Database) -> None:
    settings = {**FEW, "extra": {"deals": ["Owner.Name", "Account.Nothing__c"]}}
    with rig(sqlite, deals=30, activities_per_deal=0, settings=settings) as it:
        outcome = it.sync()
        assert outcome.outcome == "ok", outcome.error
        assert None not in {row["extra"]["Owner.Name"] for row in it.rows(Deal)}
        assert any("Account.Nothing__c" in note for note in outcome.notes)


def test_a_wrong_clock_there_loses_nothing(sqlite: Database) -> None:
    with rig(sqlite, deals=30, activities_per_deal=0, settings=FEW) as it:
        it.sandbox.behaviour.clock_skew_s = -120.0
        assert it.sync().outcome == "ok"
        it.later(HOUR)
        it.edits.update("Opportunity", it.ids("Opportunity")[:5], {"Amount": "99.00"})
        it.later(HOUR)
        assert it.sync().outcome == "ok"
        it.assert_equals_account()


def test_the_rows_of_one_org_are_not_mixed_with_those_of_another(sqlite: Database) -> None:
    with rig(sqlite, deals=10, activities_per_deal=0, settings=FEW) as it:
        it.sync()
        other = generate(8, 10, activities_per_deal=0, now=NOW, frozen=True)
        other.account = replace(other.account, id=4711)
        with SalesforceSandbox(other) as sandbox:
            outcome = SalesforceRig(sandbox, sqlite, FEW).sync()
        assert isinstance(outcome.error, ForeignAccountError)
        assert it.count(Deal) == 10
        with sqlite.read() as tx:
            assert reads.row_counts(tx, NAME)["deals"] == 10


def test_values_that_make_no_sense_are_set_aside_and_the_rest_stays(sqlite: Database) -> None:
    with rig(sqlite, activities_per_deal=0, settings={"fields": {"contacts": {"source": "Title"}}}) as it:
        it.edits.update("Contact", it.ids("Contact")[0], {"Title": "x"})
        it.settings = {"fields": {"companies": {"employees": "Name"}}}
        outcome = it.sync()
        assert outcome.outcome == "partial"
        assert outcome.counts.rejected > 0
        it.assert_equals_account()
        assert it.count(Contact) > 0
