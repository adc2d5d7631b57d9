"""The fake Salesforce: one org over real HTTP on loopback, with everything a test may want to do to it."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from random import Random

from dealmeter.sandbox.faults import Faults
from dealmeter.sandbox.http import Answer, Request
from dealmeter.sandbox.requests import RequestLog
from dealmeter.sandbox.salesforce import composite, describes, soap, trouble
from dealmeter.sandbox.salesforce.bulk.jobs import Jobs
from dealmeter.sandbox.salesforce.control import PREFIX, control
from dealmeter.sandbox.salesforce.cursors import Cursors
from dealmeter.sandbox.salesforce.edits import Edits
from dealmeter.sandbox.salesforce.errors import RefusedError, json_answer, not_found
from dealmeter.sandbox.salesforce.limits import SMALL, Meter
from dealmeter.sandbox.salesforce.oauth import Credentials, OAuth
from dealmeter.sandbox.salesforce.objects.setup import INTEGRATION_NAME
from dealmeter.sandbox.salesforce.org import Features, Org
from dealmeter.sandbox.salesforce.routes import allowed, match, version_of
from dealmeter.sandbox.salesforce.schema import Profile, Schema
from dealmeter.sandbox.salesforce.service import Behaviour, Call, Service
from dealmeter.sandbox.salesforce.tokens import Session, Sessions
from dealmeter.sandbox.served import Served
from dealmeter.sandbox.world import World

_TOKEN, _USERINFO, _REVOKE = "/services/oauth2/token", "/services/oauth2/userinfo", "/services/oauth2/revoke"
_SOAP = "/services/soap/u/"


class SalesforceSandbox(Served):
    """Serves a world as a Salesforce org, from `start` (or `with`) until `stop`. All times are the world's
    clock's, except latency, long requests and the expiry of JWT assertions, which are real.
    """

    def __init__(
        self,
        world: World,
        port: int = 0,
        *,
        features: Features | None = None,
        latency_ms: int = 0,
        rate_limit: bool = False,
        fault_rate: float = 0.0,
        seed: int = 7,
        real_time: Callable[[], float] = time.time,
    ) -> None:
        self.world = world
        self.org = Org(world, features)
        self.schema = Schema(self.org)
        self.limits = Meter(world.clock, enforced=rate_limit)
        if rate_limit:
            self.limits.daily = SMALL
        self.behaviour = Behaviour()
        self.jobs = Jobs(world.clock)
        self.cursors = Cursors(world.clock)
        self.service = Service(self.org, self.schema, self.limits, self.cursors, self.jobs, self.behaviour)
        self.edits = Edits(self.schema)
        self.requests = RequestLog()
        self.faults = Faults(trouble.KINDS, trouble.COMMON, rate=fault_rate, seed=seed)
        self.sessions = Sessions(world.clock, self.org.id)
        self.oauth = OAuth(self.org, self.sessions, real_time=real_time)
        self._rng = Random(f"{seed}:pages")
        super().__init__(self._handle, port, latency_ms=latency_ms, closed=self.org.close)

    # Playing with it

    @property
    def credentials(self) -> Credentials:
        """What opens the org; may be changed."""
        return self.oauth.credentials

    @property
    def private_key(self) -> str:
        """PEM, to sign assertions with."""
        return self.oauth.keys.private_pem

    def expire_sessions(self) -> int:
        """Every token is worthless from now on; a new login brings a new one."""
        return self.sessions.expire()

    def hide(
        self,
        objects: Iterable[str] = (),
        fields: Mapping[str, Iterable[str]] | None = None,
        user: str = INTEGRATION_NAME,
    ) -> None:
        """What the integration user may not see from now on; nothing given, they see everything."""
        hidden = {name: frozenset(names) for name, names in (fields or {}).items()}
        with self.world.lock:
            self.schema.set_profile(user, Profile(hidden_objects=frozenset(objects), hidden_fields=hidden))

    def set_features(self, features: Features) -> None:
        with self.world.lock:
            self.schema.set_features(features)

    def set_commit_delay(self, delay: timedelta) -> None:
        """Changes from now on show only so much later, stamped as if they had shown at once."""
        with self.world.lock:
            self.org.commit_delay_ms = delay // timedelta(milliseconds=1)

    # Answering

    def _handle(self, request: Request) -> Answer:
        if request.path.startswith(PREFIX):
            return control(self, request)
        self._hold.pass_through()
        kind, answer = self._answer(request)
        status = 0 if answer.cut == 0 else answer.status
        self.requests.add(request.method, request.path, status, kind)
        now = self.world.clock.now() + timedelta(seconds=self.behaviour.clock_skew_s)
        headers = {"Date": format_datetime(now, usegmt=True), **answer.headers}
        if self.behaviour.strip_headers:
            headers = {name: text for name, text in headers.items() if not name.startswith("Sforce-")}
        return replace(answer, headers=headers)

    def _answer(self, request: Request) -> tuple[str, Answer]:
        fault = self.faults.take(request.path)
        self._delay(fault)
        kind, answer = "other", trouble.too_long()
        if request.target_length <= trouble.LONGEST_TARGET:
            if fault and fault.kind in trouble.INSTEAD:
                return self._kind(request), trouble.INSTEAD[fault.kind](fault)
            kind, answer = self._honest(request, shorten=fault is not None and fault.kind == "short_page")
        return kind, trouble.SPOIL[fault.kind](answer) if fault and fault.kind in trouble.SPOIL else answer

    def _kind(self, request: Request) -> str:
        data = version_of(request.path)
        found = match(request.method, data[1]) if data else None
        return found.route.kind if found else "other"

    def _honest(self, request: Request, *, shorten: bool) -> tuple[str, Answer]:
        """The answer of a Salesforce on a good day."""
        path = request.path.rstrip("/").lower()
        if path == _TOKEN:
            return "login", self.oauth.token(request, self.url)
        if path.startswith(_SOAP):
            return "login", self._soap(request, path)
        if path == _USERINFO or path.startswith("/id/"):
            return "userinfo", self.oauth.userinfo(request, self.url)
        if path == _REVOKE:
            return "logout", self.oauth.revoke(request)
        if path == "/services/data":
            return "versions", json_answer(describes.versions())
        return self._data(request, shorten=shorten)

    def _soap(self, request: Request, path: str) -> Answer:
        text = path.removeprefix(_SOAP).split("/")[0]
        version = float(text) if text.replace(".", "", 1).isdigit() else 0.0
        answer = soap.login(request, version, self.org, self.sessions, self.credentials, self.url)
        self.oauth.logins += answer.status == 200
        return answer

    def _data(self, request: Request, *, shorten: bool) -> tuple[str, Answer]:
        """A data endpoint: counted, and only for those who are logged in."""
        kind = self._kind(request)
        try:
            session = self.sessions.check(request.headers.get("authorization", ""))
            ticket = self.limits.enter()
        except RefusedError as refused:
            return kind, self._announced(refused.answer())
        try:
            with self.world.lock:
                kind, answer = self._dispatch(request, session, shorten=shorten)
        finally:
            self.limits.leave(ticket)
        return kind, self._announced(answer)

    def _dispatch(self, request: Request, session: Session, *, shorten: bool) -> tuple[str, Answer]:
        data = version_of(request.path)
        try:
            if data is None:
                raise not_found()
            version, rest = data
            if not describes.OLDEST <= version <= describes.NEWEST:
                raise _wrong_version(version)
            shorten = shorten or self._rng.random() < self.behaviour.short_pages
            call = Call(request, self.service, {}, version, session, shorten)
            if request.method == "POST" and rest.rstrip("/") in _COMPOSITE:
                return "composite", _COMPOSITE[rest.rstrip("/")](call, self._inner)
            found = match(request.method, rest)
            if found is None:
                raise _wrong_method(request.method, rest)
            return found.route.kind, found.route.endpoint(replace(call, place=found.place))
        except RefusedError as refused:
            return self._kind(request), refused.answer()

    def _inner(self, call: Call, request: Request) -> Answer:
        return self._dispatch(request, call.session, shorten=False)[1]

    def _announced(self, answer: Answer) -> Answer:
        return replace(answer, headers={"Sforce-Limit-Info": self.limits.header(), **answer.headers})


_COMPOSITE = {"/composite": composite.composite, "/composite/batch": composite.batch}


def _wrong_method(method: str, rest: str) -> RefusedError:
    others = allowed(rest)
    if not others:
        return not_found()
    sentence = f"HTTP Method '{method}' not allowed. Allowed are {','.join(others)}"
    return RefusedError(405, "METHOD_NOT_ALLOWED", sentence)


def _wrong_version(version: float) -> RefusedError:
    if describes.FIRST_GONE <= version < describes.OLDEST:
        return RefusedError(410, "UNSUPPORTED_API_VERSION", "The requested API version has been retired.")
    return not_found()
