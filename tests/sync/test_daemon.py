"""The service as an operator meets it: it starts, syncs, reloads, and stops after the page under way."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dealmeter.sandbox.generate import generate
from dealmeter.sandbox.hubspot import HubSpotSandbox
from store import reads
from store.database import Database
from tests.rig import NOW

CONFIG = """
version: 1
database: {{url: "sqlite:///{folder}/store.db"}}
connections:
{connections}
"""
CONNECTION = """
  - name: {name}
    crm: hubspot
    schedule: {{every: 1h}}
    settings: {{access_token: sandbox-token, base_url: "{url}", budget: {{burst_limit: 100000}}}}
"""


class Service:
    """A daemon in a process of its own, and what it logs."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.configure("hubspot-main")
        command = [sys.executable, "-m", "dealmeter", "--config", str(folder / "dealmeter.yaml"), "run"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)

    def configure(self, *names: str) -> None:
        """Write the configuration."""
        connections = "".join(CONNECTION.format(name=name, url=self.url) for name in names)
        (self.folder / "dealmeter.yaml").write_text(CONFIG.format(folder=self.folder, connections=connections))

    def until(self, action: str) -> dict[str, Any]:
        """Read the log until an action is told."""
        assert self.process.stderr is not None
        told = []
        for line in self.process.stderr:
            told.append(line)
            entry: dict[str, Any] = json.loads(line)
            if entry.get("action") == action:
                return entry
        pytest.fail(f"the service ended without {action}: {''.join(told)}")

    def stop(self, number: int) -> int:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        return self.process.wait(timeout=60)


@contextmanager
def service(folder: Path, sandbox: HubSpotSandbox) -> Iterator[Service]:
    """A service that is gone at the end, whatever happened."""
    running = Service(folder, sandbox.url)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()
        assert running.process.stderr is not None
        running.process.stderr.close()


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
