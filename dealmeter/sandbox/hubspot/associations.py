"""Associations: inline in records, one record's, in batches, and their labels."""

import base64
from typing import Any

import orjson

from dealmeter.sandbox.http import Answer
from dealmeter.sandbox.hubspot.batch import batch_answer
from dealmeter.sandbox.hubspot.call import Call
from dealmeter.sandbox.hubspot.errors import invalid, not_found
from dealmeter.sandbox.hubspot.kinds import ObjectType, object_type
from dealmeter.sandbox.record import Kind, Record

INLINE_ROWS = 100
BATCH = 1000
PAGE = 500

PRIMARY: dict[tuple[Kind, Kind], int] = {
    (Kind.DEAL, Kind.COMPANY): 5,
    (Kind.COMPANY, Kind.DEAL): 6,
    (Kind.CONTACT, Kind.COMPANY): 1,
    (Kind.COMPANY, Kind.CONTACT): 2,
}
UNLABELLED: dict[tuple[Kind, Kind], int] = {
    (Kind.DEAL, Kind.COMPANY): 341,
    (Kind.COMPANY, Kind.DEAL): 342,
    (Kind.CONTACT, Kind.COMPANY): 279,
    (Kind.COMPANY, Kind.CONTACT): 280,
    (Kind.DEAL, Kind.CONTACT): 3,
    (Kind.CONTACT, Kind.DEAL): 4,
    (Kind.DEAL, Kind.LINE_ITEM): 19,
    (Kind.LINE_ITEM, Kind.DEAL): 20,
    (Kind.DEAL, Kind.MESSAGE): 86,
    (Kind.MESSAGE, Kind.DEAL): 85,
    (Kind.CONTACT, Kind.MESSAGE): 82,
    (Kind.MESSAGE, Kind.CONTACT): 81,
}
UNLABELLED |= {
    (Kind.TICKET, Kind.CONTACT): 16,
    (Kind.CONTACT, Kind.TICKET): 15,
    (Kind.TICKET, Kind.COMPANY): 339,
    (Kind.COMPANY, Kind.TICKET): 340,
    (Kind.DEAL, Kind.TICKET): 27,
    (Kind.TICKET, Kind.DEAL): 28,
    (Kind.LEAD, Kind.CONTACT): 608,
    (Kind.CONTACT, Kind.LEAD): 607,
    (Kind.LEAD, Kind.COMPANY): 610,
    (Kind.COMPANY, Kind.LEAD): 609,
    (Kind.FEEDBACK, Kind.CONTACT): 98,
    (Kind.FEEDBACK, Kind.TICKET): 97,
    (Kind.ORDER, Kind.CONTACT): 507,
    (Kind.ORDER, Kind.COMPANY): 509,
    (Kind.ORDER, Kind.DEAL): 512,
    (Kind.SUBSCRIPTION, Kind.CONTACT): 296,
    (Kind.SUBSCRIPTION, Kind.COMPANY): 298,
    (Kind.SUBSCRIPTION, Kind.DEAL): 300,
}
PRIMARY |= {
    (Kind.TICKET, Kind.COMPANY): 26,
    (Kind.COMPANY, Kind.TICKET): 25,
    (Kind.LEAD, Kind.CONTACT): 578,
    (Kind.CONTACT, Kind.LEAD): 577,
}
_ACTIVITY_IDS = {  # towards companies, contacts and deals; the way back is one less
    Kind.CALL: (181, 193, 205),
    Kind.EMAIL: (185, 197, 209),
    Kind.MEETING: (187, 199, 211),
    Kind.NOTE: (189, 201, 213),
    Kind.TASK: (191, 203, 215),
}
for _kind, _ids in _ACTIVITY_IDS.items():
    for _end, _id in zip((Kind.COMPANY, Kind.CONTACT, Kind.DEAL), _ids, strict=True):
        UNLABELLED[(_end, _kind)] = _id
        UNLABELLED[(_kind, _end)] = _id + 1


def inline(call: Call, of: ObjectType, record: Record, names: tuple[str, ...]) -> dict[str, Any]:
    """What stands beside a record: a row per association type, so that one id may come twice."""
    found: dict[str, Any] = {}
    for to in map(object_type, names):
        rows: list[dict[str, str]] = []
        for other in sorted(call.portal.world.linked(of.kind, record.id, to.kind)):
            new = _inline_rows(call, of, record.id, to, other)
            if len(rows) + len(new) > INLINE_ROWS:
                after = _token(other)
                found[to.inline_key] = {"results": rows, "paging": {"next": {"after": after, "link": call.link(after)}}}
                break
            rows += new
        else:
            if rows:
                found[to.inline_key] = {"results": rows}
    return found


