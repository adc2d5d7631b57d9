"""What an operator types when something is wrong, or before it is."""

import json
import stat
import zipfile

import pytest
from sqlalchemy import text

from dealmeter.sandbox.hubspot import HubSpotSandbox
from store.database import Database
from tests.cli.conftest import Cli
from tests.service.receiver import receiver

CANARY = "canary-7f3a9c2e51"


def test_a_doctor_finds_nothing_in_a_sound_installation(cli: Cli) -> None:
    assert cli.run("sync", "--no-kpis").code == 0
    result = cli.run("doctor")
    assert result.code == 0, result.out
    assert "nothing bad found" in result.out
    assert "hubspot-main: " in result.out
    assert cli.run("doctor", "--offline", "--json").document["schema"] == "dealmeter.doctor/1"


def test_a_doctor_says_what_is_bad_and_what_to_do(cli: Cli) -> None:
    result = cli.run("doctor", environ={"HUBSPOT_TOKEN": "wrong"})
    assert result.code == 1
    assert "bad      hubspot-main: " in result.out
    assert "what to do: " in result.out
    assert "1 bad" in result.out


def test_a_database_that_everybody_may_open_is_told(cli: Cli) -> None:
    assert cli.run("sync", "--no-kpis").code == 0
    file = cli.folder / "dealmeter.db"
    assert "every user of this machine" not in cli.run("doctor", "--offline").out
    file.chmod(0o644)
    told = cli.run("doctor", "--offline").out
    assert "can be read or written by every user of this machine" in told
    assert "run `chmod 640" in told


def test_no_secret_is_in_a_bundle_or_anywhere_else(cli: Cli, sandbox: HubSpotSandbox) -> None:
    """The token is refused, so that it is near every message that there is."""
    environ = {"HUBSPOT_TOKEN": CANARY, "HOOK": f"http://127.0.0.1:9/{CANARY}", "KEY": CANARY}
    cli.write(
        cli.config.read_text() + "notifications:\n  - {type: webhook, url: '${HOOK}', secret: '${KEY}'}\n"
        "database: {url: 'sqlite:///store.db'}\n"
    )
    said = []
    for words in (
        ("sync", "-vv"), ("sync", "--json"), ("check",), ("check", "--json"), ("status", "--json"), ("config", "show"),
        ("config", "show", "--json"), ("notify", "test"), ("notify", "test", "--json"), ("runs", "list", "--json"),
        ("doctor", "--bundle", str(cli.folder / "bundle.zip")), ("db", "current"),
    ):  # fmt: skip
        result = cli.run(*words, environ=environ)
        said.append(result.out + result.err)
    assert "refuses the access token" in "".join(said)
    assert CANARY not in "".join(said)
    assert stat.S_IMODE((cli.folder / "bundle.zip").stat().st_mode) == 0o600
    with zipfile.ZipFile(cli.folder / "bundle.zip") as bundle:
        assert sorted(bundle.namelist()) == ["config.json", "database.json", "doctor.json", "runs.json", "status.json"]
        for name in bundle.namelist():
            assert CANARY not in bundle.read(name).decode()
        assert json.loads(bundle.read("runs.json"))["runs"]
    for path in cli.folder.rglob("*"):
        assert not path.is_file() or CANARY.encode() not in path.read_bytes(), path


def test_backup_check_prune_and_restore_from_the_command_line(cli: Cli) -> None:
    assert cli.run("sync").code == 0
    shown = cli.run("kpi", "show", "revenue").out
    copy = cli.folder / "copy.db"
    assert "copied to" in cli.run("db", "backup", str(copy)).out
    again = cli.run("db", "backup", str(copy))
    assert again.code == 5
    assert "is there already" in again.err
    assert cli.run("db", "restore", str(copy)).code == 5
    for path in cli.folder.glob("dealmeter.db*"):
        path.unlink()
    assert cli.run("db", "restore", str(copy)).code == 0
    assert cli.run("db", "check").out.endswith(": whole\n")
    assert cli.run("kpi", "show", "revenue").out == shown
    assert "sync_runs: 0 would go" in cli.run("db", "prune", "--dry-run").out
    assert cli.run("db", "prune", "--json").document["deleted"]["sync_runs"] == 0


def test_a_word_by_each_channel(cli: Cli) -> None:
    with receiver() as there:
        cli.write(cli.config.read_text() + f"notifications:\n  - {{type: slack, url: '{there.url}/x', name: ops}}\n")
        result = cli.run("notify", "test")
        assert (result.code, len(there.got)) == (0, 1), result.err
        assert "ops: sent" in result.out
        there.status = 404
        assert "ops: it answered 404" in cli.run("notify", "test").out
    assert cli.run("notify", "test").code == 1


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("service: {listen: '0.0.0.0:9464'}", "can be reached by other machines"),
        ("notifications: [{type: slack, url: 'http://hooks.example.com/x'}]", "plain http is for this machine only"),
        ("notifications: [{type: slak, url: 'https://x'}]", "notifications[0]"),
        ("notifications: [{type: slack}]", "notifications[0].url: missing"),
        ("notifications: [{type: slack, url: 'https://x', kind: [failed]}]", 'did you mean "kinds"'),
    ],
)
def test_a_careless_configuration_is_refused_before_anything_happens(cli: Cli, more: str, said: str) -> None:
    cli.write(f"{cli.config.read_text()}{more}\n")
    result = cli.run("config", "check")
    assert result.code == 2
    assert said in result.err


def test_reconcile_finds_what_was_lost_and_repairs_it(cli: Cli) -> None:
    assert cli.run("sync").code == 0
    agreed = cli.run("reconcile", "--json")
    assert (agreed.code, agreed.document["schema"]) == (0, "dealmeter.reconcile/1")
    with Database(f"sqlite:///{cli.folder / 'dealmeter.db'}") as database, database.write() as tx:
        some = tx.scalars(text("SELECT id FROM deals LIMIT 2")).all()
        tx.execute(text("DELETE FROM deals WHERE id IN (:a, :b)"), {"a": some[0], "b": some[1]})
        tx.execute(text("UPDATE deals SET created_at = '2020-01-01 00:00:00.000000'"))
    found = cli.run("reconcile")
    assert found.code == 7
    assert "deals" in found.out
    assert "--repair" in found.out
    told = cli.run("status")
    assert "differs" in told.out
    assert "hubspot-main: deals: 28 records here, 30 in the CRM (-2)" in told.out
    assert "run `dealmeter reconcile hubspot-main --repair`" in told.out
    [state] = cli.run("status", "--json").document["connections"]
    assert state["trouble"] == "differs"
    [deals] = [each for each in state["compared"] if (each["object"], each["part"]) == ("deals", "")]
    assert (float(deals["ours"]), float(deals["theirs"]), deals["is_explained"]) == (28, 30, False)
    assert cli.run("status", "--exit-code").code == 1
    repaired = cli.run("reconcile", "--repair")
    assert repaired.code == 0, repaired.out + repaired.err
    assert "differs" not in cli.run("status").out
