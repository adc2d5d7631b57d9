"""List, one and batch read keep HubSpot's rules and oddities."""

from typing import Any

import pytest

from dealmeter.sandbox.hubspot import HubSpotSandbox
from dealmeter.sandbox.record import Kind

from .api import Api

BOTH_STYLES = ("/crm/v3/objects/deals", "/crm/v3/objects/0-3", "/crm/objects/2026-03/deals", "/crm/objects/2026-09/0-3")


def _walk(api: Api, path: str) -> list[dict[str, Any]]:
    rows, after = [], ""
    while True:
        body = api.get(path + (f"&after={after}" if after else "")).json
        rows += body["results"]
        if "paging" not in body:
            return rows
        after = body["paging"]["next"]["after"]


@pytest.mark.parametrize("path", BOTH_STYLES)
def test_walking_the_list_gives_every_deal_once_in_order_of_id(api: Api, sandbox: HubSpotSandbox, path: str) -> None:
    ids = [int(row["id"]) for row in _walk(api, f"{path}?limit=7")]
    assert ids == sandbox.world.tables[Kind.DEAL].live.ids


def test_ten_records_come_unless_asked_otherwise(api: Api) -> None:
    assert len(api.get("/crm/v3/objects/deals").ids) == 10


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("limit=101", "You can only request at most 100 objects in one request."),
        ("limit=51&propertiesWithHistory=amount", "at most 50 objects in one request for properties with history"),
        ("limit=x", "limit"),
        ("after=x", "after"),
    ],
)
def test_a_page_that_is_too_large_is_refused(api: Api, query: str, words: str) -> None:
    reply = api.get(f"/crm/v3/objects/deals?{query}")
    assert (reply.status, reply.json["category"]) == (400, "VALIDATION_ERROR")
    assert words in reply.json["message"]
    assert reply.json["correlationId"]


def test_the_last_page_has_no_paging_and_the_link_names_another_host(api: Api) -> None:
    assert "paging" not in api.get("/crm/v3/objects/products?limit=100").json
    assert api.get("/crm/v3/objects/products?limit=1").json["paging"]["next"]["link"].startswith("https://api.hubspot")


def test_unknown_properties_are_left_out_and_empty_ones_are_null(api: Api, sandbox: HubSpotSandbox) -> None:
    id = sandbox.edits.create("deals", {"dealname": "Bare"})
    row = api.get(f"/crm/v3/objects/deals/{id}?properties=dealname,amount&properties=nonsense").json
    assert row["properties"] == {
        "amount": None,
        "createdate": "2026-11-21T12:00:00Z",
        "dealname": "Bare",
        "hs_lastmodifieddate": "2026-11-21T12:00:00Z",
        "hs_object_id": id,
    }
    assert row["createdAt"] == row["updatedAt"] == "2026-11-21T12:00:00Z"


def test_without_properties_the_default_ones_come(api: Api) -> None:
    deal = api.get("/crm/v3/objects/deals?limit=1").json["results"][0]
    assert set(deal["properties"]) == {
        *(
            "dealname",
            "amount",
            "closedate",
            "pipeline",
            "dealstage",
            "createdate",
            "hs_lastmodifieddate",
            "hs_object_id",
        )
    }
    contact = api.get("/crm/v3/objects/contacts?limit=1").json["results"][0]
    assert {"firstname", "lastname", "email", "lastmodifieddate"} <= set(contact["properties"])


def test_every_value_is_text_or_null(api: Api) -> None:
    for type in ("deals", "contacts", "companies", "line_items", "calls", "tasks"):
        names = [prop["name"] for prop in api.get(f"/crm/v3/properties/{type}").json["results"]]
        rows = api.post(
            f"/crm/v3/objects/{type}/batch/read",
            {"properties": names, "inputs": [{"id": id} for id in api.get(f"/crm/v3/objects/{type}?limit=100").ids]},
        ).json["results"]
        assert all(value is None or isinstance(value, str) for row in rows for value in row["properties"].values())
        assert all(set(row["properties"]) == set(names) for row in rows)


def test_malformed_amounts_can_be_written_and_formulas_give_up_quietly(api: Api, sandbox: HubSpotSandbox) -> None:
    id = sandbox.edits.create("deals", {"amount": "N/A", "dealstage": "closedwon", "closedate": "soon"})
    path = f"/crm/v3/objects/deals/{id}?properties=amount,amount_in_home_currency,closedate,hs_is_closed_won"
    shown = api.get(path).json["properties"]
    assert (shown["amount"], shown["amount_in_home_currency"], shown["closedate"]) == ("N/A", None, "soon")
    assert shown["hs_is_closed_won"] == "true"


