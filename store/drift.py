"""Drift: how the CRM's own schema changes under us, as events. What an account showed last is kept and compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, insert, select

from store.leases import Grant, confirm
from store.schema import SchemaEvent, SchemaField, table_of
from store.upsert import upsert

FIELDS = table_of(SchemaField)
EVENTS = table_of(SchemaEvent)
READABLE = "readable"
REMOVED, ADDED, RETYPED, RENAMED = KINDS = "removed", "added", "retyped", "renamed"
PIPELINES = "pipelines"
"""What the names of objects end in whose fields are pipelines and stages: all of them are told each time."""
WHOLE = ""
"""The field that stands for the object itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How the CRM shows a field: its type (empty: it is not there, or hidden from us) and its name for people."""

    type: str
    label: str = ""

    @property
    def said(self) -> str | None:
        """In words; None where it isn't there."""
        return (f"{self.type} {self.label!r}" if self.label else self.type) if self.type else None


Shape = Mapping[str, Mapping[str, Shown]]
"""Object -> field -> how it is shown; all in the CRM's words but the objects, which have the names of our streams."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that an account shows differently than before. `field` is empty for the object as a whole."""

    object: str
    field: str
    what: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        return words(self.object, self.field, self.what, self.before, self.after)


def words(object_: str, field: str, what: str, before: str | None, after: str | None) -> str:
    """A change as a sentence for people."""
    if field == WHOLE:
        if what == REMOVED:
            return f"{object_}: it can't be read any more ({after or 'not there'}); what we have of it stays as it was"
        return f"{object_}: it can be read (again)"
    name = f"the {_noun(before or after or '')} {field!r}"
    if what == REMOVED:
        return f"{object_}: {name} ({before}) is gone, or hidden from us; what came from it stays as it was"
    if what == ADDED:
        return f"{object_}: {name} is there (again): {after}"
    return f"{object_}: {name} was {before} and is {after}"


def _noun(said: str) -> str:
    return next((noun for noun in ("pipeline", "stage") if said.startswith(noun)), "field")


def note_shape(tx: Connection, grant: Grant, run_id: int, shape: Shape, *, now: datetime) -> list[Change]:
    """Compare the fields of some objects with what they were, write down what changed, and remember what they are.

    What is met for the first time is no change; nor is a field that we no longer ask for.
    """
    confirm(tx, grant, now=now)
    changes: list[Change] = []
    for object_, fields in shape.items():
        of = (FIELDS.c.connection == grant.connection, FIELDS.c.object == object_, FIELDS.c.field != WHOLE)
        rows = tx.execute(select(FIELDS.c.field, FIELDS.c.type, FIELDS.c.label).where(*of))
        known = {row.field: Shown(type=row.type, label=row.label) for row in rows}
        if known == fields:
            continue
        for name, before in known.items():
            if (made := _change(object_, name, before, fields.get(name))) is not None:
                changes.append(made)
        if object_.endswith(PIPELINES) and known:
            changes += [_new(object_, name, after) for name, after in fields.items() if name not in known]
        tx.execute(delete(FIELDS).where(*of))
        place = {"connection": grant.connection, "object": object_}
        made_of = [{**place, "field": name, "type": each.type, "label": each.label} for name, each in fields.items()]
        if made_of:
            tx.execute(insert(FIELDS), made_of)
    _write(tx, grant.connection, run_id, changes, now)
    return changes


def note_readable(tx: Connection, grant: Grant, run_id: int, told: Mapping[str, str], *, now: datetime) -> list[Change]:
    """Which objects could be read (no text) or, though they once could, not any more (why). Answers what is new."""
    confirm(tx, grant, now=now)
    was = {object_: bool(type_) for object_, type_ in _objects(tx, grant.connection)}
    changes = [
        Change(object=object_, field=WHOLE, what=REMOVED, before=READABLE, after=why)
        if why
        else Change(object=object_, field=WHOLE, what=ADDED, before=None, after=READABLE)
        for object_, why in told.items()
        if object_ in was and was[object_] == bool(why)
    ]
    place = {"connection": grant.connection, "field": WHOLE, "label": ""}
    rows = [
        {**place, "object": object_, "type": "" if why else READABLE}
        for object_, why in told.items()
        if was.get(object_) is not (not why)
    ]
    upsert(tx, FIELDS, rows)
    _write(tx, grant.connection, run_id, changes, now)
    return changes


def once_readable(tx: Connection, connection: str) -> set[str]:
    """The objects that a run has read to their end, whether they can be read now or not."""
    return {object_ for object_, _ in _objects(tx, connection)}


def _objects(tx: Connection, connection: str) -> list[tuple[str, str]]:
    query = select(FIELDS.c.object, FIELDS.c.type).where(FIELDS.c.connection == connection, FIELDS.c.field == WHOLE)
    return [(row.object, row.type) for row in tx.execute(query)]


def _new(object_: str, field: str, after: Shown) -> Change:
    return Change(object=object_, field=field, what=ADDED, before=None, after=after.said)


def _change(object_: str, field: str, before: Shown, after: Shown | None) -> Change | None:
    """A stage or a pipeline that isn't told any more is gone; a field, not asked for any more: nothing is known."""
    if after is None:
        after = Shown(type="") if object_.endswith(PIPELINES) else before
    if before == after:
        return None
    what = RENAMED if before.type == after.type else RETYPED
    what = REMOVED if not after.type else ADDED if not before.type else what
    return Change(object=object_, field=field, what=what, before=before.said, after=after.said)


def _write(tx: Connection, connection: str, run_id: int, changes: Sequence[Change], now: datetime) -> None:
    rows: list[dict[str, Any]] = [
        {
            "connection": connection,
            "object": change.object,
            "field": change.field,
            "what": change.what,
            "before": change.before,
            "after": change.after,
            "first_seen_at": now,
            "run_id": run_id,
        }
        for change in changes
    ]
    if rows:
        tx.execute(insert(EVENTS), rows)


# ------------------------------------------------------------------------------------------------------- reading


def events(
    tx: Connection, connection: str, *, since: datetime | None = None, run_id: int | None = None, limit: int = 100
) -> Sequence[RowMapping]:
    """What has changed in an account's schema, the newest first: since a moment, or as one run found it."""
    query = select(EVENTS).where(EVENTS.c.connection == connection).order_by(EVENTS.c.id.desc()).limit(limit)
    if since is not None:
        query = query.where(EVENTS.c.first_seen_at >= since)
    if run_id is not None:
        query = query.where(EVENTS.c.run_id == run_id)
    return tx.execute(query).mappings().all()


def counted(tx: Connection, connection: str) -> Mapping[str, int]:
    """How many events of each kind there were, 0 included."""
    query = select(EVENTS.c.what, func.count()).where(EVENTS.c.connection == connection).group_by(EVENTS.c.what)
    return dict.fromkeys(KINDS, 0) | {str(what): int(count) for what, count in tx.execute(query)}


def told(event: RowMapping | Mapping[str, Any]) -> str:
    """A stored event as a sentence."""
    return words(event["object"], event["field"], event["what"], event["before"], event["after"])


RECENT = timedelta(days=14)
"""How long an event is shown by `status`."""
