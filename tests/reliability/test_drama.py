"""Random histories of the CRM, random faults, random crashes of ours: in the end the store equals the account."""

import tempfile
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from dealmeter.sandbox.hubspot import trouble
from kpi.engine import compute
from kpi.settings import KpiSettings
from store import migrate
from store.database import Database
from tests.reliability.conftest import PATIENCE, Promise, Stores
from tests.reliability.drama import Drama
from tests.reliability.values import values
from tests.rig import Rig, rig

KPIS = KpiSettings(calendars=("gregorian",))
STEPS = 20
SOME_PAGES = 520
"""Deals for more than one page of ours."""
FAULTS = len(trouble.PASSING) + len(trouble.ENDING)


def test_a_story_ends_with_the_store_equal_to_the_crm(stores: Stores, promise: Promise) -> None:
    promise.is_that(
        "A living CRM, a failing network and a crashing reader end with the store equal to the CRM, a second deep run "
        "writes nothing, and every KPI value equals that of a fresh full sync",
        f"seeded stories: {FAULTS} kinds of faults, edits also while being read, search lag, wrong clocks, crashes "
        "at any page",
    )
    for seed in promise.cases(1):
        with stores() as battered, rig(battered, deals=20, activities_per_deal=1) as it:
            Drama(it).play(seed if battered.is_sqlite else -1 - seed, STEPS)
            with stores() as fresh:
                assert_same_values(it, fresh)


def assert_same_values(it: Rig, fresh: Database) -> None:
    """Also values over time are the same: they come from histories that the CRM keeps, not from when we looked."""
    clean = Rig(it.sandbox, fresh, it.settings)  # who reads fewer kinds of activity counts fewer activities
    assert clean.sync().outcome == "ok"
    now = it.sandbox.world.clock.now()
    for database in (it.database, fresh):
        compute(database, KPIS, now=now)
    found, expected = values(it.database), values(fresh)
    assert len(expected) > 10_000
    assert set(found) == set(expected), sorted(set(found) ^ set(expected))[:6]
    assert len(found) == len(expected)


def test_ordinary_runs_miss_nothing_that_a_comparison_must_repair(sqlite: Database, promise: Promise) -> None:
    promise.is_that(
        "What is created, changed and archived is read by ordinary runs, whatever fails and wherever they crash: a "
        "comparison of all ids then finds nothing missing, older or gone",
        "seeded stories of such edits with search lag, faults and crashes at any page, also of the first read",
    )
    alone = {"include": ["deals"], "exclude": [], "cadence": {"reconcile": "999d"}}
    with rig(sqlite, deals=SOME_PAGES, activities_per_deal=0, settings=alone) as it:
        drama = Drama(it)
        drama.read_first(crash_at=1)
        for seed in promise.cases(2):
            drama.grow(seed, STEPS)
        assert drama.happened["crashes"] > 1
        run = it.sync(deep=True, allow_shrink=True)
        assert not [note for note in run.notes if "missing or older" in note or "are gone" in note]
        assert it.by_stage() == it.true_by_stage()


SEEDS = st.integers(min_value=0, max_value=10**9)


class Theatre(RuleBasedStateMachine):
    """Hypothesis chooses the steps, and shortens a story that ends badly."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.database = Database(f"sqlite:///{Path(self.folder.name) / 'store.db'}")
        migrate.upgrade(self.database)
        self.rig = rig(self.database, deals=20, activities_per_deal=1)
        self.drama = Drama(self.rig.__enter__())

    @initialize()
    def first_run(self) -> None:
        """It begins well."""
        assert self.drama.it.sync().outcome == "ok"

    @rule(seed=SEEDS)
    def edit(self, seed: int) -> None:
        """A person changes something."""
        self.drama.edit(Random(seed))

    @rule(seed=SEEDS)
    def live(self, seed: int) -> None:
        """Time passes."""
        self.drama.live(Random(seed))

    @rule(seed=SEEDS)
    def relink(self, seed: int) -> None:
        """A person links something."""
        self.drama.relink(Random(seed))

    @rule(seed=SEEDS)
    def trouble(self, seed: int) -> None:
        """The weather changes."""
        self.drama.trouble(Random(seed))

    @rule(seed=SEEDS)
    def meanwhile(self, seed: int) -> None:
        """A person changes something that we are reading."""
        self.drama.meanwhile(Random(seed))

    @rule(seed=SEEDS)
    def sync(self, seed: int) -> None:
        """We read."""
        self.drama.sync(Random(seed))

    def teardown(self) -> None:
        """It must end well."""
        try:
            self.drama.end()
        finally:
            self.rig.__exit__(None, None, None)
            self.database.close()
            self.folder.cleanup()


TestTheatre = Theatre.TestCase
TestTheatre.settings = settings(
    max_examples=4 * PATIENCE,
    stateful_step_count=14,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
