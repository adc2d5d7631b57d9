"""Salesforce's refusals, translated once: its error code, else the status -> an error named by what to do next."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson
import requests
from urllib3.exceptions import NameResolutionError

from connectors.causes import causes
from connectors.certificates import REQUESTS_TRUSTS, untrusted
from connectors.errors import (
    ActionNeededError,
    BadCredentialsError,
    ConnectorError,
    MissingScopeError,
    QuotaSpentError,
    RateLimitedError,
    UnexpectedResponseError,
    UnreachableError,
)
from connectors.proxies import trouble

SECRET = re.compile(
    r"(Bearer\s+)\S+|(00D\w{12,15}!)[\w.]+|((?:access_token|refresh_token|assertion|client_secret|password|sessionId)"
    r"""["'=>:\s]+)[^\s"'<&,}]+""",
    re.IGNORECASE,
)
TRANSIENT = {406, 420, 429, 500, 502, 503, 504}


# ------------------------------------------------------- what only this connector has to tell apart, and acts on


class SessionExpiredError(ConnectorError):
    """The session is over: sign in again, once."""


class MissingFieldError(UnexpectedResponseError):
    """A field that we asked for is not there (any more), or is hidden from us; `field` is its name, if told."""

    def __init__(self, message: str, *, field: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.field = field


class LocatorGoneError(ConnectorError):
    """A query's next page is no longer kept: ask again from the last id that came."""


class TooLargeError(ConnectorError):
    """Salesforce gave up on a query: ask for less at once."""


class NoBulkError(ConnectorError):
    """The Bulk API doesn't do this: REST does."""


class LogTrimmedError(ConnectorError):
    """The log of deletions doesn't reach that far back."""


class NotThereError(UnexpectedResponseError):
    """There is nothing at this address (any more)."""


# -------------------------------------------------------------------------------------------------- translating


@dataclass(frozen=True, slots=True)
class Refusal:
    """What Salesforce said when it said no."""

    status: int
    path: str
    code: str
    text: str

    @property
    def message(self) -> str:
        """Its own words without secrets."""
        return excerpt(self.text.encode(), 400) or "no text"


Meaning = Callable[[Refusal], ConnectorError]


def refusal(status: int, raw: bytes, path: str) -> ConnectorError:
    """The error that a refusal means."""
    code, text = _said(raw)
    said = Refusal(status, path, code, text)
    if status >= 300 and status < 400:
        return _moved(said)
    if status in TRANSIENT and code not in BY_CODE:
        return _busy(said)
    return (BY_CODE.get(code) or BY_STATUS.get(status) or _unexpected)(said)


def refused_part(status: int, body: Any, path: str) -> ConnectorError:
    """The error that the refusal of one part of a composite request means."""
    return refusal(status, orjson.dumps(body), path)


def maintenance(status: int, raw: bytes, path: str) -> UnreachableError:
    """A page for people where an answer for programs should be."""
    return UnreachableError(
        f"Salesforce answered {path} with a web page ({status}): {excerpt(_text(raw))}",
        reason="html",
        hint="Salesforce is under maintenance, or a proxy asks to sign in; status.salesforce.com tells. "
        "The run goes on where it stopped",
    )


def unreachable(error: requests.RequestException, address: str) -> ConnectorError:
    """The error that a broken or missing answer means, or a certificate that isn't trusted."""
    parts = urlsplit(address)
    where, path = f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}", parts.path
    refused = trouble(error, where, certificates=REQUESTS_TRUSTS) or untrusted(error, where, variable=REQUESTS_TRUSTS)
    if refused:
        return refused
    if any(isinstance(each, NameResolutionError) for each in causes(error)):
        return UnreachableError(
            f"{where}: the host name can't be found",
            reason="unreachable",
            hint="check `login_url` and `base_url`, and this machine's network and DNS",
        )
    for kinds, reason, what, hint in BREAKS:
        if isinstance(error, kinds):
            return UnreachableError(f"{where}: {what} ({path})", reason=reason, hint=hint)
    return UnreachableError(f"{where}: {type(error).__name__} while reading {path}", reason="connection")


BREAKS: tuple[tuple[tuple[type[Exception], ...], str, str, str], ...] = (
    (
        (requests.exceptions.SSLError,),
        "tls",
        "the TLS connection failed",
        "check `login_url` and `base_url`, and what stands between this machine and Salesforce",
    ),
    (
        (requests.exceptions.ReadTimeout,),
        "timeout",
        "no answer in time",
        "raise `read_timeout` if this stays so",
    ),
    (
        (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError),
        "cut",
        "the answer was cut off",
        "a proxy or the network cut the answer",
    ),
    (
        (requests.exceptions.ConnectionError,),
        "unreachable",
        "no connection",
        "check `login_url` and `base_url`, and this machine's network, proxy and firewall; status.salesforce.com "
        "tells how Salesforce is",
    ),
)


