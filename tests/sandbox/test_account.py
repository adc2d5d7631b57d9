"""What the account says about itself, and who may ask."""

import pytest

from dealmeter.sandbox.hubspot import HubSpotSandbox

from .api import Api


@pytest.mark.parametrize("path", ["/account-info/v3/details", "/account-info/2026-09/details"])
def test_the_account_has_an_id_a_zone_and_a_currency(api: Api, path: str) -> None:
    account = api.get(path).json
    assert account["portalId"] == 4815162
    assert (account["timeZone"], account["utcOffset"]) == ("Europe/Istanbul", "+03:00")
    assert (account["companyCurrency"], account["additionalCurrencies"]) == ("EUR", ["USD", "TRY"])


def test_owners_who_left_are_listed_apart_without_a_user_id(api: Api) -> None:
    here = api.get("/crm/v3/owners").json["results"]
    gone = api.get("/crm/owners/2026-03?archived=true").json["results"]
    assert (len(here), len(gone)) == (6, 2)
    assert all(owner["userId"] is None and owner["userIdIncludingInactive"] for owner in gone)
    assert any("teams" not in owner for owner in here)


def test_owners_come_in_pages(api: Api) -> None:
    first = api.get("/crm/v3/owners/?limit=4").json
    rest = api.get(f"/crm/v3/owners/?limit=4&after={first['paging']['next']['after']}").json
    assert len({owner["id"] for owner in first["results"] + rest["results"]}) == 6
    assert "paging" not in rest


def test_stage_metadata_is_text_and_deleted_stages_are_not_listed(api: Api) -> None:
    sales, renewals = api.get("/crm/pipelines/2026-09/0-3").json["results"]
    won = next(stage for stage in sales["stages"] if stage["id"] == "closedwon")
    assert won["metadata"] == {"isClosed": "true", "probability": "1.0"}
    assert "7311210" not in [stage["id"] for stage in renewals["stages"]]


def test_properties_tell_types_options_and_what_is_calculated(api: Api) -> None:
    known = {prop["name"]: prop for prop in api.get("/crm/v3/properties/deals").json["results"]}
    assert known["amount"]["type"] == "number"
    assert known["hs_deal_score"]["calculated"] is True
    assert known["hubspot_owner_id"]["referencedObjectType"] == "OWNER"
    assert "closedwon" in [option["value"] for option in known["dealstage"]["options"]]
    assert known["hs_v2_date_entered_closedwon"]["type"] == "datetime"


def test_usage_counts_records_and_calls(api: Api) -> None:
    rows = api.get("/crm/limits/2026-03/records").json["hubspotDefinedObjectTypes"]
    assert next(row for row in rows if row["objectTypeId"] == "0-3")["usage"] == 120
    (usage,) = api.get("/account-info/2026-03/api-usage/daily/private-apps").json["results"]
    assert usage["currentUsage"] == 2
    assert usage["resetsAt"] == "2026-11-21T21:00:00Z"


def test_call_outcomes_are_a_bare_list(api: Api) -> None:
    assert "f240bbac-87c9-4f6e-bf70-924b57d47db7" in [row["id"] for row in api.get("/calling/v1/dispositions").json]


def test_an_unknown_token_and_an_expired_one_are_told_apart(api: Api, sandbox: HubSpotSandbox) -> None:
    reply = api.get("/crm/v3/owners", Authorization="Bearer nobody")
    assert (reply.status, reply.json["category"]) == (401, "INVALID_AUTHENTICATION")
    sandbox.expire_token()
    reply = api.get("/crm/v3/owners")
    assert (reply.status, reply.json["category"]) == (401, "EXPIRED_AUTHENTICATION")
    assert reply.json["context"]["expire time"] == ["2026-11-21T11:55:00Z"]
    sandbox.set_scopes(None)
    assert api.get("/crm/v3/owners").status == 200


def test_a_missing_scope_is_named(api: Api, sandbox: HubSpotSandbox) -> None:
    sandbox.set_scopes(["crm.objects.deals.read", "crm.objects.contacts.read"])
    assert api.get("/crm/v3/objects/deals").status == 200
    assert api.get("/crm/v3/objects/calls").status == 200
    for path, scope in (
        ("/crm/v3/objects/companies", "crm.objects.companies.read"),
        ("/crm/v3/objects/emails", "sales-email-read"),
        ("/crm/v3/owners", "crm.objects.owners.read"),
        ("/crm/v3/properties/companies", "crm.objects.companies.read"),
    ):
        reply = api.get(path)
        assert (reply.status, reply.json["category"]) == (403, "MISSING_SCOPES")
        assert scope in reply.json["errors"][0]["context"]["requiredGranularScopes"]
    assert api.post("/crm/v4/associations/deals/companies/batch/read", {"inputs": [{"id": "1"}]}).status == 403


def test_every_answer_has_the_time_of_the_world_and_a_correlation_id(api: Api) -> None:
    reply = api.get("/crm/v3/owners")
    assert reply.headers["Date"] == "Sat, 21 Nov 2026 12:00:00 GMT"
    assert reply.headers["X-HubSpot-Correlation-Id"]


def test_answers_are_compressed_only_when_asked(api: Api) -> None:
    assert "Content-Encoding" not in api.get("/crm/v3/objects/deals?limit=100").headers
    packed = api.get("/crm/v3/objects/deals?limit=100", **{"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.ids) == 100
