"""Each scenario here once lost or spoiled something; found by review, kept so that it stays mended."""

from datetime import timedelta
from threading import Event, Thread
from typing import Any

import pytest

from connectors.budget import Window
from connectors.errors import StoppedError
from connectors.hubspot.settings import HubSpotSettings
from store import reads
from store.database import Database
from store.records import Activity, Company, Contact, Deal, DealStageChange, Stage
from tests.rig import DAY, HOUR, NAME, Rig, rig

FOREVER = {"cadence": {"calculated": "365d", "reconcile": "365d", "links": "365d"}}


def ids(it: Rig, kind: str) -> list[str]:
    """The living ids of a kind, in HubSpot's order."""
    return list(it.edits.truth(kind)[kind]["live"])


def by_id(it: Rig, record: type[Any]) -> dict[str, dict[str, Any]]:
    """Live rows by id."""
    return {row["id"]: row for row in it.rows(record)}


def test_a_calculated_pass_that_meets_a_new_version_brings_its_history_too(database: Database) -> None:
    """An edit between the changes of a run and its calculated pass must not hide behind its new version."""
    with rig(database, activities_per_deal=0) as it:
        it.sync()
        it.later(DAY)
        deal = next(row for row in it.rows(Deal) if not row["is_closed"])
        edited = False

        def edit(stream: str, read: int) -> None:
            nonlocal edited
            if stream == "pipelines" and not edited:
                return
            if stream == "deals" and not edited:
                edited = True
                it.edits.update("deals", deal["id"], {"dealstage": _won_stage(it, deal["pipeline_id"])})

        it.sync_with(edit, parallel=1, deep=True)
        assert edited
        for _ in range(2):
            it.later(DAY)
            it.sync(parallel=1, deep=True)
        row = by_id(it, Deal)[deal["id"]]
        assert row["is_won"]
        assert row["closed_at"] is not None
        visits = [visit for visit in it.rows(DealStageChange) if visit["deal_id"] == deal["id"]]
        assert visits[-1]["stage_id"] == row["stage_id"]


def _won_stage(it: Rig, pipeline: str) -> str:
    return next(str(row["id"]) for row in it.rows(Stage) if row["pipeline_id"] == pipeline and row["is_won"])


def test_links_and_reconciliation_of_activities_work_whatever_the_server_s_locale(database: Database) -> None:
    with rig(database) as it:
        it.sync()
        it.later(HOUR)
        gone = ids(it, "calls")[0]
        it.edits.purge("calls", gone)
        outcome = it.sync(deep=True)
        links = next(stream for stream in outcome.streams if stream.stream == "calls.links")
        assert links.counts.read > 0
        assert f"call:{gone}" not in by_id(it, Activity)
        it.assert_equals_account()


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("deals", {"closedate": "9999-12-31T23:59:59.000Z"}),
        ("deals", {"closedate": "0001-01-01T00:00:00.000Z"}),
        ("deals", {"amount": "1E+9999999"}),
        ("deals", {"amount": "1E-9999999"}),
        ("deals", {"dealname": "a\x00b"}),
        ("deals", {"hs_exchange_rate": "1E+999999"}),
        ("companies", {"numberofemployees": "4915123456789"}),
        ("calls", {"hs_call_duration": "99999999999999999999"}),
    ],
)
def test_a_poisonous_value_stops_nothing(database: Database, kind: str, values: dict[str, str]) -> None:
    with rig(database, deals=30) as it:
        counted = it.edits.truth()
        it.edits.update(kind, ids(it, kind)[0], values)
        outcome = it.sync()
        assert outcome.outcome in {"ok", "partial"}, outcome.error
        assert it.count(Deal) == counted["deals"]["count"]
        assert it.count(Company) == counted["companies"]["count"]
        assert it.sync(deep=True).outcome in {"ok", "partial"}


def test_a_wrong_token_of_one_connection_or_record_never_shows_customers_in_the_books(database: Database) -> None:
    with rig(database, deals=30) as it:
        it.sync()
        with it.database.read() as tx:
            errors = tx.exec_driver_sql("SELECT coalesce(error, '') FROM sync_runs").scalars().all()
        assert all("@example" not in error for error in errors)


def test_the_brake_lets_go_when_the_records_are_back(database: Database) -> None:
    with rig(database, deals=80, activities_per_deal=0) as it:
        it.sync()
        it.later(HOUR)
        away = ids(it, "deals")[:40]
        it.edits.archive("deals", away)
        outcome = it.sync(deep=True, only=["contacts"])
        assert outcome.outcome == "ok"
        settings, it.settings = it.settings, {"cadence": {"archived": "365d"}}
        assert it.sync(deep=False).outcome == "ok"
        it.settings = settings
        for id_ in away:
            it.edits.restore("deals", id_)
        it.later(DAY)
        assert it.sync(deep=True).outcome == "ok"
        it.assert_equals_account()


def test_a_reconciliation_that_was_braked_begins_again(database: Database) -> None:
    with rig(database, deals=80, activities_per_deal=0) as it:
        it.sync()
        it.later(HOUR)
        living = ids(it, "deals")
        for id_ in living[:30]:
            it.edits.purge("deals", id_)
        assert it.sync(deep=True).outcome == "partial"
        for number in range(3000):
            if number < 30:
                it.edits.create("deals", {"dealname": f"again {number}", "dealstage": "qualifiedtobuy"})
        it.later(DAY)
        outcome = it.sync(deep=True)
        braked = next(stream for stream in outcome.streams if stream.stream == "deals.reconcile")
        assert "30 of 110" in str(braked.error)
        assert it.sync(deep=True, allow_shrink=True).outcome == "ok"
        it.assert_equals_account()


