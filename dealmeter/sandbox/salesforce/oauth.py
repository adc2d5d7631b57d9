"""The OAuth endpoints: tokens for those who prove who they are, and what a token says about its user."""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import orjson

from dealmeter.sandbox.http import Answer, Request
from dealmeter.sandbox.salesforce.errors import json_answer
from dealmeter.sandbox.salesforce.jwt import BadAssertionError, Keys, read_assertion
from dealmeter.sandbox.salesforce.objects.setup import INTEGRATION_NAME
from dealmeter.sandbox.salesforce.org import INTEGRATION_USER, Org
from dealmeter.sandbox.salesforce.tokens import READY, Session, Sessions

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LOGIN_HOSTS = ("login.salesforce.com", "test.salesforce.com")
Form = Mapping[str, str]


@dataclass(slots=True)
class Credentials:
    """What opens the org, and which doors are open at all."""

    client_id: str = "sandbox-client"
    client_secret: str = "sandbox-secret"  # noqa: S105  # the sandbox has no secrets
    username: str = INTEGRATION_NAME
    password: str = "sandbox-password"  # noqa: S105  # the sandbox has no secrets
    security_token: str = "SANDBOX"  # noqa: S105  # the sandbox has no secrets
    refresh_token: str = "sandbox-refresh"  # noqa: S105  # the sandbox has no secrets
    rotate: bool = True
    """Each refresh returns a new refresh token and ends the old one."""
    approved: bool = True
    """Whether an administrator let the user use the app by JWT."""
    disabled: set[str] = field(default_factory=set)
    """Grants that are switched off."""


