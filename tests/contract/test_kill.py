"""Killed at any moment and started again, a run leaves what one clean run leaves: row for row, value for value."""

import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dealmeter.sandbox.hubspot import HubSpotSandbox
from kpi.settings import KpiSettings
from store import migrate
from store.database import Database
from sync.cycle import recompute
from tests.rig import NAME, Rig, rig

DEALS = 700
SETTINGS = "access_token: sandbox-token, budget: {burst_limit: 100000, search_per_second: 5, parallel: 3}"
KILLS = (2, 9, 16, 21, 26, 30, 34, 37, 41, 46, 52, 58)


def command(folder: Path, url: str, database_url: str) -> list[str]:
    """`dealmeter sync`, as a person would type it."""
    config = folder / "dealmeter.yaml"
    config.write_text(
        f"version: 1\ndatabase: {{url: '{database_url}'}}\n"
        f"connections:\n  - {{name: {NAME}, crm: hubspot, settings: {{{SETTINGS}, base_url: '{url}'}}}}\n"
    )
    return [sys.executable, "-m", "dealmeter", "--config", str(config), "sync", "--no-kpis"]


def run(folder: Path, sandbox: HubSpotSandbox, database: Database) -> None:
    """A whole run in a process of its own."""
    url = database.url.render_as_string(hide_password=False)
    done = subprocess.run(command(folder, sandbox.url, url), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def kill_at(request: int, folder: Path, sandbox: HubSpotSandbox, database: Database) -> bool:
    """A run that is killed while it waits for the answer to its n-th request; False where it needed fewer."""
    url = database.url.render_as_string(hide_password=False)
    sandbox.hold(at_request=request)
    with subprocess.Popen(
        command(folder, sandbox.url, url), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while not sandbox.held.wait(0.2):
            if process.poll() is not None:  # what earlier runs had stored was not asked for again
                assert process.returncode == 0
                sandbox.release()
                return False
        process.send_signal(signal.SIGKILL)
        process.wait()
    sandbox.release()
    return True


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
            run(tmp_path, it.sandbox, clean)
            expected_rows, expected_values = it.everything(), snapshot(it)
            it.database = database
            killed = [kill_at(request, tmp_path, it.sandbox, database) for request in KILLS]
            run(tmp_path, it.sandbox, database)
            it.assert_equals_account()
            assert it.everything() == expected_rows
            assert snapshot(it) == expected_values
            with database.read() as tx:
                outcomes = tx.exec_driver_sql("SELECT outcome FROM sync_runs ORDER BY id").scalars().all()
    assert outcomes == [*("interrupted" if each else "ok" for each in killed), "ok"]
    assert sum(killed) >= 10
