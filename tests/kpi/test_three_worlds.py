"""Every stored cell of every KPI against its oracle: in a sandbox CRM, in a real company, and where all goes wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dealmeter.sandbox.dataset import load
from kpi.catalogue import METRICS
from kpi.engine import compute
from store import migrate
from store.database import Database
from tests.dataset import dataset
from tests.kpi.agreement import WITHOUT_ORACLE, check, choices, expected, stored
from tests.kpi.nasty import make_nasty, without
from tests.kpi.oracles.cards import CARDS
from tests.kpi.oracles.registry import ORACLES
from tests.kpi.world import World, insert_rows, read_rows
from tests.rig import rig

FILE_TABLES = (
    "spend", "targets", "training_events", "competitor_prices", "subscriptions", "product_usage", "unit_costs",
    "orders", "leads", "lead_stage_changes", "meeting_invites", "survey_responses", "tickets",
)  # fmt: skip


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty store."""
    with Database(f"sqlite:///{tmp_path / 'store.db'}") as opened:
        yield opened


def compare(database: Database, world: World) -> None:
    """Compute a world that is in the store, hold the invariants, and compare every cell."""
    done = compute(database, choices(world), now=world.now)
    assert not done.broken
    check(stored(database), expected(read_rows(database), world))


def test_each_card_has_a_kpi_and_an_oracle() -> None:
    assert sorted(set(CARDS) - set(METRICS)) == []
    assert sorted(set(CARDS) - set(ORACLES)) == []
    assert sorted(set(METRICS) - set(ORACLES)) == sorted(WITHOUT_ORACLE)


@pytest.mark.parametrize("seed", range(4))
def test_where_everything_goes_wrong(database: Database, seed: int) -> None:
    world = make_nasty(seed)
    insert_rows(database, world.rows)
    compare(database, world)


def test_where_a_crm_is_all_there_is(database: Database) -> None:
    world = without(make_nasty(4), *FILE_TABLES)
    insert_rows(database, world.rows)
    compare(database, world)


def test_in_a_store_with_nothing_in_it(database: Database) -> None:
    world = without(make_nasty(0, deals=2), *make_nasty(0, deals=2).rows)
    insert_rows(database, world.rows)
    compare(database, world)


def test_in_a_sandbox(database: Database) -> None:
    migrate.upgrade(database)
    with rig(database, deals=60) as it:
        assert it.sync().outcome == "ok"
        compare(database, World(rows={}, now=it.sandbox.world.clock.now()))


def test_in_a_real_company(database: Database) -> None:
    folder = dataset()
    migrate.upgrade(database)
    with rig(database, world=load(folder, frozen=True)) as it:
        assert it.sync().outcome == "ok"
        compare(database, World(rows={}, now=it.sandbox.world.clock.now()))
