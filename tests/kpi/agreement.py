"""Whether engine and oracles say the same: what the engine stored, what the oracles expect, where they differ."""

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from kpi.settings import KpiSettings
from store.database import Database
from store.schema import KpiSnapshot, table_of
from tests.kpi.oracles.book import Book
from tests.kpi.oracles.cells import Cell, Period
from tests.kpi.oracles.registry import Place, answers
from tests.kpi.world import Rows, World

SNAPSHOTS = table_of(KpiSnapshot)
STEP = Decimal("0.000001")  # numbers are stored to six decimals and fifteen digits


def choices(world: World, **settings: Any) -> KpiSettings:
    """The settings under which a world is looked at."""
    return KpiSettings(
        **{"calendars": ("gregorian",), **settings},
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


def book_of(rows: Rows, world: World, **modes: str) -> Book:
    """The same rows, to be read by oracles."""
    return Book(
        rows,
        now=world.now,
        currency=world.currency,
        time_zone=world.time_zone,
        region_map=world.region_map,
        source_map=world.source_map,
        **modes,
    )


def expected(rows: Rows, world: World) -> dict[Place, Cell]:
    """What the oracles say of the same rows."""
    return answers(book_of(rows, world))


BLENDS = ("customer_lifetime_value", "ltv_cac_ratio")
"""What is made of values that are stored themselves, and so to their digits."""


def is_close(one: Decimal | None, other: Decimal | None, slack: str = "1e-14") -> bool:
    """The same number, as far as it can be stored."""
    if one is None or other is None:
        return one is other
    return abs(one - other) <= max(STEP, abs(other) * Decimal(slack))


def agree(one: Cell | None, other: Cell | None, slack: str = "1e-14") -> bool:
    """Whether two cells say the same."""
    if one is None or other is None:
        return one is other
    if one.value is None and other.value is None:
        one, other = _without_nulls(one), _without_nulls(other)
    return (
        is_close(one.value, other.value, slack)
        and is_close(one.numerator, other.numerator, slack)
        and is_close(one.denominator, other.denominator, slack)
        and one.n == other.n
        and one.status == other.status
    )


def _without_nulls(cell: Cell) -> Cell:
    """A cell without a value: whether its parts are nothing or nought is the same."""
    return replace(cell, numerator=cell.numerator or Decimal(0), denominator=cell.denominator or Decimal(0))


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
    places = [
        place
        for place in oracle.keys() | engine.keys()
        if not agree(engine.get(place), oracle.get(place), "1e-9" if place[0] in BLENDS else "1e-14")
    ]
    places.sort(key=lambda place: (place[0], place[2], place[1].grain, place[1].start, place[3]))
    lines = [f"{number:6} x {key} by {by or 'total'}" for (key, by), number in Counter(p[::2] for p in places).items()]
    for key, period, dimension, member in places[:60]:
        place = (key, period, dimension, member)
        lines.append(f"{key} | {period.grain} {period.start} | {dimension or 'total'} | {member}")
        lines.append(f"    engine: {shown(engine.get(place))}")
        lines.append(f"    oracle: {shown(oracle.get(place))}")
    return "\n".join(lines)
