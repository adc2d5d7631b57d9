"""Every cell that the engine stores, against the oracles: on worlds full of edges, in both databases."""

import tempfile
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi.catalogue import METRICS
from kpi.engine import compute
from store.database import Database
from store.schema import TABLES, metadata
from store.upsert import upsert
from tests.kpi.agreement import WITHOUT_ORACLE, check, choices, expected, is_close, stored
from tests.kpi.oracles.cells import SLICE_GRAINS, Cell, Period, periods
from tests.kpi.oracles.registry import ORACLES, Place
from tests.kpi.world import Rows, World, insert_rows, make_world, read_rows

ADDITIVE = (
    "revenue",
    "won_deals_count",
    "lost_deals_count",
    "active_deals_count",
    "open_pipeline_value",
    "new_opportunities_count",
    "regional_sales",
    "product_revenue",
    "sales_activity_count",
)
MOMENTS = ("active_deals_count", "open_pipeline_value")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of either kind."""
    url = f"sqlite:///{tmp_path / 'store.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    with Database(url) as opened:
        yield opened


@pytest.mark.parametrize("seed", range(4))
def test_every_cell_agrees(database: Database, seed: int) -> None:
    world = make_world(seed)
    insert_rows(database, world.rows)
    compute(database, choices(world), now=world.now)
    check(stored(database), expected(read_rows(database), world))


def test_every_cell_agrees_in_a_bigger_world(tmp_path: Path) -> None:
    world = make_world(11, deals=400, days=300)
    with Database(f"sqlite:///{tmp_path / 'store.db'}") as database:
        insert_rows(database, world.rows)
        compute(database, choices(world), now=world.now)
        check(stored(database), expected(read_rows(database), world))


def test_each_kpi_has_an_oracle_and_each_oracle_a_kpi() -> None:
    assert set(METRICS) - set(WITHOUT_ORACLE) == set(ORACLES)


# ------------------------------------------------------------------------------------------------ properties

SEEDS = st.sampled_from(range(100, 104))
FEW = settings(max_examples=4, deadline=None, derandomize=True)


def small(seed: int) -> World:
    """A world that is quickly computed."""
    return make_world(seed, deals=24, days=100)


def computed(world: World, rows: Rows, *, times: int = 1) -> dict[Place, Cell]:
    """What the engine makes of rows that arrived so many times, in this order."""
    with tempfile.TemporaryDirectory() as folder, Database(f"sqlite:///{folder}/store.db") as database:
        metadata.create_all(database.engine)
        with database.write() as tx:
            for table in TABLES.values():
                filled = [dict.fromkeys(table.c.keys()) | row for row in rows.get(table.name, [])]
                for _ in range(times):
                    upsert(tx, table, filled)
        compute(database, choices(world), now=world.now)
        return stored(database)


@cache
def cells_of(seed: int) -> dict[Place, Cell]:
    """What the engine makes of a small world."""
    return computed(small(seed), small(seed).rows)


@FEW
@given(seed=SEEDS)
def test_slices_of_additive_kpis_add_up_to_the_total(seed: int) -> None:
    sums: dict[tuple[str, Period, str], Decimal] = {}
    for (key, period, dimension, _), cell in cells_of(seed).items():
        if dimension:
            sums[key, period, dimension] = sums.get((key, period, dimension), Decimal(0)) + (cell.value or 0)
    for (key, period, dimension, _), cell in cells_of(seed).items():
        if key in ADDITIVE and not dimension and period.grain in SLICE_GRAINS:
            for by in ORACLES[key].dimensions:
                assert is_close(sums.get((key, period, by), Decimal(0)), cell.value), (key, period, by)


@FEW
@given(seed=SEEDS)
def test_days_add_up_to_longer_periods(seed: int) -> None:
    cells = cells_of(seed)
    for key in set(ADDITIVE) - set(MOMENTS):
        days = {p[1].start: c.value or Decimal(0) for p, c in cells.items() if p[0] == key and p[1].grain == "day"}
        for (found, period, dimension, _), cell in cells.items():
            if found == key and not dimension and period.end <= max(days):
                added = sum((value for day, value in days.items() if period.has(day)), Decimal(0))
                assert is_close(added, cell.value), (key, period)


@FEW
@given(seed=SEEDS)
def test_each_period_has_one_neighbour_on_each_side(seed: int) -> None:
    for grain in ("day", "week", "month", "quarter", "year"):
        found = {p[1] for p in cells_of(seed) if p[0] == "revenue" and p[1].grain == grain}
        first, last = min(p.start for p in found), max(p.start for p in found)
        assert sorted(found, key=lambda p: p.start) == periods(grain, first, last)


@FEW
@given(seed=SEEDS, dice=st.randoms(use_true_random=False))
def test_the_order_of_arrival_and_repeats_change_nothing(seed: int, dice: Random) -> None:
    world = small(seed)
    shuffled = {name: dice.sample(rows, k=len(rows)) for name, rows in world.rows.items()}
    check(computed(world, shuffled, times=2), cells_of(seed))
