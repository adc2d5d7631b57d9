"""The first minutes: init, check, config, and the messages on the way."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from dealmeter.sandbox.hubspot import HubSpotSandbox
from sync.clock import Clock
from tests.cli.conftest import Cli


@pytest.fixture
def here(lonely: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line in its own folder."""
    monkeypatch.chdir(lonely.folder)
    lonely.environ.clear()
    return lonely


def test_without_a_configuration_every_command_says_where_it_looked(here: Cli) -> None:
    for arguments in (["status"], ["sync"], ["config", "show"]):
        result = here.bare(*arguments)
        assert result.code == 2
        assert f"looked for {here.folder / 'dealmeter.yaml'}" in result.err
        assert "what to do: run `dealmeter init`" in result.err


def test_init_writes_a_configuration_that_is_right_once_the_token_is_there(here: Cli) -> None:
    result = here.bare("init")
    assert result.code == 0
    assert "dealmeter check" in result.out
    assert here.bare("config", "check").code == 2
    assert here.bare("config", "check", environ={"HUBSPOT_TOKEN": "x"}).code == 0


def test_init_overwrites_nothing_without_force(here: Cli) -> None:
    here.write("version: 1\n")
    result = here.bare("init")
    assert result.code == 2
    assert "dealmeter.yaml exists already" in result.err
    assert here.config.read_text() == "version: 1\n"
    assert not Path(".env.example").exists()
    assert here.bare("init", "--force").code == 0
    assert "hubspot-main" in here.config.read_text()


def test_init_for_an_unknown_crm_names_those_that_there_are(here: Cli) -> None:
    result = here.bare("init", "--crm", "abacus")
    assert (result.code, "there are: hubspot" in result.err) == (2, True)


def test_check_tells_who_answers_and_what_can_be_read(cli: Cli) -> None:
    result = cli.run("check")
    assert result.code == 0
    assert "hubspot-main: signed in to HubSpot" in result.out
    assert "the CRM's clock agrees with ours" in result.out
    document = cli.run("check", "hubspot-main", "--json").document
    assert document["schema"] == "dealmeter.check/1"
    assert document["connections"][0]["streams"]["deals"] == {"readable": True, "reason": ""}


def test_check_tells_how_far_the_clocks_are_apart_and_warns(cli: Cli) -> None:
    ahead = Cli(cli.folder, Clock(now=lambda: cli.clock.now() + timedelta(days=3214), wait=cli.clock.wait))
    result = ahead.run("check")
    assert "the CRM's clock is 8.8 years behind ours" in result.out
    assert "warning: hubspot-main: the CRM's clock is 8.8 years behind ours" in result.err


def test_check_is_silent_with_quiet_where_all_is_well(cli: Cli, sandbox: HubSpotSandbox) -> None:
    result = cli.run("check", "-q")
    assert (result.code, result.out, result.err) == (0, "", "")
    sandbox.set_scopes({"crm.objects.owners.read"})
    assert "no: needs" in cli.run("check", "-q").out


def test_an_empty_token_is_named_with_the_file_to_put_it_into(here: Cli) -> None:
    here.bare("init")
    Path(".env").write_text("HUBSPOT_TOKEN=\nHUBSPOT_TOKEN pat-1\n")
    result = here.bare("config", "check")
    assert result.code == 2
    said = "the environment variable HUBSPOT_TOKEN is empty; put the token into .env"
    assert f"connections[0].settings.access_token: {said}" in result.err
    assert "  .env, line 2: not NAME=value" in result.err
    assert "pat-1" not in result.err


def test_an_address_that_is_none_is_refused_with_what_it_should_be(lonely: Cli) -> None:
    lonely.write("version: 1\ndatabase: {url: 'mysql://me:hunter2@db/sales'}\n")
    result = lonely.run("config", "check")
    assert result.code == 2
    assert "database.url: is not an address" in result.err
    assert "postgresql://USER:PASSWORD@HOST/DATABASE" in result.err
    assert "hunter2" not in result.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--data", "nowhere"], "error: nowhere: there is no such folder"),
        (["--data", "."], "error: sales_pipeline.csv: there is no such file"),
    ],
)
def test_a_sandbox_that_has_no_data_names_the_files_it_wants(here: Cli, arguments: list[str], says: str) -> None:
    result = here.bare("sandbox", "hubspot", *arguments)
    assert result.code == 2
    assert result.err.splitlines() == [
        says,
        "  what to do: name a folder with sales_pipeline.csv, accounts.csv, products.csv, sales_teams.csv",
    ]


