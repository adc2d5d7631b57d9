"""The one table from errors to exit codes, and what is said of errors that nobody expected."""

import errno
import io
import json
import sqlite3
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from datetime import timedelta

import pytest

from connectors import errors as crm
from dealmeter.cli.errors import exit_code, gravest, report
from dealmeter.errors import ConfigError, UsageError
from store import errors as store
from tests.cli.conftest import Cli


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("x", hint="y"), 2),
        (ConfigError("x", hint="y"), 2),
        (store.ForeignAccountError("x", hint="y"), 2),
        (crm.BadCredentialsError("x"), 3),
        (crm.MissingScopeError("x", scopes=("a",)), 3),
        (crm.RateLimitedError("x", reason="429", after=timedelta(seconds=1)), 4),
        (crm.QuotaSpentError("x", reason="429_daily"), 4),
        (crm.UnreachableError("x", reason="timeout"), 4),
        (store.DatabaseUnavailableError("x", hint="y"), 5),
        (store.SchemaMismatchError("x", hint="y"), 5),
        (store.LeaseHeldError("x", hint="y"), 6),
        (crm.ShrunkError("x"), 7),
        (crm.UnexpectedResponseError("x"), 1),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError(), 1),
    ],
)
def test_each_error_has_its_exit_code(error: BaseException, code: int) -> None:
    assert exit_code(error) == code


def test_of_several_codes_the_gravest_counts() -> None:
    assert gravest([]) == 0
    assert gravest([0, 1, 4, 3]) == 3
    assert gravest([3, 130]) == 130


def told(error: BaseException, *arguments: str, secrets: tuple[str, ...] = ()) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        assert report(error, arguments, secrets) == 1
    return out.getvalue(), err.getvalue()


def unexpected() -> BaseException:
    try:
        raise RuntimeError("the token was hunter2\nand a long story")
    except RuntimeError as error:
        return error


def test_what_nobody_expected_is_called_a_bug_without_a_traceback() -> None:
    out, err = told(unexpected())
    assert out == ""
    assert err.startswith("error: this is a bug in dealmeter: RuntimeError: the token was")
    assert "--verbose" in err
    assert "Traceback" not in err
    assert "long story" not in err


def test_a_full_disk_is_no_bug() -> None:
    out, err = told(OSError(errno.ENOSPC, "No space left on device", "/data/x.db"), "sync", "--json")
    assert err.startswith("error: /data/x.db: no space left on device\n  what to do: check that the disk has room")
    assert json.loads(out)["exit_code"] == 1


@pytest.mark.parametrize("stream", ["> /dev/full", ">&-"])
def test_a_standard_output_that_takes_nothing_is_no_bug(stream: str) -> None:
    command = f"{sys.executable} -m dealmeter kpi list {stream}"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert "bug" not in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == (1 if "full" in stream else 0)


@pytest.mark.parametrize("command", [["status"], ["kpi", "compute"], ["db", "upgrade"], ["db", "current"]])
@pytest.mark.parametrize("content", ["text", "foreign"])
def test_a_file_that_is_no_database_of_ours_leaves_with_5_and_is_left_alone(
    lonely: Cli, command: list[str], content: str
) -> None:
    path = lonely.folder / "other.db"
    if content == "text":
        path.write_text("a letter to my grandmother\n" * 200)
    else:
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE users (id)")
        other.close()
    lonely.write('version: 1\ndatabase: {url: "sqlite:///other.db"}\n')
    result = lonely.run(*command)
    assert result.code == 5
    assert "other.db is not a dealmeter database" in result.err
    assert "what to do: name another file in `database.url`" in result.err
    if content == "text":
        assert path.read_text().startswith("a letter")


def test_the_traceback_of_a_bug_comes_with_verbose_and_without_secrets() -> None:
    out, err = told(unexpected(), "sync", "--verbose", "--json", secrets=("hunter2",))
    assert "Traceback" in err
    assert "hunter2" not in out + err
    assert json.loads(out)["error"] == "Bug"
