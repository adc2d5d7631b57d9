"""Targets by period and scope, what a change is worth, connections side by side, and the records behind a value."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from kpi.catalogue import METRICS
from kpi.cells import columns
from kpi.compare import Verdict, change, newcombe, poisson
from kpi.engine import compute, evaluate
from kpi.metric import OverFact, Percentile
from kpi.periods import Grain
from kpi.records import Wanted, behind, can_be_listed
from kpi.settings import KpiSettings
from store.database import Database
from store.records import Account, ExchangeRate, Target, User
from store.snapshots import latest, targets
from tests.kpi.agreement import choices
from tests.kpi.engine.ledger import NOW, Ledger, at
from tests.kpi.nasty import make_nasty
from tests.kpi.world import insert_rows


def target(
    ledger: Ledger, id: str, value: int, start: str, end: str, scope: str = "company", of: str = "", **more: Any
) -> None:
    ledger.add(
        Target,
        id=id,
        **{
            "kpi_key": "revenue",
            "scope_type": scope,
            "scope_id": of or None,
            "period_start": date.fromisoformat(start),
            "period_end": date.fromisoformat(end),
            "value": Decimal(value),
            **more,
        },
    )


def planned(ledger: Ledger, **where: Any) -> dict[tuple[str, str, str, str], Any]:
    ledger.settings = KpiSettings(**{"include": ("revenue", "won_deals_count"), **ledger.settings.model_dump(
        exclude_unset=True), **where})  # fmt: skip
    ledger.compute()
    with ledger.database.read() as tx:
        return {
            (row["grain"], str(row["period_start"]), row["dimension"], row["member"]): row["target"]
            for row in targets(tx, calendar="gregorian")
        }


def test_a_target_is_for_its_own_period_and_months_make_a_quarter(any_ledger: Ledger) -> None:
    any_ledger.won("a", "2026-01-10")
    for month, end, value in (("01", "02", 10), ("02", "03", 20), ("03", "04", 30), ("04", "05", 40)):
        target(any_ledger, month, value, f"2026-{month}-01", f"2026-{end}-01")
    target(any_ledger, "year", 500, "2026-01-01", "2027-01-01")
    found = planned(any_ledger)
    assert found["month", "2026-02-01", "", ""] == 20
    assert found["quarter", "2026-01-01", "", ""] == 60
    assert found["year", "2026-01-01", "", ""] == 500
    assert ("quarter", "2026-04-01", "", "") not in found
    assert ("month", "2026-05-01", "", "") not in found


def test_reps_make_their_team_s_target_and_teams_the_company_s(any_ledger: Ledger) -> None:
    any_ledger.won("a", "2026-04-10")
    target(any_ledger, "1", 10, "2026-04-01", "2026-05-01", "owner", "ann")
    target(any_ledger, "2", 20, "2026-04-01", "2026-05-01", "owner", "bob")
    found = planned(any_ledger)
    assert found["month", "2026-04-01", "owner", "crm:ann"] == 10
    assert found["month", "2026-04-01", "team", "crm:t"] == 10
    assert found["month", "2026-04-01", "", ""] == 30
    target(any_ledger, "3", 70, "2026-04-01", "2026-05-01", "team", "t")
    found = planned(any_ledger)
    assert (found["month", "2026-04-01", "team", "crm:t"], found["month", "2026-04-01", "", ""]) == (70, 70)


def test_the_newest_version_in_force_counts_and_money_is_converted(any_ledger: Ledger) -> None:
    any_ledger.won("a", "2026-04-10")
    for id, value, since in (("1", 10, None), ("2", 20, at("2026-05-01 00:00")), ("3", 30, at("2026-08-01 00:00"))):
        target(any_ledger, id, value, "2026-04-01", "2026-05-01", valid_from=since)
    target(any_ledger, "4", 100, "2026-05-01", "2026-06-01", currency="USD")
    target(any_ledger, "5", 100, "2026-06-01", "2026-07-01", currency="JPY")
    target(any_ledger, "6", 7, "2026-06-01", "2026-07-01", kpi_key="won_deals_count", currency="JPY")
    any_ledger.add(ExchangeRate, id="1", from_currency="USD", to_currency="EUR", rate=Decimal("0.5"),
                   effective_from=date(2026, 5, 1))  # fmt: skip
    found = planned(any_ledger)
    assert found["month", "2026-04-01", "", ""] == 20
    assert found["month", "2026-05-01", "", ""] == 50
    with any_ledger.database.read() as tx:
        june = {row["kpi_key"]: (row["target"], row["fx_missing"]) for row in targets(
            tx, grain="month", period_start=date(2026, 6, 1), calendar="gregorian")}  # fmt: skip
    assert june == {"revenue": (None, 1), "won_deals_count": (7, 0)}


def test_targets_out_of_a_file_meet_the_people_of_the_crm(any_ledger: Ledger) -> None:
    any_ledger.won("a", "2026-04-10")
    target(any_ledger, "1", 10, "2026-04-01", "2026-05-01", "owner", "ann", connection="plans")
    target(any_ledger, "2", 20, "2026-04-01", "2026-05-01", "user", "crm:bob", connection="plans")
    found = planned(any_ledger)
    assert found["month", "2026-04-01", "owner", "crm:ann"] == 10
    assert found["month", "2026-04-01", "owner", "crm:bob"] == 20


def test_a_longer_target_is_split_by_days_only_where_that_is_set(ledger: Ledger) -> None:
    ledger.won("a", "2026-01-10")
    target(ledger, "1", 91, "2026-04-01", "2026-07-01")
    assert ("month", "2026-04-01", "", "") not in planned(ledger)
    assert planned(ledger, target_split="days")["month", "2026-04-01", "", ""] == 30


def test_a_changed_target_restates_nothing_but_is_kept(ledger: Ledger) -> None:
    ledger.won("a", "2026-04-10")
    target(ledger, "1", 91, "2026-04-01", "2026-05-01")
    planned(ledger)
    target(ledger, "1", 92, "2026-04-01", "2026-05-01")
    assert planned(ledger)["month", "2026-04-01", "", ""] == 92
    ledger.add(Target, id="1", deleted_at=at("2026-06-01 00:00"))
    assert planned(ledger) == {}


# ---------------------------------------------------------------------------------------------------- changes


def value(
    value: Any, numerator: int = 0, denominator: int = 0, n: int = 100, error: float | None = None
) -> dict[str, Any]:
    coverage = None if error is None else {"standard_error": error}
    return {"value": None if value is None else Decimal(str(value)), "numerator": Decimal(numerator),
            "denominator": Decimal(denominator), "n": n, "coverage": coverage}  # fmt: skip


@pytest.mark.parametrize(
    ("key", "now", "base", "verdict"),
    [
        ("won_deals_count", value(30), value(10), Verdict.SIGNIFICANT),
        ("won_deals_count", value(30), value(25), Verdict.NOT_SIGNIFICANT),
        ("won_deals_count", value(5), value(0), Verdict.TOO_FEW),
        ("win_rate", value(0.7, 70, 100), value(0.5, 50, 100), Verdict.SIGNIFICANT),
        ("win_rate", value(0.7, 7, 10, 10), value(0.5, 5, 10, 10), Verdict.NOT_SIGNIFICANT),
        ("win_rate", value(0.7, 7, 10, 9), value(0.5, 50, 100), Verdict.TOO_FEW),
        ("sales_cycle_length", value(30, error=2.0), value(40, error=3.0), Verdict.SIGNIFICANT),
        ("sales_cycle_length", value(30, error=4.0), value(40, error=4.0), Verdict.NOT_SIGNIFICANT),
        ("revenue", value(30), value(10), Verdict.UNKNOWN),
        ("win_rate", value(None), value(0.5, 5, 10), Verdict.UNKNOWN),
    ],
)
def test_a_change_is_worth_something_or_not(key: str, now: Any, base: Any, verdict: Verdict) -> None:
    assert change(METRICS[key], now, base, days=(30, 30), min_sample=10).verdict is verdict


def test_changes_are_absolute_and_relative() -> None:
    found = change(METRICS["revenue"], value(-50), value(-100), days=(30, 30), min_sample=10)
    assert [found.absolute, found.relative] == [50, Decimal("0.5")]
    assert change(METRICS["revenue"], value(5), value(0), days=(30, 30), min_sample=10).relative is None
    assert change(METRICS["revenue"], value(5), None, days=(30, 30), min_sample=10).absolute is None


def test_the_tests_are_those_of_the_books() -> None:
    low, high = newcombe(56, 70, 48, 80)  # Newcombe 1998, table II, (a), method 10
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)
    assert poisson(0, 5, 0.5) == pytest.approx(2 * 0.5**5)
    assert poisson(1500, 1600, 0.5) == pytest.approx(0.0725, abs=0.0005)


# ------------------------------------------------------------------------------------------------- connections


def two(ledger: Ledger) -> Ledger:
    """A second CRM, with one of the first one's people."""
    ledger.add(Account, id="2", connection="other", base_currency="EUR", time_zone="UTC")
    ledger.add(User, id="7", connection="other", name="Ann", email=" Ann@example.com", is_active=True, role="rep")
    ledger.add(User, id="ann", name="Ann", email="ann@example.com", is_active=True, role="rep")
    ledger.won("a", "2026-04-10", amount=Decimal(100))
    ledger.won("b", "2026-04-11", amount=Decimal(50), connection="other", owner_id="7")
    return ledger


