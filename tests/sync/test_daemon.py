"""The service as an operator meets it: it starts, syncs, reloads, and stops after the page under way."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from dealmeter.sandbox.generate import generate
from dealmeter.sandbox.hubspot import HubSpotSandbox
from store import reads
from store.database import Database
from tests.daemon import service
from tests.rig import NOW


@pytest.fixture
def sandbox() -> Iterator[HubSpotSandbox]:
    """A small account."""
    with HubSpotSandbox(generate(7, 60, activities_per_deal=1, now=NOW, frozen=True)) as running:
        yield running


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_it_syncs_at_once_and_stops_when_told(tmp_path: Path, sandbox: HubSpotSandbox, number: int, code: int) -> None:
    with service(tmp_path, sandbox) as running:
        ended = running.until("run_ended")
        assert (ended["connection"], ended["outcome"]) == ("hubspot-main", "ok")
        assert ended["values_written"] > 0
        assert running.stop(number) == code


def test_a_stop_in_the_middle_keeps_what_is_stored_and_the_next_start_goes_on(
    tmp_path: Path, sandbox: HubSpotSandbox
) -> None:
    sandbox.hold(at_request=25)
    with service(tmp_path, sandbox) as running:
        assert sandbox.held.wait(60)
        running.process.send_signal(signal.SIGTERM)
        sandbox.release()
        assert running.process.wait(timeout=60) == 143
    with Database(f"sqlite:///{tmp_path / 'store.db'}") as database, database.read() as tx:
        assert [run["outcome"] for run in reads.recent_runs(tx)] == ["stopped"]
        kept = reads.row_counts(tx, "hubspot-main")
    assert kept
    with service(tmp_path, sandbox) as running:
        assert running.until("run_ended")["outcome"] == "ok"
        running.stop(signal.SIGTERM)
    with Database(f"sqlite:///{tmp_path / 'store.db'}") as database, database.read() as tx:
        assert reads.row_counts(tx, "hubspot-main")["deals"] == 60


def test_sighup_loads_the_configuration_again_and_a_broken_one_changes_nothing(
    tmp_path: Path, sandbox: HubSpotSandbox
) -> None:
    with service(tmp_path, sandbox) as running:
        running.until("run_ended")
        (tmp_path / "dealmeter.yaml").write_text("connections: [")
        running.process.send_signal(signal.SIGHUP)
        assert "dealmeter.yaml" in running.until("reload_failed")["event"]
        running.configure("hubspot-main", "hubspot-two")
        running.process.send_signal(signal.SIGHUP)
        assert running.until("reloaded")["connections"] == ["hubspot-main", "hubspot-two"]
        assert running.until("run_ended")["connection"] == "hubspot-two"
        assert running.stop(signal.SIGTERM) == 143
