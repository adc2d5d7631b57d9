"""`updated` and `deleted`: which ids changed between two instants, as far as Salesforce still knows."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from dealmeter.sandbox.http import Answer
from dealmeter.sandbox.salesforce.describes import sobject_of
from dealmeter.sandbox.salesforce.errors import RefusedError, json_answer
from dealmeter.sandbox.salesforce.keys import Box, serial_of
from dealmeter.sandbox.salesforce.service import Call
from dealmeter.sandbox.salesforce.sobject import SObject
from dealmeter.sandbox.salesforce.texts import stamp

LONGEST = timedelta(days=30)
MOST_IDS = 600_000


def updated(call: Call) -> Answer:
    sobject, start, end = _asked(call, LONGEST.total_seconds() / 86_400)
    source = sobject.source
    keys = source.keys.within([Box(first=start, last=end - 1)])
    serials = [serial for serial in map(serial_of, keys) if serial not in source.hidden]
    _at_most(serials)
    return json_answer({"ids": [sobject.id(serial) for serial in serials], "latestDateCovered": _covered(call, end)})


def deleted(call: Call) -> Answer:
    days = call.service.behaviour.log_days
    sobject, start, end = _asked(call, days)
    found = [gone for gone in sobject.source.gone if start <= gone.second < end]
    _at_most(found)
    return json_answer(
        {
            "deletedRecords": [{"deletedDate": stamp(gone.second), "id": sobject.id(gone.serial)} for gone in found],
            "earliestDateAvailable": stamp(_now(call) - int(days * 86_400)),
            "latestDateCovered": _covered(call, end),
        }
    )


def _asked(call: Call, days: float) -> tuple[SObject, int, int]:
    """The type and the window in seconds, cut to whole minutes as Salesforce does."""
    sobject = sobject_of(call)
    if not sobject.replicateable:
        raise RefusedError(400, "INVALID_TYPE", f"object type {sobject.name} is not replicable")
    sobject.source.refresh()
    start, end = _instant(call, "start"), _instant(call, "end")
    if end - start < 60:
        raise RefusedError(
            400, "INVALID_REPLICATION_DATE", "The start date must precede the end date by more than one minute"
        )
    if start < _now(call) - days * 86_400:
        raise RefusedError(400, "INVALID_REPLICATION_DATE", f"startDate cannot be more than {days:g} days ago")
    return sobject, start, end


def _instant(call: Call, name: str) -> int:
    text = call.text(name)
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise RefusedError(400, "INVALID_FIELD", f"{name}: '{text}' is not a valid date and time") from None
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    return int(aware.timestamp()) // 60 * 60


def _now(call: Call) -> int:
    return call.service.org.world.clock.ms() // 1000


def _covered(call: Call, end: int) -> str:
    """Not beyond the beginning of the oldest transaction that is still open."""
    oldest = call.service.org.oldest_open()
    reach = min(end, _now(call))
    return stamp(reach if oldest is None else min(reach, oldest // 1000))


def _at_most(found: Sequence[object]) -> None:
    if len(found) > MOST_IDS:
        raise RefusedError(400, "EXCEEDED_ID_LIMIT", "The number of ids exceeds the limit of 600000")
