"""The HTTP side of Salesforce: one session, one budget, one retry policy; decoded answers out."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import urlencode

import requests
from simple_salesforce.api import Salesforce

from connectors.base import Context, Meter
from connectors.budget import Day
from connectors.crm_clock import CrmClock
from connectors.errors import BadCredentialsError, UnexpectedResponseError, UnreachableError
from connectors.retry import retrying
from connectors.salesforce.auth import Door, Token, routes
from connectors.salesforce.refusals import SessionExpiredError, refused_part
from connectors.salesforce.session import SalesforceSession
from connectors.salesforce.settings import SalesforceSettings

Json = dict[str, Any]
Answer = TypeVar("Answer")

CONNECTIONS = 24
"""Streams are read side by side; Salesforce lets at most 25 long requests run at once in an org."""
LONGEST_ADDRESS = 4_000
"""Characters of a query that we put into an address; they grow there, and Salesforce cuts at 16,384 bytes."""
USAGE = re.compile(r"(?:^|[;\s])api-usage=(\d+)/(\d+)")


class Client:
    """Speaks to one org. Safe between threads; close it when done."""

    def __init__(self, settings: SalesforceSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._clock = CrmClock(context.clock, context.monotonic)
        self._session = SalesforceSession(
            routes=routes(settings),
            timeout=(settings.connect_timeout.total_seconds(), settings.read_timeout.total_seconds()),
            connections=CONNECTIONS,
            watch=self._observe,
        )
        self._door = Door(settings, self._session, context, context.meter("account"))
        self._lock = Lock()
        self._api: tuple[Token, Salesforce] | None = None
        self.day = Day(
            settings.budget.daily_share,
            whose="the org's API requests for these 24 hours",
            hint="they come back as the last 24 hours move on",
        )

    # ------------------------------------------------------------------------------------------------- verbs

    def query(self, soql: str, meter: Meter) -> Json:
        """The first page of a query over all rows, deleted and archived ones too. Raises a ConnectorError."""
        if len(soql) > LONGEST_ADDRESS:
            return self._query_in_body(soql, meter)
        return self._ask(lambda api: _rows(api.query(soql, include_deleted=True)), meter)

    def more(self, locator: str, meter: Meter) -> Json:
        """The next page of a query. Raises LocatorGoneError where it is no longer kept."""
        return self._ask(lambda api: _rows(api.query_more(locator, identifier_is_url=True)), meter)

    def get(self, path: str, meter: Meter, **query: Any) -> Json:
        """The decoded answer of a GET below `/services/data/vXX.0/`. Raises a ConnectorError."""
        return self._ask(lambda api: _object(api.restful(path, params=query), path), meter)

    def send(self, method: str, path: str, body: Mapping[str, Any], meter: Meter) -> Json:
        """The decoded answer of a request with a body that changes no data: a job, a composite of reads."""
        return self._ask(lambda api: _object(api.restful(path, method=method, json=dict(body)), path), meter)

    @contextmanager
    def stream(self, path: str, query: Mapping[str, Any], meter: Meter) -> Iterator[requests.Response]:
        """An answer whose body is still to be read: simple-salesforce holds whole bodies in memory."""

        def begin(api: Salesforce) -> requests.Response:
            headers = {"Authorization": f"Bearer {api.session_id}", "Accept": "text/csv"}
            return self._session.get(f"{api.base_url}{path}", params=dict(query), headers=headers, stream=True)

        answer = self._ask(begin, meter)
        try:
            yield answer
        finally:
            answer.close()

    def now(self) -> datetime:
        """The latest time that Salesforce's clock has shown us, UTC, whole seconds; ours before its first answer."""
        return self._clock.now()

    @property
    def instance_url(self) -> str:
        """Where people see the org's records."""
        return self._door.token().instance_url.rstrip("/")

    def close(self) -> None:
        """Close the pool. The session stays valid: other programs may share it."""
        self._session.close()

    # ---------------------------------------------------------------------------------------------- one call

    def _ask(self, send: Callable[[Salesforce], Answer], meter: Meter) -> Answer:
        def call() -> Answer:
            self.day.leave_some()
            token = self._door.token()
            for _ in range(2):
                meter.request()
                try:
                    return send(self._library(token))
                except SessionExpiredError:
                    token = self._door.renew(token)
            meter.request()
            try:
                return send(self._library(token))
            except SessionExpiredError as error:
                raise self._door.shut(_fresh_refused(error)) from error

        self._door.token()  # signing in has a patience of its own, which must not be multiplied by this one
        return retrying(call, context=self._context, meter=meter)

    def _library(self, token: Token) -> Salesforce:
        """simple-salesforce for a session. It never signs in itself: to it, every session was given from outside."""
        with self._lock:
            if self._api is None or self._api[0] is not token:
                api = Salesforce(
                    session_id=token.value,
                    instance_url=token.instance_url,
                    version=self._settings.api_version,
                    session=self._session,
                    object_pairs_hook=None,
                )
                self._api = (token, api)
            return self._api[1]

    def _query_in_body(self, soql: str, meter: Meter) -> Json:
        """A query too long for an address travels in the body of a composite request."""
        path = f"/services/data/v{self._settings.api_version}/queryAll"
        part = {"method": "GET", "url": f"{path}?{urlencode({'q': soql})}", "referenceId": "all"}
        body = {"compositeRequest": [part]}
        return self._ask(lambda api: _part(api.restful("composite", method="POST", json=body), path), meter)

    # --------------------------------------------------------------------------------------------- the budget

    def _observe(self, headers: Mapping[str, str]) -> None:
        """Keep Salesforce's time and what it says of the org's limit."""
        self._clock.told(headers.get("Date"))
        usage = USAGE.search(headers.get("Sforce-Limit-Info", ""))
        if usage:
            used, limit = int(usage[1]), int(usage[2])
            self.day.told = (limit, max(limit - used, 0))


def _object(answer: Any, path: str) -> Json:
    """An answer that is an object; simple-salesforce makes None of an empty one."""
    if answer is None:
        return {}
    if not isinstance(answer, dict):
        raise UnexpectedResponseError(f"Salesforce answered {path} with no object")
    return answer


def _rows(answer: Any) -> Json:
    """An answer with rows that says whether there are more: whatever else came is no end of data."""
    told = answer if isinstance(answer, dict) and isinstance(answer.get("records"), list) else {}
    if told.get("done") is True or (told.get("done") is False and told.get("nextRecordsUrl")):
        return told
    raise UnreachableError(
        "Salesforce answered a query without rows or without saying whether there are more",
        reason="partial_answer",
        hint="no action needed: nothing was skipped, the next run reads it again",
    )


def _part(answer: Any, path: str) -> Json:
    """The rows in the only part of a composite answer."""
    found = (_object(answer, "composite").get("compositeResponse") or [{}])[0]
    status = int(found.get("httpStatusCode") or 500)
    if status != requests.codes.ok:
        raise refused_part(status, found.get("body"), path)
    return _rows(found.get("body"))


def _fresh_refused(error: SessionExpiredError) -> BadCredentialsError:
    return BadCredentialsError(
        f"Salesforce refuses a session that it has just given: {error}",
        hint="check the app's session policies and IP relaxation (Setup > External Client App Manager), and the login "
        "history of the user",
    )
