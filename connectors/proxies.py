"""The proxy by which this machine reaches an address, as HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY name it.

The rules are those of `requests`, for every connection that we open. This machine itself is never asked for by a proxy:
plain http is allowed to it because nothing leaves it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit

from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError, ProxyError, SSLError
from urllib3.util import make_headers

from connectors.addresses import is_this_machine
from connectors.causes import causes
from connectors.certificates import untrusted
from connectors.errors import ConnectorError, ProxyRefusedError, UnreachableError

ESCAPES = "special characters in USER and PASSWORD are written as %XX (@ is %40, : is %3A, / is %2F, # is %23)"
TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")
ASKS_WHO = 407


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy. `url` and `variable`, which named it, may be shown; the rest may hold a password."""

    url: str
    variable: str
    headers: Mapping[str, str] = field(repr=False)
    whole: str = field(repr=False)


def proxy(address: str) -> Proxy | None:
    """The proxy on the way to an address; None for straight there. Raises ProxyRefusedError where it can't be used."""
    named = {} if is_this_machine(urlsplit(address).hostname or "") else get_environ_proxies(address)
    given, scheme = select_proxy(address, named), urlsplit(address).scheme
    if not given:
        return None
    variable = f"{scheme if scheme in named else 'all'}_PROXY".upper()
    try:
        return _parsed(given if "://" in given else f"http://{given}", variable)
    except ValueError:  # its text may hold the password
        raise ProxyRefusedError(
            f"the proxy in {variable} is no address of an HTTP proxy",
            hint=f"write it as http://HOST:PORT or http://USER:PASSWORD@HOST:PORT; {ESCAPES}",
        ) from None


def for_requests(address: str) -> dict[str, str]:
    """The same as the `proxies` of a request by `requests`. Raises ProxyRefusedError."""
    found = proxy(address)
    return {urlsplit(address).scheme: found.whole} if found else {"no_proxy": "*"}


def trouble(error: BaseException, address: str, *, certificates: str) -> ConnectorError | None:
    """The error that trouble with the proxy on the way to an address means; None where `error` is about something else.

    `certificates` is the environment variable by which the HTTP library is told whom else to trust.
    """
    found = next((each for each in causes(error) if isinstance(each, ProxyError)), None)
    between = proxy(address) if found is not None else None
    if found is None or between is None:
        return None
    if answered := TUNNEL.search(str(found.original_error)):
        return refused(int(answered[1]), address)
    if distrusted := untrusted(found, between.url, variable=certificates):
        return distrusted
    what = next((what for kinds, what in BREAKS if isinstance(found.original_error, kinds)), "the connection broke")
    return UnreachableError(
        f"the proxy {between.url}, on the way to {_host(address)}: {what}",
        reason="proxy",
        hint=f"check that the proxy runs and that {between.variable} names it rightly; {_without(address)}",
    )


def refused(status: int, address: str) -> ConnectorError | None:
    """The error that a proxy's own refusal of the way to an address means; None where there is no proxy."""
    between = proxy(address)
    if between is None:
        return None
    if status == ASKS_WHO:
        known = "doesn't take the user and password that it is given" if between.headers else "asks for a password"
        return ProxyRefusedError(
            f"the proxy {between.url} {known} (407)",
            hint=f"write {between.variable} as http://USER:PASSWORD@HOST:PORT; {ESCAPES}; {_without(address)}",
        )
    said = f"the proxy {between.url} doesn't let us through to {_host(address)} ({status})"
    if status >= 500:
        return UnreachableError(said, reason="proxy", hint=f"whoever runs the proxy can say why; {_without(address)}")
    return ProxyRefusedError(said, hint=f"ask whoever runs the proxy to allow {_host(address)}; {_without(address)}")


BREAKS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((NameResolutionError,), "the proxy's host name can't be found"),
    ((NewConnectionError,), "no connection"),
    ((ConnectTimeoutError, TimeoutError), "no answer in time"),
    ((SSLError,), "the TLS connection failed"),
)


def _parsed(url: str, variable: str) -> Proxy:
    """Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if not parts.username:
        return Proxy(shown, variable, {}, shown)
    user, password = unquote(parts.username), unquote(parts.password or "")
    headers = make_headers(proxy_basic_auth=f"{user}:{password}")
    whole = f"{parts.scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{parts.netloc.rpartition('@')[2]}"
    return Proxy(shown, variable, headers, whole)


def _host(address: str) -> str:
    return urlsplit(address).hostname or address


def _without(address: str) -> str:
    return f"where this machine reaches {_host(address)} without a proxy, add it to NO_PROXY"
