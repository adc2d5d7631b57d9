"""Several daemons on one database: no connection runs twice at a time, and a silent one's work is taken over."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from dealmeter.sandbox.generate import generate
from dealmeter.sandbox.hubspot import HubSpotSandbox
from store import reads
from tests.reliability.conftest import Promise, promise  # noqa: F401
from tests.reliability.fleet import assert_never_twice_at_a_time, fleet
from tests.rig import NOW

CONNECTIONS = [f"account-{number}" for number in range(6)]
DEALS = 20
REQUEST = 6


@pytest.fixture(autouse=True)
def promised(promise: Promise) -> None:  # noqa: F811
    """The promise that each of these tests tries once."""
    promise.is_that(
        "Two daemons on one store, also on one SQLite file, do nothing twice at a time; each takes over from the other",
        "processes with SIGKILL and SIGSTOP while HubSpot's answer is awaited; one case is a scenario",
    )
    promise.tried = 1


@pytest.fixture
def sandbox() -> Iterator[HubSpotSandbox]:
    """A small account."""
    with HubSpotSandbox(generate(7, DEALS, activities_per_deal=0, now=NOW, frozen=True)) as running:
        yield running


def test_they_share_the_work_and_none_is_done_twice(tmp_path: Path, sandbox: HubSpotSandbox, database_url: str) -> None:
    with fleet(tmp_path, sandbox, database_url, *CONNECTIONS, include="deals") as daemons:
        two = daemons.start(2)
        daemons.until(lambda: all(daemons.served(name) for name in CONNECTIONS))
        assert [one.stop() for one in two] == [143, 143]
        assert_never_twice_at_a_time(daemons.database)
        assert {run["outcome"] for run in daemons.runs()} <= {"ok", "stopped"}
        with daemons.database.read() as tx:
            assert all(reads.row_counts(tx, name)["deals"] == DEALS for name in CONNECTIONS)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_the_work_of_a_silent_one_is_taken_over(
    tmp_path: Path, sandbox: HubSpotSandbox, database_url: str, how: signal.Signals
) -> None:
    sandbox.hold(at_request=REQUEST)
    with fleet(tmp_path, sandbox, database_url, "account-0", include="deals", lease="5s") as daemons:
        [first] = daemons.start()
        assert sandbox.held.wait(60)
        first.send(how)
        sandbox.release()
        [second] = daemons.start()
        daemons.until(lambda: daemons.served("account-0") == 1)
        if how == signal.SIGSTOP:
            first.send(signal.SIGCONT)
            daemons.until(lambda: bool(first.of("run_ended", "store_failed")))
            [woken] = first.of("run_ended", "store_failed")
            assert "went to another run" in str(woken)
        assert second.stop() == 143
        assert_never_twice_at_a_time(daemons.database)
        assert [run["outcome"] for run in daemons.runs()] == ["interrupted", "ok"]
        with daemons.database.read() as tx:
            assert reads.row_counts(tx, "account-0")["deals"] == DEALS
