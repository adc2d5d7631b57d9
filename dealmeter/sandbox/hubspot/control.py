"""Control endpoints under /__sandbox__/, for tests that run the sandbox in another process."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dealmeter.sandbox.controls import COMMON, PREFIX, Body, controlled
from dealmeter.sandbox.http import Answer, Request
from dealmeter.sandbox.hubspot.errors import RefusedError
from dealmeter.sandbox.hubspot.kinds import object_type
from dealmeter.sandbox.hubspot.limits import RateLimit
from dealmeter.sandbox.hubspot.tokens import DEFAULT
from dealmeter.sandbox.record import Kind

if TYPE_CHECKING:
    from dealmeter.sandbox.hubspot.server import HubSpotSandbox

__all__ = ["PREFIX", "control"]
Operation = Callable[["HubSpotSandbox", Body], Any]


def control(sandbox: HubSpotSandbox, request: Request) -> Answer:
    """Do what the path names with the JSON body (or the query)."""
    return controlled(sandbox, request, _OPERATIONS, RefusedError)


def _create(sandbox: HubSpotSandbox, body: Body) -> Body:
    return {"id": sandbox.edits.create(body.get("type", "deals"), body["properties"])}


def _update(sandbox: HubSpotSandbox, body: Body) -> None:
    touch = bool(body.get("touch", True))
    sandbox.edits.update(body.get("type", "deals"), _ids(body), body["properties"], touch=touch)


def _bulk(sandbox: HubSpotSandbox, body: Body) -> Body:
    return {"ids": sandbox.edits.bulk(body.get("type", "deals"), int(body["count"]), body["properties"])}


def _archive(sandbox: HubSpotSandbox, body: Body) -> None:
    sandbox.edits.archive(body.get("type", "deals"), _ids(body))


def _restore(sandbox: HubSpotSandbox, body: Body) -> None:
    for id in _ids(body):
        sandbox.edits.restore(body.get("type", "deals"), id, touch=bool(body.get("touch", False)))


def _purge(sandbox: HubSpotSandbox, body: Body) -> None:
    for id in _ids(body):
        sandbox.edits.purge(body.get("type", "deals"), id)


def _merge(sandbox: HubSpotSandbox, body: Body) -> Body:
    return {"id": sandbox.edits.merge(body.get("type", "deals"), body["primary"], body["other"])}


def _associate(sandbox: HubSpotSandbox, body: Body) -> None:
    primary = bool(body.get("primary", False))
    sandbox.edits.associate(body["type"], body["id"], body["to"], body["to_id"], primary=primary)


def _dissociate(sandbox: HubSpotSandbox, body: Body) -> None:
    sandbox.edits.dissociate(body["type"], body["id"], body["to"], body["to_id"])


def _recalculate(sandbox: HubSpotSandbox, body: Body) -> Body:
    ids = _ids(body) if "id" in body or "ids" in body else None
    return {"ids": sandbox.edits.recalculate(ids, seed=int(body.get("seed", 7)))}


def _live(sandbox: HubSpotSandbox, body: Body) -> Body:
    duration = timedelta(seconds=float(body["seconds"]))
    changes, seed = int(body.get("changes", 50)), int(body.get("seed", 7))
    return dict(sandbox.edits.live(duration, changes=changes, seed=seed))


def _truth(sandbox: HubSpotSandbox, body: Body) -> Body:
    return sandbox.edits.truth(body.get("type"))


def _define(sandbox: HubSpotSandbox, body: Body) -> None:
    kind = _kind(body)
    with sandbox.world.lock:
        sandbox.portal.define(kind, body["name"], type=body.get("value_type", "string"), label=body.get("label", ""))


def _remove_property(sandbox: HubSpotSandbox, body: Body) -> None:
    with sandbox.world.lock:
        sandbox.portal.remove(_kind(body), body["name"])


def _scopes(sandbox: HubSpotSandbox, body: Body) -> None:
    sandbox.set_scopes(body["scopes"], body.get("token", DEFAULT))


def _expire(sandbox: HubSpotSandbox, body: Body) -> None:
    sandbox.expire_token(body.get("token", DEFAULT))


def _lag(sandbox: HubSpotSandbox, body: Body) -> None:
    sandbox.set_search_lag(timedelta(seconds=float(body["seconds"])))


def _limits(sandbox: HubSpotSandbox, body: Body) -> None:
    """Set the rate limit (`null` for none), or spend part of the day's quota."""
    if "spend" in body:
        sandbox.limits.spend(int(body["spend"]))
    if "rate_limit" in body:
        given = body["rate_limit"]
        sandbox.limits.limit = None if given is None else RateLimit(**given)


def _kind(body: Body) -> Kind:
    return object_type(body.get("type", "deals")).kind


def _ids(body: Body) -> list[int]:
    return [int(id) for id in (body["ids"] if "ids" in body else [body["id"]])]


_OPERATIONS: dict[str, Operation] = {
    **COMMON,
    "create": _create,
    "update": _update,
    "bulk": _bulk,
    "archive": _archive,
    "restore": _restore,
    "purge": _purge,
    "merge": _merge,
    "associate": _associate,
    "dissociate": _dissociate,
    "recalculate": _recalculate,
    "live": _live,
    "truth": _truth,
    "property": _define,
    "remove_property": _remove_property,
    "scopes": _scopes,
    "expire": _expire,
    "lag": _lag,
    "limits": _limits,
}
