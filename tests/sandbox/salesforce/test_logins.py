"""Every way to log in, and every way to be refused."""

import base64
from typing import Any

import jwt
import pytest

from dealmeter.sandbox.salesforce import SalesforceSandbox
from dealmeter.sandbox.world import World

from ..conftest import NOW
from .api import BASE, Salesforce

CLIENT = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@pytest.fixture
def world(settled: World) -> World:
    """The module's world, back at its present."""
    settled.clock.set(NOW)
    return settled


def _assertion(org: SalesforceSandbox, key: str | None = None, **claims: Any) -> str:
    usual = {
        "iss": "sandbox-client",
        "sub": "integration@example.com",
        "aud": "https://login.salesforce.com",
        "exp": "4102444800",
    }
    return jwt.encode(usual | claims, key or org.private_key, algorithm="RS256")


def _works(sf: Salesforce, token: str) -> bool:
    return sf.get("/limits", {"Authorization": f"Bearer {token}"}).status == 200


def test_client_credentials_by_basic_and_in_the_form(sf: Salesforce) -> None:
    basic = base64.b64encode(b"sandbox-client:sandbox-secret").decode()
    by_header = sf.token({"Authorization": f"Basic {basic}"}, grant_type="client_credentials")
    by_form = sf.token(grant_type="client_credentials", **CLIENT)
    for reply in (by_header, by_form):
        assert set(reply.json) >= {"access_token", "id", "token_type", "issued_at", "signature", "scope"}
        assert "expires_in" not in reply.json
        assert reply.json["instance_url"] == sf.url
        assert _works(sf, reply.json["access_token"])


def test_an_assertion_is_checked_with_the_public_key(sf: Salesforce, org: SalesforceSandbox) -> None:
    good = sf.token(grant_type=BEARER, assertion=_assertion(org))
    assert _works(sf, good.json["access_token"])
    assert good.json["scope"] == "api id"


@pytest.mark.parametrize(
    ("claims", "error", "words"),
    [
        ({"aud": "https://elsewhere.example.com"}, "invalid_grant", "Audience validation failed"),
        ({"sub": "stranger@example.com"}, "invalid_grant", "user hasn't approved this consumer"),
        ({"iss": "another"}, "invalid_client_id", "client identifier invalid"),
        ({"exp": "1"}, "invalid_grant", "expired authorization code"),
    ],
)
def test_a_wrong_claim_is_refused(
    sf: Salesforce, org: SalesforceSandbox, claims: dict[str, str], error: str, words: str
) -> None:
    reply = sf.token(grant_type=BEARER, assertion=_assertion(org, **claims))
    assert (reply.status, reply.json) == (400, {"error": error, "error_description": words})


def test_an_assertion_by_another_key_is_refused(sf: Salesforce, world: Any, org: SalesforceSandbox) -> None:
    with SalesforceSandbox(world) as other:
        forged = sf.token(grant_type=BEARER, assertion=_assertion(org, other.private_key))
    assert (forged.status, forged.json["error_description"]) == (400, "invalid assertion")
    head, body, signature = _assertion(org).split(".")
    for broken in (f"{head}.{body}.{signature[:-8]}AAAAAAAA", "a.b.c", "nothing"):
        assert sf.token(grant_type=BEARER, assertion=broken).json["error"] == "invalid_grant"


def test_a_refresh_token_works_once(sf: Salesforce) -> None:
    first = sf.token(grant_type="refresh_token", refresh_token="sandbox-refresh", **CLIENT)
    fresh = first.json["refresh_token"]
    assert _works(sf, first.json["access_token"])
    again = sf.token(grant_type="refresh_token", refresh_token="sandbox-refresh", **CLIENT)
    assert (again.status, again.json["error_description"]) == (400, "expired access/refresh token")
    second = sf.token(grant_type="refresh_token", refresh_token=fresh, **CLIENT)
    assert second.json["refresh_token"] != fresh


