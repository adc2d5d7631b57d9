"""The official client works with the sandbox, given only a session that goes to it instead of https."""

import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import requests

from dealmeter.sandbox.salesforce import SalesforceSandbox

vendor: Any = import_module("simple_salesforce")  # its own annotations are stricter than its behaviour
Client = vendor.Salesforce
USER = {"username": "integration@example.com"}
KEYS = {"consumer_key": "sandbox-client", "consumer_secret": "sandbox-secret"}


class Loopback(requests.Session):
    """Every request goes to the sandbox, whatever its host."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._to = urlsplit(url)

    def request(self, method: Any, url: Any, *more: Any, **kwargs: Any) -> requests.Response:
        parts = urlsplit(url)
        moved = urlunsplit((self._to.scheme, self._to.netloc, parts.path, parts.query, parts.fragment))
        return super().request(method, moved, *more, **{"timeout": 20, **kwargs})


@pytest.fixture
def session(org: SalesforceSandbox) -> Iterator[Loopback]:
    with Loopback(org.url) as made:
        yield made


Login = Callable[[SalesforceSandbox, Loopback], Any]
LOGINS: dict[str, Login] = {
    "client credentials": lambda org, session: Client(**KEYS, domain="acme.my", session=session),
    "jwt": lambda org, session: Client(
        **USER, consumer_key="sandbox-client", privatekey=org.private_key, session=session
    ),
    "password": lambda org, session: Client(**USER, **KEYS, password="sandbox-passwordSANDBOX", session=session),
    "soap": lambda org, session: Client(**USER, password="sandbox-password", security_token="SANDBOX", session=session),
    "session": lambda org, session: Client(session_id="sandbox-token", instance_url=org.url, session=session),
}


@pytest.mark.parametrize("kind", LOGINS)
def test_each_login_opens_the_org(org: SalesforceSandbox, session: Loopback, kind: str) -> None:
    client = LOGINS[kind](org, session)
    assert client.sf_instance == f"127.0.0.1:{org.port}"
    assert client.query("SELECT COUNT() FROM Opportunity")["totalSize"] == 120
    assert client.api_usage["api-usage"].total == 100_000


def test_a_wrong_login_is_the_clients_own_error(session: Loopback) -> None:
    with pytest.raises(vendor.SalesforceAuthenticationFailed, match="INVALID_LOGIN"):
        Client(**USER, password="wrong", security_token="", session=session)
    with pytest.raises(vendor.SalesforceAuthenticationFailed, match="invalid_client"):
        Client(consumer_key="sandbox-client", consumer_secret="wrong", domain="acme.my", session=session)


@pytest.fixture
def client(org: SalesforceSandbox, session: Loopback) -> Any:
    return LOGINS["client credentials"](org, session)


def test_queries_page_through(client: Any) -> None:
    everything = list(client.query_all_iter("SELECT Id, Field FROM OpportunityFieldHistory"))
    total = client.query("SELECT COUNT() FROM OpportunityFieldHistory")["totalSize"]
    assert len(everything) == len({row["Id"] for row in everything}) == total
    deleted = client.query_all("SELECT Id FROM Opportunity", include_deleted=True)
    assert (deleted["totalSize"], deleted["done"]) == (120, True)
    with pytest.raises(vendor.SalesforceMalformedRequest) as refused:
        client.query("SELECT Nope FROM Opportunity")
    assert refused.value.content[0]["errorCode"] == "INVALID_FIELD"


def test_describe_limits_and_single_records(client: Any) -> None:
    names = {entry["name"] for entry in client.describe()["sobjects"]}
    assert {"Opportunity", "Account", "Task", "OpportunityHistory"} <= names
    fields = {field["name"]: field for field in client.Opportunity.describe()["fields"]}
    assert fields["OwnerId"]["referenceTo"] == ["User"]
    assert fields["StageName"]["picklistValues"][0]["value"] == "Appointment Scheduled"
    assert client.limits()["DailyApiRequests"]["Max"] == 100_000
    id = client.query("SELECT Id FROM Account LIMIT 1")["records"][0]["Id"]
    assert client.Account.get(id)["Id"] == id


def test_updated_and_deleted(org: SalesforceSandbox, client: Any) -> None:
    id = client.query("SELECT Id FROM Opportunity LIMIT 1")["records"][0]["Id"]
    org.edits.delete(id)
    end = datetime(2026, 11, 21, 13, tzinfo=UTC)
    deleted = client.Opportunity.deleted(end - timedelta(hours=2), end)
    assert [entry["id"] for entry in deleted["deletedRecords"]] == [id]
    assert client.Opportunity.updated(end - timedelta(hours=2), end)["ids"] == []


def test_bulk_2_queries_are_read_and_downloaded(org: SalesforceSandbox, client: Any, tmp_path: Any) -> None:
    org.behaviour.bulk_steps = 0
    pages = list(client.bulk2.Opportunity.query("SELECT Id, Name FROM Opportunity", max_records=50, wait=0))
    assert [page.count('\n"006') for page in pages] == [50, 50, 20]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        files = client.bulk2.Opportunity.download(
            "SELECT Id, Name FROM Opportunity", path=str(tmp_path), max_records=100, wait=0
        )
    assert [entry["number_of_records"] for entry in files] == [100, 20]


def test_an_expired_session_is_renewed_by_the_client(org: SalesforceSandbox, client: Any) -> None:
    before = org.oauth.logins
    org.expire_sessions()
    assert client.query("SELECT COUNT() FROM Opportunity")["totalSize"] == 120
    assert org.oauth.logins == before + 1
