"""Control endpoints under /__sandbox__/ that every sandbox has: time, faults, holds and the log."""

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qs

import orjson

from dealmeter.sandbox.clock import instant
from dealmeter.sandbox.faults import Faults
from dealmeter.sandbox.http import Answer, Request
from dealmeter.sandbox.requests import RequestLog
from dealmeter.sandbox.world import World

PREFIX = "/__sandbox__/"
Body = dict[str, Any]


class Controlled(Protocol):
    """What these operations need of a sandbox."""

    world: World
    faults: Faults
    requests: RequestLog
    latency_ms: int

    @property
    def held(self) -> threading.Event: ...
    def hold(self, at_request: int = 1) -> None: ...
    def release(self) -> None: ...


S = TypeVar("S", bound=Controlled)


def controlled(
    sandbox: S,
    request: Request,
    operations: Mapping[str, Callable[[S, Body], Any]],
    problem: type[Exception] = ValueError,
) -> Answer:
    """Do what the path names with the JSON body (or the query); problems come back as 400 with a sentence."""
    operation = operations.get(request.path.removeprefix(PREFIX))
    if operation is None:
        return _json(404, {"error": f"no such operation; there are {', '.join(sorted(operations))}"})
    try:
        result = operation(sandbox, _body(request))
    except KeyError as missing:
        return _json(400, {"error": f"{missing.args[0]} is missing"})
    except (LookupError, ValueError, TypeError, problem) as met:
        return _json(400, {"error": str(met)})
    return _json(200, {} if result is None else result)


def _body(request: Request) -> Body:
    body: Body = {name: values[-1] for name, values in parse_qs(request.query).items()}
    if request.body:
        given = orjson.loads(request.body)
        if not isinstance(given, dict):
            raise ValueError("the body must be an object")
        body |= given
    return body


def _json(status: int, body: Any) -> Answer:
    return Answer(status, orjson.dumps(body))


def _now(sandbox: Controlled, body: Body) -> Body:
    ms = sandbox.world.clock.ms()
    text = instant(ms).isoformat()
    return {"now": f"{text[:19]}.{ms % 1000:03d}Z" if ms % 1000 else f"{text[:19]}Z"}


def _advance(sandbox: Controlled, body: Body) -> Body:
    sandbox.world.clock.advance(timedelta(seconds=float(body["seconds"])))
    return _now(sandbox, body)


def _set_time(sandbox: Controlled, body: Body) -> Body:
    moment = datetime.fromisoformat(body["now"])
    sandbox.world.clock.set(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    return _now(sandbox, body)


def _freeze(sandbox: Controlled, body: Body) -> Body:
    (sandbox.world.clock.freeze if body.get("frozen", True) else sandbox.world.clock.run)()
    return _now(sandbox, body)


def _latency(sandbox: Controlled, body: Body) -> None:
    sandbox.latency_ms = int(body["ms"])


def _faults(sandbox: Controlled, body: Body) -> Body:
    """Plan one (`kind`, `times`, `match`, `seconds`, `after`), set the random `rate`, or `clear` them all."""
    if body.get("clear"):
        sandbox.faults.clear()
    if "rate" in body:
        sandbox.faults.rate = float(body["rate"])
    if "kind" in body:
        seconds = None if body.get("seconds") is None else float(body["seconds"])
        times, after = int(body.get("times", 1)), int(body.get("after", 0))
        sandbox.faults.next(body["kind"], times, body.get("match", ""), seconds=seconds, after=after)
    return {"injected": dict(sandbox.faults.injected)}


def _hold(sandbox: Controlled, body: Body) -> None:
    sandbox.hold(int(body.get("at_request", 1)))


def _held(sandbox: Controlled, body: Body) -> Body:
    return {"held": sandbox.held.wait(float(body.get("wait_s", 0)))}


def _release(sandbox: Controlled, body: Body) -> None:
    sandbox.release()


def _requests(sandbox: Controlled, body: Body) -> Body:
    log = sandbox.requests
    found = {
        "total": sum(log.endpoints.values()),
        "endpoints": dict(log.endpoints),
        "statuses": {str(status): count for status, count in log.statuses.items()},
        "last": [list(entry) for entry in log.entries[-int(body.get("last", 100)) :]],
    }
    if body.get("clear"):
        log.clear()
    return found


COMMON: dict[str, Callable[[Controlled, Body], Any]] = {
    "now": _now,
    "advance": _advance,
    "time": _set_time,
    "freeze": _freeze,
    "latency": _latency,
    "faults": _faults,
    "hold": _hold,
    "held": _held,
    "release": _release,
    "requests": _requests,
}
