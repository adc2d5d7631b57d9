"""A folder of CSV files is served as an account; its mistakes are named."""

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from dealmeter.sandbox.dataset import DatasetError, load
from dealmeter.sandbox.hubspot import HubSpotSandbox
from dealmeter.sandbox.record import Kind
from tests.dataset import dataset

from .api import Api

FILES = {
    "sales_pipeline.csv": (
        "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value\n"
        "A1,Moses Frase,GTXPro,Cancity,Won,2017-01-02,2017-03-04,4514\n"
        "A2,Moses Frase,GTX Pro,Isdom,Lost,2017-01-03,2017-02-04,0\n"
        "A3,Anna Snelling,MG Special,,Engaging,2017-05-06,,\n"
        "A4,Anna Snelling,MG Special,Isdom,Prospecting,,,\n"
    ),
    "accounts.csv": (
        "account,sector,year_established,revenue,employees,office_location,subsidiary_of\n"
        "Cancity,retail,2001,718.62,2448,United States,\n"
        "Isdom,medical,2002,3178.24,4540,Kenya,Cancity\n"
    ),
    "products.csv": "product,series,sales_price\nGTX Pro,GTX,4821\nMG Special,MG,55\n",
    "sales_teams.csv": (
        "sales_agent,manager,regional_office\nAnna Snelling,Dustin B,Central\nMoses Frase,Dustin B,West\n"
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def _break(folder: Path, name: str, old: str, new: str) -> None:
    text = FILES[name].replace(old, new)
    assert text != FILES[name]
    (folder / name).write_text(text, encoding="utf-8")


def test_deals_have_stage_amount_dates_and_their_own_id(folder: Path) -> None:
    with HubSpotSandbox(load(folder, frozen=True)) as sandbox:
        api = Api(sandbox.url)
        names = "opportunity_id,amount,dealstage,closedate,createdate,hs_is_closed_won,hs_v2_date_entered_closedwon"
        rows = api.get(f"/crm/v3/objects/deals?limit=100&properties={names}").json["results"]
        shown = {row["properties"]["opportunity_id"]: row["properties"] for row in rows}
        assert shown["A1"]["closedate"] == shown["A1"]["hs_v2_date_entered_closedwon"] == "2017-03-04T12:00:00Z"
        assert (shown["A1"]["amount"], shown["A1"]["hs_is_closed_won"]) == ("4514", "true")
        assert (shown["A3"]["amount"], shown["A3"]["closedate"]) == ("", None)
        assert shown["A4"]["createdate"].startswith("2017-05-06")
        assert api.get("/account-info/v3/details").json["timeZone"] == "UTC"
        assert api.get("/account-info/v3/details").headers["Date"] == "Sun, 21 May 2017 12:00:00 GMT"
        api.close()


def test_products_are_found_whatever_the_spaces_and_parents_by_name(folder: Path) -> None:
    world = load(folder, frozen=True)
    lines = list(world.tables[Kind.LINE_ITEM].live)
    assert [line.fields["name"] for line in lines][:2] == ["GTX Pro", "GTX Pro"]
    assert lines[0].fields["price"] == "4514"
    cancity, isdom = world.tables[Kind.COMPANY].live
    assert isdom.fields["parent"] == str(cancity.id)
    owners = {owner.last_name: owner for owner in world.owners.values()}
    assert (owners["Frase"].email, owners["Frase"].manager) == ("moses.frase@example.com", "Dustin B")
    assert owners["Snelling"].team is not None
    assert owners["Snelling"].team.name == "Central"


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("sales_pipeline.csv", "close_value", "value", "close_value"),
        ("sales_pipeline.csv", "2017-03-04", "4 March", "line 2, column close_date"),
        ("sales_pipeline.csv", "Won", "Victory", "column deal_stage: 'Victory'"),
        ("sales_pipeline.csv", "4514", "lots", "column close_value"),
        ("products.csv", "4821", "dear", "column sales_price"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_column(folder: Path, name: str, old: str, new: str, words: str) -> None:
    _break(folder, name, old, new)
    with pytest.raises(DatasetError) as problem:
        load(folder)
    assert name in str(problem.value)
    assert words in str(problem.value)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "products.csv").unlink()
    with pytest.raises(DatasetError, match=r"products\.csv"):
        load(folder)


def test_the_public_data_set_keeps_its_known_sums() -> None:
    deals = list(load(dataset()).tables[Kind.DEAL].live)
    stages = Counter(deal.fields["stage"] for deal in deals)
    won = [Decimal(str(deal.fields["amount"])) for deal in deals if deal.fields["stage"] == "closedwon"]
    assert stages == {"closedwon": 4238, "closedlost": 2473, "engaging": 1589, "prospecting": 500}
    assert sum(won) == 10_005_534
