"""Several daemons on one database: no connection runs twice at a time, and a silent one's work is taken over."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select

from dealmeter.sandbox.generate import generate
from dealmeter.sandbox.hubspot import HubSpotSandbox
from store import reads
from store.database import Database
from store.runs import RUNS
from tests.daemon import Service, service
from tests.rig import NOW

CONNECTIONS = [f"account-{number}" for number in range(6)]
MORE = """kpis: {{include: [revenue], calendars: [gregorian]}}
service: {{listen: null, lease: 5s}}
database: {{url: "{url}"}}
"""


@pytest.fixture
def sandbox() -> Iterator[HubSpotSandbox]:
    """A small account."""
    with HubSpotSandbox(generate(7, 20, activities_per_deal=1, now=NOW, frozen=True)) as running:
        yield running


def daemons(
    stack: ExitStack, folder: Path, sandbox: HubSpotSandbox, url: str, count: int, *names: str, every: str = "1h"
) -> list[Service]:
    """Daemons with one configuration."""
    found = []
    for number in range(count):
        place = folder / str(number)
        place.mkdir()
        more = MORE.format(url=url)
        found.append(stack.enter_context(service(place, sandbox, more=more, connections=names, every=every)))
    return found


def assert_never_twice_at_a_time(database: Database) -> None:
    with database.read() as tx:
        rows = tx.execute(select(RUNS).order_by(RUNS.c.connection, RUNS.c.started_at)).mappings().all()
    for one, other in pairwise(rows):
        if one["connection"] == other["connection"]:
            assert one["finished_at"] <= other["started_at"], (dict(one), dict(other))


def test_they_share_the_work_and_none_is_done_twice(tmp_path: Path, sandbox: HubSpotSandbox, database_url: str) -> None:
    with ExitStack() as stack:
        running = daemons(stack, tmp_path, sandbox, plain(database_url), 2, *CONNECTIONS)
        served: set[str] = set()
        while served < set(CONNECTIONS):
            for one in running:
                ended = one.until("run_ended", "lease_held")
                served |= {ended["connection"]} if ended["action"] == "run_ended" else set()
        for one in running:
            assert one.stop(signal.SIGTERM) == 143
    with Database(database_url) as database:
        assert_never_twice_at_a_time(database)
        with database.read() as tx:
            rows = reads.recent_runs(tx, limit=100)
            assert {row["outcome"] for row in rows} <= {"ok", "stopped"}
            assert all(reads.row_counts(tx, name)["deals"] == 20 for name in CONNECTIONS)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_the_work_of_a_silent_one_is_taken_over(
    tmp_path: Path, sandbox: HubSpotSandbox, database_url: str, how: signal.Signals
) -> None:
    sandbox.hold(at_request=20)
    with ExitStack() as stack:
        [first] = daemons(stack, tmp_path, sandbox, plain(database_url), 1, "account-0")
        assert sandbox.held.wait(60)
        first.process.send_signal(how)
        sandbox.release()
        (tmp_path / "more").mkdir()
        [second] = daemons(stack, tmp_path / "more", sandbox, plain(database_url), 1, "account-0")
        assert second.until("run_ended")["outcome"] == "ok"
        if how == signal.SIGSTOP:
            first.process.send_signal(signal.SIGCONT)
            woken = first.until("run_ended", "store_failed")
            assert "went to another run" in str(woken)
        with Database(database_url) as database:
            assert_never_twice_at_a_time(database)
            with database.read() as tx:
                assert [row["outcome"] for row in reads.recent_runs(tx)] == ["ok", "interrupted"]
                assert reads.row_counts(tx, "account-0")["deals"] == 20


def plain(url: str) -> str:
    """As a person writes it."""
    return url.replace("postgresql+psycopg", "postgresql")
