"""Every cell that the engine stores, against the oracles: on worlds full of edges, in both databases."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from kpi.catalogue import METRICS
from kpi.engine import compute
from kpi.settings import KpiSettings
from store.database import Database
from store.schema import TABLES, KpiSnapshot, metadata, table_of
from store.upsert import upsert
from tests.kpi.oracles.book import Book
from tests.kpi.oracles.cells import SLICE_GRAINS, Cell, Period, periods
from tests.kpi.oracles.registry import ORACLES, Place, answers
from tests.kpi.world import Rows, World, insert_rows, make_world, read_rows

SNAPSHOTS = table_of(KpiSnapshot)
STEP = Decimal("0.000001")  # numbers are stored to six decimals and fifteen digits
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


def choices(world: World) -> KpiSettings:
    """The settings under which a world is looked at."""
    return KpiSettings(
        calendars=("gregorian",),
        currency=world.currency,
        time_zone=world.time_zone,
        region_map=dict(world.region_map),
        source_map=dict(world.source_map),
    )


def stored(database: Database) -> dict[Place, Cell]:
    """The newest value of each series of the Gregorian calendar."""
    found: dict[Place, Cell] = {}
    with database.read() as tx:
        rows = tx.execute(select(SNAPSHOTS).where(SNAPSHOTS.c.calendar == "gregorian").order_by(SNAPSHOTS.c.id))
        for row in rows.mappings():
            period = Period(grain=row["grain"], start=row["period_start"], end=row["period_end"])
            found[row["kpi_key"], period, row["dimension"], row["member"]] = Cell(
                value=row["value"],
                numerator=row["numerator"],
                denominator=row["denominator"],
                n=row["n"],
                status=row["status"],
            )
    return found


def expected(rows: Rows, world: World) -> dict[Place, Cell]:
    """What the oracles say of the same rows."""
    book = Book(
        rows,
        now=world.now,
        currency=world.currency,
        time_zone=world.time_zone,
        region_map=world.region_map,
        source_map=world.source_map,
    )
    return answers(book)


def is_close(one: Decimal | None, other: Decimal | None) -> bool:
    """The same number, as far as it can be stored."""
    if one is None or other is None:
        return one is other
    return abs(one - other) <= max(STEP, abs(other) * Decimal("1e-14"))


def agree(one: Cell | None, other: Cell | None) -> bool:
    """Whether two cells say the same."""
    if one is None or other is None:
        return one is other
    return (
        is_close(one.value, other.value)
        and is_close(one.numerator, other.numerator)
        and is_close(one.denominator, other.denominator)
        and one.n == other.n
        and one.status == other.status
    )


def shown(cell: Cell | None) -> str:
    """A cell on a line."""
    if cell is None:
        return "nothing"
    parts = f"{cell.numerator} / {cell.denominator}, n {cell.n}, {cell.status}"
    return f"{'null' if cell.value is None else round(cell.value, 6)} = {parts}"


def check(engine: dict[Place, Cell], oracle: dict[Place, Cell]) -> None:
    """Fail, readably, where two answers differ."""
    if found := differences(engine, oracle):
        pytest.fail(f"engine and oracle differ\n{found}", pytrace=False)


def differences(engine: dict[Place, Cell], oracle: dict[Place, Cell]) -> str:
    """Where two answers differ: how often for each KPI, then the first few in full. Empty where they agree."""
    places = [place for place in oracle.keys() | engine.keys() if not agree(engine.get(place), oracle.get(place))]
    places.sort(key=lambda place: (place[0], place[2], place[1].grain, place[1].start, place[3]))
    lines = [f"{number:6} x {key} by {by or 'total'}" for (key, by), number in Counter(p[::2] for p in places).items()]
    for key, period, dimension, member in places[:60]:
        place = (key, period, dimension, member)
        lines.append(f"{key} | {period.grain} {period.start} | {dimension or 'total'} | {member}")
        lines.append(f"    engine: {shown(engine.get(place))}")
        lines.append(f"    oracle: {shown(oracle.get(place))}")
    return "\n".join(lines)


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
    assert set(METRICS) == set(ORACLES)


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
