"""`init --files`: what it writes syncs as it is, and describes every column."""

from pathlib import Path

import pytest

from connectors.files.entities import ACCOUNT, ENTITIES
from store.database import Database
from store.records import ENTITIES as RECORDS
from store.schema import TABLES
from sync.clock import Clock
from tests.cli.conftest import Cli
from tests.rig import NOW


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line in an empty folder, without any variable."""
    monkeypatch.chdir(tmp_path)
    return Cli(tmp_path, Clock(now=lambda: NOW), environ={})


def test_what_init_writes_syncs_cleanly_every_file_of_it(here: Cli) -> None:
    made = here.bare("init", "--files")
    assert made.code == 0
    assert made.out.startswith("wrote 35 files into data, and dealmeter.yaml")
    assert here.bare("check").code == 0
    result = here.bare("sync", "--no-kpis", "--json")
    assert result.code == 0, result.err
    [run] = result.document["runs"]
    assert (run["outcome"], run["counts"]["rejected"], run["notes"]) == ("ok", 0, [])
    rows = here.bare("status", "--json").document["connections"][0]["rows"]
    assert sorted(rows) == sorted(record.table for record in RECORDS)
    assert len(rows) == len(TABLES)


def test_revenue_and_win_rate_come_out_right_from_files_alone(here: Cli) -> None:
    here.bare("init", "--files")
    (here.folder / "data/deals.csv").write_text(
        "id,amount,close_date,is_closed,is_won,created_at\n"
        "1,1000.10,2026-10-05,yes,yes,2026-09-05\n2,200.20,2026-10-06,yes,yes,2026-10-01\n"
        "3,500,2026-10-07,yes,no,2026-10-01\n4,900,2026-12-01,no,no,2026-10-01\n",
        encoding="utf-8",
    )
    assert here.bare("sync").code == 0
    query = (
        "SELECT kpi_key, value FROM kpi_latest WHERE grain = 'month' AND period_start = '2026-10-01' "
        "AND dimension = '' AND calendar = 'gregorian'"
    )
    with Database(f"sqlite:///{here.folder / 'dealmeter.db'}") as database, database.read() as tx:
        values = {row.kpi_key: row.value for row in tx.exec_driver_sql(query)}
    assert values["revenue"] == 1200.3
    assert values["won_deals_count"] == 2
    assert values["win_rate"] == pytest.approx(2 / 3)


def test_the_readme_beside_the_files_describes_every_column(here: Cli) -> None:
    here.bare("init", "--files", "numbers")
    words = (here.folder / "numbers/README.md").read_text(encoding="utf-8")
    for entity in (ACCOUNT, *ENTITIES.values()):
        section = words.partition(f"## {entity.name}.csv\n")[2].partition("\n## ")[0]
        assert all(f"| {name} |" in section or f"| **{name}** |" in section for name in entity.columns), entity.name


def test_init_files_leaves_a_configuration_alone_and_says_what_to_add(here: Cli) -> None:
    here.write("version: 1\nconnections: []\n")
    result = here.bare("init", "--files", "numbers")
    assert result.code == 0
    assert here.config.read_text() == "version: 1\nconnections: []\n"
    connection = result.out.partition("\n\n")[2]
    here.write("version: 1\nconnections:\n" + connection)
    assert here.bare("check").code == 0


def test_init_files_overwrites_nothing_without_force(here: Cli) -> None:
    (here.folder / "data").mkdir()
    (here.folder / "data/deals.csv").write_text("mine")
    result = here.bare("init", "--files")
    assert result.code == 2
    assert "data/deals.csv exists already" in result.err
    assert not here.config.exists()
    assert sorted(path.name for path in (here.folder / "data").iterdir()) == ["deals.csv"]


def test_a_folder_without_files_is_a_question(here: Cli) -> None:
    result = here.bare("init", "numbers")
    assert (result.code, "dealmeter init --files FOLDER" in result.err) == (2, True)
