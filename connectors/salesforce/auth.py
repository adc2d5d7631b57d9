"""Signing in to Salesforce: once at a time, and never again after a definite no."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr
from simple_salesforce.exceptions import SalesforceAuthenticationFailed
from simple_salesforce.login import SalesforceLogin

from connectors.addresses import refuse_open
from connectors.base import Context, Meter
from connectors.errors import ActionNeededError, BadCredentialsError, ConnectorError, UnexpectedResponseError
from connectors.retry import retrying
from connectors.salesforce.refusals import SessionExpiredError, maintenance
from connectors.salesforce.session import SalesforceSession
from connectors.salesforce.settings import SalesforceSettings
from connectors.salesforce.tokens import TokenFile

SUFFIX = ".salesforce.com"
SOAP_VERSION = "64.0"
"""The last one with a login; Salesforce answers it until Summer '27."""
LEGACY = (
    "signing in with a password and a security token ends with Salesforce's Summer '27 release (June 2027) and is off "
    "in new orgs: make an External Client App and use `auth: client_credentials`"
)


@dataclass(frozen=True, slots=True)
class Token:
    """A session and the address where it is valid."""

    value: str = field(repr=False)
    instance_url: str


class Door:
    """Holds the session of a connection. Safe between threads."""

    def __init__(
        self, settings: SalesforceSettings, session: SalesforceSession, context: Context, meter: Meter
    ) -> None:
        self._settings = settings
        self._session = session
        self._context = context
        self._meter = meter
        self._lock = Lock()
        self._token: Token | None = None
        self._refused: BadCredentialsError | None = None

    def token(self) -> Token:
        """The session; signs in where there is none. Raises BadCredentialsError, for good."""
        return self._token or self.renew(None)

    def renew(self, expired: Token | None) -> Token:
        """A session other than the one that has expired: whoever comes first signs in, the others get that session."""
        with self._lock:
            if self._refused is not None:
                raise self._refused
            if self._token is None or self._token is expired:
                try:
                    self._token = self._sign_in(expired)
                except BadCredentialsError as error:
                    self._refused = error
                    raise
            return self._token

    def shut(self, error: BadCredentialsError) -> BadCredentialsError:
        """Salesforce has refused a fresh session: nobody tries again."""
        with self._lock:
            self._refused = self._refused or error
            return self._refused

    def _sign_in(self, expired: Token | None) -> Token:
        if expired is not None and self._settings.auth == "session":
            raise BadCredentialsError(
                "the session in `access_token` has expired",
                hint="a ready session lasts some hours: use `auth: client_credentials` for a service",
            )

        if self._settings.auth == "session":
            return Token(_open(self._settings.access_token), self._settings.instance_url)

        def call() -> Token:
            self._meter.request()
            try:
                return WAYS[self._settings.auth](self._settings, self._session, self._context)
            except SessionExpiredError as error:
                raise BadCredentialsError(f"Salesforce refuses the sign-in: {error}", hint=CHECK) from error

        return retrying(call, context=self._context, meter=self._meter)


# ------------------------------------------------------------------------------------------------- ways to sign in


def _client_credentials(settings: SalesforceSettings, session: SalesforceSession, context: Context) -> Token:
    return _by_library(
        settings,
        session,
        consumer_key=settings.consumer_key,
        consumer_secret=_open(settings.consumer_secret),
        domain=domain(settings, otherwise="mydomain.my"),
    )


def _jwt(settings: SalesforceSettings, session: SalesforceSession, context: Context) -> Token:
    try:
        return _by_library(
            settings,
            session,
            username=settings.username,
            consumer_key=settings.consumer_key,
            privatekey=_open(settings.private_key),
            domain=domain(settings, otherwise="login"),
        )
    except ConnectorError:
        raise
    except Exception as error:  # whatever the signing library makes of a bad key
        raise BadCredentialsError(
            "`private_key` is no RSA key in PEM form",
            hint="it begins with -----BEGIN PRIVATE KEY-----; give it as {file: PATH}",
        ) from error


def _by_library(settings: SalesforceSettings, session: SalesforceSession, **given: Any) -> Token:
    try:
        value, instance = SalesforceLogin(session=session, sf_version=settings.api_version, **given)
    except SalesforceAuthenticationFailed as error:
        raise BadCredentialsError(f"Salesforce refuses the sign-in: {error.code}", hint=CHECK) from error
    except AttributeError as error:  # it looked for `instance_url` in an answer that has none
        raise _odd_answer() from error
    return Token(value, _at(settings, f"https://{instance}"))


