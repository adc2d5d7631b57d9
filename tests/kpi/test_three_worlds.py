"""Every stored cell of every KPI against its oracle: where all goes wrong, in a sandbox CRM, in a real company."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dealmeter.sandbox.dataset import load
from kpi.catalogue import METRICS
from kpi.engine import compute
from store import migrate
from store.database import Database
from tests.dataset import dataset
from tests.kpi.agreement import book_of, check, choices, expected, stored
from tests.kpi.beside import complaints
from tests.kpi.nasty import make_nasty, without
from tests.kpi.oracles.cards import CARDS
from tests.kpi.oracles.registry import ORACLES, answers
from tests.kpi.world import World, insert_rows, read_rows
from tests.rig import rig

FILE_TABLES = (
    "spend", "targets", "training_events", "competitor_prices", "subscriptions", "product_usage", "unit_costs",
    "orders", "leads", "lead_stage_changes", "meeting_invites", "survey_responses", "tickets",
)  # fmt: skip
SLICED = ("revenue", "win_rate", "sales_cycle_length_median", "open_pipeline_value", "stage_conversion_rate")
"""What a company looks at by one dimension first."""
LONGER = ("month", "quarter", "year", "all")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    """An empty store."""
    with Database(f"sqlite:///{tmp_path / 'store.db'}") as opened:
        yield opened


def compare(database: Database, world: World) -> None:
    """Compute a world that is in the store, hold the invariants, and compare every cell."""
    assert not compute(database, choices(world), now=world.now).broken
    check(stored(database), expected(read_rows(database), world))


def test_each_kpi_has_an_oracle_and_each_card_a_kpi() -> None:
    assert set(METRICS) == set(ORACLES)
    assert sorted(set(CARDS) - set(METRICS)) == []


@pytest.mark.parametrize("seed", [0, 1])
def test_where_everything_goes_wrong(store: Database, seed: int) -> None:
    world = make_nasty(seed)
    insert_rows(store, world.rows)
    compare(store, world)
    if not seed:
        assert list(complaints(store, book_of(read_rows(store), world))) == []


def test_where_everything_goes_wrong_on_postgresql(postgres_url: str) -> None:
    world = make_nasty(2, deals=40, days=130)
    with Database(postgres_url) as database:
        insert_rows(database, world.rows)
        compare(database, world)


def test_where_a_crm_is_all_there_is(store: Database) -> None:
    world = without(make_nasty(4, deals=40, days=130), *FILE_TABLES)
    insert_rows(store, world.rows)
    compare(store, world)


def test_in_a_store_with_nothing_in_it(store: Database) -> None:
    world = without(make_nasty(0, deals=2), *make_nasty(0, deals=2).rows)
    insert_rows(store, world.rows)
    compare(store, world)


def test_by_splits_and_in_strict_funnels(store: Database) -> None:
    keys = (
        "revenue", "sales_growth_mom", "revenue_per_rep", "revenue_per_rep_growth", "quota_attainment_pct",
        "stage_conversion_rate", "stage_drop_off_rate",
    )  # fmt: skip
    modes = {"credit_mode": "splits", "funnel_mode": "strict"}
    world = make_nasty(5, deals=40)
    insert_rows(store, world.rows)
    assert not compute(store, choices(world, include=keys, **modes), now=world.now).broken
    check(stored(store), answers(book_of(read_rows(store), world, **modes), keys=keys))


def test_in_a_sandbox(store: Database) -> None:
    migrate.upgrade(store)
    with rig(store, deals=60) as it:
        assert it.sync().outcome == "ok"
        compare(store, World(rows={}, now=it.sandbox.world.clock.now()))


def test_in_a_real_company(store: Database) -> None:
    migrate.upgrade(store)
    with rig(store, world=load(dataset(), frozen=True)) as it:
        assert it.sync().outcome == "ok"
        world = World(rows={}, now=it.sandbox.world.clock.now())
    assert not compute(store, choices(world), now=world.now).broken
    found = {
        place: cell
        for place, cell in stored(store).items()
        if place[1].grain in LONGER and (not place[2] or place[0] in SLICED)
    }
    book = book_of(read_rows(store), world)
    due = answers(book, grains=LONGER, sliced=SLICED)
    check(found, {place: cell for place, cell in due.items() if not place[2] or place[0] in SLICED})
