"""What there is: versions, resources, limits, object types, fields, single records."""

from collections.abc import Callable
from email.utils import format_datetime, parsedate_to_datetime

from dealmeter.sandbox.http import Answer
from dealmeter.sandbox.salesforce.errors import RefusedError, json_answer, not_found
from dealmeter.sandbox.salesforce.objects.setup import MASTER
from dealmeter.sandbox.salesforce.service import Call
from dealmeter.sandbox.salesforce.sobject import SObject
from dealmeter.sandbox.salesforce.soql.parser import parse
from dealmeter.sandbox.salesforce.soql.scope import Scope
from dealmeter.sandbox.salesforce.soql.shape import Shape

OLDEST, FIRST_GONE, NEWEST = 31, 21, 67
_SEASONS = ("Winter", "Spring", "Summer")


def versions() -> list[dict[str, str]]:
    """The answer of `GET /services/data`, oldest first."""
    return [
        {"label": _season(number), "url": f"/services/data/v{number}.0", "version": f"{number}.0"}
        for number in range(OLDEST, NEWEST + 1)
    ]


def _season(number: int) -> str:
    """Version 66 is Spring '26, and there are three a year."""
    count = number - 65
    return f"{_SEASONS[count % 3]} '{26 + count // 3:02d}"


def resources(call: Call) -> Answer:
    names = ("sobjects", "query", "queryAll", "limits", "composite", "jobs")
    return json_answer({name: f"{call.base}/{name}" for name in names})


def limits(call: Call) -> Answer:
    return json_answer(call.service.meter.table())


def record_count(call: Call) -> Answer:
    """Approximate: what is in the recycle bin counts too."""
    wanted = [name for name in call.text("sObjects").split(",") if name]
    found = (
        [call.find(name) for name in wanted] if wanted else call.service.schema.objects(call.session.user, call.version)
    )
    counts = []
    for sobject in found:
        if sobject is not None:
            sobject.source.refresh()
            counts.append({"count": len(sobject.source.keys), "name": sobject.name})
    return json_answer({"sObjects": counts})


def global_describe(call: Call) -> Answer:
    objects = call.service.schema.objects(call.session.user, call.version)
    return _unless_known(
        call,
        lambda: {
            "encoding": "UTF-8",
            "maxBatchSize": 200,
            "sobjects": [sobject.summary(call.base) for sobject in objects],
        },
    )


def basic(call: Call) -> Answer:
    sobject = sobject_of(call)
    return json_answer({"objectDescribe": sobject.summary(call.base), "recentItems": []})


def describe(call: Call) -> Answer:
    sobject = sobject_of(call)
    return _unless_known(
        call,
        lambda: {
            **sobject.summary(call.base),
            "childRelationships": _children(call, sobject),
            "fields": [field.describe() for field in sobject.field_list],
            "recordTypeInfos": _record_types(call, sobject),
        },
    )


def sobject_of(call: Call) -> SObject:
    found = call.find(call.place["sobject"])
    if found is None:
        raise not_found()
    return found


def record(call: Call) -> Answer:
    """One record by its id; a deleted one is gone."""
    sobject = sobject_of(call)
    sobject.source.refresh()
    row = sobject.row(call.place["id"])
    if row is None:
        raise not_found("Provided external ID field does not exist or is not accessible: " + call.place["id"])
    deleted = sobject.fields.get("isdeleted")
    if deleted is not None and deleted.read(row):
        raise RefusedError(404, "ENTITY_IS_DELETED", "entity is deleted")
    names = call.text("fields") or ", ".join(field.name for field in sobject.field_list)
    parsed = parse(f"SELECT {names} FROM {sobject.name}")
    org = call.service.org
    scope = Scope(parsed.text, parsed.sobject, call.find, org.world.clock.now().date(), org.zone)
    return Answer(200, Shape(parsed, scope, call.base).record(row))


def _unless_known(call: Call, make: Callable[[], dict[str, object]]) -> Answer:
    """304 for those who saw the present state."""
    changed = call.service.schema.changed.replace(microsecond=0)
    headers = {"Last-Modified": format_datetime(changed, usegmt=True), "ETag": f'"{int(changed.timestamp())}"'}
    since = call.request.headers.get("if-modified-since")
    try:
        known = since is not None and parsedate_to_datetime(since) >= changed
    except ValueError:
        known = False
    return Answer(304, headers=headers) if known else json_answer(make(), headers=headers)


def _children(call: Call, sobject: SObject) -> list[dict[str, object]]:
    return [
        {"cascadeDelete": False, "childSObject": child.name, "field": field.name, "relationshipName": None}
        for child in call.service.schema.objects(call.session.user, call.version)
        for field in child.field_list
        if sobject.name in field.references
    ]


def _record_types(call: Call, sobject: SObject) -> list[dict[str, object]]:
    found = [_record_type(MASTER, "Master", "Master")]
    types = call.find("RecordType")
    if types is not None and "recordtypeid" in sobject.fields:
        types.source.refresh()
        rows = [types.source.get(serial) for serial in types.source.keys.serials()]
        found += [_record_type(row["Id"], row["Name"], row["DeveloperName"]) for row in rows if row is not None]
    return found


def _record_type(id: str, name: str, developer: str) -> dict[str, object]:
    return {
        "active": True,
        "available": True,
        "defaultRecordTypeMapping": developer == "Master",
        "developerName": developer,
        "master": developer == "Master",
        "name": name,
        "recordTypeId": id,
    }
