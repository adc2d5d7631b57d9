"""Control endpoints under /__sandbox__/, for tests that run the sandbox in another process."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dealmeter.sandbox.controls import COMMON, PREFIX, Body, controlled
from dealmeter.sandbox.http import Answer, Request
from dealmeter.sandbox.salesforce.bulk.jobs import FATES
from dealmeter.sandbox.salesforce.errors import RefusedError
from dealmeter.sandbox.salesforce.objects.common import text

if TYPE_CHECKING:
    from dealmeter.sandbox.salesforce.server import SalesforceSandbox

__all__ = ["PREFIX", "control"]
Operation = Callable[["SalesforceSandbox", Body], Any]


def control(sandbox: SalesforceSandbox, request: Request) -> Answer:
    """Do what the path names with the JSON body (or the query)."""
    return controlled(sandbox, request, _OPERATIONS, RefusedError)


def _create(sandbox: SalesforceSandbox, body: Body) -> Body:
    return {"id": sandbox.edits.create(body.get("type", "Opportunity"), body["fields"])}


def _update(sandbox: SalesforceSandbox, body: Body) -> None:
    """Each record by its id; all of them within one second of a clock that stands still."""
    for id in _ids(body):
        sandbox.edits.update(sandbox.edits.type_of(id), id, body["fields"], touch=bool(body.get("touch", True)))


def _bulk(sandbox: SalesforceSandbox, body: Body) -> Body:
    return {"ids": sandbox.edits.bulk(body.get("type", "Opportunity"), int(body["count"]), body["fields"])}


def _delete(sandbox: SalesforceSandbox, body: Body) -> None:
    sandbox.edits.delete(_ids(body))


def _undelete(sandbox: SalesforceSandbox, body: Body) -> None:
    sandbox.edits.undelete(_ids(body))


def _purge(sandbox: SalesforceSandbox, body: Body) -> None:
    sandbox.edits.purge(_ids(body))


def _merge(sandbox: SalesforceSandbox, body: Body) -> None:
    sandbox.edits.merge(body["master"], *body["losers"])


def _associate(sandbox: SalesforceSandbox, body: Body) -> None:
    sandbox.edits.associate(body["id"], body["to"], primary=bool(body.get("primary", False)))


def _dissociate(sandbox: SalesforceSandbox, body: Body) -> None:
    sandbox.edits.dissociate(body["id"], body["to"])


def _unshare(sandbox: SalesforceSandbox, body: Body) -> None:
    sandbox.edits.unshare(_ids(body))


def _share(sandbox: SalesforceSandbox, body: Body) -> None:
    sandbox.edits.share(_ids(body))


def _recalculate(sandbox: SalesforceSandbox, body: Body) -> Body:
    return {"count": sandbox.edits.recalculate(seed=int(body.get("seed", 7)))}


def _live(sandbox: SalesforceSandbox, body: Body) -> Body:
    duration = timedelta(seconds=float(body["seconds"]))
    changes, seed = int(body.get("changes", 50)), int(body.get("seed", 7))
    return dict(sandbox.edits.live(duration, changes=changes, seed=seed))


def _truth(sandbox: SalesforceSandbox, body: Body) -> Body:
    return sandbox.edits.truth()


def _field(sandbox: SalesforceSandbox, body: Body) -> None:
    """An administrator adds a custom field, changes the type of one, or removes it."""
    sobject, name = body.get("type", "Opportunity"), body["name"]
    with sandbox.world.lock:
        known = sandbox.schema.catalogue()[sobject.lower()].fields.get(name.lower())
        if body.get("remove"):
            sandbox.schema.remove(sobject, known.name if known else name)
        elif known is not None:
            sandbox.schema.define(sobject, known.of_type(body["value_type"]))
        else:
            sandbox.schema.define(sobject, text(name, name, body.get("value_type", "string")))


def _hide(sandbox: SalesforceSandbox, body: Body) -> None:
    sandbox.hide(body.get("objects", ()), body.get("fields", {}))


def _features(sandbox: SalesforceSandbox, body: Body) -> None:
    sandbox.set_features(replace(sandbox.org.features, **{name: bool(value) for name, value in body.items()}))


def _sessions(sandbox: SalesforceSandbox, body: Body) -> Body:
    """`expire` them all, set how long an idle one lives, share them per user, or refuse all by a policy."""
    ended = sandbox.expire_sessions() if body.get("expire") else 0
    sessions = sandbox.sessions
    sessions.idle_seconds = int(body.get("idle_seconds", sessions.idle_seconds))
    sessions.shared = bool(body.get("shared", sessions.shared))
    sessions.refusal = body.get("refusal", sessions.refusal)
    return {"ended": ended, "logins": sandbox.oauth.logins}


def _credentials(sandbox: SalesforceSandbox, body: Body) -> Body:
    """Change what opens the org: names as in `Credentials`, `disabled` a list of grants, `public_key` PEM."""
    given = dict(body)
    if "public_key" in given:
        sandbox.oauth.keys.trust(given.pop("public_key"))
    if "refresh_token" in given:
        sandbox.oauth.set_refresh_token(given["refresh_token"])
    for name, value in given.items():
        if name not in sandbox.credentials.__slots__:
            raise LookupError(f"{name} is no credential")
        setattr(sandbox.credentials, name, set(value) if name == "disabled" else value)
    return {"client_id": sandbox.credentials.client_id, "username": sandbox.credentials.username}


def _jwt_key(sandbox: SalesforceSandbox, body: Body) -> Body:
    return {"private_key": sandbox.private_key}


def _commit_delay(sandbox: SalesforceSandbox, body: Body) -> None:
    sandbox.set_commit_delay(timedelta(seconds=float(body["seconds"])))


def _limits(sandbox: SalesforceSandbox, body: Body) -> Body:
    """Set `daily`, `enforced`, `app` or `long_requests`, or `spend` part of the day's calls."""
    meter = sandbox.limits
    meter.daily = int(body.get("daily", meter.daily))
    meter.enforced = bool(body.get("enforced", meter.enforced))
    meter.app = body.get("app", meter.app)
    meter.long_requests = int(body.get("long_requests", meter.long_requests))
    if "spend" in body:
        meter.spend(int(body["spend"]))
    return {"used": meter.used, "daily": meter.daily}