# ----------------------------------------------------------------------------------------------------- meanings


def _expired(said: Refusal) -> ConnectorError:
    if any(words in said.text for words in NOT_EXPIRED):
        return BadCredentialsError(
            f"Salesforce refuses this session for its REST API: {said.message}",
            hint="give the app the OAuth scope `api` and its user the permission `API Enabled`",
        )
    return SessionExpiredError(f"the session has expired ({said.path}): {said.message}")


NOT_EXPIRED = ("not valid for use with the REST API", "not attached to Agent")


def _limit(said: Refusal) -> ConnectorError:
    if "TotalRequests" in said.text:
        return QuotaSpentError(
            "the org's API requests of the last 24 hours are used up",
            reason="daily_limit",
            after=timedelta(hours=1),
            hint="requests come back as the last 24 hours move on; the run goes on where it stopped. Other programs "
            "share the limit: Salesforce > Setup > Company Information shows it",
        )
    return RateLimitedError(
        f"too many long requests run in the org at the same time: {said.message}",
        reason="concurrent",
        after=timedelta(seconds=5),
        hint="other programs share this limit; lower `parallel` of the connection if this happens often",
    )


def _no_object(said: Refusal) -> ConnectorError:
    return MissingScopeError(
        f"Salesforce doesn't let us read this: {said.message}",
        scopes=(),
        hint="the object is not part of the org's edition, or the user's profile lacks `Read` (and `View All`) on it; "
        "leave the stream out with `exclude` if it isn't needed",
    )


def _forbidden(said: Refusal) -> ConnectorError:
    return _no_object(said) if said.code else _unexpected(said)  # without a code it isn't Salesforce who speaks


def _missing_field(said: Refusal) -> ConnectorError:
    named = re.search(r"No such (?:column|relation) '([^']+)'", said.text)
    return MissingFieldError(
        f"Salesforce has no such field: {said.message}",
        field=named[1] if named else "",
        hint="the field was deleted or hidden while we read; the next run leaves it out",
    )


def _app(said: Refusal) -> ConnectorError:
    hint = next((hint for words, hint in SIGN_IN_HINTS.items() if words in f"{said.code} {said.text}".lower()), "")
    return BadCredentialsError(
        f"Salesforce refuses the sign-in: {said.code}: {said.message}",
        hint=hint or "check the credentials in the configuration, then run `dealmeter check`",
    )


SIGN_IN_HINTS = {
    "expired access/refresh token": "the refresh token is used up or revoked: authorise the app again and put the new "
    "token into the file that `refresh_token_file` names",
    "hasn't approved": "in the External Client App, let admin-approved users sign in and add this user's profile or a "
    "permission set",
    "audience": "`login_url` must be the login host of this org: https://login.salesforce.com, "
    "https://test.salesforce.com for a sandbox, or the My Domain",
    "not supported on this domain": "client credentials need the org's My Domain as `login_url`, such as "
    "https://acme.my.salesforce.com",
    "no client credentials user": "choose a Run-As user in the External Client App's client credentials flow",
    "invalid_client_id": "check `consumer_key`; a new app works some minutes after it was made",
    "invalid_client": "check `consumer_secret`",
    "unsupported_grant_type": "enable this OAuth flow in the External Client App",
    "inactive_user": "the user is not active: activate it, or choose another one",
    "invalid_login": "check `username`, `password` and `security_token`, and that the user isn't locked; better: an "
    "External Client App with client credentials",
    "authentication failure": "check the credentials, and that the user's profile lets it sign in from this address",
}


def _slow_down(said: Refusal) -> ConnectorError:
    return RateLimitedError(
        f"Salesforce asks to sign in less often: {said.message}",
        reason="login_rate",
        after=timedelta(minutes=15),
        hint="another program signs in as this user very often; give dealmeter a user of its own",
    )


def _too_large(said: Refusal) -> ConnectorError:
    return TooLargeError(
        f"Salesforce gave up on a query: {said.code}: {said.message}",
        hint="give the user `View All Data`, which makes queries cheaper, or read fewer `extra` fields",
    )


def _busy(said: Refusal) -> ConnectorError:
    raw = said.text.encode()
    return UnreachableError(
        f"Salesforce answered {said.status} to {said.path}: {excerpt(_text(raw)) or 'no text'}",
        reason=str(said.status),
        hint="Salesforce has trouble; status.salesforce.com tells. The run goes on where it stopped",
    )


def _disabled(said: Refusal) -> ConnectorError:
    return BadCredentialsError(
        f"Salesforce refuses API access: {said.code}: {said.message}",
        hint="the org's edition needs the API (Enterprise and up, or the add-on), and the user the permission "
        "`API Enabled`",
    )


def _retired(said: Refusal) -> ConnectorError:
    return ActionNeededError(
        f"Salesforce no longer has this API version ({said.path})", hint="set `api_version` to a newer one"
    )


