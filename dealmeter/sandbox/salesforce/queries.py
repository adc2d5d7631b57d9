"""The query endpoints: query, queryAll, and the pages that follow."""

import re
from datetime import date

import orjson

from dealmeter.sandbox.http import Answer
from dealmeter.sandbox.salesforce.errors import json_answer, malformed_query
from dealmeter.sandbox.salesforce.service import Call
from dealmeter.sandbox.salesforce.soql.aggregate import aggregated
from dealmeter.sandbox.salesforce.soql.parser import parse
from dealmeter.sandbox.salesforce.soql.run import Found, run
from dealmeter.sandbox.salesforce.soql.scope import Scope
from dealmeter.sandbox.salesforce.soql.shape import Shape
from dealmeter.sandbox.salesforce.soql.syntax import Query

LARGEST, SMALLEST, WIDE = 2_000, 200, 200
_BATCH = re.compile(r"batchSize\s*=\s*(\d+)", re.IGNORECASE)


def query(call: Call) -> Answer:
    return _query(call, everything=False)


def query_all(call: Call) -> Answer:
    return _query(call, everything=True)


def more(call: Call) -> Answer:
    """A further page. Its size is the first one's unless asked otherwise."""
    cursor, start = call.service.cursors.find(call.place["locator"], call.session.user)
    cursor.found.sobject.source.refresh()
    return _page(call, cursor.found, cursor.shape, start, _size(call, cursor.size), cursor.id)


def scope_of(call: Call, parsed: Query) -> Scope:
    org = call.service.org
    return Scope(parsed.text, parsed.sobject, call.find, today(call), org.zone)


def today(call: Call) -> date:
    org = call.service.org
    return org.world.clock.now().astimezone(org.zone).date()


def _query(call: Call, *, everything: bool) -> Answer:
    text = call.text("q")
    if not text:
        raise malformed_query("A query string has to be specified")
    parsed = parse(text)
    scope = scope_of(call, parsed)
    found = run(parsed, scope, everything=everything, slow_above=call.service.behaviour.slow_above)
    if parsed.count_only and len(parsed.select) == 1 and not parsed.group:
        return json_answer({"totalSize": len(found.keys), "done": True, "records": []})
    if parsed.aggregate:
        records = aggregated(parsed, scope, found)
        return json_answer({"totalSize": len(records), "done": True, "records": records})
    shape = Shape(parsed, scope, call.base)
    return _page(call, found, shape, 0, _size(call, LARGEST, wide=_is_wide(shape)), None)


def _page(call: Call, found: Found, shape: Shape, start: int, size: int, cursor: str | None) -> Answer:
    shown = max(1, size // 3) if call.shorten else size
    source, total, stop = found.sobject.source, len(found.keys), start + shown
    head: dict[str, object] = {"totalSize": total, "done": stop >= total}
    if stop < total:
        if cursor is None:
            cursor = call.service.cursors.open(call.session.user, found, shape, size).id
        head["nextRecordsUrl"] = f"{call.base}/query/{cursor}-{stop}"
    elif cursor is not None:
        call.service.cursors.close(cursor)
    records = shape.records(map(source.get, found.serials(start, stop)))
    return Answer(200, orjson.dumps(head)[:-1] + b',"records":' + records + b"}")


def _size(call: Call, default: int, *, wide: bool = False) -> int:
    asked = _BATCH.search(call.request.headers.get("sforce-query-options", ""))
    size = max(SMALLEST, min(LARGEST, int(asked[1]))) if asked else default
    return min(size, WIDE) if wide else size


def _is_wide(shape: Shape) -> bool:
    """Two long texts, and the server makes small pages."""
    return sum(field.type == "textarea" for field in shape.fields) > 1
