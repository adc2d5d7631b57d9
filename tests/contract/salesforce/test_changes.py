"""What changed in the org is in the store, whatever transactions, the recycle bin and merges do."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from dealmeter.sandbox.salesforce import Features
from store import migrate
from store.database import Database
from store.records import (
    Activity,
    ActivityLink,
    Company,
    Contact,
    Deal,
    DealContact,
    DealFieldChange,
    DealSplit,
    DealStageChange,
    ExchangeRate,
    LeadStageChange,
    LineItem,
    Product,
    Spend,
    Stage,
    Target,
    Team,
)
from tests.contract.salesforce.rig import SalesforceRig, rig, stream
from tests.rig import DAY, HOUR

DEALS = {"include": ["deals", "owners", "pipelines"]}


def test_a_first_run_brings_the_whole_org(database: Database) -> None:
    with rig(database) as it:
        outcome = it.sync()
        assert outcome.outcome == "ok", outcome.error
        it.assert_equals_account()
        assert it.count(DealStageChange) > it.count(Deal)
        assert it.count(LeadStageChange) > 0
        assert all(row["deal_id"] and row["currency"] for row in it.rows(LineItem))
        for record in (DealContact, ActivityLink, DealFieldChange, DealSplit, Target, Team, Spend, ExchangeRate):
            assert it.count(record) > 0, record
        assert all(row["list_price"] for row in it.rows(Product))


def test_what_is_said_of_a_deal(sqlite: Database) -> None:
    with rig(sqlite, activities_per_deal=0) as it:
        it.sync()
        stages = {(row["pipeline_id"], row["id"]): row for row in it.rows(Stage)}
        visits: dict[str, list[dict[str, object]]] = {}
        for row in it.rows(DealStageChange):
            visits.setdefault(row["deal_id"], []).append(row)
        for deal in it.rows(Deal):
            stage = stages[deal["pipeline_id"], deal["stage_id"]]
            assert (deal["is_closed"], deal["is_won"]) == (stage["is_closed"], stage["is_won"])
            assert 0 <= deal["probability"] <= 1
            walked = visits[deal["id"]]
            assert [visit["exited_at"] for visit in walked] == [*(v["entered_at"] for v in walked[1:]), None]
            assert walked[-1]["stage_id"] == deal["stage_id"]
            assert (deal["closed_at"] is not None) == deal["is_closed"]
            assert deal["source_url"].endswith(deal["id"])


def test_a_second_run_without_changes_writes_nothing_and_costs_a_fixed_number_of_requests(sqlite: Database) -> None:
    with rig(sqlite) as it:
        it.sync()
        before = it.everything()
        it.later(timedelta(minutes=15))
        outcome = it.sync()
        assert (outcome.outcome, outcome.counts.written) == ("ok", 0)
        assert outcome.requests <= 70
        assert it.everything() == before


def test_a_deep_run_without_changes_writes_nothing(sqlite: Database) -> None:
    with rig(sqlite) as it:
        it.sync()
        before = it.everything()
        it.later(2 * HOUR)
        assert it.sync(deep=True).counts.written == 0
        assert it.everything() == before


def test_a_run_after_k_changes_reads_about_k_records(sqlite: Database) -> None:
    with rig(sqlite, deals=100, activities_per_deal=0, settings=DEALS) as it:
        it.sync()
        it.later(HOUR)
        it.edits.update("Opportunity", it.ids("Opportunity")[:7], {"Amount": "4321.00"})
        it.later(timedelta(minutes=1))
        outcome = it.sync()
        deals = stream(outcome, "deals")
        assert (deals.counts.read, deals.counts.updated) == (7, 7)
        assert deals.requests <= 3
        it.assert_equals_account()


def test_what_changes_behind_a_long_first_read_is_read_by_the_next_run(sqlite: Database) -> None:
    with rig(sqlite, deals=3_300, activities_per_deal=0, settings=DEALS) as it:
        it.sandbox.behaviour.short_pages = 1.0
        first, pages = it.ids("Opportunity")[0], 0

        def meanwhile(stream: str, read: int) -> None:
            nonlocal pages
            pages += stream == "deals"
            if stream == "deals" and pages == 1:
                it.edits.update("Opportunity", first, {"Amount": "77.00"})
            it.later(timedelta(minutes=9) if stream == "deals" else timedelta(0))

        assert it.sync(progress=meanwhile).outcome == "ok"
        assert pages > 1
        it.later(timedelta(minutes=1))
        assert stream(it.sync(), "deals").counts.updated == 1
        it.assert_equals_account()


@pytest.mark.parametrize("delay", [timedelta(minutes=5), timedelta(minutes=50)])
def test_what_a_long_transaction_shows_late_arrives(sqlite: Database, delay: timedelta) -> None:
    with rig(sqlite, activities_per_deal=0, settings=DEALS) as it:
        it.sync()
        it.later(HOUR)
        it.sandbox.set_commit_delay(delay)
        for number, id_ in enumerate(it.ids("Opportunity")[:15]):
            it.edits.update("Opportunity", id_, {"Amount": f"{1000 + number}.25"})
            it.later(timedelta(minutes=1))
            it.sync()
        for _ in range(5):
            it.later(timedelta(minutes=30))
            it.sync()
        it.assert_equals_account()


def test_what_a_transaction_shows_a_little_late_arrives_with_the_next_run_and_with_its_past(
    sqlite: Database, tmp_path: Path
) -> None:
    settings = {**DEALS, "cadence": {"late": "30d", "history": "30d"}}
    with rig(sqlite, activities_per_deal=0, settings=settings) as it:
        it.sync()
        it.later(HOUR)
        it.sync()
        it.later(timedelta(minutes=10))
        it.sandbox.set_commit_delay(timedelta(minutes=5))
        it.edits.update("Opportunity", it.ids("Opportunity")[0], {"StageName": "Contract Sent", "Amount": "77.00"})
        it.later(timedelta(minutes=1))
        assert stream(it.sync(), "deals").counts.updated == 0
        it.later(timedelta(minutes=6))
        assert stream(it.sync(), "deals").counts.updated == 1
        with fresh(it, tmp_path / "fresh.db") as other:
            assert it.everything() == other.everything()


def test_deleted_restored_purged_and_merged_records(sqlite: Database) -> None:
    with rig(sqlite, deals=80) as it:
        it.sync()
        it.later(HOUR)
        deals, people, firms = it.ids("Opportunity"), it.ids("Contact"), it.ids("Account")
        it.edits.delete(deals[:6])
        it.edits.purge(deals[12])
        it.edits.merge(people[0], people[1])
        it.edits.merge(firms[0], firms[1], firms[2])
        it.edits.purge(people[2])
        it.later(timedelta(minutes=5))
        assert it.sync().outcome == "ok"
        it.assert_equals_account()
        companies = {row["id"]: row for row in it.rows(Company, deleted=True)}
        assert companies[firms[1]]["merged_into_id"] == companies[firms[2]]["merged_into_id"] == firms[0]
        assert {row["company_id"] for row in it.rows(Deal)} & {firms[1], firms[2]} == set()
        it.later(HOUR)
        it.edits.undelete(deals[0])
        it.edits.delete(people[3])
        it.later(timedelta(minutes=5))
        it.sync(deep=True)
        it.assert_equals_account()
        assert {row["id"]: row for row in it.rows(Contact, deleted=True)}[people[2]]["deleted_at"] is not None


def test_a_deletion_that_the_log_tells_late_arrives(sqlite: Database) -> None:
    with rig(sqlite, activities_per_deal=0, settings=DEALS) as it:
        it.sync()
        it.later(HOUR)
        it.sandbox.set_commit_delay(timedelta(minutes=40))
        it.edits.purge(it.ids("Opportunity")[:2])
        it.later(timedelta(minutes=20))
        assert it.sync().counts.deleted == 0
        it.later(HOUR)
        assert it.sync().counts.deleted == 2
        it.assert_equals_account()


def test_what_no_log_tells_any_more_is_found_by_the_reconciliation(sqlite: Database) -> None:
    with rig(sqlite, activities_per_deal=0, settings=DEALS) as it:
        it.sync()
        it.later(HOUR)
        it.sandbox.behaviour.log_days = 0.01
        it.edits.purge(it.ids("Opportunity")[:3])
        it.later(DAY)
        outcome = it.sync()
        it.assert_equals_account()
        assert any("deals: 3 records are gone from Salesforce" in note for note in outcome.notes)


def test_the_brake_stops_a_reconciliation_that_would_delete_too_much(sqlite: Database) -> None:
    with rig(sqlite, deals=100, activities_per_deal=0, settings=DEALS) as it:
        it.sync()
        it.later(HOUR)
        it.sandbox.behaviour.log_days = 0.001
        it.edits.purge(it.ids("Opportunity")[:40])
        it.later(HOUR)
        outcome = it.sync(deep=True)
        reconciled = stream(outcome, "deals.reconcile")
        assert (outcome.outcome, reconciled.outcome) == ("partial", "failed")
        assert "40 of 100" in str(reconciled.error)
        assert "--allow-shrink" in reconciled.trouble.hint  # type: ignore[union-attr]
        assert it.count(Deal) == 100
        assert it.sync(deep=True, allow_shrink=True).outcome == "ok"
        it.assert_equals_account()


def test_formulas_are_refreshed_on_their_cadence(sqlite: Database) -> None:
    settings = {"extra": {"deals": ["Score__c", "Priority__c"]}}
    with rig(sqlite, activities_per_deal=0, settings=settings) as it:
        it.sync()
        assert it.edits.recalculate() > 0
        before = {row["id"]: row["extra"] for row in it.rows(Deal)}
        it.later(timedelta(minutes=15))
        it.sync()
        assert {row["id"]: row["extra"] for row in it.rows(Deal)} == before
        it.later(DAY)
        it.sync()
        after = {row["id"]: row["extra"] for row in it.rows(Deal)}
        assert after != before
        assert {id_: extra["Priority__c"] for id_, extra in after.items()} == {
            id_: extra["Priority__c"] for id_, extra in before.items()
        }


def test_a_change_that_nothing_told_is_found_and_reported_by_the_reconciliation(sqlite: Database) -> None:
    with rig(sqlite, activities_per_deal=0, settings={**DEALS, "cadence": {"late": "30d"}}) as it:
        it.sync()
        it.sandbox.set_commit_delay(3 * HOUR)
        it.edits.update("Opportunity", it.ids("Opportunity")[0], {"Amount": "77.00"})
        for _ in range(6):
            it.later(HOUR)
            it.sync()
        it.later(DAY)
        outcome = it.sync()
        it.assert_equals_account()
        assert any("deals: 1 records were missing or older here" in note for note in outcome.notes)


def test_contact_roles_that_vanish_without_a_word_are_refreshed_on_their_cadence(sqlite: Database) -> None:
    with rig(sqlite, activities_per_deal=0) as it:
        it.sync()
        link = it.rows(DealContact)[0]
        it.later(DAY)
        it.edits.dissociate(link["deal_id"], link["contact_id"])
        it.sync()
        assert (link["deal_id"], link["contact_id"]) not in {
            (row["deal_id"], row["contact_id"]) for row in it.rows(DealContact)
        }


def test_2_100_deals_of_one_second_arrive_in_as_many_requests_as_they_need(sqlite: Database) -> None:
    with rig(sqlite, deals=2_100, activities_per_deal=0, settings=DEALS) as it:
        it.sync(only=["deals"])
        it.later(HOUR)
        assert len(it.edits.bulk("Opportunity", 2_100, {"NextStep": "call again"})) == 2_100
        it.later(timedelta(minutes=1))
        deals = stream(it.sync(only=["deals"]), "deals")
        assert deals.counts.read == deals.counts.updated == 2_100
        assert deals.requests == 2
        assert {row["next_step"] for row in it.rows(Deal)} == {"call again"}


def test_asking_for_other_fields_reads_everything_again(sqlite: Database) -> None:
    with rig(sqlite, activities_per_deal=0, settings={"include": ["contacts"]}) as it:
        it.sync()
        it.later(HOUR)
        it.settings = {"include": ["contacts"], "extra": {"contacts": ["Title"]}}
        assert stream(it.sync(), "contacts").counts.read == it.count(Contact)


def test_an_org_with_few_features_is_read_without_complaint(sqlite: Database) -> None:
    features = Features(
        multi_currency=False, orders=False, forecasting=False, splits=False, email_messages=False, tracking=False
    )
    with rig(sqlite, features=features, settings={"default_currency": "EUR"}) as it:
        outcome = it.sync()
        assert outcome.outcome == "ok", outcome.error
        assert stream(outcome, "orders").outcome == "skipped"
        assert {row["currency"] for row in it.rows(Deal)} == {"EUR"}
        assert it.count(DealStageChange) > it.count(Deal)


def test_an_org_with_person_accounts_is_read_as_any_other(sqlite: Database) -> None:
    with rig(sqlite, features=Features(person_accounts=True)) as it:
        assert it.sync().outcome == "ok"
        it.assert_equals_account()


def test_many_small_changes_over_days_end_with_the_org(sqlite: Database) -> None:
    with rig(sqlite) as it:
        it.sync()
        for day in range(3):
            it.edits.live(timedelta(hours=20), changes=30, seed=day)
            it.later(4 * HOUR)
            _run_twice(it)
        it.assert_equals_account()
        assert it.count(Activity) > 0


def _run_twice(it: SalesforceRig) -> None:
    assert it.sync().outcome == "ok"
    it.later(HOUR)
    assert it.sync().outcome == "ok"


# --------------------------------------------------------------------- what is older than the passes that look for it


SELDOM = {"cadence": {"links": "30d", "history": "30d"}}
"""So that no sweep over all dependents can bring what should have come with its record."""


@contextmanager
def fresh(it: SalesforceRig, path: Path) -> Iterator[SalesforceRig]:
    """The same org, read in full into an empty store."""
    with Database(f"sqlite:///{path}") as database:
        migrate.upgrade(database)
        other = SalesforceRig(it.sandbox, database, it.settings)
        assert other.sync().outcome == "ok"
        yield other


def test_what_was_shared_with_us_later_is_found_within_a_day_with_all_that_hangs_on_it(
    sqlite: Database, tmp_path: Path
) -> None:
    with rig(sqlite, deals=40, settings=SELDOM) as it:
        unseen = it.ids("Opportunity")[:5]
        leads, cases, meetings = it.ids("Lead")[:3], it.ids("Case")[:3], it.ids("Event")[:3]
        it.edits.unshare([*unseen, *leads, *cases, *meetings])
        assert it.sync().outcome == "ok"
        assert not {row["id"] for row in it.rows(Deal)} & set(unseen)
        assert not {row["deal_id"] for row in it.rows(DealStageChange)} & set(unseen)
        it.edits.share([*unseen, *leads, *cases, *meetings])
        it.later(2 * HOUR)
        assert it.sync().counts.inserted == 0
        it.later(DAY)
        outcome = it.sync()
        assert "deals: 5 records were missing or older here; read again" in outcome.notes
        enumeration, records, histories, roles = 2, 1, 2, 1
        assert stream(outcome, "deals.reconcile").requests == enumeration + records + histories + roles
        with fresh(it, tmp_path / "fresh.db") as other:
            assert it.everything() == other.everything()


def test_what_was_shared_and_then_changed_comes_with_its_whole_past(sqlite: Database, tmp_path: Path) -> None:
    with rig(sqlite, deals=30, activities_per_deal=0, settings={**DEALS, **SELDOM}) as it:
        unseen = it.ids("Opportunity")[:3]
        it.edits.unshare(unseen)
        it.sync()
        it.later(HOUR)
        it.edits.share(unseen)
        it.edits.update("Opportunity", unseen, {"NextStep": "call again"})
        it.later(timedelta(minutes=1))
        it.sync()
        with fresh(it, tmp_path / "fresh.db") as other:
            assert it.everything() == other.everything()


def test_what_is_asked_for_with_other_fields_brings_what_was_shared_meanwhile(sqlite: Database, tmp_path: Path) -> None:
    with rig(sqlite, deals=30, activities_per_deal=0, settings={**DEALS, **SELDOM}) as it:
        unseen = it.ids("Opportunity")[:3]
        it.edits.unshare(unseen)
        it.sync()
        it.later(HOUR)
        it.edits.share(unseen)
        it.settings = {**it.settings, "extra": {"deals": ["NextStep"]}}
        it.sync()
        with fresh(it, tmp_path / "fresh.db") as other:
            assert it.everything() == other.everything()


def test_what_comes_out_of_the_recycle_bin_brings_the_past_that_we_never_saw(sqlite: Database, tmp_path: Path) -> None:
    with rig(sqlite, deals=30, activities_per_deal=0, settings={**DEALS, **SELDOM}) as it:
        gone = it.ids("Opportunity")[:3]
        it.edits.delete(gone)
        it.later(DAY)
        it.sync()
        it.later(HOUR)
        it.edits.undelete(gone)
        it.later(timedelta(minutes=1))
        it.sync()
        with fresh(it, tmp_path / "fresh.db") as other:
            assert it.everything() == other.everything()


def test_what_hangs_on_a_new_record_and_is_hidden_does_not_keep_the_record_away(sqlite: Database) -> None:
    with rig(sqlite, deals=30, activities_per_deal=0, settings=DEALS) as it:
        it.sandbox.hide(["OpportunityContactRole"])
        it.sync()
        it.later(HOUR)
        made = it.edits.create("Opportunity", {"Name": "New", "StageName": "Prospecting", "CloseDate": "2026-12-01"})
        it.later(timedelta(minutes=1))
        outcome = it.sync()
        assert stream(outcome, "deals").outcome == "ok"
        assert stream(outcome, "deals.links").outcome == "skipped"
        assert made in {row["deal_id"] for row in it.rows(DealStageChange)}