def _refresh(settings: SalesforceSettings, session: SalesforceSession, context: Context) -> Token:
    """A new session for the refresh token; where Salesforce gives the next refresh token, that is kept first."""

    def use(refresh_token: str) -> tuple[Token, str | None]:
        form = {"grant_type": "refresh_token", "client_id": settings.consumer_key, "refresh_token": refresh_token}
        if settings.consumer_secret is not None:
            form["client_secret"] = settings.consumer_secret.get_secret_value()
        answer = session.post(f"{settings.login_url}/services/oauth2/token", form).json()
        if not isinstance(answer, dict) or not answer.get("access_token") or not answer.get("instance_url"):
            raise _odd_answer()
        following = answer.get("refresh_token")
        token = Token(str(answer["access_token"]), _at(settings, str(answer["instance_url"])))
        return token, str(following) if following and following != refresh_token else None

    return TokenFile(settings.refresh_token_file, sleep=context.sleep).exchange(use)


def _soap(settings: SalesforceSettings, session: SalesforceSession, context: Context) -> Token:
    """By our own hand: simple-salesforce takes `-api` out of host names and stumbles over web pages."""
    context.notice(LEGACY)
    envelope = SOAP_ENVELOPE.format(
        user=escape(settings.username), password=escape(_open(settings.password) + _open(settings.security_token))
    )
    headers = {"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": "login"}
    address = f"{settings.login_url}/services/Soap/u/{SOAP_VERSION}"
    answer = session.post(address, envelope.encode(), headers=headers)
    found = {name: re.search(f"<{name}>([^<]+)</{name}>", answer.text) for name in ("sessionId", "serverUrl")}
    value, server = found["sessionId"], found["serverUrl"]
    if value is None or server is None:
        raise maintenance(answer.status_code, answer.content, urlsplit(address).path)
    parts = urlsplit(server[1])
    return Token(value[1], _at(settings, f"{parts.scheme}://{parts.netloc}"))


SOAP_ENVELOPE = """<?xml version="1.0" encoding="utf-8"?>
<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/" xmlns:urn="urn:partner.soap.sforce.com">
<env:Body><urn:login><urn:username>{user}</urn:username><urn:password>{password}</urn:password></urn:login></env:Body>
</env:Envelope>"""

CHECK = "check the credentials in the configuration, then run `dealmeter check`"

WAYS: Mapping[str, Callable[[SalesforceSettings, SalesforceSession, Context], Token]] = {
    "client_credentials": _client_credentials,
    "jwt": _jwt,
    "refresh_token": _refresh,
    "password": _soap,
}


# ---------------------------------------------------------------------------------------------------- addresses


def domain(settings: SalesforceSettings, *, otherwise: str) -> str:
    """The login host as simple-salesforce names it (`login`, `acme.my`); for others a name that is routed there."""
    host = urlsplit(settings.login_url).netloc
    return host.removesuffix(SUFFIX) if host.endswith(SUFFIX) else otherwise


def routes(settings: SalesforceSettings) -> dict[str, str]:
    """Where the session is to send what simple-salesforce addresses to https://SOMETHING.salesforce.com."""
    if settings.base_url:
        return {"*": settings.base_url}
    names = {domain(settings, otherwise=name) for name in ("login", "mydomain.my")}
    by_name = {f"{name}{SUFFIX}": settings.login_url for name in names}
    plain = [url for url in (settings.login_url, settings.instance_url) if url.startswith("http://")]
    return by_name | {urlsplit(url).netloc: url for url in plain}


def _at(settings: SalesforceSettings, instance_url: str) -> str:
    """The address of the org. Raises ActionNeededError where a token would travel openly."""
    try:
        refuse_open(instance_url, allow_http=settings.allow_http or bool(settings.base_url))
    except ValueError as error:
        raise ActionNeededError(
            f"Salesforce names {instance_url} as the org's address, which is not https",
            hint="check `login_url`: this is not how Salesforce answers",
        ) from error
    return instance_url


def _odd_answer() -> UnexpectedResponseError:
    return UnexpectedResponseError(
        "the sign-in was answered without a session or an address", hint="check that `login_url` is Salesforce's"
    )


def _open(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret is not None else ""
