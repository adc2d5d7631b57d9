"""Killed at any moment and started again, a run leaves what one clean run leaves: row for row, value for value."""

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dealmeter.sandbox.generate import generate
from dealmeter.sandbox.hubspot import HubSpotSandbox
from dealmeter.sandbox.salesforce import SalesforceSandbox
from kpi.settings import KpiSettings
from store import migrate
from store.database import Database
from sync.cycle import recompute
from tests.contract.salesforce.rig import SIGN_IN
from tests.contract.salesforce.rig import rig as salesforce_rig
from tests.rig import NAME, NOW, Rig, rig

DEALS = 700
KILLS = (2, 9, 16, 21, 26, 30, 34, 37, 41, 46, 52, 58)
HUBSPOT = {
    "crm": "hubspot",
    "settings": {
        "access_token": "sandbox-token",
        "budget": {"burst_limit": 100_000, "search_per_second": 5, "parallel": 3},
    },
}
FEW = {"include": ["owners", "pipelines", "companies", "deals", "line_items"]}
BY_BULK = {"bulk": {"threshold": 100, "page": 1_000}}
Sandbox = HubSpotSandbox | SalesforceSandbox
Connection = Mapping[str, Any]


def command(folder: Path, connection: Connection, sandbox: Sandbox, database: Database) -> list[str]:
    """`dealmeter sync`, as a person would type it."""
    config = folder / "dealmeter.yaml"
    settings = {**connection["settings"], "base_url": sandbox.url}
    document = {
        "version": 1,
        "database": {"url": database.url.render_as_string(hide_password=False)},
        "connections": [{**connection, "name": NAME, "settings": settings}],
    }
    config.write_text(json.dumps(document))  # which is YAML too
    return [sys.executable, "-m", "dealmeter", "--config", str(config), "sync", "--no-kpis"]


def run(folder: Path, connection: Connection, sandbox: Sandbox, database: Database) -> None:
    """A whole run in a process of its own."""
    asked = command(folder, connection, sandbox, database)
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def kill_at(request: int, folder: Path, connection: Connection, sandbox: Sandbox, database: Database) -> None:
    """A run that is killed while it waits for the answer to its n-th request."""
    asked = command(folder, connection, sandbox, database)
    sandbox.hold(at_request=request)
    with subprocess.Popen(asked, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not sandbox.held.wait(0.2):
            assert process.poll() is None, f"the run ended before its request {request}"
        process.send_signal(signal.SIGKILL)
        process.wait()
    sandbox.release()


def snapshot(it: Rig) -> list[tuple[str | float | None, ...]]:
    """Every newest KPI value, computed now, as both databases can say it."""
    assert not recompute(it.database, KpiSettings(), version="test", clock=it.times.clock()).broken
    names = "kpi_key, grain, period_start, dimension, member, value, numerator, denominator, n, status"
    with it.database.read() as tx:
        rows = tx.exec_driver_sql(f"SELECT {names} FROM kpi_latest").mappings().all()
    return sorted((tuple(_plain(value) for value in row.values()) for row in rows), key=str)


def _plain(value: Any) -> str | float | None:
    return round(float(value), 9) if isinstance(value, Decimal | float | int) else value and str(value)


def test_a_run_that_is_killed_and_started_again_equals_one_clean_run(
    database_url: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    clean_path = tmp_path_factory.mktemp("clean") / "store.db"
    with Database(f"sqlite:///{clean_path}") as clean, Database(database_url) as database:
        for each in (clean, database):
            migrate.upgrade(each)
        with rig(clean, deals=DEALS, activities_per_deal=1) as it:
            run(tmp_path, HUBSPOT, it.sandbox, clean)
            expected_rows, expected_values = it.everything(), snapshot(it)
            it.database = database
            for request in KILLS:
                kill_at(request, tmp_path, HUBSPOT, it.sandbox, database)
            run(tmp_path, HUBSPOT, it.sandbox, database)
            it.assert_equals_account()
            assert it.everything() == expected_rows
            assert snapshot(it) == expected_values
            with database.read() as tx:
                outcomes = tx.exec_driver_sql("SELECT outcome FROM sync_runs ORDER BY id").scalars().all()
    assert outcomes == ["interrupted"] * len(KILLS) + ["ok"]


@pytest.mark.parametrize(("way", "kills"), [({}, (3, 9, 14, 20)), (BY_BULK, (11, 16, 23))])
def test_the_same_holds_for_salesforce_by_rest_and_by_bulk(
    sqlite: Database, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, way: Connection, kills: tuple[int, ...]
) -> None:
    connection = {"crm": "salesforce", "settings": {**SIGN_IN, **FEW, **way}}
    world = generate(7, 250, activities_per_deal=0, now=NOW, frozen=True, extras=False)
    clean_path = tmp_path_factory.mktemp("clean") / "store.db"
    with Database(f"sqlite:///{clean_path}") as clean, salesforce_rig(clean, world=world, settings=FEW) as it:
        migrate.upgrade(clean)
        it.sandbox.behaviour.short_pages = 1.0
        run(tmp_path, connection, it.sandbox, clean)
        assert any("/jobs/query" in entry.path for entry in it.sandbox.requests.entries) == bool(way)
        expected = it.everything()
        it.database = sqlite
        for request in kills:
            kill_at(request, tmp_path, connection, it.sandbox, sqlite)
        run(tmp_path, connection, it.sandbox, sqlite)
        it.assert_equals_account()
        assert it.everything() == expected
        with sqlite.read() as tx:
            outcomes = tx.exec_driver_sql("SELECT outcome FROM sync_runs ORDER BY id").scalars().all()
    assert outcomes == ["interrupted"] * len(kills) + ["ok"]
