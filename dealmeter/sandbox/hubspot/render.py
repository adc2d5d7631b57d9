"""Records as HubSpot JSON, each made once per choice of properties and kept until the record changes."""

from collections.abc import Iterable
from typing import Any

import orjson

from dealmeter.sandbox.hubspot.kinds import ObjectType
from dealmeter.sandbox.hubspot.property import Property, Reader, iso, shown
from dealmeter.sandbox.record import Change, Record

HISTORY_KEPT = {"contacts": 45}
HISTORY_KEPT_OTHERWISE = 20
CACHE_BYTES = 384 * 1024 * 1024
SOURCES = {"person": "CRM_UI", "import": "IMPORT", "automation": "AUTOMATION_PLATFORM", "integration": "INTEGRATION"}


class _Plan:
    """The readers behind one choice of properties, and what they made so far."""

    __slots__ = ("made", "readers")

    def __init__(self, readers: list[tuple[str, Reader]]) -> None:
        self.readers = readers
        self.made: dict[int, tuple[Record, bytes]] = {}


class Renderer:
    """Renders the records of one object type. Thread safety is the world's lock."""

    def __init__(self, of: ObjectType, properties: dict[str, Property], account: int) -> None:
        self._of = of
        self._properties = properties
        self._url = f"https://app.hubspot.com/contacts/{account}/record/{of.id}/"
        self._plans: dict[tuple[str, ...], _Plan] = {}
        self._bytes = 0

    def render(self, records: Iterable[Record], names: tuple[str, ...]) -> list[bytes]:
        """One JSON object per record with the named properties that exist, null where there is no value."""
        plan = self._plan(names)
        made = plan.made
        found = []
        for record in records:
            kept = made.get(record.id)
            if kept is None or kept[0] is not record:
                kept = made[record.id] = (record, self._make(record, plan.readers))
                self._bytes += len(kept[1])
            found.append(kept[1])
        if self._bytes > CACHE_BYTES:
            self._forget()
        return found

    def history(self, record: Record, names: Iterable[str]) -> dict[str, Any]:
        """Past values of the named properties, newest first, as far back as HubSpot keeps them."""
        return {name: self._past(record, self._properties[name]) for name in names if name in self._properties}

    def _past(self, record: Record, prop: Property) -> list[dict[str, Any]]:
        if prop.field is None:
            value = prop.read(record)
            changes: tuple[Change, ...] = () if value is None else (Change(record.modified, value, "calculated"),)
        else:
            changes = record.changes(prop.field)
        kept = HISTORY_KEPT.get(self._of.name, HISTORY_KEPT_OTHERWISE)
        return [_entry(change) for change in reversed(changes[-kept:])]

    def _plan(self, names: tuple[str, ...]) -> _Plan:
        plan = self._plans.get(names)
        if plan is None:
            wanted = sorted({*names, *self._of.always})
            readers = [(name, self._properties[name].read) for name in wanted if name in self._properties]
            plan = self._plans[names] = _Plan(readers)
        return plan

    def _make(self, record: Record, readers: list[tuple[str, Reader]]) -> bytes:
        id = str(record.id)
        body: dict[str, Any] = {
            "id": id,
            "properties": {name: read(record) for name, read in readers},
            "createdAt": iso(record.created),
            "updatedAt": iso(record.modified),
            "archived": record.archived is not None,
        }
        if record.archived is not None:
            body["archivedAt"] = iso(record.archived)
        body["url"] = self._url + id
        return orjson.dumps(body)[:-1] + b"}"  # a copy of its own size: orjson's buffer is several times larger

    def _forget(self) -> None:
        """Start over rather than grow: the next pages cost a little more."""
        self._plans.clear()
        self._bytes = 0


def _entry(change: Change) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "value": shown(change.value),
        "timestamp": iso(change.at),
        "sourceType": SOURCES.get(change.source, change.source.upper()),
    }
    if change.by is not None:
        entry |= {"sourceId": f"userId:{change.by}", "updatedByUserId": change.by}
    return entry


def extended(record: bytes, **more: Any) -> bytes:
    """A rendered record with further keys at its end."""
    return record[:-1] + b"," + orjson.dumps(more)[1:] if more else record


def page(records: list[bytes], after: str | None, link: str | None = None, *, total: int | None = None) -> bytes:
    """A page of results; without a next page there is no `paging` at all."""
    head = b'{"results":[' if total is None else b'{"total":%d,"results":[' % total
    following: dict[str, str] = {} if after is None else {"after": after}
    if following and link is not None:
        following["link"] = link
    tail = b',"paging":' + orjson.dumps({"next": following}) + b"}" if following else b"}"
    return head + b",".join(records) + b"]" + tail
