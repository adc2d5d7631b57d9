"""Limits, faults, held requests and permissions."""

import gzip
import threading
from collections.abc import Iterator

import orjson
import pytest
import urllib3.exceptions

from dealmeter.sandbox.salesforce import Features, SalesforceSandbox
from dealmeter.sandbox.salesforce.limits import Meter
from dealmeter.sandbox.world import World

from ..conftest import NOW
from .api import BASE, Salesforce

SOQL = "SELECT Id, Name FROM Opportunity"


@pytest.fixture
def world(settled: World) -> World:
    """The module's world, back at its present."""
    settled.clock.set(NOW)
    return settled


def test_calls_are_counted_and_announced(sf: Salesforce) -> None:
    assert sf.get("/limits").headers["Sforce-Limit-Info"] == "api-usage=1/100000"
    assert sf.query("SELECT Nope FROM Opportunity").headers["Sforce-Limit-Info"] == "api-usage=2/100000"
    table = sf.get("/limits").json
    assert table["DailyApiRequests"] == {"Max": 100_000, "Remaining": 99_997}
    sf.control("limits", {"app": "dealmeter"})
    header = sf.get("/limits").headers["Sforce-Limit-Info"]
    assert header == "api-usage=4/100000; per-app-api-usage=4/100000(appName=dealmeter)"


@pytest.fixture
def small(world: World) -> Iterator[Salesforce]:
    with SalesforceSandbox(world, rate_limit=True) as running:
        client = Salesforce(running.url)
        yield client
        client.close()


def test_the_days_calls_end_and_return_in_24_hours(small: Salesforce) -> None:
    small.control("limits", {"spend": 14_999})
    assert small.query(SOQL).headers["Sforce-Limit-Info"] == "api-usage=15000/15000"
    refused = small.query(SOQL)
    assert (refused.status, refused.json) == (
        403,
        [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}],
    )
    assert refused.headers["Sforce-Limit-Info"] == "api-usage=15000/15000"
    assert "Retry-After" not in refused.headers
    small.control("sessions", {"idle_seconds": 999_999})
    small.control("advance", {"seconds": 24 * 3600 + 120})
    assert small.query(SOQL).status == 200


def test_long_requests_at_the_same_time_are_limited(world: World) -> None:
    now = [0.0]
    meter = Meter(world.clock, enforced=True, monotonic=lambda: now[0])
    tickets = [meter.enter() for _ in range(40)]
    now[0] = 20.0
    with pytest.raises(Exception, match="ConcurrentRequests"):
        meter.enter()
    for ticket in tickets[:16]:
        meter.leave(ticket)
    assert meter.enter()


JSON_FAULTS = [
    ("401", 401, "INVALID_SESSION_ID"),
    ("403_daily", 403, "REQUEST_LIMIT_EXCEEDED"),
    ("403_concurrent", 403, "REQUEST_LIMIT_EXCEEDED"),
    ("403_disabled", 403, "API_DISABLED_FOR_ORG"),
    ("500", 500, "UNKNOWN_EXCEPTION"),
    ("503", 503, "SERVER_UNAVAILABLE"),
    ("locator", 400, "INVALID_QUERY_LOCATOR"),
    ("query_timeout", 400, "QUERY_TIMEOUT"),
    ("too_large", 400, "OPERATION_TOO_LARGE"),
    ("lock_row", 400, "UNABLE_TO_LOCK_ROW"),
    ("invalid_field", 400, "INVALID_FIELD"),
]


@pytest.mark.parametrize(("kind", "status", "code"), JSON_FAULTS)
def test_refusals_on_demand(sf: Salesforce, org: SalesforceSandbox, kind: str, status: int, code: str) -> None:
    org.faults.next(kind, match=f"{BASE}/query")
    assert sf.get("/limits").status == 200
    assert sf.refusal(SOQL) == (status, code)
    assert sf.query(SOQL).status == 200


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        *(("401_html", 401), ("406", 406), ("420", 420), ("429", 429), ("500_html", 500), ("502", 502)),
        *(("503_html", 503), ("504", 504), ("414", 414), ("maintenance_200", 200), ("empty_200", 200)),
    ],
)
def test_answers_that_are_no_json(sf: Salesforce, org: SalesforceSandbox, kind: str, status: int) -> None:
    org.faults.next(kind)
    reply = sf.query(SOQL)
    assert reply.status == status
    with pytest.raises(orjson.JSONDecodeError):
        _ = reply.json
    assert sf.query(SOQL).status == 200


