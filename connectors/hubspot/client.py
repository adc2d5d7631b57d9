"""The HTTP side of HubSpot: one pool, one budget, one retry policy; raw bytes in, decoded JSON out."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from hubspot.client import Client as HubSpot
from hubspot.crm.owners.exceptions import ApiException
from urllib3.exceptions import HTTPError
from urllib3.util.retry import Retry

from connectors.base import Context, Meter
from connectors.budget import Day, Window
from connectors.crm_clock import CrmClock
from connectors.decode import decoded
from connectors.errors import (
    ConnectorError,
    RateLimitedError,
    UnexpectedResponseError,
    UnreachableError,
)
from connectors.hubspot.paths import Paths
from connectors.hubspot.refusals import excerpt, refusal, unreachable
from connectors.hubspot.settings import HubSpotSettings
from connectors.proxies import ASKS_WHO, proxy, refused
from connectors.retry import retrying

Json = dict[str, Any]
WINDOW_S = 10.0
READERS = 16
"""Streams that may ask beside the pool of parallel requests."""


class Client:
    """Speaks to one HubSpot account. Safe between threads; close it when done."""

    def __init__(self, settings: HubSpotSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self.paths = Paths(settings.api_version)
        budget = settings.budget
        between = proxy(settings.base_url)
        hubspot = HubSpot(
            access_token=settings.access_token.get_secret_value(),
            host=settings.base_url.rstrip("/"),
            retry=Retry(0, redirect=0, raise_on_status=False),
            connection_pool_maxsize=budget.parallel + READERS,
            proxy=between and between.url,
            proxy_headers=between and dict(between.headers),
        )
        self._api = hubspot.crm.owners.owners_api.api_client  # each attribute access would make a new pool
        self._api.set_default_header("Accept-Encoding", "gzip")
        self._timeout = (settings.connect_timeout.total_seconds(), settings.read_timeout.total_seconds())
        burst = max(int(budget.burst_limit * budget.burst_share), 1)
        self._burst = Window(burst, WINDOW_S, monotonic=context.monotonic, sleep=context.sleep)
        self._associations = Window(burst, WINDOW_S, monotonic=context.monotonic, sleep=context.sleep)
        self._search = Window(budget.search_per_second, 1.0, monotonic=context.monotonic, sleep=context.sleep)
        self._clock = CrmClock(context.clock, context.monotonic)
        self.day = Day(
            budget.daily_share,
            whose="the daily requests of the HubSpot account",
            hint="they come back at midnight in the account's time zone",
        )

    # ------------------------------------------------------------------------------------------------- verbs

    def get(self, path: str, query: Sequence[tuple[str, Any]], meter: Meter) -> Json:
        """The decoded answer of a GET. Raises a ConnectorError."""
        answer: Json = self._ask("GET", path, query=query, body=None, meter=meter, window=self._burst)
        return answer

    def get_list(self, path: str, meter: Meter) -> list[Json]:
        """The decoded answer of an old GET that answers with a bare list. Raises a ConnectorError."""
        found: list[Json] = self._ask("GET", path, query=(), body=None, meter=meter, window=self._burst, shape=list)
        return found

    def post(self, path: str, body: Mapping[str, Any], meter: Meter, query: Sequence[tuple[str, Any]] = ()) -> Json:
        """The decoded answer of a reading POST (batch read), which is safe to send again. Raises a ConnectorError."""
        answer: Json = self._ask("POST", path, query=query, body=body, meter=meter, window=self._burst)
        return answer

    def associations(self, path: str, body: Mapping[str, Any], meter: Meter) -> Json:
        """The decoded answer of a batch read of associations, which has limits of its own. Raises a ConnectorError."""
        answer: Json = self._ask("POST", path, query=(), body=body, meter=meter, window=self._associations)
        return answer

    def search(self, path: str, body: Mapping[str, Any], meter: Meter) -> Json:
        """The decoded answer of a search, which has limits of its own. Raises a ConnectorError."""
        answer: Json = self._ask("POST", path, query=(), body=body, meter=meter, window=self._search)
        return answer

    def now(self) -> datetime:
        """The latest time that HubSpot's clock has shown us, UTC, whole seconds; ours before its first answer."""
        return self._clock.now()

    def close(self) -> None:
        """Close the pool."""
        self._api.rest_client.pool_manager.clear()

    # ---------------------------------------------------------------------------------------------- one call

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, Any]],
        body: Mapping[str, Any] | None,
        meter: Meter,
        window: Window,
        shape: type = dict,
    ) -> Any:
        def call() -> Any:
            self.day.leave_some()
            with window.place():
                meter.request()
                return self._send(method, path, query, body, window, shape)

        return retrying(call, context=self._context, meter=meter)

    def _send(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, Any]],
        body: Mapping[str, Any] | None,
        window: Window,
        shape: type,
    ) -> Any:
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            response = self._api.call_api(
                path,
                method,
                query_params=list(query),
                header_params=headers,
                body=body,
                auth_settings=["oauth2"],
                _preload_content=False,
                _request_timeout=self._timeout,
            )
            self._observe(response.headers, window)
            data: bytes = response.data  # reading to the end gives the connection back to the pool
            response.release_conn()
        except ApiException as error:
            raise self._refused(error, path, window) from error
        except HTTPError as error:
            raise unreachable(error, self._settings.base_url, path) from error
        return self._decoded(data, response.headers.get("Content-Type", ""), path, shape)

    def _decoded(self, data: bytes, content_type: str, path: str, shape: type) -> Any:
        try:
            answer = decoded(data)
        except ValueError as error:
            raise UnreachableError(
                f"HubSpot's answer to {path} is not whole JSON ({len(data)} bytes of {content_type or 'unknown type'}: "
                f"{excerpt(data)})",
                reason="bad_json",
                hint="the request was tried again several times; if it stays so, a proxy may change the answers",
            ) from error
        if not isinstance(answer, shape):
            wanted = "object" if shape is dict else "list"
            raise UnexpectedResponseError(f"HubSpot answered {path} with no {wanted}: {excerpt(data)}")
        return answer

    def _refused(self, error: ApiException, path: str, window: Window) -> ConnectorError:
        self._observe(error.headers or {}, window)
        if error.status == ASKS_WHO and (proxied := refused(ASKS_WHO, self._settings.base_url)):
            return proxied
        meaning = refusal(error.status, error.headers or {}, error.body or b"", path)
        if isinstance(meaning, RateLimitedError) and meaning.after is not None:
            window.refused(meaning.after.total_seconds())
        return meaning

    # --------------------------------------------------------------------------------------------- the budget

    def _observe(self, headers: Mapping[str, str], window: Window) -> None:
        """Keep the CRM's time and what it says of its limits."""
        self._clock.told(headers.get("Date"))
        most = headers.get("X-HubSpot-RateLimit-Max")
        if most and window is not self._search:
            allowed = max(int(int(most) * self._settings.budget.burst_share), 1)
            window.allow(allowed)
            left = headers.get("X-HubSpot-RateLimit-Remaining")
            if left and int(left) < (int(most) - allowed) // 2:
                window.hold(1.0)
        daily, daily_left = headers.get("X-HubSpot-RateLimit-Daily"), headers.get("X-HubSpot-RateLimit-Daily-Remaining")
        if daily and daily_left:
            self.day.told = (int(daily), int(daily_left))
