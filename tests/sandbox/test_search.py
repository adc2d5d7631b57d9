"""Search sees a lagging index, and stops at its walls."""

from datetime import timedelta
from typing import Any

import pytest

from dealmeter.sandbox.clock import Clock
from dealmeter.sandbox.generate import generate
from dealmeter.sandbox.hubspot import HubSpotSandbox
from dealmeter.sandbox.record import Kind, Record
from dealmeter.sandbox.world import World

from .api import Api, after_id, modified_since
from .conftest import NOW

MINUTE = timedelta(minutes=1)


def _deals(sandbox: HubSpotSandbox) -> list[Record]:
    return list(sandbox.world.tables[Kind.DEAL].live)


def _found(api: Api, *filters: dict[str, Any]) -> set[str]:
    reply = api.search({"filterGroups": [{"filters": list(filters)}], "limit": 200})
    assert reply.status == 200, reply.data
    return set(reply.ids)


def test_an_empty_search_finds_everything_oldest_first(api: Api, sandbox: HubSpotSandbox) -> None:
    reply = api.search({"limit": 200})
    oldest_first = sorted(_deals(sandbox), key=lambda deal: deal.created)
    assert reply.json["total"] == 120
    assert reply.ids == [str(deal.id) for deal in oldest_first]
    assert "paging" not in reply.json
    assert not [name for name in reply.headers if "ratelimit" in name.lower()]


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ({"propertyName": "dealstage", "operator": "EQ", "value": "closedwon"}, lambda d: d["stage"] == "closedwon"),
        (
            {"propertyName": "dealstage", "operator": "IN", "values": ["closedwon", "closedlost"]},
            lambda d: d["stage"] in ("closedwon", "closedlost"),
        ),
        (
            {"propertyName": "dealstage", "operator": "NOT_IN", "values": ["closedwon", "closedlost"]},
            lambda d: d["stage"] not in ("closedwon", "closedlost"),
        ),
        ({"propertyName": "dealstage", "operator": "NEQ", "value": "closedwon"}, lambda d: d["stage"] != "closedwon"),
        (
            {"propertyName": "amount", "operator": "GTE", "value": "10000"},
            lambda d: float(d.get("amount", -1)) >= 10000,
        ),
        (
            {"propertyName": "amount", "operator": "BETWEEN", "value": "1000", "highValue": "5000"},
            lambda d: 1000 <= float(d.get("amount", -1)) <= 5000,
        ),
        ({"propertyName": "amount", "operator": "NOT_HAS_PROPERTY"}, lambda d: "amount" not in d),
        ({"propertyName": "hubspot_owner_id", "operator": "HAS_PROPERTY"}, lambda d: "owner" in d),
        (
            {"propertyName": "dealname", "operator": "CONTAINS_TOKEN", "value": "TEKLIF*"},
            lambda d: "Teklif" in d["name"],
        ),
        (
            {"propertyName": "closedate", "operator": "LT", "value": "2026-01-01"},
            lambda d: d["close_at"] < 1767225600000,
        ),
        ({"propertyName": "hs_is_closed_won", "operator": "EQ", "value": "TRUE"}, None),
    ],
)
def test_operators_choose_what_they_say(
    api: Api, sandbox: HubSpotSandbox, filter: dict[str, Any], expected: Any
) -> None:
    rule = expected or (lambda fields: fields["stage"] in ("closedwon", "7311208"))
    wanted = {str(deal.id) for deal in _deals(sandbox) if rule(deal.fields)}
    assert wanted
    assert _found(api, filter) == wanted


def test_groups_are_alternatives_and_filters_conditions(api: Api, sandbox: HubSpotSandbox) -> None:
    won = {"propertyName": "dealstage", "operator": "EQ", "value": "closedwon"}
    large = {"propertyName": "amount", "operator": "GT", "value": "20000"}
    both = _found(api, won, large)
    either = set(api.search({"filterGroups": [{"filters": [won]}, {"filters": [large]}], "limit": 200}).ids)
    assert both == _found(api, won) & _found(api, large)
    assert either == _found(api, won) | _found(api, large)


def test_records_are_found_by_what_they_are_linked_to(api: Api, sandbox: HubSpotSandbox) -> None:
    company = next(iter(sandbox.world.links._ends[(Kind.COMPANY, Kind.DEAL)]))
    linked = sandbox.world.links.of(Kind.COMPANY, company, Kind.DEAL)
    found = _found(api, {"propertyName": "associations.company", "operator": "EQ", "value": str(company)})
    assert found == {str(id) for id in linked}


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201},
        {"limit": 0},
        {"limit": 200, "after": "9801"},
        {"after": "abc"},
        {"query": "x" * 3001},
        {"sorts": ["amount", "dealname"]},
        {"sorts": ["nonsense"]},
        {"filterGroups": [{"filters": []}] * 6},
        {"filterGroups": [{"filters": [{"propertyName": "amount", "operator": "HAS_PROPERTY"}] * 7}]},
        {"filterGroups": [{"filters": [{"propertyName": "amount", "operator": "HAS_PROPERTY"}] * 5}] * 4},
        {"filterGroups": [{"filters": [{"propertyName": "nonsense", "operator": "EQ", "value": "1"}]}]},
        {"filterGroups": [{"filters": [{"propertyName": "amount", "operator": "LIKE", "value": "1"}]}]},
        {"filterGroups": [{"filters": [{"propertyName": "amount", "operator": "GT", "value": "much"}]}]},
    ],
)
def test_what_search_refuses(api: Api, body: dict[str, Any]) -> None:
    reply = api.search(body)
    assert (reply.status, reply.json["category"]) == (400, "VALIDATION_ERROR")