def test_archived_records_are_only_in_the_archived_listing(api: Api, sandbox: HubSpotSandbox) -> None:
    id = str(sandbox.world.tables[Kind.DEAL].live.ids[3])
    sandbox.edits.archive("deals", id)
    assert api.get(f"/crm/v3/objects/deals/{id}").status == 404
    assert id not in [row["id"] for row in _walk(api, "/crm/v3/objects/deals?limit=100")]
    (row,) = api.get("/crm/v3/objects/deals?archived=True&limit=100").json["results"]
    assert (row["id"], row["archived"], row["archivedAt"]) == (id, True, "2026-11-21T12:00:00Z")
    assert api.get(f"/crm/v3/objects/deals/{id}?archived=true").status == 200
    read = api.post("/crm/v3/objects/deals/batch/read?archived=True", {"inputs": [{"id": id}]})
    assert read.ids == [id]
    sandbox.edits.restore("deals", id)
    assert api.get(f"/crm/v3/objects/deals/{id}").json["archived"] is False


def test_a_merge_makes_a_new_id_and_both_old_ids_lead_there(api: Api, sandbox: HubSpotSandbox) -> None:
    one, two = map(str, sandbox.world.tables[Kind.CONTACT].live.ids[:2])
    new = sandbox.edits.merge("contacts", one, two)
    assert new not in (one, two)
    row = api.get(f"/crm/v3/objects/contacts/{two}?properties=hs_merged_object_ids").json
    assert (row["id"], row["properties"]["hs_merged_object_ids"]) == (new, f"{one};{two}")
    read = api.post("/crm/v3/objects/contacts/batch/read", {"inputs": [{"id": one}, {"id": two}]})
    assert (read.status, read.ids) == (200, [new])
    for path in ("/crm/v3/objects/contacts?limit=100", "/crm/v3/objects/contacts?limit=100&archived=true"):
        assert not {one, two} & {row["id"] for row in _walk(api, path)}
    third = str(sandbox.world.tables[Kind.CONTACT].live.ids[0])
    newer = sandbox.edits.merge("contacts", new, third)
    assert api.get(f"/crm/v3/objects/contacts/{one}").json["id"] == newer


def test_a_merged_company_keeps_the_deals_of_both_and_stays_their_primary(api: Api, sandbox: HubSpotSandbox) -> None:
    links, companies = sandbox.world.links, sandbox.world.tables[Kind.COMPANY].live.ids
    one, two = [id for id in companies if links.of(Kind.COMPANY, id, Kind.DEAL)][:2]
    deals = {*links.of(Kind.COMPANY, one, Kind.DEAL), *links.of(Kind.COMPANY, two, Kind.DEAL)}
    owned = {deal for deal in deals if links.primary(Kind.DEAL, deal, Kind.COMPANY) in (one, two)}
    new = int(sandbox.edits.merge("companies", one, two))
    assert set(links.of(Kind.COMPANY, new, Kind.DEAL)) == deals
    assert {deal for deal in deals if links.primary(Kind.DEAL, deal, Kind.COMPANY) == new} == owned


def test_a_purged_record_is_nowhere(api: Api, sandbox: HubSpotSandbox) -> None:
    id = str(sandbox.world.tables[Kind.CONTACT].live.ids[5])
    sandbox.edits.purge("contacts", id)
    read = api.post("/crm/v3/objects/contacts/batch/read", {"inputs": [{"id": id}]})
    assert (read.status, read.json["errors"][0]["category"]) == (207, "OBJECT_NOT_FOUND")
    assert api.get("/crm/v3/objects/contacts?archived=true").ids == []


def test_batch_read_shuffles_collapses_and_reports_what_is_missing(api: Api) -> None:
    ids = api.get("/crm/v3/objects/deals?limit=30").ids
    body = {"inputs": [{"id": id} for id in (*ids, ids[0], "77", "x")], "properties": ["amount"]}
    reply = api.post("/crm/v3/objects/deals/batch/read", body)
    assert reply.status == 207
    assert reply.ids != ids
    assert sorted(reply.ids) == sorted(ids)
    assert reply.json["numErrors"] == 1
    assert reply.json["errors"][0]["context"] == {"ids": ["77", "x"]}
    assert "DEAL" in reply.json["errors"][0]["message"]


