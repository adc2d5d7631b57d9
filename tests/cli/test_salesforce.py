"""The first minutes with Salesforce: init, check, discover, and the map that is pasted back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dealmeter.sandbox.generate import generate
from dealmeter.sandbox.salesforce import SalesforceSandbox
from dealmeter.sandbox.salesforce.objects.common import text
from store.database import Database
from tests.cli.conftest import Cli
from tests.rig import NOW, Times

ENVIRON = {"SALESFORCE_CONSUMER_KEY": "sandbox-client", "SALESFORCE_CONSUMER_SECRET": "sandbox-secret"}


@pytest.fixture
def org() -> Iterator[SalesforceSandbox]:
    """A small company that stands still in time."""
    with SalesforceSandbox(generate(7, 40, contacts=10, activities_per_deal=0, now=NOW, frozen=True)) as sandbox:
        yield sandbox


@pytest.fixture
def here(org: SalesforceSandbox, tmp_path: Path) -> Cli:
    """A folder where `init --crm salesforce` was run and filled in, as its next lines say."""
    made = Cli(tmp_path, Times(org.world).clock(), environ=dict(ENVIRON))
    assert made.run("init", "--crm", "salesforce").code == 0
    change(made, login_url="https://acme.my.salesforce.com", base_url=org.url)
    return made


def change(cli: Cli, **settings: Any) -> None:
    """Edit the connection's settings."""
    configuration = yaml.safe_load(cli.config.read_text())
    configuration["connections"][0]["settings"] |= settings
    cli.write(yaml.safe_dump(configuration))


def busy_administrator(org: SalesforceSandbox) -> None:
    """Two fields of the opportunities, one of them half filled."""
    org.schema.define("Opportunity", text("Sales_Region__c", "sales_region", label="Sales region"))
    org.schema.define("Opportunity", text("Kunde_seit__c", "kunde_seit", "textarea", label="Kunde seit"))
    ids = org.edits.truth()["objects"]["Opportunity"]["live"]
    org.edits.update("Opportunity", ids[: len(ids) // 2], {"Sales_Region__c": "North"})


def test_init_writes_a_configuration_that_is_right_once_the_secrets_are_there(tmp_path: Path) -> None:
    made = Cli(tmp_path, Times(generate(7, 1, now=NOW, frozen=True)).clock(), environ={})
    result = made.run("init", "--crm", "salesforce")
    assert result.code == 0
    assert "dealmeter check" in result.out
    assert "login_url" in result.out
    variables = (tmp_path / ".env.example").read_text()
    assert all(f"\n{name}=\n" in variables for name in ENVIRON)
    assert made.run("config", "check").code == 2
    assert made.run("config", "check", environ=ENVIRON).code == 0


def test_check_speaks_of_objects_permissions_and_requests(here: Cli, org: SalesforceSandbox) -> None:
    org.hide(["Product2", "OpportunityLineItem"])
    result = here.run("check")
    assert result.code == 3
    assert "salesforce-main: signed in to " in result.out
    row = next(line for line in result.out.splitlines() if line.startswith("  products "))
    assert "no: the org has no Product2, or the user lacks Read (and View All) on it" in row
    assert "the permissions of the user" in result.out
    assert "scope" not in result.out
    assert "  daily left: " in result.out
    assert "the CRM's clock agrees with ours" in result.out
    connection = here.run("check", "--json").document["connections"][0]
    assert connection["budget"]["daily_limit"] > connection["budget"]["daily_left"] > 0


def test_discover_lists_fields_record_types_and_stages(here: Cli, org: SalesforceSandbox) -> None:
    busy_administrator(org)
    document = here.run("discover", "--json").document
    [connection] = document["connections"]
    deals = next(each for each in connection["objects"] if each["name"] == "deals")
    fields = {field["name"]: field for field in deals["fields"]}
    assert deals["count"] == len(org.edits.truth()["objects"]["Opportunity"]["live"])
    assert fields["Sales_Region__c"] == {
        "name": "Sales_Region__c", "label": "Sales region", "type": "string", "custom": True, "filled": 0.5,
        "fills": None,
    }  # fmt: skip
    assert (fields["Amount"]["fills"], fields["Amount"]["custom"]) == ("amount", False)
    assert fields["Kunde_seit__c"]["filled"] is None
    names = {pipeline.label for pipeline in org.world.pipelines}
    assert names <= {pipeline["name"] for pipeline in connection["pipelines"]}
    assert {stage["is_won"] for stage in connection["pipelines"][0]["stages"]} == {True, False}
    assert connection["proposed"]["fields"]["deals"]["region"] == "Sales_Region__c"


def test_what_discover_proposes_is_pasted_and_read(here: Cli, org: SalesforceSandbox) -> None:
    busy_administrator(org)
    result = here.run("discover")
    assert result.code == 0
    pasted = yaml.safe_load(result.out.partition("below this connection's `settings:`\n")[2])
    assert pasted["fields"]["subscriptions"]["mrr"] == "MRR__c"
    change(here, **pasted)
    synced = here.run("sync", "--no-kpis", "--json")
    assert synced.code == 0, synced.err
    with Database(f"sqlite:///{here.folder / 'dealmeter.db'}") as database, database.read() as tx:
        regions = tx.exec_driver_sql("SELECT region, count(*) FROM deals GROUP BY region").all()
        assert tx.exec_driver_sql("SELECT count(*) FROM subscriptions WHERE mrr > 0").scalar()
    half = len(org.edits.truth()["objects"]["Opportunity"]["live"]) // 2
    assert ("North", half) in [tuple(row) for row in regions]
    assert here.run("discover", "--json").document["connections"][0]["proposed"] == {"fields": {}}


def test_what_the_user_may_not_see_hides_its_objects_only(here: Cli, org: SalesforceSandbox) -> None:
    org.hide(["Contact"])
    result = here.run("discover")
    assert result.code == 0
    assert "warning: salesforce-main: contacts: not looked at: the org has no Contact" in result.err
    assert "salesforce-main: deals: " in result.out