@pytest.mark.parametrize("kind", ["reset", "reset_mid_body"])
@pytest.mark.parametrize("path", ["query", "results"])
def test_connections_break_before_and_within_an_answer(
    sf: Salesforce, org: SalesforceSandbox, kind: str, path: str
) -> None:
    org.behaviour.bulk_steps = 0
    id = sf.post("/jobs/query", {"operation": "query", "query": "SELECT Id FROM OpportunityFieldHistory"}).json["id"]
    sf.get(f"/jobs/query/{id}")
    org.faults.next(kind, match=f".*/{path}")
    with pytest.raises(urllib3.exceptions.HTTPError):
        sf.query(SOQL) if path == "query" else sf.get(f"/jobs/query/{id}/results")
    assert sf.query(SOQL).status == sf.get(f"/jobs/query/{id}/results").status == 200


def test_half_an_answer_may_look_whole(sf: Salesforce, org: SalesforceSandbox) -> None:
    org.behaviour.bulk_steps = 0
    id = sf.post("/jobs/query", {"operation": "query", "query": SOQL}).json["id"]
    sf.get(f"/jobs/query/{id}")
    whole = sf.get(f"/jobs/query/{id}/results").data
    org.faults.next("truncated", times=2)
    cut = sf.get(f"/jobs/query/{id}/results")
    assert whole.startswith(cut.data)
    assert int(cut.headers["Sforce-NumberOfRecords"]) > cut.data.count(b"\n")
    with pytest.raises(orjson.JSONDecodeError):
        _ = sf.query(SOQL).json


def test_a_compressed_answer_may_lack_its_end(sf: Salesforce, org: SalesforceSandbox) -> None:
    org.faults.next("truncated_gzip")
    with pytest.raises((urllib3.exceptions.HTTPError, EOFError, gzip.BadGzipFile, orjson.JSONDecodeError)):
        _ = sf.query(SOQL).json


def test_a_short_page_is_not_the_last(sf: Salesforce, org: SalesforceSandbox) -> None:
    org.faults.next("short_page")
    page = sf.query(SOQL).json
    assert (len(page["records"]), page["done"]) == (page["totalSize"], True)
    org.faults.next("short_page")
    page = sf.query("SELECT Id FROM OpportunityFieldHistory", {"Sforce-Query-Options": "batchSize=200"}).json
    assert (len(page["records"]), page["done"]) == (66, False)


def test_pages_may_be_shorter_than_asked_for_at_will(sf: Salesforce, org: SalesforceSandbox) -> None:
    soql = "SELECT Id FROM OpportunityFieldHistory"
    whole = sf.ids(soql)
    org.behaviour.short_pages = 0.5
    page, sizes = sf.query(soql, {"Sforce-Query-Options": "batchSize=200"}).json, list[int]()
    while True:
        sizes.append(len(page["records"]))
        if page["done"]:
            break
        page = sf.get(page["nextRecordsUrl"]).json
    assert sum(sizes) == len(whole)
    assert {66, 200} <= set(sizes)


def test_a_proxy_and_a_wrong_clock(sf: Salesforce, org: SalesforceSandbox) -> None:
    org.behaviour.clock_skew_s = 90
    assert sf.get("/limits").headers["Date"] == "Sat, 21 Nov 2026 12:01:30 GMT"
    org.behaviour.strip_headers = True
    assert "Sforce-Limit-Info" not in sf.get("/limits").headers


def test_big_queries_time_out(sf: Salesforce, org: SalesforceSandbox) -> None:
    org.behaviour.slow_above = 100
    assert sf.refusal(SOQL) == (400, "QUERY_TIMEOUT")
    assert sf.query(f"{SOQL} WHERE SystemModstamp > 2026-10-01T00:00:00Z").status == 200


