"""Associations come in pairs, in pages, and as errors when there are none."""

from typing import Any

import pytest

from dealmeter.sandbox.hubspot import HubSpotSandbox
from dealmeter.sandbox.record import Kind
from dealmeter.sandbox.world import World

from .api import Api

V4 = "/crm/v4/associations/deals/companies/batch/read"


def _with_company(world: World) -> tuple[int, int]:
    for deal in world.tables[Kind.DEAL].live.ids:
        company = world.links.primary(Kind.DEAL, deal, Kind.COMPANY)
        if company:
            return deal, company
    raise AssertionError("no deal has a primary company")


def test_a_primary_link_comes_twice_inline_and_line_items_have_a_space(api: Api, sandbox: HubSpotSandbox) -> None:
    deal, company = _with_company(sandbox.world)
    product = sandbox.edits.create("line_items", {"name": "x"})
    sandbox.edits.associate("deals", deal, "line_items", product)
    links = api.get(f"/crm/v3/objects/deals/{deal}?associations=companies,line_items").json["associations"]
    rows = [row for row in links["companies"]["results"] if row["id"] == str(company)]
    assert [row["type"] for row in rows] == ["deal_to_company", "deal_to_company_unlabeled"]
    assert product in [row["id"] for row in links["line items"]["results"]]


def test_inline_links_stop_at_a_hundred_and_the_rest_is_fetched_one_record_at_a_time(
    api: Api, sandbox: HubSpotSandbox
) -> None:
    deal = sandbox.edits.create("deals", {"dealname": "Big"})
    for number in range(130):
        sandbox.edits.associate("deals", deal, "contacts", sandbox.edits.create("contacts", {"email": f"p{number}@x"}))
    path = f"/crm/v3/objects/deals/{deal}?associations=contacts"
    inline = api.get(path).json["associations"]["contacts"]
    assert len(inline["results"]) == 100
    after = inline["paging"]["next"]["after"]
    rest = api.get(f"/crm/v4/objects/deals/{deal}/associations/contacts?after={after}").json["results"]
    assert len({row["id"] for row in inline["results"]} | {str(row["toObjectId"]) for row in rest}) == 130


@pytest.mark.parametrize("path", [V4, "/crm/associations/2026-03/0-3/0-2/batch/read"])
def test_a_record_without_links_is_an_error_entry(api: Api, sandbox: HubSpotSandbox, path: str) -> None:
    deal, company = _with_company(sandbox.world)
    lonely = sandbox.edits.create("deals", {"dealname": "Lonely"})
    reply = api.post(path, {"inputs": [{"id": str(deal)}, {"id": lonely}]})
    assert reply.status == 207
    (row,), (error,) = reply.json["results"], reply.json["errors"]
    assert row["from"] == {"id": str(deal)}
    assert row["to"][0]["toObjectId"] == company
    assert [kind["typeId"] for kind in row["to"][0]["associationTypes"]] == [5, 341]
    assert error["subCategory"] == "crm.associations.NO_ASSOCIATIONS_FOUND"
    assert error["context"]["fromObjectId"] == [lonely]


def test_batches_take_a_thousand_and_one_bad_id_spoils_them(api: Api) -> None:
    many: list[dict[str, Any]] = [{"id": str(id)} for id in range(1001)]
    assert api.post(V4, {"inputs": many}).status == 400
    assert api.post(V4, {"inputs": many[:1000]}).status == 207
    assert api.post(V4, {"inputs": [{"id": "1"}, {"id": "one"}]}).status == 400


def test_each_input_of_a_batch_has_its_own_pages(world: World) -> None:
    with HubSpotSandbox(world, association_page=2) as sandbox:
        api = Api(sandbox.url)
        deal = sandbox.edits.create("deals", {"dealname": "Shared"})
        companies = world.tables[Kind.COMPANY].live.ids[:5]
        for company in companies:
            sandbox.edits.associate("deals", deal, "companies", company)
        seen: list[int] = []
        after: dict[str, str] = {}
        while True:
            (row,) = api.post(V4, {"inputs": [{"id": deal, **after}]}).json["results"]
            seen += [link["toObjectId"] for link in row["to"]]
            if "paging" not in row:
                break
            after = {"after": row["paging"]["next"]["after"]}
        assert seen == companies
        api.close()


def test_links_change_without_touching_the_modified_stamp(api: Api, sandbox: HubSpotSandbox) -> None:
    deal, company = _with_company(sandbox.world)
    path = f"/crm/v3/objects/deals/{deal}?properties=hs_primary_associated_company"
    before = api.get(path).json
    sandbox.edits.dissociate("deals", deal, "companies", company)
    after = api.get(path).json
    assert before["updatedAt"] == after["updatedAt"]
    assert before["properties"]["hs_primary_associated_company"] == str(company)
    assert after["properties"]["hs_primary_associated_company"] is None


def test_archived_records_are_linked_to_nobody(api: Api, sandbox: HubSpotSandbox) -> None:
    deal, company = _with_company(sandbox.world)
    sandbox.edits.archive("companies", company)
    rows = api.get(f"/crm/v4/objects/deals/{deal}/associations/companies").json["results"]
    assert company not in [row["toObjectId"] for row in rows]