def test_a_kpi_by_connection_on_demand_and_stored(any_ledger: Ledger) -> None:
    for key, members in (
        ("revenue", {"crm": 100, "other": 50}),
        ("new_opportunities_count", {"crm": 1, "other": 1}),
        ("revenue_per_rep", {"crm": 50, "other": 50}),
    ):
        database = two(any_ledger).database
        rows = evaluate(database, any_ledger.settings, key, by=("connection",), now=NOW, grain=Grain.YEAR)
        assert {row["member"]: row["value"] for row in rows} == members
    any_ledger.settings = KpiSettings(dimensions_on=("connection",), include=("revenue", "win_rate"))
    any_ledger.compute()
    assert any_ledger.value("revenue", connection="other") == 50
    assert any_ledger.value("win_rate", connection="crm") == 1


def test_people_are_one_over_connections_where_their_address_says_so(any_ledger: Ledger) -> None:
    two(any_ledger).settings = KpiSettings(include=("revenue", "revenue_per_rep"))
    any_ledger.compute()
    assert any_ledger.value("revenue", owner="crm:ann") == 100
    assert any_ledger.row("revenue_per_rep", "2026-04-01")["denominator"] == 3
    any_ledger.settings = KpiSettings(include=("revenue", "revenue_per_rep"), match_users="email")
    any_ledger.compute()
    assert any_ledger.value("revenue", owner="crm:ann") == 150
    assert any_ledger.row("revenue_per_rep", "2026-04-01")["denominator"] == 2