def test_a_full_run_reconciles(database: Database) -> None:
    with rig(database, activities_per_deal=0) as it:
        it.sync()
        it.later(timedelta(minutes=15))
        it.edits.purge("deals", ids(it, "deals")[0])
        assert it.sync(full=True).outcome == "ok"
        it.assert_equals_account()


def test_a_contact_that_moved_to_another_company_follows(database: Database) -> None:
    with rig(database, activities_per_deal=0) as it:
        it.sync()
        it.later(DAY)
        contact = next(row for row in it.rows(Contact) if row["company_id"])
        other = next(id_ for id_ in ids(it, "companies") if id_ != contact["company_id"])
        it.edits.dissociate("contacts", contact["id"], "companies", contact["company_id"])
        it.edits.associate("contacts", contact["id"], "companies", other, primary=True)
        it.sync()
        assert by_id(it, Contact)[contact["id"]]["company_id"] == other


def test_a_refused_amount_is_not_resolved_by_a_page_of_links(database: Database) -> None:
    with rig(database, activities_per_deal=0) as it:
        it.edits.update("deals", ids(it, "deals")[0], {"amount": "N/A"})
        it.sync()
        it.later(DAY)
        it.sync(deep=True)
        with it.database.read() as tx:
            assert reads.count_rejections(tx, NAME) == 1


def test_a_merged_contact_takes_its_deals_along_at_once(database: Database) -> None:
    with rig(database, activities_per_deal=0, settings=FOREVER) as it:
        it.sync()
        it.later(HOUR)
        deal = next(row for row in it.rows(Deal) if row["primary_contact_id"])
        other = next(id_ for id_ in ids(it, "contacts") if id_ != deal["primary_contact_id"])
        survivor = it.edits.merge("contacts", other, deal["primary_contact_id"])
        it.later(timedelta(minutes=5))
        it.sync()
        assert by_id(it, Deal)[deal["id"]]["primary_contact_id"] == survivor


def test_a_stage_that_hubspot_dropped_stays_what_it_was(database: Database) -> None:
    with rig(database, activities_per_deal=0) as it:
        it.sync()
        closed = {row["id"]: row["closed_at"] for row in it.rows(Deal) if row["closed_at"]}
        pipelines = it.sandbox.world.pipelines
        kept = [_without_won(pipeline) for pipeline in pipelines]
        it.sandbox.world.put_pipelines(kept)
        it.later(DAY)
        it.edits.bulk("deals", 60, {"hs_next_step": "read again"})
        it.later(timedelta(minutes=1))
        it.sync()
        assert {row["id"]: row["closed_at"] for row in it.rows(Deal) if row["closed_at"]} == closed
        assert any(row["is_archived"] and row["is_won"] for row in it.rows(Stage))


def _without_won(pipeline: Any) -> Any:
    from dataclasses import replace

    return replace(pipeline, stages=tuple(stage for stage in pipeline.stages if stage.probability != "1.0"))


def test_a_property_that_the_token_may_not_see_any_more_leaves_what_we_know(database: Database) -> None:
    from dealmeter.sandbox.record import Kind

    with rig(database, activities_per_deal=0, settings={"extra": {"deals": ["hs_priority"]}}) as it:
        it.sync()
        before = {row["id"]: row["next_step"] for row in it.rows(Deal)}
        assert any(before.values())
        it.sandbox.portal.remove(Kind.DEAL, "hs_next_step")
        it.sandbox.portal.remove(Kind.DEAL, "hs_priority")
        it.later(DAY)
        outcome = it.sync(deep=True)
        assert {row["id"]: row["next_step"] for row in it.rows(Deal)} == before
        assert any("hs_priority" in note for note in outcome.notes)


def test_a_clock_that_runs_away_once_does_not_hide_later_changes(database: Database) -> None:
    with rig(database, activities_per_deal=0) as it:
        it.sync()
        it.later(HOUR)
        moved = False

        def leap(stream: str, read: int) -> None:
            nonlocal moved
            if not moved:
                moved = True
                it.later(3 * DAY)

        it.sync_with(leap)
        it.sandbox.world.clock.set(it.sandbox.world.clock.now() - 3 * DAY)
        it.later(HOUR)
        it.edits.update("deals", ids(it, "deals")[0], {"amount": "123.00"})
        it.later(timedelta(minutes=1))
        it.sync()
        it.assert_equals_account()


def test_whoever_waits_for_a_place_hears_the_call_to_stop() -> None:
    stop = Event()

    def sleep(seconds: float) -> None:
        if stop.is_set():
            raise StoppedError

    window = Window(1, 10.0, monotonic=lambda: 0.0, sleep=sleep)
    inside, leave = Event(), Event()

    def hold() -> None:
        with window.place():
            inside.set()
            leave.wait()

    def wait() -> None:
        try:
            with window.place():
                pass
        except StoppedError:
            return

    holder = Thread(target=hold)
    holder.start()
    inside.wait()
    waiters = [Thread(target=wait) for _ in range(3)]
    for waiter in waiters:
        waiter.start()
    stop.set()
    for waiter in waiters:
        waiter.join(10)
        assert not waiter.is_alive()
    leave.set()
    holder.join()


def test_refusals_side_by_side_count_as_one() -> None:
    window = Window(80, 10.0, monotonic=lambda: 0.0, sleep=lambda seconds: None)
    for _ in range(6):
        window.refused(10.0)
    assert window.limit == 40


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"fields": {"deals": {"regoin": "x"}}}, "did you mean 'region'"),
        ({"fields": {"dels": {}}}, "did you mean 'deals'"),
        ({"include": ["contact"]}, "did you mean 'contacts'"),
    ],
)
def test_a_name_that_is_none_is_refused_with_the_one_that_was_meant(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        HubSpotSettings.model_validate({"access_token": "x", **given})
