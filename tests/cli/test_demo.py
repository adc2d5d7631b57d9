"""`demo`: everything at once, without a CRM and without a question."""

import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Cli


def test_the_demo_syncs_twice_and_prints_a_scoreboard(
    lonely: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    folder = tmp_path / "demo"
    result = lonely.bare("demo", "--folder", str(folder), "--deals", "40")
    assert result.code == 0, result.err
    assert result.out.count("hubspot-demo: ok") == 2
    assert "Win rate" in result.out
    assert f"--config {folder / 'dealmeter.yaml'}" in result.out
    assert f"{folder} stays until you delete it (" in result.out
    for start in ("  the numbers    ", "  what it means  "):
        [hint] = [line.removeprefix(start) for line in result.out.splitlines() if line.startswith(start)]
        environ = {"PATH": "/usr/bin:/bin"}
        assert subprocess.run(["/bin/sh", "-c", hint], capture_output=True, check=False, env=environ).returncode == 0
    runs = lonely.bare("runs", "list", "--json", "--config", str(folder / "dealmeter.yaml")).document["runs"]
    assert all(run["started_at"] < run["finished_at"] for run in runs)
    query = result.out.split('"')[1]
    with sqlite3.connect(folder / "dealmeter.db") as database:
        assert len(database.execute(query).fetchall()) > 12
    database.close()


def test_the_demo_leaves_a_folder_alone_that_is_not_empty(lonely: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    result = lonely.bare("demo", "--folder", str(tmp_path))
    assert result.code == 2
    assert "is not empty" in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
