"""What an account says about itself: details, usage, owners, pipelines, properties, limits, call outcomes."""

from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any

import orjson

from dealmeter.sandbox.account import Owner, Pipeline, Stage
from dealmeter.sandbox.clock import milliseconds
from dealmeter.sandbox.http import Answer
from dealmeter.sandbox.hubspot.call import Call
from dealmeter.sandbox.hubspot.errors import invalid, not_found
from dealmeter.sandbox.hubspot.kinds import OWNERS_SCOPE, TYPES, ObjectType
from dealmeter.sandbox.hubspot.property import iso, yes
from dealmeter.sandbox.record import Kind

OWNERS_PAGE, OWNERS_MOST = 100, 500
RECORD_LIMIT = 15_000_000


def account(call: Call) -> Answer:
    """Which account this is; the offset is that of the simulated present."""
    world = call.portal.world
    offset = world.clock.now().astimezone(world.account.zone).utcoffset() or timedelta(0)
    sign, minutes = "-" if offset < timedelta(0) else "+", abs(offset) // timedelta(minutes=1)
    return _json(
        {
            "portalId": world.account.id,
            "accountType": "STANDARD",
            "timeZone": world.account.zone.key,
            "companyCurrency": world.account.currency,
            "additionalCurrencies": [code for code in world.account.rates if code != world.account.currency],
            "utcOffset": f"{sign}{minutes // 60:02d}:{minutes % 60:02d}",
            "utcOffsetMilliseconds": offset // timedelta(milliseconds=1),
            "uiDomain": "app.hubspot.com",
            "dataHostingLocation": "eu1",
        }
    )


def daily_usage(call: Call, used: int, limit: int) -> Answer:
    """How much of the daily quota is gone; it returns at midnight in the account's zone."""
    world = call.portal.world
    local = world.clock.now().astimezone(world.account.zone)
    midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
    usage = {
        "name": "private-apps-api-calls-daily",
        "usageLimit": limit,
        "currentUsage": used,
        "collectedAt": iso(world.clock.ms()),
        "fetchStatus": "SUCCESS",
        "resetsAt": iso(milliseconds(midnight)),
    }
    return _json({"results": [usage]})


def owners(call: Call) -> Answer:
    """Those who work here, or with `archived=true` those who left."""
    call.need(OWNERS_SCOPE)
    size = call.number("limit", OWNERS_PAGE)
    if not 1 <= size <= OWNERS_MOST:
        raise invalid(f"limit must be between 1 and {OWNERS_MOST}")
    start, archived, email = call.number("after", 0), call.flag("archived"), call.text("email")
    chosen = [
        owner
        for id, owner in sorted(call.portal.world.owners.items())
        if id >= start and owner.archived == archived and email in ("", owner.email)
    ]
    body: dict[str, Any] = {"results": [_owner(owner) for owner in chosen[:size]]}
    if len(chosen) > size:
        after = str(chosen[size].id)
        body["paging"] = {"next": {"after": after, "link": call.link(after)}}
    return _json(body)


def _owner(owner: Owner) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": str(owner.id),
        "email": owner.email,
        "type": "PERSON",
        "firstName": owner.first_name,
        "lastName": owner.last_name,
        "userId": None if owner.archived else owner.user_id,
        "userIdIncludingInactive": owner.user_id,
        "createdAt": iso(owner.created),
        "updatedAt": iso(owner.modified),
        "archived": owner.archived,
    }
    if owner.team and not owner.archived:
        shown["teams"] = [{"id": str(owner.team.id), "name": owner.team.name, "primary": True}]
    return shown


def pipelines(call: Call) -> Answer:
    """All pipelines of a type, without paging; deleted stages are simply not there."""
    of = _piped(call)
    found = call.portal.world.pipelines_of(of.kind)
    return _json({"results": [_pipeline(place, of.kind, pipeline) for place, pipeline in enumerate(found)]})


def one_pipeline(call: Call) -> Answer:
    of = _piped(call)
    for place, found in enumerate(call.portal.world.pipelines_of(of.kind)):
        if found.id == call.place["id"]:
            return _json(_pipeline(place, of.kind, found))
    raise not_found(f"Pipeline {call.place['id']} not found")


def _piped(call: Call) -> ObjectType:
    of = call.type()
    if of.kind not in METADATA:
        raise not_found(f"{of.name} have no pipelines")
    call.need(of.scopes)
    return of


def _pipeline(place: int, kind: Kind, pipeline: Pipeline) -> dict[str, Any]:
    stages = [stage for stage in pipeline.stages if not stage.deleted]
    return {
        "id": pipeline.id,
        "label": pipeline.label,
        "displayOrder": place,
        "archived": False,
        "createdAt": iso(pipeline.created),
        "updatedAt": iso(pipeline.created),
        "stages": [_stage(order, kind, stage, pipeline.created) for order, stage in enumerate(stages)],
    }


METADATA: dict[Kind, Callable[[Stage], dict[str, str]]] = {
    Kind.DEAL: lambda stage: {"isClosed": yes(stage.closed), "probability": stage.probability},
    Kind.LEAD: lambda stage: {"leadState": stage.state},
    Kind.TICKET: lambda stage: {"isClosed": yes(stage.closed), "ticketState": stage.state},
    Kind.ORDER: lambda stage: {"isClosed": yes(stage.closed)},
}
"""What a stage says of itself, by what walks through it. All values are texts, booleans and numbers included."""


def _stage(place: int, kind: Kind, stage: Stage, created: int) -> dict[str, Any]:
    return {
        "id": stage.id,
        "label": stage.label,
        "displayOrder": place,
        "metadata": METADATA[kind](stage),
        "archived": False,
        "createdAt": iso(created),
        "updatedAt": iso(created),
        "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
    }


def properties(call: Call) -> Answer:
    """Every property of a type, without paging. None are archived here."""
    of = call.type()
    call.need(_reading(of))
    known = [] if call.flag("archived") else call.portal.properties(of.kind).values()
    return _json({"results": [prop.definition() for prop in known]})


def one_property(call: Call) -> Answer:
    of = call.type()
    call.need(_reading(of))
    found = call.portal.properties(of.kind).get(call.place["id"])
    if found is None:
        raise not_found(f"Property {call.place['id']} does not exist")
    return _json(found.definition())


def _reading(of: ObjectType) -> tuple[tuple[str, ...], ...]:
    """Definitions may be read with the schema scope as well."""
    return tuple((*alternatives, f"crm.schemas.{of.name}.read") for alternatives in of.scopes)


def record_limits(call: Call) -> Answer:
    """How many records of each type there are, beside how many there may be."""
    rows = [_usage(of, len(call.portal.world.tables[of.kind].live)) for of in TYPES]
    custom = {"overallLimit": 0, "overallUsage": 0, "byObjectType": []}
    return _json({"hubspotDefinedObjectTypes": rows, "customObjectTypes": custom})


def _usage(of: ObjectType, used: int) -> dict[str, Any]:
    return {
        "objectTypeId": of.id,
        "singularLabel": of.singular.capitalize(),
        "pluralLabel": of.name.capitalize(),
        "limit": RECORD_LIMIT,
        "usage": used,
        "percentage": round(100 * used / RECORD_LIMIT, 4),
    }


def dispositions(call: Call) -> Answer:
    """Call outcomes: a bare list, as in the old v1 API."""
    return _json([{"id": id, "label": label, "deleted": False} for id, label in call.portal.dispositions.items()])


def _json(body: Any) -> Answer:
    return Answer(200, orjson.dumps(body))
