"""What is read in parts is read whole: windows that were stopped, parents by the hundred, places in a burst window."""

from datetime import timedelta

from connectors.budget import Window
from connectors.errors import StoppedError
from store.database import Database
from store.records import Deal, DealStageChange
from tests.contract.salesforce.rig import rig as salesforce
from tests.rig import HOUR, rig

MINUTE = timedelta(minutes=1)
DEALS = {"include": ["deals", "owners", "pipelines"]}


def stop_at_once(stream: str, read: int) -> None:
    """Nothing more once a page of deals is stored."""
    if stream == "deals":
        raise StoppedError


def test_a_stopped_window_of_hubspot_goes_on_behind_its_last_page(sqlite: Database) -> None:
    with rig(sqlite, deals=500, activities_per_deal=0, settings={**DEALS, "cadence": {"late": "30d"}}) as it:
        it.sync()
        it.later(HOUR)
        it.edits.bulk("deals", 500, {"amount": "10.00"})
        it.later(MINUTE)
        first = it.sync(progress=stop_at_once, only=["deals"])
        assert first.outcome == "stopped"
        it.later(MINUTE)
        it.sandbox.requests.clear()
        assert it.sync(only=["deals"]).outcome == "ok"
        searches = [entry.path for entry in it.sandbox.requests.entries if entry.path.endswith("deals/search")]
        pages_of_the_old_window, whole_new_window = 2, 3
        assert len(searches) == pages_of_the_old_window + whole_new_window
        assert {row["amount"] for row in it.rows(Deal)} == {10}


def test_what_hangs_on_more_parents_than_a_page_takes_all_arrives(sqlite: Database) -> None:
    with salesforce(sqlite, deals=1_100, activities_per_deal=0, settings=DEALS) as it:
        it.sync()
        it.later(HOUR)
        stage = next(row["stage_id"] for row in it.rows(Deal) if row["is_won"])
        it.edits.bulk("Opportunity", 1_100, {"StageName": stage})
        it.later(MINUTE)
        assert it.sync().outcome == "ok"
        now = {row["deal_id"] for row in it.rows(DealStageChange) if not row["exited_at"] and row["stage_id"] == stage}
        assert now == {row["id"] for row in it.rows(Deal)}
        assert len(now) == 1_100


def test_no_more_than_the_limit_in_any_stretch_of_the_window() -> None:
    now, begun = [0.0], []

    def sleep(seconds: float) -> None:
        now[0] += seconds

    window = Window(3, 10.0, monotonic=lambda: now[0], sleep=sleep)
    for _ in range(7):
        with window.place():
            begun.append(now[0])
            now[0] += 1.0
    assert begun == [0.0, 1.0, 2.0, 11.0, 12.0, 13.0, 22.0]
