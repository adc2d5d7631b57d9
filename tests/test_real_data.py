"""A real company's 8,800 deals, synced from either CRM: the same numbers as a straight count over its files."""

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dealmeter.sandbox.dataset import load
from kpi.settings import KpiSettings
from store import migrate
from store.database import Database
from store.records import Deal
from sync.cycle import recompute
from tests.contract.salesforce.rig import rig as salesforce
from tests.dataset import dataset
from tests.rig import Rig
from tests.rig import rig as hubspot
from tests.test_agreement import cells_of, unlike

KPIS = KpiSettings(calendars=("gregorian",))


@dataclass
class Tally:
    """A straight count over the files."""

    won: Counter[Any] = field(default_factory=Counter)
    lost: Counter[Any] = field(default_factory=Counter)
    revenue: dict[Any, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def add(self, row: dict[str, str], key: Any) -> None:
        """One line of sales_pipeline.csv."""
        self.won[key] += row["deal_stage"] == "Won"
        self.lost[key] += row["deal_stage"] == "Lost"
        if row["deal_stage"] == "Won":
            self.revenue[key] += Decimal(row["close_value"])


def tally(folder: Path, by: str) -> Tally:
    """Won, lost and revenue by a column, by month, or in all."""
    found = Tally()
    with (folder / "sales_pipeline.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["deal_stage"] in {"Won", "Lost"}:
                month = date.fromisoformat(row["close_date"]).replace(day=1)
                product = row["product"].replace("GTXPro", "GTX Pro")
                found.add(row, {"all": "", "month": month, "product": product}.get(by, row.get(by, "")))
    return found


@pytest.fixture(scope="module", params=["hubspot", "salesforce"])
def latest(request: pytest.FixtureRequest, stores: Mapping[str, Database]) -> list[dict[str, Any]]:
    """Every newest value after a sync of the data set."""
    with stores[request.param].read() as tx:
        return [dict(row) for row in tx.exec_driver_sql("SELECT * FROM kpi_latest").mappings()]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Database]]:
    """The data set out of HubSpot and out of Salesforce, with its KPIs."""
    world, folder = load(dataset(), frozen=True), tmp_path_factory.mktemp("real")
    rigs: Mapping[str, Callable[[Database], AbstractContextManager[Rig]]] = {
        "hubspot": lambda database: hubspot(database, world=world),
        "salesforce": lambda database: salesforce(database, world=world),
    }
    with ExitStack() as stack:
        found = {name: stack.enter_context(Database(f"sqlite:///{folder / name}.db")) for name in rigs}
        for name, database in found.items():
            migrate.upgrade(database)
            with rigs[name](database) as it:
                assert it.sync().outcome == "ok"
                assert it.count(Deal) == 8800
                it.assert_equals_account()
                assert not recompute(database, KPIS, version="test", clock=it.times.clock()).broken
        yield found


def values(latest: list[dict[str, Any]], kpi: str, *, grain: str, dimension: str = "") -> dict[Any, dict[str, Any]]:
    """The values of a KPI by member, or by period where there is no dimension."""
    rows = [
        row
        for row in latest
        if (row["kpi_key"], row["grain"], row["dimension"], row["calendar"]) == (kpi, grain, dimension, "gregorian")
    ]
    return {row["member_label"] if dimension else date.fromisoformat(str(row["period_start"])): row for row in rows}


def test_all_time(latest: list[dict[str, Any]]) -> None:
    (won,) = values(latest, "won_deals_count", grain="all").values()
    (lost,) = values(latest, "lost_deals_count", grain="all").values()
    (revenue,) = values(latest, "revenue", grain="all").values()
    (rate,) = values(latest, "win_rate", grain="all").values()
    assert (won["value"], lost["value"], revenue["value"]) == (4238, 2473, 10_005_534)
    assert (rate["numerator"], rate["denominator"], round(rate["value"], 5)) == (4238, 6711, 0.63150)


@pytest.mark.parametrize(("dimension", "column"), [("owner", "sales_agent"), ("product", "product")])
def test_by_member(latest: list[dict[str, Any]], dimension: str, column: str) -> None:
    expected = tally(dataset(), column)
    won = values(latest, "won_deals_count", grain="all", dimension=dimension)
    lost = values(latest, "lost_deals_count", grain="all", dimension=dimension)
    revenue = values(latest, "revenue", grain="all", dimension=dimension)
    rate = values(latest, "win_rate", grain="all", dimension=dimension)
    assert {member: row["value"] for member, row in won.items()} == dict(expected.won)
    assert {member: row["value"] for member, row in lost.items()} == dict(expected.lost)
    assert {member: row["value"] for member, row in revenue.items()} == dict(expected.revenue)
    for member, row in rate.items():
        assert row["value"] == pytest.approx(expected.won[member] / (expected.won[member] + expected.lost[member]))


def test_by_month(latest: list[dict[str, Any]]) -> None:
    expected = tally(dataset(), "month")
    won = values(latest, "won_deals_count", grain="month")
    revenue = values(latest, "revenue", grain="month")
    assert {month: row["value"] for month, row in won.items() if row["value"]} == +expected.won
    assert {month: row["value"] for month, row in revenue.items() if row["value"]} == dict(expected.revenue)


def test_product_revenue_adds_up_to_revenue(latest: list[dict[str, Any]]) -> None:
    expected = tally(dataset(), "product")
    found = values(latest, "product_revenue", grain="all", dimension="product")
    assert {member: row["value"] for member, row in found.items() if row["value"]} == dict(expected.revenue)


MAY_DIFFER: Mapping[str, frozenset[str]] = {
    "pipeline": frozenset(),  # an org without record types has one pipeline, which has no name
    "stage": frozenset(),
    "close_date_bucket": frozenset(),  # an open opportunity must have a close date
    "forecast_category": frozenset(),  # and has the category of its stage
    "owner": frozenset(  # an account must have an owner: the user who made it
        {
            *("average_customer_lifetime", "customer_acquisition_rate", "customer_lifetime_value"),
            *("customer_retention_rate", "deals_after_first_sale", "deals_after_first_sale_count"),
            *("product_adoption_rate", "products_per_customer", "repeat_purchase_rate", "repeat_purchase_rate_12m"),
        }
    ),
}
"""Dimensions by which KPIs may differ, all or these, with Salesforce's reason."""


def test_both_crms_give_the_same_numbers(stores: Mapping[str, Database]) -> None:
    one, two = (cells_of(stores[name]) for name in ("hubspot", "salesforce"))
    found = {
        (kpi, dimension): [(cell, one.get(cell), two.get(cell)) for cell in cells[:1]]
        for (kpi, dimension), cells in unlike(one, two).items()
        if dimension not in MAY_DIFFER or kpi not in (MAY_DIFFER[dimension] or {kpi})
    }
    assert not found
    assert len(one) > 20_000