def test_offsets_page_through_results_without_a_link(api: Api) -> None:
    first = api.search({"limit": 50}).json
    assert first["paging"] == {"next": {"after": "50"}}
    seen = [row["id"] for row in first["results"]]
    for after in ("50", "100"):
        seen += api.search({"limit": 50, "after": after}).ids
    assert len(set(seen)) == 120


def test_sorting_by_amount_puts_the_empty_ones_last(api: Api) -> None:
    rows = api.search({"limit": 200, "sorts": [{"propertyName": "amount", "direction": "DESCENDING"}]}).json["results"]
    amounts = [row["properties"]["amount"] for row in rows]
    known = [float(amount) for amount in amounts if amount]
    assert known == sorted(known, reverse=True)
    assert all(amount is None for amount in amounts[len(known) :])


def test_until_the_lag_has_passed_the_old_version_is_found_under_its_old_values(world: World) -> None:
    with HubSpotSandbox(world, search_lag=MINUTE) as sandbox:
        api = Api(sandbox.url)
        id = str(_deals(sandbox)[0].id)
        old_name = str(_deals(sandbox)[0].fields["name"])
        world.clock.advance(timedelta(hours=1))
        sandbox.edits.update("deals", id, {"dealname": "Changed"})
        new = sandbox.edits.create("deals", {"dealname": "New"})
        since = world.clock.ms()
        assert api.search(modified_since(since)).ids == []
        by_id = {"filterGroups": [{"filters": [{"propertyName": "hs_object_id", "operator": "EQ", "value": id}]}]}
        (row,) = api.search(by_id).json["results"]
        assert row["properties"]["dealname"] == old_name
        assert api.get(f"/crm/v3/objects/deals/{id}").json["properties"]["dealname"] == "Changed"
        world.clock.advance(MINUTE)
        assert set(api.search(modified_since(since)).ids) == {id, new}
        assert api.search(by_id).json["results"][0]["properties"]["dealname"] == "Changed"
        api.close()


def test_archived_records_are_never_found_whatever_the_lag(world: World) -> None:
    with HubSpotSandbox(world, search_lag=MINUTE) as sandbox:
        api = Api(sandbox.url)
        id = str(_deals(sandbox)[0].id)
        sandbox.edits.update("deals", id, {"amount": "1"})
        sandbox.edits.archive("deals", id)
        assert id not in api.search({"limit": 200}).ids
        world.clock.advance(MINUTE * 2)
        assert id not in api.search({"limit": 200}).ids
        api.close()


def test_more_ties_than_a_search_window_hit_the_wall_but_not_the_walk_by_id() -> None:
    world = generate(5, 25_000, contacts=10, activities_per_deal=0, now=NOW, frozen=True)
    world.clock.advance(timedelta(hours=1))
    with HubSpotSandbox(world) as sandbox:
        api = Api(sandbox.url)
        api.control("bulk", {"count": 25_000, "properties": {"hs_next_step": "Imported"}})
        body = {**modified_since(world.clock.ms()), "properties": ["hs_object_id"]}
        assert api.search({**body, "limit": 1}).json["total"] == 25_000
        assert api.search({**body, "after": "9800"}).json["paging"]["next"]["after"] == "10000"
        assert api.search({**body, "after": "10000"}).status == 400
        seen, last = [], "0"
        while True:
            reply = api.search(
                {**modified_since(world.clock.ms(), after_id(last)), "properties": ["hs_object_id"], "limit": 200}
            )
            seen += reply.ids
            if "paging" not in reply.json:
                break
            last = seen[-1]
        assert seen == [str(id) for id in world.tables[Kind.DEAL].live.ids]
        api.close()


def test_text_is_searched_in_the_default_properties(api: Api, sandbox: HubSpotSandbox) -> None:
    id = sandbox.edits.create("deals", {"dealname": "Zanzibar shipment"})
    assert api.search({"query": "zanzibar"}).ids == [id]


def test_history_and_associations_never_come_with_search(api: Api) -> None:
    row = api.search({"limit": 1, "propertiesWithHistory": ["amount"], "associations": ["companies"]}).json["results"][
        0
    ]
    assert not {"propertiesWithHistory", "associations"} & set(row)


def test_a_clock_that_runs_ripens_the_index_by_itself() -> None:
    real = [0.0]
    world = generate(3, 10, now=NOW, frozen=True)
    world.clock = Clock(NOW, frozen=False, monotonic=lambda: real[0])
    with HubSpotSandbox(world, search_lag=MINUTE) as sandbox:
        api = Api(sandbox.url)
        id = sandbox.edits.create("deals", {"dealname": "New"})
        assert id not in api.search({"limit": 200}).ids
        real[0] = 61.0
        assert id in api.search({"limit": 200}).ids
        api.close()
