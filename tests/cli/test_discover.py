"""`discover`: what there is, and a map that can be pasted as it is."""

from pathlib import Path

import yaml

from dealmeter.sandbox.hubspot import HubSpotSandbox
from dealmeter.sandbox.record import Kind
from tests.cli.conftest import Cli


def with_custom_fields(sandbox: HubSpotSandbox) -> None:
    """An administrator has been busy."""
    sandbox.portal.define(Kind.DEAL, "sales_region__c", label="Sales region")
    sandbox.portal.define(Kind.DEAL, "kunde_seit", label="Kunde seit", type="date")
    ids = list(sandbox.edits.truth("deals")["deals"]["live"])
    sandbox.edits.update("deals", ids[: len(ids) // 2], {"sales_region__c": "North"})


def test_discover_lists_fields_pipelines_and_stages_and_proposes_a_map(cli: Cli, sandbox: HubSpotSandbox) -> None:
    with_custom_fields(sandbox)
    result = cli.run("discover", "hubspot-main")
    assert result.code == 0
    row = next(line.split() for line in result.out.splitlines() if "sales_region__c" in line)
    assert row == ["sales_region__c", "Sales", "region", "string", "50%"]
    assert "pipeline " in result.out
    assert "deals: " in result.out
    pasted = result.out.partition("below this connection's `settings:`\n")[2]
    assert yaml.safe_load(pasted) == {"fields": {"deals": {"region": "sales_region__c"}}}


def test_the_document_of_discover_has_everything(cli: Cli, sandbox: HubSpotSandbox) -> None:
    with_custom_fields(sandbox)
    document = cli.run("discover", "--json").document
    assert document["schema"] == "dealmeter.discover/1"
    [connection] = document["connections"]
    deals = next(each for each in connection["objects"] if each["name"] == "deals")
    fields = {field["name"]: field for field in deals["fields"]}
    assert deals["count"] == 30
    assert fields["sales_region__c"] == {
        "name": "sales_region__c", "label": "Sales region", "type": "string", "custom": True, "filled": 0.5,
        "fills": None,
    }  # fmt: skip
    assert fields["amount"]["fills"] == "amount"
    assert fields["kunde_seit"]["filled"] == 0
    assert {stage["is_won"] for stage in connection["pipelines"][0]["stages"]} == {True, False}
    assert connection["proposed"] == {"fields": {"deals": {"region": "sales_region__c"}}}


def test_what_is_pasted_is_read(cli: Cli, sandbox: HubSpotSandbox) -> None:
    with_custom_fields(sandbox)
    proposed = cli.run("discover", "--json").document["connections"][0]["proposed"]
    configuration = yaml.safe_load(cli.config.read_text())
    configuration["connections"][0]["settings"] |= proposed
    cli.write(yaml.safe_dump(configuration))
    assert cli.run("sync", "--no-kpis").code == 0
    again = cli.run("discover", "--json").document["connections"][0]
    assert again["proposed"] == {"fields": {}}


def test_a_scope_that_is_missing_hides_its_objects_only(cli: Cli, sandbox: HubSpotSandbox) -> None:
    sandbox.set_scopes({"crm.objects.deals.read", "crm.objects.owners.read", "oauth"})
    result = cli.run("discover")
    assert result.code == 0
    assert "warning: hubspot-main: contacts: not looked at: needs crm.objects.contacts.read" in result.err
    assert "hubspot-main: deals: " in result.out


def test_one_broken_connection_hides_no_other(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "deals.csv").write_text("id,Tutar,amount_note\n1,5,\n2,6,x\n", encoding="utf-8")
    (folder / "spend.csv").write_text("category\nmarketing\n", encoding="utf-8")
    nowhere = "  - {name: broken, crm: files, settings: {path: nowhere}}\n"
    cli.write(cli.config.read_text() + nowhere + "  - {name: plans, crm: files, settings: {path: files}}\n")
    found = cli.run("discover", "broken", "plans", "--json")
    assert found.code == 4
    broken, plans = found.document["connections"]
    assert (broken["ok"], broken["error"]) == (False, "UnreachableError")
    assert plans["proposed"] == {"fields": {"deals": {"amount": "Tutar"}}}
    checked = cli.run("check", "--json")
    hubspot, broken, plans = checked.document["connections"]
    assert (hubspot["ok"], broken["ok"], plans["ok"]) == (True, False, False)
    assert "dealmeter init --files" in broken["hint"]
    assert plans["streams"]["deals"] == {"readable": True, "reason": ""}
    assert plans["streams"]["spend"]["reason"].startswith("spend.csv has no column spent_on or period_start, amount")
    assert hubspot["budget"]["daily_share"] == 0.8
    assert "signed in to HubSpot" in cli.run("check").out