def test_fields_and_objects_that_the_user_may_not_see(sf: Salesforce, org: SalesforceSandbox) -> None:
    org.hide(objects=["Case"], fields={"Opportunity": ["Amount"]})
    described = {field["name"] for field in sf.get("/sobjects/Opportunity/describe").json["fields"]}
    assert "Amount" not in described
    assert "Case" not in {entry["name"] for entry in sf.get("/sobjects").json["sobjects"]}
    assert sf.refusal("SELECT Id, Amount FROM Opportunity") == (400, "INVALID_FIELD")
    assert sf.refusal("SELECT Id FROM Case") == (400, "INVALID_TYPE")
    assert sf.get("/sobjects/Case/describe").status == 404
    org.hide()
    assert sf.query("SELECT Id, Amount FROM Opportunity").status == 200


@pytest.mark.parametrize(
    ("features", "sobject", "field"),
    [
        (Features(multi_currency=False), "CurrencyType", "CurrencyIsoCode"),
        (Features(dated_rates=False), "DatedConversionRate", None),
        (Features(orders=False), "Order", None),
        (Features(forecasting=False), "ForecastingQuota", None),
        (Features(splits=False), "OpportunitySplit", None),
        (Features(email_messages=False), "EmailMessage", None),
        (Features(tracking=False), "OpportunityFieldHistory", None),
    ],
)
def test_what_an_edition_does_not_have(
    sf: Salesforce, org: SalesforceSandbox, features: Features, sobject: str, field: str | None
) -> None:
    assert sf.query(f"SELECT Id FROM {sobject}").status == 200
    org.set_features(features)
    assert sf.refusal(f"SELECT Id FROM {sobject}") == (400, "INVALID_TYPE")
    if field is not None:
        assert sf.refusal(f"SELECT {field} FROM Opportunity") == (400, "INVALID_FIELD")


def test_person_accounts_add_fields(sf: Salesforce) -> None:
    assert sf.refusal("SELECT IsPersonAccount FROM Account") == (400, "INVALID_FIELD")
    sf.control("features", {"person_accounts": True})
    assert sf.query("SELECT IsPersonAccount, PersonEmail FROM Account LIMIT 1").status == 200


def test_describe_says_when_nothing_is_new(sf: Salesforce) -> None:
    seen = sf.get("/sobjects/Opportunity/describe").headers["Last-Modified"]
    again = sf.get("/sobjects/Opportunity/describe", {"If-Modified-Since": seen})
    assert (again.status, again.data) == (304, b"")
    sf.control("advance", {"seconds": 5})
    sf.control("field", {"name": "Region__c"})
    fresh = sf.get("/sobjects/Opportunity/describe", {"If-Modified-Since": seen})
    assert fresh.status == 200
    region = next(field for field in fresh.json["fields"] if field["name"] == "Region__c")
    assert (region["custom"], region["type"], region["soapType"]) == (True, "string", "xsd:string")
    id = sf.control("create", {"fields": {"Name": "x", "Region__c": "North"}})["id"]
    assert sf.rows(f"SELECT Region__c FROM Opportunity WHERE Id = '{id}'") == [{"Region__c": "North"}]
    sf.control("field", {"name": "Region__c", "remove": True})
    assert sf.refusal("SELECT Region__c FROM Opportunity") == (400, "INVALID_FIELD")


def test_a_long_url_is_refused(sf: Salesforce) -> None:
    assert sf.query(f"SELECT Id FROM Opportunity WHERE Name = '{'x' * 16_400}'").status == 414


def test_a_held_request_waits_for_its_release(sf: Salesforce, org: SalesforceSandbox) -> None:
    org.hold(2)
    statuses: list[int] = []
    client = Salesforce(org.url)
    thread = threading.Thread(target=lambda: statuses.extend(client.query(SOQL).status for _ in range(2)))
    thread.start()
    assert org.held.wait(10)
    assert statuses == [200]
    org.release()
    thread.join(10)
    client.close()
    assert statuses == [200, 200]


def test_random_faults_are_the_same_for_the_same_seed(world: World) -> None:
    def statuses() -> list[int]:
        with SalesforceSandbox(world, fault_rate=0.5, seed=4) as sandbox:
            client, seen = Salesforce(sandbox.url), []
            for _ in range(40):
                try:
                    seen.append(client.get("/limits").status)
                except urllib3.exceptions.HTTPError:
                    seen.append(0)
            client.close()
            return seen

    first = statuses()
    assert first == statuses()
    assert {200, 0} < set(first)