# ----------------------------------------------------------------------------------------------------- records


def test_what_the_records_add_up_to_is_the_value(sqlite: Database) -> None:
    world = make_nasty(3, deals=30)
    insert_rows(sqlite, world.rows)
    settings, now = choices(world), world.now
    compute(sqlite, settings, now=now)
    with sqlite.read() as tx:
        stored = {row["kpi_key"]: row for row in latest(tx, grain="all", calendar="gregorian", dimension="")}
    checked = 0
    with behind(sqlite, settings, now=now) as look:
        for key, metric in METRICS.items():
            if not can_be_listed(metric) or key not in stored or stored[key]["status"] == "source_missing":
                continue
            parts = look(Wanted(key=key, day=now.date(), grain="all"))
            if isinstance(metric, OverFact) and (isinstance(metric, Percentile) or "DISTINCT" in str(columns(metric))):
                assert parts or not stored[key]["n"]
                continue
            for side in ("numerator", "denominator"):
                if (whole := stored[key][side]) is not None:
                    total = sum((getattr(part, side) or Decimal(0) for part in parts), Decimal(0))
                    assert total == pytest.approx(whole, rel=Decimal("1e-9")), f"{key}: {side}"
            assert all(part.id and part.connection for part in parts), key
            checked += 1
    assert checked > 20
