"""HubSpot's refusals, translated once: status and body -> an error named by what to do next."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    IncompleteRead,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)

from connectors.certificates import untrusted
from connectors.errors import (
    BadCredentialsError,
    ConnectorError,
    MissingScopeError,
    QuotaSpentError,
    RateLimitedError,
    UnexpectedResponseError,
    UnreachableError,
)
from connectors.proxies import trouble

TRUST = "SSL_CERT_FILE"
"""By this variable urllib3 is told whom else to trust."""
SECRET = re.compile(r"(pat-[a-z0-9]+-)[A-Za-z0-9-]+|(Bearer )\S+", re.IGNORECASE)
BUSY = {423, 500, 502, 503, 504, 521, 522, 523, 524, 525, 526}
WAIT_BY_POLICY = {"TEN_SECONDLY_ROLLING": timedelta(seconds=10), "SECONDLY": timedelta(seconds=1)}
LONGEST_BELIEVED = timedelta(hours=25)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What HubSpot said when it said no."""

    status: int
    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    raw: bytes

    @property
    def message(self) -> str:
        """Its own words, else an excerpt of what came instead of JSON; without secrets."""
        return excerpt(str(self.body.get("message") or "").encode() or self.raw, 400) or "no text"

    @property
    def after(self) -> timedelta | None:
        """What `Retry-After` asks for, unless it is absurd."""
        text = str(self.headers.get("Retry-After", ""))
        seconds = timedelta(seconds=int(text)) if text.isdigit() else None
        return seconds if seconds is not None and seconds <= LONGEST_BELIEVED else None


def refusal(status: int, headers: Mapping[str, str], raw: bytes | str, path: str) -> ConnectorError:
    """The error that a refusal means."""
    raw = raw.encode() if isinstance(raw, str) else raw
    said = Refusal(status, path, headers, _body(raw), raw)
    return MEANINGS.get(status, _busy if status in BUSY else _unexpected)(said)


def unreachable(error: HTTPError, base_url: str, path: str) -> ConnectorError:
    """The error that a broken or missing answer means, or a certificate that isn't trusted."""
    base_url = re.sub(r"//[^/@]*@", "//", base_url)
    refused = trouble(error, base_url, certificates=TRUST) or untrusted(error, base_url, variable=TRUST)
    if refused:
        return refused
    cause: BaseException = error.reason if isinstance(error, MaxRetryError) and error.reason else error
    for kinds, reason, what, hint in BREAKS:
        if isinstance(cause, kinds):
            return UnreachableError(f"{base_url}: {what} ({path})", reason=reason, hint=hint)
    return UnreachableError(f"{base_url}: {type(cause).__name__} while reading {path}", reason="connection")


BREAKS: tuple[tuple[tuple[type[BaseException], ...], str, str, str], ...] = (
    (
        (NameResolutionError,),
        "unreachable",
        "the host name can't be found",
        "check `base_url` and this machine's network and DNS",
    ),
    (
        (SSLError,),
        "tls",
        "the TLS connection failed",
        "check `base_url`, and what stands between this machine and HubSpot",
    ),
    (
        (ConnectTimeoutError, NewConnectionError),
        "unreachable",
        "no connection",
        "check `base_url` and this machine's network, proxy and firewall; HubSpot's state is on its status page",
    ),
    ((ReadTimeoutError,), "timeout", "no answer in time", "raise `read_timeout` if this stays so"),
    ((ProtocolError, IncompleteRead), "cut", "the answer was cut off", "a proxy or the network cut the answer"),
)


def _rate_limited(said: Refusal) -> ConnectorError:
    policy = str(said.body.get("policyName", ""))
    if policy == "DAILY":
        return QuotaSpentError(
            "HubSpot's daily limit of requests is used up for this account",
            reason="429_daily",
            hint="the run goes on where it stopped after midnight in the account's time zone",
        )
    wait = WAIT_BY_POLICY.get(policy, timedelta(seconds=10))
    return RateLimitedError(
        f"HubSpot asks to slow down: {said.message}",
        reason="429",
        after=said.after or wait,
        hint="other programs share these limits; lower `budget.burst_share` if this happens often",
    )


def _bad_credentials(said: Refusal) -> ConnectorError:
    return BadCredentialsError(
        f"HubSpot refuses the access token: {said.message}",
        hint="make a service key (HubSpot: Settings > Integrations) and put it where `access_token` is read from; "
        "then run `dealmeter check`",
    )


def _forbidden(said: Refusal) -> ConnectorError:
    scopes = _scopes(said.body)
    if not scopes:
        return MissingScopeError(
            f"HubSpot doesn't let this token read {said.path}: {said.message}",
            scopes=(),
            hint="the account's subscription may not include it, or the token's creator may not see it; "
            "if that is as it should be, leave the stream out with `exclude`",
        )
    named = " or ".join(scopes)
    return MissingScopeError(
        f"the access token may not read {said.path}: it lacks {named}",
        scopes=scopes,
        hint=f"add {named} to the service key or private app, or leave the stream out with `exclude`",
    )


def _moving(said: Refusal) -> ConnectorError:
    return QuotaSpentError(
        "HubSpot is moving this account to another data centre",
        reason="477",
        after=said.after or timedelta(minutes=10),
        hint="no action needed: the run goes on where it stopped when HubSpot is done",
    )


def _busy(said: Refusal) -> ConnectorError:
    return UnreachableError(
        f"HubSpot answered {said.status} to {said.path}: {said.message}",
        reason=str(said.status),
        after=timedelta(seconds=2) if said.status == 423 else None,
        hint="HubSpot has trouble; its state is on its status page. The run goes on where it stopped",
    )


def _unexpected(said: Refusal) -> ConnectorError:
    correlation = said.body.get("correlationId")
    return UnexpectedResponseError(
        f"HubSpot answered {said.status} to {said.path}: {said.message}"
        + (f" (correlation id {correlation})" if correlation else ""),
        hint="this should not happen: report it with the message and the correlation id",
    )


class NotThereError(UnexpectedResponseError):
    """HubSpot has no such record (any more)."""


def _not_there(said: Refusal) -> ConnectorError:
    return NotThereError(f"HubSpot has nothing at {said.path}: {said.message}")


MEANINGS: Mapping[int, Callable[[Refusal], ConnectorError]] = {
    401: _bad_credentials,
    530: _bad_credentials,
    403: _forbidden,
    404: _not_there,
    429: _rate_limited,
    477: _moving,
}


def _scopes(body: Mapping[str, Any]) -> tuple[str, ...]:
    found: list[str] = []
    for error in body.get("errors") or ():
        context = error.get("context") or {}
        found += context.get("requiredGranularScopes") or context.get("requiredScopes") or ()
    return tuple(dict.fromkeys(found))


def _body(raw: bytes) -> Mapping[str, Any]:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def excerpt(raw: bytes, length: int = 160) -> str:
    """The beginning of an answer on one line, without anything that looks like a secret."""
    text = " ".join(raw[: length * 2].decode("utf-8", "replace").split())
    return SECRET.sub(r"\1\2***", text)[:length]