def _cursors(sandbox: SalesforceSandbox, body: Body) -> Body:
    """`expire` all query cursors, or set how many may be `most` and how long they live (`life_s`)."""
    cursors = sandbox.cursors
    if body.get("expire"):
        cursors.clear()
    cursors.most = int(body.get("most", cursors.most))
    if "life_s" in body:
        cursors.life = timedelta(seconds=float(body["life_s"]))
    return {"open": len(cursors)}


def _behave(sandbox: SalesforceSandbox, body: Body) -> None:
    """Set any part of `Behaviour`."""
    for name, value in body.items():
        if name not in sandbox.behaviour.__slots__:
            raise LookupError(f"{name} is no behaviour; there are {', '.join(sandbox.behaviour.__slots__)}")
        if name == "bulk_fates" and (unknown := set(value) - set(FATES)):
            raise ValueError(f"{', '.join(unknown)}: a fate is one of {', '.join(FATES)}")
        setattr(sandbox.behaviour, name, set(value) if name == "no_bulk" else value)


def _purge_jobs(sandbox: SalesforceSandbox, body: Body) -> None:
    sandbox.jobs.purge()


def _ids(body: Body) -> Iterable[str]:
    return body["ids"] if "ids" in body else [body["id"]]


_OPERATIONS: dict[str, Operation] = {
    **COMMON,
    "create": _create,
    "update": _update,
    "bulk": _bulk,
    "delete": _delete,
    "undelete": _undelete,
    "purge": _purge,
    "merge": _merge,
    "associate": _associate,
    "dissociate": _dissociate,
    "unshare": _unshare,
    "share": _share,
    "recalculate": _recalculate,
    "live": _live,
    "truth": _truth,
    "field": _field,
    "hide": _hide,
    "features": _features,
    "sessions": _sessions,
    "credentials": _credentials,
    "jwt_key": _jwt_key,
    "commit_delay": _commit_delay,
    "limits": _limits,
    "cursors": _cursors,
    "behave": _behave,
    "purge_jobs": _purge_jobs,
}
