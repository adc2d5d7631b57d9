"""Both sandboxes tell the same story about one world, each in its own words."""

from collections import Counter
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dealmeter.sandbox.dataset import load
from dealmeter.sandbox.hubspot import HubSpotSandbox
from dealmeter.sandbox.record import Kind
from dealmeter.sandbox.salesforce import Features, SalesforceSandbox
from dealmeter.sandbox.world import World

from ..api import Api
from ..test_dataset import FILES
from .api import Salesforce

PROPERTIES = (
    *("dealname", "amount", "deal_currency_code", "amount_in_home_currency", "dealstage", "closedate"),
    *("hubspot_owner_id", "createdate", "hs_lastmodifieddate", "hs_is_closed_won", "hs_is_closed"),
)
FIELDS = (
    "Id, Name, Amount, CurrencyIsoCode, StageName, CloseDate, Owner.Email, CreatedDate, SystemModstamp, IsWon, IsClosed"
)
Pairs = list[tuple[dict[str, Any], dict[str, Any]]]
CENT = Decimal("0.01")


def _hubspot(world: World) -> dict[str, dict[str, Any]]:
    with HubSpotSandbox(world) as running:
        api, after, found = Api(running.url), "", dict[str, dict[str, Any]]()
        while True:
            page = api.get(f"/crm/v3/objects/deals?limit=100&properties={','.join(PROPERTIES)}{after}").json
            found |= {row["id"]: row["properties"] for row in page["results"]}
            if "paging" not in page:
                api.close()
                return found
            after = f"&after={page['paging']['next']['after']}"


@pytest.fixture
def deals(world: World, org: SalesforceSandbox, sf: Salesforce) -> Pairs:
    """Each deal as HubSpot shows it, and as Salesforce does."""
    ids = {org.edits.id("Opportunity", Kind.DEAL, deal.id): str(deal.id) for deal in world.tables[Kind.DEAL].live}
    hubspot = _hubspot(world)
    return [(hubspot[ids[row["Id"]]], row) for row in sf.rows(f"SELECT {FIELDS} FROM Opportunity")]


def _second(text: str) -> str:
    return text.replace("+0000", "Z")[:19]


def test_deals_agree_field_by_field(world: World, deals: Pairs) -> None:
    owners = {str(owner.id): owner.email for owner in world.owners.values()}
    stages = {stage.id: stage.label for pipeline in world.pipelines for stage in pipeline.stages}
    assert len(deals) == 120
    for one, two in deals:
        assert one["dealname"] == two["Name"]
        amount = Decimal(one["amount"]).quantize(CENT) if one["amount"] else None
        assert amount == (None if two["Amount"] is None else Decimal(str(two["Amount"])).quantize(CENT))
        assert (one["deal_currency_code"] or "EUR") == two["CurrencyIsoCode"]
        assert stages[one["dealstage"]] == two["StageName"]
        local = datetime.fromisoformat(one["closedate"]).astimezone(world.account.zone)
        assert local.date().isoformat() == two["CloseDate"]
        assert owners.get(one["hubspot_owner_id"], "integration@example.com") == two["Owner"]["Email"]
        assert _second(one["createdate"]) == _second(two["CreatedDate"])
        assert _second(one["hs_lastmodifieddate"]) == _second(two["SystemModstamp"])
        assert (one["hs_is_closed_won"], one["hs_is_closed"]) == (
            str(two["IsWon"]).lower(),
            str(two["IsClosed"]).lower(),
        )


def test_amounts_agree_in_the_home_currency(deals: Pairs, sf: Salesforce) -> None:
    rates = {row["IsoCode"]: Decimal(str(row["ConversionRate"])) for row in
             sf.rows("SELECT IsoCode, ConversionRate FROM CurrencyType")}  # fmt: skip
    compared = 0
    for one, two in deals:
        if one["amount"]:
            home = Decimal(one["amount_in_home_currency"]).quantize(CENT)
            assert abs(home - Decimal(str(two["Amount"])) / rates[two["CurrencyIsoCode"]]) <= CENT
            compared += two["CurrencyIsoCode"] != "EUR"
    assert compared > 5


