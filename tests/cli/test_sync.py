"""`sync`: what it does, says and answers when all is well, and when it isn't."""

import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from dealmeter.sandbox.hubspot import HubSpotSandbox
from store import leases, runs
from store.database import Database
from sync.clock import Clock
from sync.holder import holder
from tests.cli.conftest import Cli

tick = timedelta(minutes=1)


def deals(cli: Cli) -> int:
    """How many live deals the database has."""
    document = cli.run("status", "--json").document
    return int(document["connections"][0]["rows"].get("deals", 0))


def test_a_first_sync_stores_everything_and_computes_and_a_second_one_finds_nothing_new(cli: Cli) -> None:
    first = cli.run("sync")
    assert first.code == 0, first.err
    assert first.out.startswith("hubspot-main: ok: ")
    assert "KPI values written" in first.out
    assert "hubspot-main: reading deals" in first.err.splitlines()
    second = cli.run("sync")  # compares our numbers with the CRM's own too, as once a day
    third = cli.run("sync")
    for again, requests in ((second, 58), (third, 28)):
        assert again.code == 0
        assert again.out.startswith(
            f"hubspot-main: ok, nothing changed: 0 rows written, 0 KPI values written, {requests} requests, read in "
        )
        assert ", KPIs in " in again.out
        assert again.out.count("\n") == 1


def test_the_document_of_a_sync_has_every_stream_with_its_counts(cli: Cli) -> None:
    document = cli.run("sync", "--no-kpis", "--json").document
    assert document["schema"] == "dealmeter.sync/1"
    [run] = document["runs"]
    streams = {stream["stream"]: stream for stream in run["streams"]}
    assert streams["deals"]["counts"]["inserted"] == 30
    assert document["kpis"] is None
    assert run["counts"]["written"] == sum(
        stream["counts"][name]
        for stream in run["streams"]
        for name in ("inserted", "updated", "deleted", "merged", "details")
    )


def test_a_changed_deal_is_the_only_thing_that_is_written(cli: Cli, sandbox: HubSpotSandbox) -> None:
    cli.run("sync", "--no-kpis")
    sandbox.world.clock.advance(tick)
    sandbox.edits.bulk("deals", 1, {"amount": "4321"})
    sandbox.world.clock.advance(tick)
    result = cli.run("sync", "--no-kpis")
    assert result.code == 0
    [line] = [line for line in result.out.splitlines() if line.startswith("deals ")]
    assert line.split()[-1] == "ok"
    assert "companies" not in result.out


def test_only_the_named_stream_is_read(cli: Cli) -> None:
    document = cli.run("sync", "--no-kpis", "--stream", "owners", "--json").document
    assert {stream["stream"] for stream in document["runs"][0]["streams"]} == {"account", "owners"}


@pytest.mark.parametrize(
    ("arguments", "says", "hint"),
    [
        (["nope"], "there is no connection 'nope'", "there are: hubspot-main"),
        (["--stream", "dealz"], "hubspot-main has no stream 'dealz'", 'did you mean "deals"?'),
    ],
)
def test_what_is_not_there_is_named_with_what_is(cli: Cli, arguments: list[str], says: str, hint: str) -> None:
    result = cli.run("sync", *arguments)
    assert result.code == 2
    assert f"error: {says}" in result.err
    assert f"what to do: {hint}" in result.err


def test_a_wrong_token_leaves_with_3_names_the_way_out_and_status_says_paused(cli: Cli) -> None:
    token = "pat-eu1-0123456789abcdef"
    result = cli.run("sync", environ={"HUBSPOT_TOKEN": token})
    assert result.code == 3
    assert "error: hubspot-main: HubSpot refuses the access token" in result.err
    assert "what to do: make a service key" in result.err
    assert "Traceback" not in result.err
    assert token not in result.out + result.err
    status = cli.run("status")
    assert "paused" in status.out
    assert cli.run("status", "--exit-code").code == 1
    assert cli.run("sync", "--no-kpis").code == 0
    assert cli.run("status", "--json").document["connections"][0]["trouble"] == ""


