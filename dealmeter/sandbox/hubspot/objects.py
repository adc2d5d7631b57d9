"""List, one and batch read of CRM objects."""

from random import Random

from dealmeter.sandbox.http import Answer
from dealmeter.sandbox.hubspot.associations import inline
from dealmeter.sandbox.hubspot.batch import batch_answer
from dealmeter.sandbox.hubspot.call import Call, strings
from dealmeter.sandbox.hubspot.errors import invalid, not_found
from dealmeter.sandbox.hubspot.kinds import ObjectType
from dealmeter.sandbox.hubspot.render import extended, page
from dealmeter.sandbox.record import Record

PAGE, PAGE_WITH_HISTORY = 100, 50
BATCH, BATCH_WITH_HISTORY = 100, 50


def list_objects(call: Call) -> Answer:
    """Ascending by id; the cursor is the id where the next page starts."""
    of = call.type()
    call.need(of.scopes)
    past = call.names("propertiesWithHistory")
    size = _page_size(call, bool(past))
    table = call.portal.world.tables[of.kind]
    shelf = table.archived if call.flag("archived") else table.live
    records, following = shelf.page(call.number("after", 0), call.shortened(size))
    after = None if following is None else str(following)
    return Answer(200, page(_render(call, of, records, past), after, call.link(after) if after else None))


def _page_size(call: Call, with_history: bool) -> int:
    size = call.number("limit", 10)
    if with_history and size > PAGE_WITH_HISTORY:
        raise invalid(
            f"You can only request at most {PAGE_WITH_HISTORY} objects in one request for properties with history."
        )
    if size > PAGE:
        raise invalid(f"You can only request at most {PAGE} objects in one request.")
    if size < 1:
        raise invalid("limit must be at least 1")
    return size


def one_object(call: Call) -> Answer:
    """A record by its id. A merged id leads to the survivor, which answers under its own id."""
    of = call.type()
    call.need(of.scopes)
    id = call.place["id"]
    archived = call.flag("archived")
    record = call.portal.world.find(of.kind, int(id), archived=archived) if id.isdigit() else None
    if record is None:
        raise not_found("Object not found.  objectId are usually numeric.")
    return Answer(200, _render(call, of, [record], call.names("propertiesWithHistory"))[0])


def _render(call: Call, of: ObjectType, records: list[Record], past: tuple[str, ...]) -> list[bytes]:
    """Records with the history and the inline associations that the query asks for."""
    renderer, beside = call.portal.renderer(of.kind), call.names("associations")
    rendered = renderer.render(records, call.names("properties") or of.defaults)
    if not past and not beside:
        return rendered
    found = []
    for record, body in zip(records, rendered, strict=True):
        more = {"propertiesWithHistory": renderer.history(record, past)} if past else {}
        links = inline(call, of, record, beside)
        found.append(extended(body, **more, **({"associations": links} if links else {})))
    return found


def batch_read(call: Call) -> Answer:
    """Up to 100 records by id, in an order of its own. What is not found stands among the errors."""
    of = call.type()
    call.need(of.scopes)
    past = strings(call.json.get("propertiesWithHistory"), "propertiesWithHistory")
    asked = _inputs(call, bool(past))
    started = call.portal.world.clock.now()
    found, missing = _look_up(call, of, asked)
    names = strings(call.json.get("properties"), "properties") or of.defaults
    renderer = call.portal.renderer(of.kind)
    bodies = renderer.render(found, names)
    if past:
        bodies = [
            extended(body, propertiesWithHistory=renderer.history(record, past))
            for record, body in zip(found, bodies, strict=True)
        ]
    return batch_answer(call, bodies, [_missing(of, missing)] if missing else [], started)


def _inputs(call: Call, with_history: bool) -> list[str]:
    inputs = call.json.get("inputs")
    if not isinstance(inputs, list) or not inputs:
        raise invalid("Invalid input JSON: inputs must not be empty")
    if with_history and len(inputs) > BATCH_WITH_HISTORY:
        raise invalid(
            "The maximum number of inputs supported in a batch request for property histories is "
            f"{BATCH_WITH_HISTORY}. Received {len(inputs)} inputs."
        )
    if len(inputs) > BATCH:
        raise invalid(f"The maximum number of inputs supported in a batch request is {BATCH}. Received {len(inputs)}.")
    if call.json.get("idProperty") not in (None, "", "hs_object_id"):
        raise invalid(f"{call.json['idProperty']} is not a unique property")
    return [_input_id(item) for item in inputs]


def _input_id(item: object) -> str:
    if not isinstance(item, dict) or "id" not in item:
        raise invalid("Invalid input JSON: every input needs an id")
    return str(item["id"])


def _look_up(call: Call, of: ObjectType, ids: list[str]) -> tuple[list[Record], list[str]]:
    """Each record once, shuffled in a way that depends on what was asked for, and the ids that lead nowhere."""
    world, archived = call.portal.world, call.flag("archived")
    found: dict[int, Record] = {}
    missing: dict[str, None] = {}
    for id in ids:
        record = world.find(of.kind, int(id), archived=archived) if id.isdigit() else None
        if record is None:
            missing[id] = None
        else:
            found[record.id] = record
    records = list(found.values())
    Random(len(ids) + int(sum(found))).shuffle(records)
    return records, list(missing)


def _missing(of: ObjectType, ids: list[str]) -> dict[str, object]:
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "message": f"Could not get some {of.singular.upper()} objects, they may be deleted or not exist. "
        "Check that ids are valid.",
        "context": {"ids": ids},
        "errors": [],
        "links": {},
    }