def test_a_single_currency_org_holds_the_home_amounts(world: World) -> None:
    hubspot = _hubspot(world)
    expected = sum(Decimal(row["amount_in_home_currency"] or 0) for row in hubspot.values())
    with SalesforceSandbox(world, features=Features(multi_currency=False)) as running:
        sf = Salesforce(running.url)
        total = sf.query("SELECT SUM(Amount) total FROM Opportunity").json["records"][0]["total"]
        sf.close()
    assert abs(Decimal(str(total)) - expected) < 1


def test_leads_agree_with_the_world(world: World, sf: Salesforce) -> None:
    rows = sf.rows("SELECT Id, Status, IsConverted, ConvertedOpportunityId, LeadSource FROM Lead")
    leads = list(world.tables[Kind.LEAD].live)
    labels = {stage.id: stage.label for pipe in world.pipelines_of(Kind.LEAD) for stage in pipe.stages}
    assert Counter(row["Status"] for row in rows) == Counter(labels[str(lead.fields["stage"])] for lead in leads)
    assert sum(row["IsConverted"] for row in rows) == sum("converted_at" in lead.fields for lead in leads) > 0
    assert set(sf.ids("SELECT Id FROM Opportunity")) >= {
        row["ConvertedOpportunityId"] for row in rows if row["ConvertedOpportunityId"]
    }
    moves = sf.query("SELECT COUNT() FROM LeadHistory WHERE Field = 'Status'").json["totalSize"]
    assert moves == sum(len(lead.changes("stage")) - 1 for lead in leads)


def test_what_nobody_owns_waits_in_a_queue_or_belongs_to_the_integration(world: World, sf: Salesforce) -> None:
    for sobject, kind in (("Lead", Kind.LEAD), ("Case", Kind.TICKET)):
        waiting = sf.rows(f"SELECT OwnerId, Owner.Name, Owner.Type FROM {sobject} WHERE Owner.Name = 'Unassigned'")
        assert len(waiting) == sum(not record.fields.get("owner") for record in world.tables[kind].live) > 0
        assert {(row["OwnerId"][:3], row["Owner"]["Type"]) for row in waiting} == {("00G", "Group")}
    unowned = sum(not deal.fields.get("owner") for deal in world.tables[Kind.DEAL].live)
    soql = "SELECT COUNT() FROM Opportunity WHERE Owner.Username = 'integration@example.com'"
    assert sf.query(soql).json["totalSize"] == unowned > 0


def test_every_type_and_field_of_describe_can_be_queried(reading: Salesforce) -> None:
    for entry in reading.get("/sobjects").json["sobjects"]:
        described = reading.get(f"/sobjects/{entry['name']}/describe").json
        names = ", ".join(field["name"] for field in described["fields"])
        page = reading.query(f"SELECT {names} FROM {entry['name']}")
        assert page.status == 200, (entry["name"], page.data)
        assert page.json["records"], f"{entry['name']} is empty"
        ids = [record["Id"] for record in page.json["records"]]
        assert len(set(ids)) == len(ids)
        assert ids[0].startswith(entry["keyPrefix"])


def test_a_folder_of_csv_files_is_an_org(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    with SalesforceSandbox(load(tmp_path, frozen=True)) as running:
        sf = Salesforce(running.url)
        rows = sf.rows(
            "SELECT Opportunity_Id__c, StageName, Amount, CloseDate, Account.Name, Owner.Name FROM Opportunity"
        )
        shown = {row["Opportunity_Id__c"]: row for row in rows}
        history = sf.rows("SELECT OpportunityId, StageName FROM OpportunityHistory")
        stages = sf.rows("SELECT MasterLabel, IsWon, IsClosed FROM OpportunityStage ORDER BY SortOrder")
        sf.close()
    assert (shown["A1"]["StageName"], shown["A1"]["Amount"], shown["A1"]["CloseDate"]) == ("Won", 4514.0, "2017-03-04")
    assert (shown["A3"]["Amount"], shown["A3"]["Account"]) == (None, None)
    assert shown["A4"]["CloseDate"] > "2017-05-06"
    assert shown["A2"]["Owner"]["Name"] == "Moses Frase"
    assert Counter(row["StageName"] for row in history) == {"Engaging": 3, "Won": 1, "Lost": 1, "Prospecting": 1}
    assert [(row["MasterLabel"], row["IsWon"], row["IsClosed"]) for row in stages] == [
        ("Prospecting", False, False),
        ("Engaging", False, False),
        ("Won", True, True),
        ("Lost", False, True),
    ]