class OAuthError(Exception):
    """A refusal of the token endpoint."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error, self.description, self.status = error, description, status

    def answer(self) -> Answer:
        return json_answer({"error": self.error, "error_description": self.description}, self.status)


class OAuth:
    """`real_time` is for the expiry of assertions, which clients make by their own clock."""

    def __init__(self, org: Org, sessions: Sessions, *, real_time: Callable[[], float] = time.time) -> None:
        self.credentials = Credentials()
        self.keys = Keys()
        self.logins = 0
        self._org, self._sessions, self._real_time = org, sessions, real_time
        self._refresh = {self.credentials.refresh_token}
        self._rotations = 0
        sessions.open(self.credentials.username, READY)

    def token(self, request: Request, url: str) -> Answer:
        """`POST /services/oauth2/token`."""
        form = _form(request)
        try:
            grant = form.get("grant_type", "")
            give = _GRANTS.get(grant)
            if give is None or grant in self.credentials.disabled:
                raise OAuthError("unsupported_grant_type", "grant type not supported")
            more = give(self, request, form, url)
        except OAuthError as refused:
            return refused.answer()
        self.logins += 1
        session = self._sessions.open(self.credentials.username)
        return json_answer({**self._described(session, url), **more})

    def userinfo(self, request: Request, url: str) -> Answer:
        """Who a token belongs to; 403 in plain text when it belongs to nobody."""
        session = self._sessions.find(request.headers.get("authorization", "").partition(" ")[2])
        if session is None:
            return Answer(403, b"Bad_OAuth_Token", content_type="text/html;charset=UTF-8")
        user = self._org.user(INTEGRATION_USER)
        return json_answer(
            {
                "sub": f"{url}/id/{self._org.id}/{user}",
                "user_id": user,
                "organization_id": self._org.id,
                "preferred_username": session.user,
                "email": session.user,
                "name": "Integration User",
                "zoneinfo": self._org.zone.key,
                "active": True,
                "urls": {
                    "rest": f"{url}/services/data/v{{version}}/",
                    "query": f"{url}/services/data/v{{version}}/query/",
                },
            }
        )

    def revoke(self, request: Request) -> Answer:
        token = _form(request).get("token", "")
        if self._sessions.revoke(token) or token in self._refresh:
            self._refresh.discard(token)
            return Answer(200)
        return OAuthError("invalid_token", "invalid token: ").answer()

    def set_refresh_token(self, token: str) -> None:
        """The only refresh token that works from now on."""
        self._refresh = {token}

    # The grants

    def _client_credentials(self, request: Request, form: Form, url: str) -> dict[str, str]:
        if request.headers.get("host", "").partition(":")[0] in LOGIN_HOSTS:
            raise OAuthError("invalid_grant", "request not supported on this domain")
        self._check_client(request, form)
        return {"scope": "api"}

    def _jwt(self, request: Request, form: Form, url: str) -> dict[str, str]:
        try:
            claims = read_assertion(form.get("assertion", ""), self.keys)
        except BadAssertionError as problem:
            raise OAuthError("invalid_grant", str(problem)) from problem
        if claims.get("iss") != self.credentials.client_id:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        if claims.get("aud") not in {url, *(f"https://{host}" for host in LOGIN_HOSTS), _my_domain(request)}:
            raise OAuthError("invalid_grant", "Audience validation failed")
        if not str(claims.get("exp", "")).isdigit() or int(claims["exp"]) < self._real_time():
            raise OAuthError("invalid_grant", "expired authorization code")
        if claims.get("sub") != self.credentials.username or not self.credentials.approved:
            raise OAuthError("invalid_grant", "user hasn't approved this consumer")
        return {"scope": "api id"}

    def _password(self, request: Request, form: Form, url: str) -> dict[str, str]:
        self._check_client(request, form)
        known = self.credentials
        allowed = {known.password + known.security_token, known.password}
        if form.get("username") != known.username or form.get("password") not in allowed:
            raise OAuthError("invalid_grant", "authentication failure")
        return {}

    def _refreshed(self, request: Request, form: Form, url: str) -> dict[str, str]:
        self._check_client(request, form, secret_needed=False)
        given = form.get("refresh_token", "")
        if given not in self._refresh:
            raise OAuthError("invalid_grant", "expired access/refresh token")
        if not self.credentials.rotate:
            return {}
        self._rotations += 1
        fresh = f"{self.credentials.refresh_token}-{self._rotations}"
        self._refresh = {fresh}
        return {"refresh_token": fresh}

    def _check_client(self, request: Request, form: Form, *, secret_needed: bool = True) -> None:
        """By HTTP Basic or in the form."""
        id, secret = _basic(request) or (form.get("client_id", ""), form.get("client_secret", ""))
        if id != self.credentials.client_id:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        if (secret_needed or secret) and secret != self.credentials.client_secret:
            raise OAuthError("invalid_client", "invalid client credentials", 401)

    def _described(self, session: Session, url: str) -> dict[str, str]:
        identity = f"https://login.salesforce.com/id/{self._org.id}/{self._org.user(INTEGRATION_USER)}"
        issued = str(int(self._real_time() * 1000))
        digest = hmac.digest(self.credentials.client_secret.encode(), (identity + issued).encode(), hashlib.sha256)
        return {
            "access_token": session.token,
            "instance_url": url,
            "id": identity,
            "token_type": "Bearer",
            "issued_at": issued,
            "signature": base64.b64encode(digest).decode(),
        }


_GRANTS: dict[str, Callable[[OAuth, Request, Form, str], dict[str, str]]] = {
    "client_credentials": OAuth._client_credentials,
    JWT_BEARER: OAuth._jwt,
    "password": OAuth._password,
    "refresh_token": OAuth._refreshed,
}


def _my_domain(request: Request) -> str:
    return f"https://{request.headers.get('host', '')}"


def _form(request: Request) -> Form:
    text = request.body.decode("utf-8", "replace") or request.query
    if text.startswith("{"):
        return {name: str(value) for name, value in orjson.loads(text).items()}
    return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True).items()}


def _basic(request: Request) -> tuple[str, str] | None:
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    if kind != "Basic":
        return None
    try:
        id, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return id, secret
