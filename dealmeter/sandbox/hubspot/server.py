"""The fake HubSpot: one account over real HTTP on loopback, with everything a test may want to do to it."""

import uuid
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime

from dealmeter.sandbox.faults import Faults
from dealmeter.sandbox.http import Answer, Request
from dealmeter.sandbox.hubspot import trouble
from dealmeter.sandbox.hubspot.call import Call
from dealmeter.sandbox.hubspot.control import PREFIX, control
from dealmeter.sandbox.hubspot.edits import Edits
from dealmeter.sandbox.hubspot.errors import RefusedError, not_found, rate_limited
from dealmeter.sandbox.hubspot.limits import Limiter, RateLimit
from dealmeter.sandbox.hubspot.portal import Portal
from dealmeter.sandbox.hubspot.reference import daily_usage
from dealmeter.sandbox.hubspot.routes import Match, match
from dealmeter.sandbox.hubspot.search import Searches
from dealmeter.sandbox.hubspot.tokens import DEFAULT, Tokens
from dealmeter.sandbox.meanwhile import Action, Meanwhile
from dealmeter.sandbox.requests import RequestLog
from dealmeter.sandbox.served import Served
from dealmeter.sandbox.world import World


class HubSpotSandbox(Served):
    """Serves a world as a HubSpot account, from `start` (or `with`) until `stop`. All times are the world's
    clock's, except rate limits and latency, which are real. The Date header is off by `skew`.
    """

    slow_seconds = trouble.SLOW_SECONDS

    def __init__(
        self,
        world: World,
        port: int = 0,
        *,
        latency_ms: int = 0,
        rate_limit: RateLimit | None = None,
        fault_rate: float = 0.0,
        search_lag: timedelta = timedelta(0),
        scopes: Iterable[str] | None = None,
        association_page: int = 500,
        without: Iterable[str] = (),
        seed: int = 7,
    ) -> None:
        self.world = world
        self.portal = Portal(world, search_lag=search_lag, association_page=association_page, without=without)
        self.edits = Edits(self.portal)
        self.requests = RequestLog()
        self.faults = Faults(trouble.KINDS, trouble.COMMON, rate=fault_rate, seed=seed)
        self.limits = Limiter(world, rate_limit)
        self.tokens = Tokens(world.clock, None if scopes is None else frozenset(scopes))
        self.skew = timedelta(0)
        self.meanwhile = Meanwhile()
        self._searches = Searches()
        super().__init__(self._handle, port, latency_ms=latency_ms, closed=self.portal.close)

    # Playing with it

    def at_request(self, number: int, action: Action) -> None:
        """Do something to the world when the n-th request from now arrives, before it is answered."""
        self.meanwhile.at(number, action)

    def set_scopes(self, scopes: Iterable[str] | None, token: str = DEFAULT) -> None:
        """What a token may do from now on; None means everything. Also makes an expired token valid again."""
        self.tokens.grant(None if scopes is None else frozenset(scopes), token)

    def expire_token(self, token: str = DEFAULT) -> None:
        self.tokens.expire(token)

    def set_search_lag(self, lag: timedelta) -> None:
        """How long a change stays unknown to search, by the world's clock."""
        with self.world.lock:
            self.portal.set_search_lag(lag)

    # Answering

    def _handle(self, request: Request) -> Answer:
        if request.path.startswith(PREFIX):
            return control(self, request)
        found = match(request.method, request.path)
        self._hold.pass_through()
        self.meanwhile.pass_through()
        answer = self._answer(request, found)
        status = 0 if answer.cut == 0 else answer.status
        self.requests.add(request.method, request.path, status, found.route.kind if found else "other")
        headers = {
            "Date": format_datetime(self.world.clock.now() + self.skew, usegmt=True),
            "X-HubSpot-Correlation-Id": str(uuid.uuid4()),
        }
        return replace(answer, headers={**headers, **answer.headers})

    def _answer(self, request: Request, found: Match | None) -> Answer:
        fault = self.faults.take(request.path)
        self._delay(fault)
        if request.target_length > trouble.LONGEST_TARGET:
            return trouble.too_long()
        if fault and fault.kind in trouble.INSTEAD:
            return trouble.INSTEAD[fault.kind](fault, self.world.account.id)
        answer = self._honest(request, found, shorten=fault is not None and fault.kind == "short_page")
        return trouble.SPOIL[fault.kind](answer) if fault and fault.kind in trouble.SPOIL else answer

    def _honest(self, request: Request, found: Match | None, *, shorten: bool) -> Answer:
        """The answer of a HubSpot on a good day: who are you, how often, and then the endpoint."""
        try:
            token, scopes = self.tokens.check(request.headers.get("authorization", ""))
            verdict = self.limits.admit(token, found.route.kind if found else "other")
            if verdict.policy:
                return rate_limited(verdict.policy, self.world.account.id, retry_after=verdict.retry_after)
            if found is None:
                raise not_found()
            call = Call(request, self.portal, found.place, found.version, scopes, shorten)
            with self.world.lock:
                answer = self._endpoint(call, found)
            return replace(answer, headers=verdict.headers)
        except RefusedError as refused:
            return refused.answer()

    def _endpoint(self, call: Call, found: Match) -> Answer:
        if found.route.endpoint:
            return found.route.endpoint(call)
        if found.route.kind == "search":
            return self._searches.search(call)
        return daily_usage(call, self.limits.used_today, self.limits.daily)