def _inline_rows(call: Call, of: ObjectType, id: int, to: ObjectType, other: int) -> list[dict[str, str]]:
    name = f"{of.singular}_to_{to.singular}"
    if (of.kind, to.kind) not in PRIMARY:
        return [{"id": str(other), "type": name}]
    plain = {"id": str(other), "type": f"{name}_unlabeled"}
    if call.portal.world.links.is_primary(of.kind, id, to.kind, other):
        return [{"id": str(other), "type": name}, plain]
    return [plain]


def batch_associations(call: Call) -> Answer:
    """Who is linked to each of up to 1,000 records. A record without links is an error entry, not an empty row."""
    of, to = call.type("from"), call.type("to")
    call.need(of.scopes)
    call.need(to.scopes)
    started = call.portal.world.clock.now()
    results, errors = [], []
    for id, after in _inputs(call):
        rows, following = _page(call, of, id, to, after, call.portal.association_page)
        if rows:
            results.append(orjson.dumps({"from": {"id": id}, "to": rows, **_paging(call, following)}))
        else:
            errors.append(_none_found(of, id, to))
    return batch_answer(call, results, errors, started)


def record_associations(call: Call) -> Answer:
    """Who is linked to one record, 500 at a time."""
    of, to = call.type(), call.type("to")
    call.need(of.scopes)
    call.need(to.scopes)
    size = call.number("limit", PAGE)
    if not 1 <= size <= PAGE:
        raise invalid(f"limit must be between 1 and {PAGE}")
    id = call.place["id"]
    if not id.isdigit() or call.portal.world.find(of.kind, int(id)) is None:
        raise not_found("Object not found.  objectId are usually numeric.")
    rows, following = _page(call, of, id, to, call.text("after"), call.shortened(size))
    return Answer(200, orjson.dumps({"results": rows, **_paging(call, following)}))


def labels(call: Call) -> Answer:
    """Which kinds of link exist between two object types."""
    of, to = call.type("from"), call.type("to")
    pair = (of.kind, to.kind)
    call.need(of.scopes)
    return Answer(200, orjson.dumps({"results": [*_types(pair, primary=True)]}))


def _inputs(call: Call) -> list[tuple[str, str]]:
    inputs = call.json.get("inputs")
    if not isinstance(inputs, list) or not inputs:
        raise invalid("Invalid input JSON: inputs must not be empty")
    if len(inputs) > BATCH:
        raise invalid(f"The maximum number of inputs supported in a batch request is {BATCH}. Received {len(inputs)}.")
    found = []
    for item in inputs:
        id = str(item.get("id")) if isinstance(item, dict) else str(item)
        if not id.isdigit():
            raise invalid(f"Invalid input JSON: {id} is not a valid object id")
        found.append((id, str(item.get("after") or "")))
    return found


def _page(
    call: Call, of: ObjectType, id: str, to: ObjectType, after: str, size: int
) -> tuple[list[dict[str, Any]], int | None]:
    """Rows in ascending order of the linked id, and the id with which the next page starts."""
    world, start = call.portal.world, _start(after)
    near = world.tables[of.kind].survivor(int(id))
    if near not in world.tables[of.kind].live:
        return [], None
    others = [other for other in sorted(world.linked(of.kind, near, to.kind)) if other >= start]
    pair = (of.kind, to.kind)
    rows = [
        {
            "toObjectId": other,
            "associationTypes": _types(pair, primary=world.links.is_primary(of.kind, near, to.kind, other)),
        }
        for other in others[:size]
    ]
    return rows, others[size] if len(others) > size else None


def _types(pair: tuple[Kind, Kind], *, primary: bool) -> list[dict[str, Any]]:
    found = []
    if primary and pair in PRIMARY:
        found.append({"category": "HUBSPOT_DEFINED", "typeId": PRIMARY[pair], "label": "Primary"})
    if pair in UNLABELLED:
        found.append({"category": "HUBSPOT_DEFINED", "typeId": UNLABELLED[pair], "label": None})
    return found


def _paging(call: Call, following: int | None) -> dict[str, Any]:
    if following is None:
        return {}
    after = _token(following)
    return {"paging": {"next": {"after": after, "link": call.link(after)}}}


def _token(id: int) -> str:
    return base64.b64encode(str(id).encode()).decode()


def _start(after: str) -> int:
    try:
        return int(base64.b64decode(after, validate=True)) if after else 0
    except ValueError as problem:
        raise invalid(f"Invalid paging cursor: {after}") from problem


def _none_found(of: ObjectType, id: str, to: ObjectType) -> dict[str, object]:
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": f"No {to.singular} is associated with {of.singular} {id}.",
        "context": {"fromObjectId": [id], "fromObjectType": [of.singular], "toObjectType": [to.singular]},
        "errors": [],
        "links": {},
    }
