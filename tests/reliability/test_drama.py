"""Random histories of the CRM, random faults, random crashes of ours: in the end the store equals the account."""

import tempfile
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from store import migrate
from store.database import Database
from tests.reliability.drama import Drama
from tests.rig import rig

SEEDS = st.integers(min_value=0, max_value=10**9)


class Theatre(RuleBasedStateMachine):
    """Hypothesis chooses the steps, and shortens a story that ends badly."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.database = Database(f"sqlite:///{Path(self.folder.name) / 'store.db'}")
        migrate.upgrade(self.database)
        self.rig = rig(self.database, deals=30, activities_per_deal=1)
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
    max_examples=12,
    stateful_step_count=14,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