def test_a_missing_scope_leaves_out_its_stream_and_nothing_else(cli: Cli, sandbox: HubSpotSandbox) -> None:
    sandbox.set_scopes({"crm.objects.owners.read", "crm.objects.deals.read", "crm.objects.companies.read"})
    result = cli.run("sync", "--no-kpis")
    assert result.code == 1
    assert "error: hubspot-main, contacts: the access token may not read" in result.err
    assert "leave the stream out with `exclude`" in result.err
    assert deals(cli) == 30
    check = cli.run("check")
    assert check.code == 3
    assert "no: needs crm.objects.contacts.read" in check.out


def test_a_token_without_any_scope_leaves_with_3_and_status_says_that_nothing_was_read(
    cli: Cli, sandbox: HubSpotSandbox
) -> None:
    sandbox.set_scopes({"crm.objects.owners.read"})
    assert cli.run("sync", "--no-kpis", "--stream", "contacts").code == 3
    assert cli.run("status", "--json").document["connections"][0]["trouble"] == "nothing read"
    assert cli.run("status", "--exit-code").code == 1


def test_status_tells_that_the_kpis_are_behind_until_they_are_computed(cli: Cli, sandbox: HubSpotSandbox) -> None:
    cli.run("sync", "--no-kpis")
    assert cli.run("status").code == 0
    assert cli.run("status", "--exit-code").code == 1
    assert cli.run("status", "--json").document["kpis_trouble"] == "not computed"
    cli.run("kpi", "compute")
    assert cli.run("status", "--exit-code").code == 0
    sandbox.world.clock.advance(tick)
    cli.run("sync", "--no-kpis")
    assert "a sync has ended since: run `dealmeter kpi compute`" in cli.run("status").out
    assert cli.run("status", "--exit-code").code == 1


def test_status_tells_a_run_whose_process_is_gone(cli: Cli) -> None:
    cli.run("sync")
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    place = holder().split(":")[0]
    for name, trouble in ((holder(), ""), (f"{place}:{gone.pid}:1", "interrupted (process gone)")):
        with Database(f"sqlite:///{cli.folder / 'dealmeter.db'}") as database, database.write() as tx:
            grant = leases.take(tx, "hubspot-main", name, now=cli.clock.now(), is_dead=lambda _: True)
            runs.open_run(tx, grant, trigger="manual", version="1", now=cli.clock.now())
        assert cli.run("status", "--json").document["connections"][0]["trouble"] == trouble
    assert "interrupted (process gone)" in cli.run("status").out
    assert cli.run("status", "--exit-code").code == 1


def test_an_unreachable_host_leaves_with_4_and_names_it(cli: Cli, sandbox: HubSpotSandbox) -> None:
    cli.write(cli.config.read_text().replace(sandbox.url, "http://127.0.0.1:1"))
    result = cli.run("sync")
    assert result.code == 4
    assert "error: hubspot-main: http://127.0.0.1:1: no connection" in result.err
    assert "what to do: check `base_url`" in result.err


def test_half_an_answer_is_asked_for_again(cli: Cli, sandbox: HubSpotSandbox) -> None:
    sandbox.faults.next("truncated_json", times=2, match=".*/objects/.*/deals")
    document = cli.run("sync", "--no-kpis", "--json").document
    streams = {stream["stream"]: stream for stream in document["runs"][0]["streams"]}
    assert document["exit_code"] == 0
    assert sum(sum(stream["retries"].values()) for stream in streams.values()) == 2
    assert deals(cli) == 30


def test_a_stream_that_only_gets_half_answers_fails_and_the_others_are_kept(cli: Cli, sandbox: HubSpotSandbox) -> None:
    sandbox.faults.next("truncated_json", times=1000, match=".*/objects/.*/deals")
    result = cli.run("sync", "--no-kpis")
    assert result.code == 1
    assert "is not whole JSON" in result.err
    assert "Traceback" not in result.err
    sandbox.faults.clear()
    assert cli.run("sync", "--no-kpis").code == 0
    assert deals(cli) == 30


def test_a_malformed_amount_is_kept_as_a_rejection_that_runs_show_names(cli: Cli, sandbox: HubSpotSandbox) -> None:
    [deal] = sandbox.edits.bulk("deals", 1, {"amount": "N/A"})
    result = cli.run("sync", "--no-kpis")
    assert result.code == 1
    assert "hubspot-main: partial" in result.out
    assert "could not be used" in result.out
    assert "`dealmeter runs show 1`" in result.out
    shown = cli.run("runs", "show", "1")
    assert f"deals {deal}" in shown.out
    assert "amount" in shown.out
    assert "N/A" not in result.out + result.err, "no record bodies in messages"
    assert deals(cli) == 30


