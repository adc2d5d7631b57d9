"""Killed at any moment, not only between pages, and out of disk or database: afterwards nothing is lost or doubled."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from kpi.engine import compute
from kpi.settings import KpiSettings
from store import migrate
from store.backup import check
from store.database import Database
from tests.reliability.conftest import Promise
from tests.reliability.processes import KPIS, Commands
from tests.reliability.values import values
from tests.rig import HOUR, Rig, rig

SETTINGS = KpiSettings(include=KPIS, calendars=("gregorian",))


@pytest.fixture
def it(database: Database) -> Iterator[Rig]:
    """An account of some pages."""
    with rig(database, deals=60, activities_per_deal=1) as made:
        yield made


def test_a_full_run_is_killed(it: Rig, tmp_path: Path, promise: Promise) -> None:
    promise.is_that("A full run killed at any moment and run again equals one clean run", "SIGKILL after a random time")
    commands = Commands(tmp_path, it.sandbox, it.database)
    with Database(f"sqlite:///{tmp_path / 'clean.db'}") as clean:
        migrate.upgrade(clean)
        (tmp_path / "clean").mkdir()
        longest = Commands(tmp_path / "clean", it.sandbox, clean).run("sync", "--no-kpis")
        for seed in promise.cases(1):
            commands.kill_somewhere(longest, seed, "sync", "--full", "--no-kpis")
        commands.run("sync", "--full", "--no-kpis")
        it.assert_equals_account()
        assert list(check(it.database)) == []
        found, it.database = it.everything(), clean
        assert found == it.everything()


def test_an_incremental_run_is_killed(it: Rig, tmp_path: Path, promise: Promise) -> None:
    promise.is_that(
        "A run of changes killed at any moment loses none", "SIGKILL after a random time, with changes between"
    )
    commands = Commands(tmp_path, it.sandbox, it.database)
    longest = commands.run("sync", "--no-kpis")
    for seed in promise.cases(1):
        it.edits.live(HOUR, changes=40, seed=seed)
        commands.kill_somewhere(longest, seed, "sync", "--deep", "--no-kpis")
    it.later(2 * HOUR)
    commands.run("sync", "--deep", "--no-kpis")
    it.assert_equals_account()
    assert list(check(it.database)) == []


def test_a_computation_is_killed(it: Rig, tmp_path: Path, promise: Promise) -> None:
    promise.is_that(
        "Readers never see half a snapshot, whenever the computation is killed", "SIGKILL after a random time"
    )
    commands = Commands(tmp_path, it.sandbox, it.database)
    commands.run("sync")
    before, longest = values(it.database), commands.run("kpi", "compute")
    assert values(it.database) == before
    for seed in promise.cases(1):
        it.edits.live(HOUR, changes=40, seed=seed)
        commands.run("sync", "--no-kpis")
        old = values(it.database)
        if commands.kill_somewhere(longest, seed, "kpi", "compute"):
            seen = values(it.database)
            commands.run("kpi", "compute")
            assert seen in (old, values(it.database))
    with Database(f"sqlite:///{tmp_path / 'fresh.db'}") as fresh:
        migrate.upgrade(fresh)
        it.database, used = fresh, it.database
        it.sync()
        now = it.sandbox.world.clock.now()
        compute(fresh, SETTINGS, now=now)
        compute(used, SETTINGS, now=now)
        assert len(values(used)) >= len(values(fresh)) > 100
    assert list(check(used)) == []


def test_a_migration_is_killed(database_url: str, tmp_path: Path, promise: Promise) -> None:
    promise.is_that("A migration killed at any moment can be run again", "SIGKILL after a random time, data in place")
    with Database(database_url) as database:
        migrate.upgrade(database)
        with rig(database, deals=30) as it:
            it.sync()
            commands, before = Commands(tmp_path, it.sandbox, database), it.everything()
            first = "0001"
            migrate.downgrade(database, first)
            longest = commands.run("db", "upgrade")
            for seed in promise.cases(1):
                if migrate.current(database) != first:
                    migrate.downgrade(database, first)
                commands.kill_somewhere(longest, seed, "db", "upgrade")
                assert migrate.current(database) in {first, migrate.head()}
            commands.run("db", "upgrade")
            assert it.everything() == before
            assert list(check(database)) == []
            assert it.sync().outcome == "ok"


def test_the_disk_is_full(sqlite: Database, tmp_path: Path, promise: Promise) -> None:
    promise.is_that(
        "A full disk ends a run with a word about it, and the next one goes on", "a limit on the file's size"
    )
    with rig(sqlite, deals=400, activities_per_deal=1) as it:
        commands = Commands(tmp_path, it.sandbox, sqlite)
        for seed in promise.cases(1):
            size = os.path.getsize(str(sqlite.url.database)) + 100_000 * (seed % 7 + 1)
            done = commands.run_with_room_for(size, "sync", "--no-kpis", "--full")
            assert done.returncode == 5, (done.returncode, done.stderr)
            assert "check that" in done.stderr
            assert "Traceback" not in done.stderr
            assert list(check(sqlite)) == []
        commands.run("sync", "--full")
        it.assert_equals_account()


def test_the_database_goes_away(postgres_url: str, tmp_path: Path, promise: Promise) -> None:
    promise.is_that(
        "A database that is restarted in a run costs that run at most", "every connection is terminated at a page"
    )
    with Database(postgres_url) as database:
        migrate.upgrade(database)
        with rig(database, deals=60) as it:
            for seed in promise.cases(2):
                _cut_off(it, at_page=seed % 12 + 1)
            it.later(HOUR)
            assert it.sync(deep=True).outcome == "ok"
            it.assert_equals_account()


def _cut_off(it: Rig, at_page: int) -> None:
    left = at_page

    def progress(stream: str, read: int) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            with Database(it.database.url.render_as_string(hide_password=False)) as admin, admin.read() as tx:
                tx.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                )

    run = it.sync(progress=progress, full=True)
    assert run.outcome in {"ok", "failed"}, run.error
    it.later(HOUR)
