"""What changed in the account is in the store, whatever the search index, the recycle bin and merges do."""

from datetime import timedelta
from pathlib import Path

import pytest

from dealmeter.sandbox.record import Kind
from store import migrate
from store.database import Database
from store.records import Activity, ActivityLink, Contact, Deal, DealContact, DealStageChange, LineItem
from tests.rig import DAY, HOUR, Rig, rig


def test_a_first_run_brings_the_whole_account(database: Database) -> None:
    with rig(database) as it:
        outcome = it.sync()
        assert outcome.outcome == "ok", outcome.error
        it.assert_equals_account()
        assert it.count(DealStageChange) > it.count(Deal)
        assert it.count(DealContact) > 0
        assert it.count(ActivityLink) > 0
        assert all(row["deal_id"] for row in it.rows(LineItem))


def test_a_second_run_without_changes_writes_nothing_and_costs_a_handful_of_requests(database: Database) -> None:
    with rig(database) as it:
        it.sync()
        before = it.everything()
        it.later(timedelta(minutes=15))
        outcome = it.sync()
        assert (outcome.outcome, outcome.counts.written) == ("ok", 0)
        assert outcome.requests <= 15
        assert it.everything() == before


def test_a_deep_run_without_changes_writes_nothing(database: Database) -> None:
    with rig(database) as it:
        it.sync()
        before = it.everything()
        it.later(2 * HOUR)
        assert it.sync(deep=True).counts.written == 0
        assert it.everything() == before


def test_a_run_after_k_changes_reads_about_k_records(database: Database) -> None:
    with rig(database, deals=300, activities_per_deal=0) as it:
        it.sync()
        it.later(HOUR)
        ids = list(it.edits.truth("deals")["deals"]["live"])[:7]
        it.edits.update("deals", ids, {"amount": "4321.00"})
        it.later(timedelta(minutes=1))
        outcome = it.sync()
        deals = next(stream for stream in outcome.streams if stream.stream == "deals")
        assert (deals.counts.read, deals.counts.updated) == (7, 7)
        assert deals.requests <= 6
        it.assert_equals_account()


def test_what_changes_behind_a_long_first_read_is_read_by_the_next_run(sqlite: Database) -> None:
    settings = {"include": ["deals", "pipelines"], "exclude": []}
    with rig(sqlite, deals=2_600, activities_per_deal=0, settings=settings) as it:
        first, *_ = it.edits.truth("deals")["deals"]["live"]

        def meanwhile(stream: str, read: int) -> None:
            if (stream, read) == ("deals", 500):
                it.edits.update("deals", first, {"amount": "77.00"})
            it.later(timedelta(minutes=9) if stream == "deals" else timedelta(0))

        assert it.sync_with(meanwhile).outcome == "ok"
        it.later(timedelta(minutes=1))
        assert it.sync().counts.updated == 1
        assert {row["id"]: row["amount"] for row in it.rows(Deal)}[str(first)] == 77


@pytest.mark.parametrize("lag", [timedelta(minutes=5), timedelta(minutes=50)])
def test_what_search_shows_late_arrives_once_lag_and_cycle_have_passed(database: Database, lag: timedelta) -> None:
    with rig(database, activities_per_deal=0, search_lag=lag) as it:
        it.sync()
        it.later(HOUR)
        ids = list(it.edits.truth("deals")["deals"]["live"])
        for number, id_ in enumerate(ids[:20]):
            it.edits.update("deals", id_, {"amount": f"{1000 + number}.25"})
            it.later(timedelta(minutes=1))
            it.sync()
        for _ in range(5):
            it.later(timedelta(minutes=30))
            it.sync()
        it.assert_equals_account()


def test_what_search_shows_a_little_late_arrives_with_the_next_run(sqlite: Database) -> None:
    settings = {"cadence": {"late": "30d"}}
    with rig(sqlite, activities_per_deal=0, search_lag=timedelta(minutes=5), settings=settings) as it:
        it.sync()
        it.later(HOUR)
        it.sync()
        it.later(timedelta(minutes=10))
        id_, *_ = it.edits.truth("deals")["deals"]["live"]
        it.edits.update("deals", id_, {"amount": "77.00"})
        it.later(timedelta(minutes=1))
        assert it.sync().counts.updated == 0
        it.later(timedelta(minutes=6))
        assert it.sync().counts.updated == 1
        it.assert_equals_account()


