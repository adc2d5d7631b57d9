"""`demo`: everything at once, without a CRM and without a question."""

import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Cli


def test_the_demo_syncs_everything_twice_and_prints_a_scoreboard(
    lonely: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    folder = tmp_path / "demo"
    result = lonely.bare("demo", "--folder", str(folder), "--deals", "40")
    assert result.code == 0, result.err
    for name in ("hubspot-demo", "salesforce-demo", "plans"):
        assert result.out.count(f"{name}: ok") == 2
    assert result.out.count("KPIs: ") == 2
    assert "Win rate" in result.out
    assert f"--config {folder / 'dealmeter.yaml'}" in result.out
    assert f"{folder} stays until you delete it (" in result.out
    for start in ("  the numbers    ", "  what it means  "):
        [hint] = [line.removeprefix(start) for line in result.out.splitlines() if line.startswith(start)]
        environ = {"PATH": "/usr/bin:/bin"}
        assert subprocess.run(["/bin/sh", "-c", hint], capture_output=True, check=False, env=environ).returncode == 0
    runs = lonely.bare("runs", "list", "--json", "--config", str(folder / "dealmeter.yaml")).document["runs"]
    assert all(run["started_at"] < run["finished_at"] for run in runs)
    assert {run["connection"] for run in runs} == {"hubspot-demo", "salesforce-demo", "plans"}
    query = result.out.split('"')[1]
    with sqlite3.connect(folder / "dealmeter.db") as database:
        assert len(database.execute(query).fetchall()) > 12
        (cost, status) = database.execute(
            "SELECT value, status FROM kpi_latest WHERE kpi_key = 'customer_acquisition_cost' AND grain = 'year' "
            "AND dimension = '' ORDER BY period_start DESC LIMIT 1"
        ).fetchone()
        assert (cost > 0, status) == (True, "ok"), "what sellers earn is in the folder"
    database.close()


def test_programs_get_one_document(lonely: Cli, tmp_path: Path) -> None:
    told = lonely.bare("demo", "--folder", str(tmp_path / "demo"), "--deals", "20", "--json").document
    assert [run["outcome"] for run in told["runs"]] == ["ok"] * 6
    assert [entry["broken"] for entry in told["computations"]] == [[], []]
    months = [row for row in told["kpis"] if row["kpi_key"] == "won_deals_count"]
    year = max(row["period_start"] for row in months)[:4]
    won = sum(int(row["value"]) for row in months if row["period_start"].startswith(year))
    assert [each["connection"] for each in told["connections"]] == ["hubspot-demo", "salesforce-demo"]
    assert sum(int(each["won_deals_count"]) for each in told["connections"]) == won > 0


def test_the_demo_leaves_a_folder_alone_that_is_not_empty(lonely: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    result = lonely.bare("demo", "--folder", str(tmp_path))
    assert result.code == 2
    assert "is not empty" in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
