"""`run`: the daemon as a process, with its log and its signals."""

import json
import signal
import subprocess
import sys
from typing import Any

import pytest

from tests.cli.conftest import Cli

ENVIRON = {"PATH": "/usr/bin:/bin", "HUBSPOT_TOKEN": "pat-eu1-0123456789"}


def daemon(cli: Cli, **environ: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "dealmeter", "run", "--config", str(cli.config)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**ENVIRON, **environ})


def wait_for(running: "subprocess.Popen[str]", action: str) -> Any:
    """The first log line of an action."""
    assert running.stderr is not None
    for line in running.stderr:
        told = json.loads(line)
        if told.get("action") == action:
            return told
        if told["level"] == "error":
            running.kill()
            raise AssertionError(f"waiting for {action}, the daemon said {line}")
    raise AssertionError(f"the daemon ended before {action}")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_the_daemon_syncs_logs_json_lines_and_stops_when_asked(cli: Cli, number: signal.Signals, code: int) -> None:
    with daemon(cli, HUBSPOT_TOKEN="sandbox-token") as running:
        told = wait_for(running, "run_ended")
        running.send_signal(number)
        assert wait_for(running, "stopped")["event"] == "stopped"
        assert running.wait(timeout=60) == code
    assert list(told)[:3] == ["ts", "level", "event"]
    assert (told["connection"], told["outcome"], told["run_id"]) == ("hubspot-main", "ok", 1)


def test_the_daemon_keeps_its_old_configuration_when_the_new_one_is_wrong(cli: Cli) -> None:
    with daemon(cli) as running:
        told = wait_for(running, "run_ended")
        cli.write("version: 2\n")
        running.send_signal(signal.SIGHUP)
        refused = wait_for(running, "reload_failed")
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=60) == 143
    assert "version: should be 1" in refused["event"]
    assert told["outcome"] == "failed"
    assert "0123456789" not in json.dumps(told)


def test_the_daemon_does_not_start_with_a_wrong_configuration(cli: Cli) -> None:
    cli.write("version: 1\n")
    result = cli.run("run")
    assert result.code == 2
    assert "has no connections" in result.err