def test_archived_restored_purged_merged_and_relinked_records(database: Database) -> None:
    with rig(database, deals=80) as it:
        it.sync()
        it.later(HOUR)
        ids = list(it.edits.truth("deals")["deals"]["live"])
        it.edits.archive("deals", ids[:6])
        it.edits.merge("deals", ids[10], ids[11])
        it.edits.purge("deals", ids[12])
        people = list(it.edits.truth("contacts")["contacts"]["live"])
        it.edits.merge("contacts", people[0], people[1])
        it.edits.purge("contacts", people[2])
        it.later(timedelta(minutes=5))
        it.sync(deep=True)
        it.assert_equals_account()
        it.later(HOUR)
        it.edits.restore("deals", ids[0])
        it.edits.restore("deals", ids[1], touch=True)
        it.edits.archive("contacts", people[3])
        it.later(timedelta(minutes=5))
        it.sync(deep=True)
        it.assert_equals_account()


def test_tombstones_and_aliases_remain(database: Database) -> None:
    with rig(database) as it:
        it.sync()
        it.later(HOUR)
        first, second, third, *_ = it.edits.truth("deals")["deals"]["live"]
        it.edits.archive("deals", first)
        survivor = it.edits.merge("deals", second, third)
        it.later(timedelta(minutes=5))
        it.sync(deep=True)
        rows = {row["id"]: row for row in it.rows(Deal, deleted=True)}
        assert rows[first]["deleted_at"] is not None
        assert rows[second]["merged_into_id"] == rows[third]["merged_into_id"] == survivor
        assert rows[survivor]["deleted_at"] is None


def test_a_merge_that_the_survivor_does_not_tell_of_is_seen_by_who_answers_to_the_old_ids(sqlite: Database) -> None:
    with rig(sqlite, activities_per_deal=0) as it:
        it.sandbox.portal.remove(Kind.DEAL, "hs_merged_object_ids")
        it.sync()
        it.later(HOUR)
        first, second, *_ = it.edits.truth("deals")["deals"]["live"]
        survivor = it.edits.merge("deals", first, second)
        it.later(timedelta(minutes=5))
        it.sync(deep=True)
        rows = {row["id"]: row for row in it.rows(Deal, deleted=True)}
        assert rows[first]["merged_into_id"] == rows[second]["merged_into_id"] == survivor
        it.assert_equals_account()


def test_links_that_change_without_a_time_of_change_are_refreshed_on_their_cadence(database: Database) -> None:
    with rig(database) as it:
        it.sync()
        it.later(DAY)
        deal = next(row for row in it.rows(Deal) if row["company_id"])
        company = next(id_ for id_ in it.edits.truth("companies")["companies"]["live"] if id_ != deal["company_id"])
        it.edits.dissociate("deals", deal["id"], "companies", deal["company_id"])
        it.edits.associate("deals", deal["id"], "companies", company, primary=True)
        linked = it.rows(DealContact)[0]
        it.edits.dissociate("deals", linked["deal_id"], "contacts", linked["contact_id"])
        it.sync()
        after = {row["id"]: row for row in it.rows(Deal)}
        assert after[deal["id"]]["company_id"] == company
        links = {(row["deal_id"], row["contact_id"]) for row in it.rows(DealContact)}
        assert (linked["deal_id"], linked["contact_id"]) not in links
        it.edits.associate("deals", linked["deal_id"], "contacts", linked["contact_id"])
        it.later(DAY)
        it.sync()
        assert (linked["deal_id"], linked["contact_id"]) in {
            (row["deal_id"], row["contact_id"]) for row in it.rows(DealContact)
        }


def test_calculated_properties_are_refreshed_on_their_cadence(database: Database) -> None:
    settings = {"extra": {"deals": ["hs_predicted_amount"]}}
    with rig(database, activities_per_deal=0, settings=settings) as it:
        it.sync()
        id_, *_ = it.edits.recalculate()
        before = {row["id"]: row["extra"] for row in it.rows(Deal)}
        it.later(timedelta(minutes=15))
        it.sync()
        assert {row["id"]: row["extra"] for row in it.rows(Deal)} == before
        it.later(DAY)
        it.sync()
        assert {row["id"]: row["extra"] for row in it.rows(Deal)}[id_] != before[id_]