def test_without_rotation_it_works_again_and_again(sf: Salesforce, org: SalesforceSandbox) -> None:
    org.credentials.rotate = False
    for _ in range(2):
        reply = sf.token(grant_type="refresh_token", refresh_token="sandbox-refresh", **CLIENT)
        assert reply.status == 200
        assert "refresh_token" not in reply.json


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({"grant_type": "client_credentials", "client_id": "no", "client_secret": "no"}, 400, "invalid_client_id"),
        ({"grant_type": "client_credentials", **CLIENT, "client_secret": "no"}, 401, "invalid_client"),
        ({"grant_type": "password", **CLIENT, "username": "x", "password": "y"}, 400, "invalid_grant"),
        ({"grant_type": "telepathy"}, 400, "unsupported_grant_type"),
    ],
)
def test_refusals_of_the_token_endpoint(sf: Salesforce, fields: dict[str, str], status: int, error: str) -> None:
    reply = sf.token(**fields)
    assert (reply.status, reply.json["error"]) == (status, error)


def test_a_password_with_its_security_token(sf: Salesforce, org: SalesforceSandbox) -> None:
    fields = {"username": "integration@example.com", "password": "sandbox-passwordSANDBOX"}
    assert sf.token(grant_type="password", **CLIENT, **fields).status == 200
    org.credentials.disabled.add("password")
    assert sf.token(grant_type="password", **CLIENT, **fields).json["error"] == "unsupported_grant_type"


def test_client_credentials_are_not_for_the_login_host(sf: Salesforce) -> None:
    reply = sf.token({"Host": "login.salesforce.com"}, grant_type="client_credentials", **CLIENT)
    assert reply.json["error_description"] == "request not supported on this domain"


SOAP = (
    '<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/"><env:Body><n1:login xmlns:n1="urn:partner">'
    "<n1:username>integration@example.com</n1:username><n1:password>{}</n1:password></n1:login></env:Body></env:Envelope>"
)


@pytest.mark.parametrize(
    ("version", "password", "status", "words"),
    [
        ("59.0", "sandbox-passwordSANDBOX", 200, "<sessionId>"),
        ("59.0", "sandbox-password", 500, "Invalid username, password, security token; or user locked out."),
        ("65.0", "sandbox-passwordSANDBOX", 500, "UNSUPPORTED_API_VERSION"),
    ],
)
def test_the_soap_login_and_its_end(sf: Salesforce, version: str, password: str, status: int, words: str) -> None:
    reply = sf.ask("POST", f"/services/Soap/u/{version}", SOAP.format(password).encode(), {"SOAPAction": "login"})
    assert reply.status == status
    assert words in reply.data.decode()


def test_who_am_i(sf: Salesforce) -> None:
    known = sf.get("/services/oauth2/userinfo").json
    assert known["user_id"].startswith("005")
    assert known["organization_id"].startswith("00D")
    unknown = sf.get("/services/oauth2/userinfo", {"Authorization": "Bearer nobody"})
    assert (unknown.status, unknown.data) == (403, b"Bad_OAuth_Token")


def test_sessions_end_by_idling_by_decree_and_by_logout(sf: Salesforce, org: SalesforceSandbox) -> None:
    def login() -> str:
        return str(sf.token(grant_type="client_credentials", **CLIENT).json["access_token"])

    idle = login()
    sf.control("advance", {"seconds": 7_200})
    assert _works(sf, idle)
    sf.control("advance", {"seconds": 7_201})
    assert not _works(sf, idle)
    revoked = login()
    assert sf.form("/services/oauth2/revoke", token=revoked).status == 200
    assert sf.form("/services/oauth2/revoke", token=revoked).status == 400
    ended = login()
    org.expire_sessions()
    for token in (revoked, ended, "sandbox-token"):
        reply = sf.get("/limits", {"Authorization": f"Bearer {token}"})
        assert reply.status == 401
        assert reply.json == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]


def test_logins_of_one_user_may_share_a_session(sf: Salesforce) -> None:
    sf.control("sessions", {"shared": True, "expire": True})
    tokens = {sf.token(grant_type="client_credentials", **CLIENT).json["access_token"] for _ in range(3)}
    assert len(tokens) == 1
    assert sf.form("/services/oauth2/revoke", token=tokens.pop()).status == 200


def test_a_policy_refuses_every_session(sf: Salesforce) -> None:
    sf.control("sessions", {"refusal": "This session is not valid for use with the REST API"})
    assert "not valid for use" in sf.get(f"{BASE}/limits").json[0]["message"]
