"""Trouble makes us ask again, but not often: a CRM in trouble is not helped by a storm."""

from dealmeter.sandbox.hubspot import trouble
from store.database import Database
from tests.reliability.conftest import Promise, Stores
from tests.rig import HOUR, Rig, rig

FAILING = tuple(set(trouble.PASSING) - {"slow", "short_page", "wrong_type", "duplicated", "reordered"})
RATE, MOST = 0.2, 1.4


def requests(database: Database, *, rate: float, seed: int = 7) -> int:
    """How many requests a first run and three over everything take."""
    with rig(database, deals=250, activities_per_deal=1, seed=seed) as it:
        it.sandbox.faults.rate, it.sandbox.faults.mix = rate, tuple(sorted(FAILING))
        _run(it)
        for _ in range(3):
            it.later(HOUR)
            _run(it, deep=True)
        it.sandbox.faults.clear()
        it.assert_equals_account()
        return sum(it.sandbox.requests.statuses.values())


def _run(it: Rig, *, deep: bool = False) -> None:
    run = it.sync(deep=deep)
    assert run.outcome == "ok", run.error


def test_faults_cause_no_storm(stores: Stores, promise: Promise) -> None:
    promise.is_that(
        f"With {RATE:.0%} of all answers broken we send at most {MOST:.1f} times the requests, and read everything",
        f"{len(FAILING)} kinds of faults at random, a first run and three deep ones",
    )
    with stores() as calm:
        least = requests(calm, rate=0)
    assert least > 150
    for seed in promise.cases(1):
        with stores() as database:
            assert requests(database, rate=RATE, seed=seed) <= MOST * least
