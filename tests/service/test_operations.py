"""The service as a supervisor, Prometheus and people on call meet it."""

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dealmeter.sandbox.generate import generate
from dealmeter.sandbox.hubspot import HubSpotSandbox
from tests.daemon import service
from tests.rig import NOW


@pytest.fixture
def sandbox() -> Iterator[HubSpotSandbox]:
    """A small account."""
    with HubSpotSandbox(generate(7, 30, activities_per_deal=1, now=NOW, frozen=True)) as running:
        yield running


def fetch(url: str) -> tuple[int, str]:
    """Status and text of an answer."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def samples(text: str) -> dict[tuple[str, str], float]:
    """Values by metric and outcome or op."""
    return {
        (sample.name, sample.labels.get("outcome") or sample.labels.get("op") or ""): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_health_readiness_and_metrics_of_a_running_service(tmp_path: Path, sandbox: HubSpotSandbox) -> None:
    with service(tmp_path, sandbox) as running:
        url = running.until("listening")["url"]
        assert url.startswith("http://127.0.0.1:")
        ended = running.until("run_ended")
        assert fetch(f"{url}/healthz") == (200, "ok\n")
        assert fetch(f"{url}/readyz") == (200, "ready\n")
        status, text = fetch(f"{url}/readyz?verbose")
        assert (status, '"ready": true' in text, '"name": "schema"' in text) == (200, True, True)
        assert fetch(f"{url}/etc/passwd")[0] == 404
        found = samples(fetch(f"{url}/metrics")[1])
        assert found["dealmeter_sync_runs_total", "ok"] == 1
        assert found["dealmeter_sync_runs_total", "failed"] == 0
        assert found["dealmeter_crm_requests_total", ""] == ended["requests"]
        assert found["dealmeter_database_up", ""] == 1
        assert found["dealmeter_sync_last_success_timestamp_seconds", ""] > 1.7e9
        assert found["dealmeter_kpi_invariants_broken", ""] == 0


def test_a_database_that_goes_away_makes_it_unready_but_not_dead(tmp_path: Path, sandbox: HubSpotSandbox) -> None:
    with service(tmp_path, sandbox) as running:
        url = running.until("listening")["url"]
        running.until("run_ended")
        for name in ("store.db", "store.db-wal", "store.db-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        (tmp_path / "store.db").mkdir()
        status, text = fetch(f"{url}/readyz")
        assert (status, text.startswith("database: ")) == (503, True)
        assert fetch(f"{url}/healthz")[0] == 200
        assert samples(fetch(f"{url}/metrics")[1])["dealmeter_database_up", ""] == 0


def test_systemd_is_told_of_ready_alive_and_stopping(tmp_path: Path, sandbox: HubSpotSandbox) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(tmp_path / "notify"))
        supervisor.settimeout(60)
        with service(tmp_path, sandbox, environ={"NOTIFY_SOCKET": str(tmp_path / "notify")}) as running:
            heard = [supervisor.recv(4096).decode()]
            while "WATCHDOG=1" not in heard or not any(
                line.startswith("STATUS=hubspot-main: ok at ") for line in heard
            ):
                heard.append(supervisor.recv(4096).decode())
            running.process.terminate()
            while "STOPPING=1" not in heard:
                heard.append(supervisor.recv(4096).decode())
            assert running.process.wait(timeout=60) == 143
    assert heard[0] == "READY=1\nSTATUS=watching 1 connection"


def test_an_address_in_use_is_told_and_changes_nothing(tmp_path: Path, sandbox: HubSpotSandbox) -> None:
    with service(tmp_path, sandbox) as first:
        port = first.until("listening")["url"].rpartition(":")[2]
        config = tmp_path / "second"
        config.mkdir()
        with service(config, sandbox) as second:
            text = (config / "dealmeter.yaml").read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}")
            second.process.kill()
            (config / "dealmeter.yaml").write_text(text)
        import subprocess
        import sys

        command = [sys.executable, "-m", "dealmeter", "--config", str(config / "dealmeter.yaml"), "run"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2
        assert f"service.listen: 127.0.0.1:{port} can't be listened on" in done.stderr
        assert "what to do: name another port" in done.stderr