def _moved(said: Refusal) -> ConnectorError:
    return ActionNeededError(
        f"Salesforce sends us elsewhere ({said.status}, {said.path})",
        hint="`login_url` (or `instance_url`) should be the org's present My Domain, such as https://acme.my.salesforce.com",
    )


def _too_long(said: Refusal) -> ConnectorError:
    return TooLargeError(f"the query is too long for an address ({said.status})", hint="read fewer `extra` fields")


def _unexpected(said: Refusal) -> ConnectorError:
    return UnexpectedResponseError(
        f"Salesforce answered {said.status} to {said.path}: {said.code}: {said.message}",
        hint="this should not happen: report it with this message",
    )


def _policy(said: Refusal) -> ConnectorError:
    return ActionNeededError(
        f"a transaction security policy of the org stops our queries: {said.message}",
        hint="exempt the integration user from the policy (Setup > Transaction Security Policies)",
    )


def _error(kind: type[ConnectorError]) -> Meaning:
    return lambda said: kind(f"{said.code or said.status}: {said.message} ({said.path})")


BY_CODE: Mapping[str, Meaning] = {
    "INVALID_SESSION_ID": _expired,
    "INVALID_AUTH_HEADER": _expired,
    "REQUEST_LIMIT_EXCEEDED": _limit,
    "INVALID_TYPE": _no_object,
    "INSUFFICIENT_ACCESS": _no_object,
    "INSUFFICIENT_ACCESS_OR_READONLY": _no_object,
    "CANNOT_USE_API_FOR_OBJECT": _no_object,
    "INVALID_FIELD": _missing_field,
    "INVALID_QUERY_LOCATOR": _error(LocatorGoneError),
    "QUERY_TIMEOUT": _too_large,
    "OPERATION_TOO_LARGE": _too_large,
    "QUERY_TOO_COMPLICATED": _too_large,
    "EXCEEDED_ID_LIMIT": _error(LogTrimmedError),
    "INVALID_REPLICATION_DATE": _error(LogTrimmedError),
    "UNABLE_TO_LOCK_ROW": _busy,
    "SERVER_UNAVAILABLE": _busy,
    "UNKNOWN_EXCEPTION": _busy,
    "API_DISABLED_FOR_ORG": _disabled,
    "API_CURRENTLY_DISABLED": _disabled,
    "TXN_SECURITY_METERING_ERROR": _policy,
    "UNSUPPORTED_API_VERSION": _retired,
    "INVALIDENTITY": _error(NoBulkError),
    "API_ERROR": _error(NoBulkError),
    "FeatureNotEnabled": _error(NoBulkError),
    "LIMIT_EXCEEDED": _error(NoBulkError),
    "FUNCTIONALITY_NOT_ENABLED": _error(NoBulkError),
    "invalid_grant": _app,
    "invalid_client_id": _app,
    "invalid_client": _app,
    "invalid_request": _app,
    "invalid_scope": _app,
    "inactive_user": _app,
    "inactive_org": _app,
    "unauthorized_client": _app,
    "unsupported_grant_type": _app,
    "INVALID_LOGIN": _app,
    "LOGIN_MUST_USE_SECURITY_TOKEN": _app,
    "INVALID_SSO_GATEWAY_URL": _app,
    "PASSWORD_LOCKOUT": _app,
    "rate_limit_exceeded": _slow_down,
    "LOGIN_RATE_EXCEEDED": _slow_down,
}
BY_STATUS: Mapping[int, Meaning] = {
    401: _expired,
    403: _forbidden,
    404: _error(NotThereError),
    410: _retired,
    414: _too_long,
    431: _too_long,
}


# ------------------------------------------------------------------------------------------------------- bodies


def _said(raw: bytes) -> tuple[str, str]:
    """The code and the words of a refusal, however it is written: REST, OAuth, SOAP, a page, plain text."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        text = raw.decode("utf-8", "replace")
        found = [re.search(f"<(?:\\w+:)?exception{part}>([^<]*)<", text) for part in ("Code", "Message")]
        return (found[0][1], found[1][1] if found[1] else "") if found[0] else ("", text)
    if isinstance(body, list):
        body = body[0] if body else {}
    if not isinstance(body, dict):
        return "", str(body)
    code = body.get("errorCode") or body.get("exceptionCode") or body.get("error") or ""
    words = body.get("message") or body.get("exceptionMessage") or body.get("error_description") or ""
    return str(code), str(words)


def _text(raw: bytes) -> bytes:
    """What a page says to people."""
    return re.sub(rb"<(style|script).*?</\1>|<[^>]*>", b" ", raw[:20_000], flags=re.DOTALL | re.IGNORECASE)


def excerpt(raw: bytes, length: int = 160) -> str:
    """The beginning of an answer on one line, without anything that looks like a secret."""
    text = " ".join(raw[: length * 4].decode("utf-8", "replace").split())
    return SECRET.sub(r"\1\2\3***", text)[:length]