def test_from_2026_09_on_a_batch_with_errors_is_a_plain_200(api: Api) -> None:
    for version, status in (("2026-03", 207), ("2026-09", 200)):
        reply = api.post(f"/crm/objects/{version}/deals/batch/read", {"inputs": [{"id": "77"}]})
        assert (reply.status, reply.json["numErrors"]) == (status, 1)


def test_batches_are_capped_at_100_and_at_50_with_history(api: Api) -> None:
    many: dict[str, Any] = {"inputs": [{"id": str(id)} for id in range(101)]}
    assert api.post("/crm/v3/objects/deals/batch/read", many).status == 400
    some = {"inputs": many["inputs"][:51], "propertiesWithHistory": ["amount"]}
    reply = api.post("/crm/v3/objects/deals/batch/read", some)
    assert "property histories is 50" in reply.json["message"]
    assert api.post("/crm/v3/objects/deals/batch/read", {"inputs": []}).status == 400


def test_history_runs_newest_first_shows_cleared_values_and_forgets_the_oldest(
    api: Api, sandbox: HubSpotSandbox
) -> None:
    id = sandbox.edits.create("deals", {"amount": "1"})
    for amount in [str(number) for number in range(2, 30)] + [""]:
        sandbox.edits.update("deals", id, {"amount": amount})
    path = f"/crm/v3/objects/deals/{id}?propertiesWithHistory=amount,dealname"
    past = api.get(path).json["propertiesWithHistory"]
    assert [entry["value"] for entry in past["amount"]][:2] == ["", "29"]
    assert len(past["amount"]) == 20
    assert past["dealname"] == []
    assert {"value", "timestamp", "sourceType"} <= set(past["amount"][0])


def test_stage_dates_follow_the_history(api: Api, sandbox: HubSpotSandbox) -> None:
    id = sandbox.edits.create("deals", {"pipeline": "default", "dealstage": "qualifiedtobuy"})
    sandbox.world.clock.set(sandbox.world.clock.now().replace(hour=13))
    sandbox.edits.update("deals", id, {"dealstage": "closedwon"})
    names = "hs_v2_date_entered_closedwon,hs_v2_date_exited_qualifiedtobuy,hs_v2_cumulative_time_in_qualifiedtobuy"
    shown = api.get(f"/crm/v3/objects/deals/{id}?properties={names}").json["properties"]
    assert shown["hs_v2_date_entered_closedwon"] == shown["hs_v2_date_exited_qualifiedtobuy"] == "2026-11-21T13:00:00Z"
    assert shown["hs_v2_cumulative_time_in_qualifiedtobuy"] == "3600000"


def test_recalculated_scores_change_without_a_modified_stamp(api: Api, sandbox: HubSpotSandbox) -> None:
    id = str(sandbox.world.tables[Kind.DEAL].live.ids[0])
    path = f"/crm/v3/objects/deals/{id}?properties=hs_deal_score,hs_predicted_amount"
    before = api.get(path).json
    sandbox.edits.recalculate([id], seed=99)
    after = api.get(path).json
    assert before["updatedAt"] == after["updatedAt"]
    assert before["properties"]["hs_predicted_amount"] != after["properties"]["hs_predicted_amount"]


def test_a_property_can_be_added_change_its_type_and_go(api: Api, sandbox: HubSpotSandbox) -> None:
    id = sandbox.edits.create("deals", {"sales_region": "North", "amount": "5"})
    path = f"/crm/v3/objects/deals/{id}?properties=sales_region,amount"
    assert "sales_region" not in api.get(path).json["properties"]
    api.control("property", {"name": "sales_region"})
    assert api.get(path).json["properties"]["sales_region"] == "North"
    api.control("property", {"name": "amount", "value_type": "string"})
    assert api.get("/crm/v3/properties/deals/amount").json["type"] == "string"
    api.control("remove_property", {"name": "amount"})
    assert "amount" not in api.get(path).json["properties"]


def test_what_hubspot_does_not_serve_is_a_404_in_its_own_shape(api: Api) -> None:
    for path in ("/crm/v3/objects/services", "/crm/v3/pipelines/companies", "/nowhere", "/crm/objects/2025-01/deals"):
        reply = api.get(path)
        assert (reply.status, reply.json["status"]) == (404, "error")
        assert reply.headers["Content-Type"] == "application/json;charset=utf-8"