def test_a_held_connection_leaves_with_6(cli: Cli) -> None:
    cli.run("sync", "--no-kpis")
    with Database(f"sqlite:///{cli.folder / 'dealmeter.db'}") as database, database.write() as tx:
        leases.take(tx, "hubspot-main", "elsewhere:1", now=cli.clock.now(), for_=timedelta(minutes=1))
    result = cli.run("sync")
    assert result.code == 6
    assert "error: another run (elsewhere:1) holds hubspot-main" in result.err
    assert "what to do: wait" in result.err


@pytest.mark.parametrize(("wait", "code"), [("10m", 0), ("30s", 6)])
def test_a_run_can_wait_for_the_one_that_holds_the_connection(
    cli: Cli, sandbox: HubSpotSandbox, wait: str, code: int
) -> None:
    cli.run("sync", "--no-kpis")
    with Database(f"sqlite:///{cli.folder / 'dealmeter.db'}") as database, database.write() as tx:
        leases.take(tx, "hubspot-main", "elsewhere:1", now=cli.clock.now(), for_=timedelta(minutes=5))

    def wait_in_the_world(stop: Event, seconds: float) -> bool:
        sandbox.world.clock.advance(timedelta(seconds=seconds))
        return stop.is_set()

    begun = cli.clock.now()
    cli.clock = Clock(
        now=cli.clock.now, monotonic=lambda: (cli.clock.now() - begun).total_seconds(), wait=wait_in_the_world
    )
    result = cli.run("sync", "--no-kpis", "--wait", wait)
    assert result.code == code, result.err
    assert result.err.count("holds hubspot-main until") == 1 + (code == 6)
    waited = (cli.clock.now() - begun).total_seconds()
    assert waited == 30 if code else 300 <= waited < 310


def test_how_long_to_wait_needs_a_unit(cli: Cli) -> None:
    result = cli.run("sync", "--wait", "10")
    assert result.code == 2
    assert "is not a duration" in result.err


def test_a_database_that_cannot_be_opened_leaves_with_5(cli: Cli) -> None:
    cli.write(cli.config.read_text() + 'database: {url: "sqlite:///nowhere/at/all.db"}\n')
    result = cli.run("sync")
    assert result.code == 5
    assert "does not exist" in result.err
    assert "what to do: create the folder" in result.err


def test_of_several_connections_the_gravest_outcome_counts(cli: Cli, sandbox: HubSpotSandbox) -> None:
    cli.write(
        cli.config.read_text()
        + f"  - {{name: other, crm: hubspot, settings: {{access_token: {{env: OTHER}}, base_url: '{sandbox.url}'}}}}\n"
    )
    result = cli.run("sync", "--no-kpis", environ={**cli.environ, "OTHER": "wrong"})
    assert result.code == 3
    assert "hubspot-main: ok" in result.out
    assert "other: failed" in result.out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_after_the_current_page_and_the_next_run_goes_on(
    cli: Cli, sandbox: HubSpotSandbox, number: signal.Signals, code: int
) -> None:
    sandbox.hold(at_request=8)
    command = [sys.executable, "-m", "dealmeter", "sync", "--no-kpis", "--config", str(cli.config)]
    environ = {"PATH": "/usr/bin:/bin", **cli.environ}
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ) as running:
        assert sandbox.held.wait(60)
        running.send_signal(number)
        assert running.stderr is not None
        told = []
        for line in running.stderr:
            told.append(line)
            if "stopping" in line:
                break
        sandbox.release()
        out, err = running.communicate(timeout=60)
    assert running.returncode == code, "".join(told) + err
    assert told[-1].startswith("stopping after the current page"), told
    assert "hubspot-main: stopped" in out
    assert "Traceback" not in err
    assert cli.run("sync", "--no-kpis").code == 0
    assert deals(cli) == 30


def test_files_of_the_database_lie_beside_the_configuration(cli: Cli, tmp_path: Path) -> None:
    cli.run("sync", "--no-kpis", "--stream", "owners")
    assert (tmp_path / "dealmeter.db").is_file()
