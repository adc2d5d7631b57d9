"""Before any work is done: help, version, wrong usage, and what is imported for them."""

import subprocess
import sys
from typing import Any

import pytest
import typer.main

from dealmeter.cli.app import app
from tests.cli.conftest import Cli

HEAVY = ("hubspot", "simple_salesforce", "sqlmodel", "sqlalchemy", "duckdb", "pydantic", "rich", "apscheduler", "yaml")


def commands(command: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    found = [(path, command)]
    for name, child in getattr(command, "commands", {}).items():
        found += commands(child, (*path, name))
    return found


ALL = commands(typer.main.get_command(app))


def test_the_command_line_imports_nothing_heavy_before_a_command_needs_it() -> None:
    program = f"import sys, dealmeter.cli; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_imports_nothing_heavy_either() -> None:
    program = (
        "import sys; from dealmeter.cli import main; code = main(['--help']); "
        f"sys.exit(code or ', '.join(name for name in {HEAVY!r} if name in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("path", [path for path, _ in ALL], ids=" ".join)
def test_every_command_has_help_with_text(lonely: Cli, path: tuple[str, ...]) -> None:
    result = lonely.bare(*path, "--help")
    assert result.code == 0
    assert "Usage: dealmeter" in result.out


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _ in ALL])
def test_every_command_and_every_option_is_documented(path: tuple[str, ...], command: Any) -> None:
    assert command.help
    assert len(command.help.splitlines()[0]) < 70, "the first line stands in the list of commands"
    undocumented = [parameter.name for parameter in command.params if not getattr(parameter, "help", None)]
    assert undocumented == []


def test_version_is_the_packages_own(lonely: Cli) -> None:
    from importlib.metadata import version

    result = lonely.bare("--version")
    assert (result.code, result.out) == (0, f"dealmeter {version('dealmeter')}\n")


def test_version_with_json_is_a_document(lonely: Cli) -> None:
    for arguments in (["--version", "--json"], ["--json", "--version"]):
        assert lonely.bare(*arguments).document["schema"] == "dealmeter.version/1"


def test_the_module_runs_as_the_command_does() -> None:
    done = subprocess.run([sys.executable, "-m", "dealmeter", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("dealmeter ")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["sync", "--fulll"], "no such option: --fulll"),
        (["snyc"], "no such command 'snyc'"),
        (["runs", "show"], "missing argument 'ID'"),
        (["runs", "show", "x"], "invalid value for 'ID'"),
        (["kpi", "show", "win_rate", "--grain", "fortnight"], "invalid value for '--grain'"),
    ],
)
def test_wrong_usage_leaves_with_2_and_a_plain_message(lonely: Cli, arguments: list[str], says: str) -> None:
    result = lonely.bare(*arguments)
    assert result.code == 2
    assert f"error: {says}" in result.err
    assert "  what to do: see `dealmeter" in result.err
    assert "Traceback" not in result.err
    assert result.out == ""


def test_a_group_alone_shows_its_help_and_leaves_with_2(lonely: Cli) -> None:
    result = lonely.bare("kpi")
    assert result.code == 2
    assert "Usage: dealmeter kpi" in result.err


def test_shared_options_stand_before_or_after_the_command(synced: Cli) -> None:
    before = synced.bare("--json", "--config", str(synced.config), "runs", "list")
    after = synced.bare("runs", "list", "--config", str(synced.config), "--json")
    assert before.document == after.document


def test_wrong_usage_with_json_prints_one_document(lonely: Cli) -> None:
    result = lonely.bare("sync", "--json", "--nope")
    assert result.document["schema"] == "dealmeter.error/1"
    assert result.document["exit_code"] == result.code == 2


def test_whoever_stops_reading_gets_no_traceback(synced: Cli) -> None:
    command = [sys.executable, "-m", "dealmeter", "export", "snapshots", "--config", str(synced.config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == ""
        assert running.wait(timeout=60) == 0
