"""Large reads go by the Bulk API and arrive whole, whatever becomes of the jobs."""

from threading import Event

import pytest

from dealmeter.sandbox.generate import generate
from store import migrate
from store.database import Database
from store.records import Deal
from tests.contract.salesforce.rig import SalesforceRig, rig, stream
from tests.rig import DAY, HOUR, NOW

SMALL = {"threshold": 100, "page": 1000}
BULKY = {"bulk": SMALL, "include": ["deals", "owners", "pipelines"]}
NASTY = 'N/A "quoted", two\nlines\r\nand a nul\0 📝 ' + "x" * 140_000


def _jobs(it: SalesforceRig) -> int:
    return sum(entry.method == "POST" and entry.path.endswith("/jobs/query") for entry in it.sandbox.requests.entries)


def test_a_large_read_by_bulk_says_the_same_as_one_by_rest(sqlite: Database, postgres_url: str) -> None:
    world = generate(7, 1100, activities_per_deal=0, now=NOW, frozen=True)
    kept = ["Score__c", "Priority__c", "LastStageChangeDate", "PushCount", "HasOpportunityLineItem"]
    extra = {"extra": {"deals": kept}}
    with Database(postgres_url) as other, rig(sqlite, world=world, settings={**BULKY, **extra}) as by_bulk:
        migrate.upgrade(other)
        for id_, text in zip(by_bulk.ids("Opportunity"), (NASTY, "N/A", "NULL", "007", '""'), strict=False):
            by_bulk.edits.update("Opportunity", id_, {"NextStep": text})
        assert by_bulk.sync().outcome == "ok"
        assert _jobs(by_bulk) == 1
        by_rest = SalesforceRig(by_bulk.sandbox, other, {**BULKY, **extra, "bulk": {}})
        assert by_rest.sync().outcome == "ok"
        assert _jobs(by_bulk) == 1
        assert by_bulk.rows(Deal) == by_rest.rows(Deal)
        by_bulk.assert_equals_account()
        steps = {row["next_step"] for row in by_bulk.rows(Deal)}
        assert {NASTY.replace("\0", ""), "N/A", "NULL", "007"} <= steps


def test_a_large_window_goes_by_bulk_and_a_small_one_by_rest(sqlite: Database) -> None:
    with rig(sqlite, deals=300, activities_per_deal=0, settings={**BULKY, "cadence": {"late": "30d"}}) as it:
        it.sync()
        it.later(HOUR)
        it.edits.bulk("Opportunity", 250, {"NextStep": "call again"})
        it.later(HOUR)
        assert stream(it.sync(only=["deals"]), "deals").counts.updated == 250
        assert _jobs(it) == 2
        it.later(HOUR)
        it.edits.bulk("Opportunity", 20, {"NextStep": "call later"})
        assert stream(it.sync(only=["deals"]), "deals").counts.updated == 20
        assert _jobs(it) == 2


@pytest.mark.parametrize("fate", ["stuck", "failed", "failed_silent", "aborted"])
def test_what_a_job_does_not_do_rest_does(sqlite: Database, fate: str) -> None:
    with rig(sqlite, deals=150, activities_per_deal=0, settings=BULKY) as it:
        it.sandbox.behaviour.bulk_fates = [fate]
        outcome = it.sync()
        assert outcome.outcome == "ok", outcome.error
        assert any("read by REST instead" in note for note in outcome.notes)
        it.assert_equals_account()


def test_what_bulk_refuses_rest_reads(sqlite: Database) -> None:
    with rig(sqlite, deals=150, activities_per_deal=0, settings=BULKY) as it:
        it.sandbox.behaviour.no_bulk = {"Opportunity"}
        outcome = it.sync()
        assert outcome.outcome == "ok", outcome.error
        it.assert_equals_account()


def test_a_purged_job_is_made_anew(sqlite: Database) -> None:
    with rig(sqlite, deals=150, activities_per_deal=0, settings=BULKY) as it:
        it.sandbox.behaviour.bulk_fates = ["purged"]
        outcome = it.sync()
        assert outcome.outcome == "partial"
        assert it.sync().outcome == "ok"
        it.assert_equals_account()


def test_stripped_headers_end_no_read_early(sqlite: Database) -> None:
    with rig(sqlite, deals=1100, activities_per_deal=0, settings=BULKY) as it:
        it.sandbox.behaviour.strip_headers = True
        outcome = it.sync()
        assert outcome.outcome == "ok", outcome.error
        it.assert_equals_account()


@pytest.mark.parametrize(
    "fault", ["reset_mid_body", "truncated", "rows_missing", "truncated_gzip", "reset", "503_html", "401"]
)
def test_a_result_that_breaks_off_is_read_again(sqlite: Database, fault: str) -> None:
    with rig(sqlite, deals=150, activities_per_deal=0, settings=BULKY) as it:
        it.sandbox.faults.next(fault, times=2, match=".*/results")
        outcome = it.sync()
        assert outcome.outcome == "ok", outcome.error
        assert stream(outcome, "deals").counts.read == 150
        it.assert_equals_account()


def test_what_came_of_a_result_before_it_broke_off_is_counted(sqlite: Database) -> None:
    with rig(sqlite, deals=3_300, activities_per_deal=0, settings=BULKY) as it:
        it.sandbox.faults.next("rows_missing", match=".*/results")
        outcome = it.sync(only=["deals"])
        deals = stream(outcome, "deals")
        assert (deals.outcome, deals.counts.read) == ("ok", 3_300)
        assert deals.retries == {"cut": 1}


def test_a_stopped_read_goes_on_in_the_same_job(sqlite: Database) -> None:
    with rig(sqlite, deals=2500, activities_per_deal=0, settings=BULKY) as it:
        stop = Event()
        first = it.sync(stop=stop, progress=lambda name, read: stop.set() if name == "deals" and read >= 1000 else None)
        assert first.outcome == "stopped"
        before = it.count(Deal)
        assert 0 < before < 2500
        second = it.sync()
        assert second.outcome == "ok"
        assert stream(second, "deals").counts.inserted == 2500 - before
        assert _jobs(it) == 1
        it.assert_equals_account()


def test_a_query_that_takes_too_long_is_halved_or_goes_by_bulk(sqlite: Database) -> None:
    with rig(sqlite, deals=150, activities_per_deal=0, settings=BULKY) as it:
        it.sandbox.behaviour.slow_above = 50
        assert it.sync().outcome == "ok"
        it.assert_equals_account()
        it.later(DAY)
        for first in range(0, 150, 15):
            it.edits.update("Opportunity", it.ids("Opportunity")[first : first + 15], {"Amount": "12.50"})
            it.later(2 * HOUR)
        it.sandbox.behaviour.no_bulk = {"Opportunity"}
        outcome = it.sync(only=["deals"])
        assert stream(outcome, "deals").counts.updated == 150, outcome.error
        it.assert_equals_account()