def test_a_sandbox_whose_port_is_taken_says_so(here: Cli, sandbox: HubSpotSandbox) -> None:
    port = sandbox.url.rpartition(":")[2]
    result = here.bare("sandbox", "hubspot", "--deals", "1", "--port", port)
    assert result.code == 2
    assert result.err.startswith(f"error: port {port}: address already in use")
    assert "what to do: name another --port" in result.err


def test_check_with_a_wrong_token_leaves_with_3(cli: Cli) -> None:
    result = cli.run("check", environ={"HUBSPOT_TOKEN": "wrong"})
    assert result.code == 3
    assert "error: HubSpot refuses the access token" in result.err


def test_a_configuration_with_five_mistakes_tells_all_five_with_their_lines(lonely: Cli) -> None:
    lonely.write(
        "version: 1\n"
        "databse: {}\n"
        "connections:\n"
        "  - name: Main\n"
        "    crm: hubspott\n"
        "  - name: b\n"
        "    crm: hubspot\n"
        "    schedule: {every: 15}\n"
        "    settings: {access_token: '${TOKEN}'}\n"
    )
    result = lonely.run("sync")
    assert result.code == 2
    lines = [line.strip() for line in result.err.splitlines()]
    assert lines[0].endswith("dealmeter.yaml has 5 problems")
    assert lines[1] == 'line 2: databse: unknown key; did you mean "database"?'
    assert lines[2].startswith("line 4: connections[0].name: should be small letters")
    assert lines[3] == "line 5: connections[0].crm: there is no connector 'hubspott'; did you mean \"hubspot\"?"
    assert lines[4].startswith("line 8: connections[1].schedule.every: 15 is not a duration")
    assert lines[5] == "line 9: connections[1].settings.access_token: the environment variable TOKEN is not set"
    assert lines[6].startswith("what to do: ")
    document = json.loads(lonely.run("sync", "--json").out)
    assert len(document["problems"]) == 5


def test_config_show_masks_every_secret(cli: Cli) -> None:
    cli.write(cli.config.read_text() + 'database: {url: "postgresql://me:hunter2secret@db/sales"}\n')
    for arguments in (["config", "show"], ["config", "show", "--json"], ["config", "show", "-v"]):
        result = cli.run(*arguments)
        assert result.code == 0
        assert "sandbox-token" not in result.out + result.err
        assert "hunter2secret" not in result.out + result.err
        assert "***" in result.out


def test_config_show_is_a_configuration_again(cli: Cli, sandbox: HubSpotSandbox) -> None:
    shown = yaml.safe_load(cli.run("config", "show").out)
    shown["connections"][0]["settings"]["access_token"] = "${HUBSPOT_TOKEN}"
    cli.write(yaml.safe_dump(shown))
    assert cli.run("config", "check").code == 0
    assert cli.run("check").code == 0


def test_the_schema_knows_each_connectors_settings(lonely: Cli) -> None:
    schema = json.loads(lonely.bare("config", "schema").out)
    definitions = schema["$defs"]
    token = definitions["hubspot"]["properties"]["access_token"]
    assert {"type": "string"} in token["anyOf"]
    assert definitions["hubspot"]["additionalProperties"] is False
    assert "hubspot.Budget" in definitions
    assert "PT" not in json.dumps(schema)


def test_a_secret_that_lies_open_gets_a_warning_and_works(cli: Cli) -> None:
    cli.write(cli.config.read_text().replace("${HUBSPOT_TOKEN}", "sandbox-token"))
    result = cli.run("check")
    assert result.code == 0
    assert "warning: connections[0].settings.access_token is written plainly" in result.err
    assert "sandbox-token" not in result.err
