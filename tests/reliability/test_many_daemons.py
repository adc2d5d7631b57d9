"""Four daemons and fifty connections on one PostgreSQL: each is served, in turn, and never twice at a time."""

from collections import Counter, deque
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from threading import Thread
from time import monotonic

import pytest
from sqlalchemy import select

from dealmeter.sandbox.generate import generate
from dealmeter.sandbox.hubspot import HubSpotSandbox
from store import migrate
from store.database import Database
from store.runs import RUNS
from tests.reliability.conftest import PATIENCE, Promise
from tests.rig import NOW
from tests.sync.test_several_daemons import assert_never_twice_at_a_time, daemons, plain

CONNECTIONS = [f"account-{number}" for number in range(50)]
ROUNDS, DAEMONS = 2, 4
EVERY = "1m"
LONGEST_S = 1200
LEASE = timedelta(seconds=5)

pytestmark = pytest.mark.skipif(PATIENCE < 2, reason="takes some minutes; two daemons are in tests/sync")


def test_four_daemons_share_fifty_connections_fairly(postgres_url: str, tmp_path: Path, promise: Promise) -> None:
    promise.is_that(
        "Four daemons never run a connection twice at a time, none is served k + 2 times before each was served k "
        "times, and what a killed one held is taken over within the lease",
        "50 connections on one PostgreSQL, one daemon killed in a run; one case is a run",
    )
    with Database(postgres_url) as database:
        migrate.upgrade(database)
        with (
            HubSpotSandbox(generate(7, 10, activities_per_deal=1, now=NOW, frozen=True)) as sandbox,
            ExitStack() as all_,
        ):
            running = daemons(all_, tmp_path, sandbox, plain(postgres_url), DAEMONS, *CONNECTIONS, every=EVERY)
            running[0].until("run_ended")
            running[0].process.kill()
            running[0].process.wait()
            for one in running[2:]:  # nobody may wait for a reader of its log
                Thread(target=deque, args=(one.process.stderr, 0), daemon=True).start()
            until = monotonic() + LONGEST_S
            while min(served(database).values()) < ROUNDS and monotonic() < until:
                running[1].until("run_ended")
        assert_never_twice_at_a_time(database)
        count = Counter(dict.fromkeys(CONNECTIONS, 0))
        with database.read() as tx:
            rows = tx.execute(select(RUNS).order_by(RUNS.c.started_at)).mappings().all()
        for row, _ in zip(rows, promise.cases(len(rows)), strict=False):
            if row["outcome"] != "interrupted":
                count[row["connection"]] += 1
            assert max(count.values()) - min(count.values()) <= 2, count
        for row in rows:
            if row["outcome"] == "interrupted":
                after = [other["started_at"] for other in rows if other["connection"] == row["connection"]]
                assert any(at <= row["started_at"] + 4 * LEASE for at in after if at > row["started_at"])
        assert min(count.values()) >= ROUNDS, count


def served(database: Database) -> Counter[str]:
    """How often each connection was."""
    count = Counter(dict.fromkeys(CONNECTIONS, 0))
    with database.read() as tx:
        count.update(tx.scalars(select(RUNS.c.connection).where(RUNS.c.outcome == "ok")))
    return count
