"""`demo`: everything at once, without a CRM and without a question."""

import sqlite3
from pathlib import Path

from tests.cli.conftest import Cli


def test_the_demo_syncs_twice_and_prints_a_scoreboard(lonely: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    result = lonely.bare("demo", "--folder", str(folder), "--deals", "40")
    assert result.code == 0, result.err
    assert result.out.count("hubspot-demo: ok") == 2
    assert "Win rate" in result.out
    assert f"--config {folder / 'dealmeter.yaml'}" in result.out
    shown = lonely.bare("kpi", "show", "win_rate", "--config", str(folder / "dealmeter.yaml"))
    assert shown.code == 0
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
