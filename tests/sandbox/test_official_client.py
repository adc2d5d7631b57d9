"""The official client's own models can read every answer."""

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import pytest

from dealmeter.sandbox.hubspot import HubSpotSandbox

TYPES = (
    *("deals", "contacts", "companies", "products", "line_items", "calls", "meetings", "emails", "tasks"),
    *("notes", "communications", "0-3", "0-1"),
    *("leads", "tickets", "feedback_submissions", "goal_targets", "orders", "subscriptions", "deal_splits"),
)
vendor: Any = import_module("hubspot")  # its own annotations do not pass a strict check


@pytest.fixture
def client(sandbox: HubSpotSandbox) -> Iterator[Any]:
    made: list[Any] = []

    def track(api: Any) -> Any:
        made.append(api)
        return api

    connected = vendor.HubSpot(access_token="sandbox-token", host=sandbox.url, base_url=sandbox.url)
    yield lambda pick: track(pick(connected))
    for api in made:
        api.api_client.rest_client.pool_manager.clear()
        api.api_client.close()


@pytest.mark.parametrize("type", TYPES)
def test_list_one_batch_and_search_of_every_type(client: Any, type: str) -> None:
    basic, batch = client(lambda c: c.crm.objects.basic_api), client(lambda c: c.crm.objects.batch_api)
    page = basic.get_page(type, limit=5, properties=["hs_object_id", "hubspot_owner_id"])
    assert page.results
    first = page.results[0]
    assert isinstance(first.created_at, datetime)
    assert basic.get_by_id(type, first.id).id == first.id
    read = batch.read(type, {"properties": [], "inputs": [{"id": first.id}]})
    assert [record.id for record in read.results] == [first.id]
    found = client(lambda c: c.crm.objects.search_api).do_search(type, {"limit": 3})
    assert found.total >= len(found.results) > 0


def test_a_batch_with_unknown_ids_is_read_with_its_errors(client: Any) -> None:
    deals = client(lambda c: c.crm.deals.batch_api)
    id = client(lambda c: c.crm.deals.basic_api).get_page(limit=1).results[0].id
    request = {
        "properties": ["amount"],
        "propertiesWithHistory": ["dealstage"],
        "inputs": [{"id": id}, {"id": "4"}],
    }
    read = deals.read(request)
    assert read.num_errors == 1
    assert read.errors[0].context == {"ids": ["4"]}
    assert read.results[0].properties_with_history["dealstage"][0].timestamp.tzinfo is not None


def test_inline_associations_and_history_are_read(client: Any) -> None:
    page = client(lambda c: c.crm.deals.basic_api).get_page(
        limit=50, associations=["companies", "line_items"], properties_with_history=["dealstage", "amount"]
    )
    links = [record.associations for record in page.results if record.associations]
    assert {"companies", "line items"} <= {key for link in links for key in link}


OWN_APIS = {
    "leads": lambda c: c.crm.objects.leads,
    "tickets": lambda c: c.crm.tickets,
    "feedback_submissions": lambda c: c.crm.objects.feedback_submissions,
    "goal_targets": lambda c: c.crm.objects.goals,
    "notes": lambda c: c.crm.objects.notes,
    "communications": lambda c: c.crm.objects.communications,
}


@pytest.mark.parametrize("type", OWN_APIS)
def test_types_with_an_api_of_their_own_are_read_by_it(client: Any, type: str) -> None:
    page = client(lambda c: OWN_APIS[type](c).basic_api).get_page(limit=5)
    assert page.results
    first = page.results[0]
    read = client(lambda c: OWN_APIS[type](c).batch_api).read({"properties": [], "inputs": [{"id": first.id}]})
    assert [record.id for record in read.results] == [first.id]
    assert client(lambda c: OWN_APIS[type](c).search_api).do_search({"limit": 3}).total >= 3


def test_pipelines_of_leads_tickets_and_orders_are_read(client: Any) -> None:
    read = client(lambda c: c.crm.pipelines.pipelines_api).get_all
    assert [stage.metadata["leadState"] for stage in read("leads").results[0].stages][-1] == "UNQUALIFIED"
    assert {stage.metadata["ticketState"] for stage in read("tickets").results[0].stages} == {"OPEN", "CLOSED"}
    assert len(read("orders").results[0].stages) == 5


def test_owners_pipelines_and_properties_are_read(client: Any, sandbox: HubSpotSandbox) -> None:
    owners = client(lambda c: c.crm.owners.owners_api)
    assert len(owners.get_page(limit=500).results) + len(owners.get_page(archived=True).results) == 8
    pipelines = client(lambda c: c.crm.pipelines.pipelines_api).get_all("deals")
    assert [pipeline.id for pipeline in pipelines.results] == ["default", "7311204"]
    assert pipelines.results[0].created_at == datetime(1970, 1, 1, tzinfo=UTC)
    for type in TYPES:
        known = client(lambda c: c.crm.properties.core_api).get_all(type).results
        assert "hs_object_id" in [prop.name for prop in known]


def test_associations_in_batches_and_their_labels_are_read(client: Any) -> None:
    deals = client(lambda c: c.crm.deals.basic_api).get_page(limit=100).results
    batch = client(lambda c: c.crm.associations.v4.batch_api)
    request = {"inputs": [{"id": deal.id} for deal in deals]}
    read = batch.get_page("deals", "companies", request)
    assert read.results[0].to[0].association_types
    assert {error.sub_category for error in read.errors} == {"crm.associations.NO_ASSOCIATIONS_FOUND"}
    one = client(lambda c: c.crm.associations.v4.basic_api)
    assert one.get_page("deals", read.results[0]._from.id, "companies").results
    labels = client(lambda c: c.crm.associations.v4.schema.definitions_api).get_all("deals", "companies")
    assert [label.type_id for label in labels.results] == [5, 341]