def test_a_change_that_every_search_missed_is_found_and_reported_by_the_reconciliation(database: Database) -> None:
    settings = {"cadence": {"calculated": "30d"}}
    with rig(database, activities_per_deal=0, search_lag=timedelta(days=30), settings=settings) as it:
        it.sync()
        it.later(HOUR)
        id_, *_ = it.edits.truth("deals")["deals"]["live"]
        it.edits.update("deals", id_, {"amount": "77.00"})
        it.later(DAY)
        outcome = it.sync()
        it.assert_equals_account()
        assert any("deals: 1 records were missing or older here" in note for note in outcome.notes)


def test_the_brake_stops_a_reconciliation_that_would_delete_too_much(database: Database) -> None:
    with rig(database, deals=100, activities_per_deal=0) as it:
        it.sync()
        it.later(HOUR)
        for id_ in list(it.edits.truth("deals")["deals"]["live"])[:40]:
            it.edits.purge("deals", id_)
        outcome = it.sync(deep=True)
        stream = next(stream for stream in outcome.streams if stream.stream == "deals.reconcile")
        assert (outcome.outcome, stream.outcome) == ("partial", "failed")
        assert "40 of 100" in str(stream.error)
        assert "--allow-shrink" in stream.trouble.hint  # type: ignore[union-attr]
        assert it.count(Deal) == 100
        assert it.sync(deep=True, allow_shrink=True).outcome == "ok"
        it.assert_equals_account()


def test_25_000_deals_of_one_millisecond_arrive_in_about_as_many_requests_as_they_need(sqlite: Database) -> None:
    with rig(sqlite, deals=25_000, activities_per_deal=0) as it:
        it.sync()
        it.later(HOUR)
        assert len(it.edits.bulk("deals", 25_000, {"hs_next_step": "call again"})) == 25_000
        it.later(timedelta(minutes=1))
        outcome = it.sync(only=["deals"])
        deals = next(stream for stream in outcome.streams if stream.stream == "deals")
        assert deals.counts.read == deals.counts.updated == 25_000
        searches, batches, links = 125, 500, 2 * 125
        assert deals.requests <= 1.02 * (searches + batches + links) + 2
        assert {row["next_step"] for row in it.rows(Deal)} == {"call again"}


def test_asking_for_other_properties_reads_everything_again(database: Database) -> None:
    with rig(database, activities_per_deal=0) as it:
        it.sync()
        it.later(HOUR)
        it.settings = {"extra": {"contacts": ["hs_lead_status"]}}
        outcome = it.sync()
        contacts = next(stream for stream in outcome.streams if stream.stream == "contacts")
        assert contacts.counts.read == it.count(Contact)


def test_many_small_changes_over_days_end_with_the_account(database: Database) -> None:
    with rig(database, deals=80) as it:
        it.sync()
        for day in range(4):
            it.edits.live(timedelta(hours=20), changes=30, seed=day)
            it.later(4 * HOUR)
            _run_twice(it)
        it.assert_equals_account()
        assert it.count(Activity) > 0


def _run_twice(it: Rig) -> None:
    assert it.sync().outcome == "ok"
    it.later(HOUR)
    assert it.sync().outcome == "ok"


def test_what_a_reconciliation_finds_comes_with_its_whole_past_and_its_links(sqlite: Database, tmp_path: Path) -> None:
    settings = {"cadence": {"links": "30d", "calculated": "30d"}}
    with rig(sqlite, activities_per_deal=0, settings=settings) as it:
        gone = list(it.edits.truth("deals")["deals"]["live"])[:3]
        it.edits.archive("deals", gone)
        it.later(DAY)
        it.sync()
        assert not {row["deal_id"] for row in it.rows(DealStageChange)} & set(map(str, gone))
        for id_ in gone:
            it.edits.restore("deals", id_)  # without a time of change: no search tells
        it.later(DAY)
        outcome = it.sync()
        assert "deals: 3 records were missing or older here; read again" in outcome.notes
        with Database(f"sqlite:///{tmp_path / 'fresh.db'}") as database:
            migrate.upgrade(database)
            fresh = Rig(it.sandbox, database, it.settings)
            fresh.sync()
            assert it.everything() == fresh.everything()
