"""The one door to Salesforce: every request of ours and of simple-salesforce goes through this session.

It sends each request where the configuration says, never without a timeout, and gives back good answers only: a refusal
becomes an error of ours right here, so that simple-salesforce's own handling of them never begins (docs/adr/0013).
"""

from collections.abc import Callable, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.response import BaseHTTPResponse

from connectors.decode import decoded
from connectors.errors import UnreachableError
from connectors.proxies import ASKS_WHO, for_requests, refused
from connectors.salesforce.refusals import excerpt, maintenance, refusal, unreachable

NO_CONTENT = 204
Watch = Callable[[Mapping[str, str]], None]


class Answer(requests.Response):
    """An answer that decodes itself by orjson into plain dicts."""

    def json(self, **_: Any) -> Any:
        """The decoded body; None where there is none to expect. Raises UnreachableError where it isn't whole."""
        if self.status_code == NO_CONTENT:
            return None
        try:
            return decoded(self.content)
        except ValueError as error:
            path = urlsplit(self.url).path
            raise UnreachableError(
                f"Salesforce's answer to {path} is not whole JSON ({len(self.content)} bytes: {excerpt(self.content)})",
                reason="bad_json",
                hint="the request was tried again several times; if it stays so, a proxy may change the answers",
            ) from error


class _Adapter(HTTPAdapter):
    """Makes our kind of answers."""

    def build_response(self, request: requests.PreparedRequest, response: BaseHTTPResponse) -> requests.Response:
        """As requests builds it, but decoding by orjson."""
        answer = super().build_response(request, response)
        answer.__class__ = Answer
        return answer


class SalesforceSession(requests.Session):
    """A session of requests with our manners. Safe between threads: it keeps no cookies and changes nothing.

    `routes` say where requests to a host really go (`{"login.salesforce.com": "http://127.0.0.1:9000"}`); the route of
    `*` takes all that have no other. `watch` sees the headers of every answer.
    """

    def __init__(
        self, *, routes: Mapping[str, str], timeout: tuple[float, float], connections: int, watch: Watch
    ) -> None:
        super().__init__()
        self._routes = dict(routes)
        self._timeout = timeout
        self._watch = watch
        self.auth = _as_it_is  # else a .netrc of the user would take the place of our token
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("https://", "http://"):
            self.mount(scheme, _Adapter(pool_connections=4, pool_maxsize=connections, max_retries=0, pool_block=True))

    def route(self, host: str, to: str) -> None:
        """From now on, requests to a host go there."""
        self._routes[host] = to

    def request(self, method: str, url: str | bytes, *args: Any, **options: Any) -> requests.Response:
        """Send one request. Raises a ConnectorError for whatever is not a good answer; secrets stay out of it."""
        address = self._address(url.decode() if isinstance(url, bytes) else url)
        path = urlsplit(address).path
        options.setdefault("timeout", self._timeout)
        options["proxies"] = for_requests(address)
        options["allow_redirects"] = False  # a token is for one host
        options["headers"] = {**(options.get("headers") or {}), "X-PrettyPrint": "0"}
        try:
            answer = super().request(method, address, *args, **options)
        except requests.RequestException as error:
            raise unreachable(error, address) from None  # the original may name the whole query
        if answer.status_code == ASKS_WHO and (proxied := refused(ASKS_WHO, address)):
            answer.close()
            raise proxied
        self._watch(answer.headers)
        if answer.status_code >= 300:
            raise refusal(answer.status_code, _body(answer), path)
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            raise maintenance(answer.status_code, _body(answer), path)
        return answer

    def _address(self, url: str) -> str:
        parts = urlsplit(url)
        to = self._routes.get(parts.netloc) or self._routes.get("*")
        if not to:
            return url
        there = urlsplit(to)
        return urlunsplit((there.scheme, there.netloc, there.path.rstrip("/") + parts.path, parts.query, ""))


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _body(answer: requests.Response) -> bytes:
    """What a refusal said, as far as it came."""
    try:
        return answer.content
    except requests.RequestException:
        return b""
    finally:
        answer.close()
