"""What the org has and lets us see: its objects and their fields, as describes tell. Nothing else may be asked for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from threading import RLock
from typing import Any

from connectors.base import Meter
from connectors.errors import MissingScopeError
from connectors.salesforce.client import Client, Json
from connectors.salesforce.refusals import NotThereError

UNREADABLE = {"base64", "address", "location", "complexvalue"}
"""Types of fields that don't come by bulk and say nothing that their parts don't."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field as far as we look at it. `is_calculated`: a formula or a roll-up; it changes without a time of change."""

    type: str
    is_calculated: bool = False
    label: str = ""


class Org:
    """The describes of one run, each read when it is needed. Safe between threads."""

    def __init__(self, client: Client, meter: Meter) -> None:
        self._client = client
        self._meter = meter
        self._lock = RLock()
        self._objects: frozenset[str] | None = None
        self._raw: dict[str, Json] = {}
        self._fields: dict[str, Mapping[str, Field]] = {}
        self._hidden: set[tuple[str, str]] = set()

    def has(self, object_: str) -> bool:
        """Whether the org has an object that we may query."""
        with self._lock:
            if self._objects is None:
                listed = self._client.get("sobjects", self._meter).get("sobjects") or ()
                self._objects = frozenset(str(item["name"]) for item in listed if item.get("queryable", True))
            return object_ in self._objects

    def fields(self, object_: str) -> Mapping[str, Field]:
        """The fields that we may read; those of parents with a dot. Raises MissingScopeError where there is none."""
        with self._lock:
            if object_ not in self._fields:
                self._fields[object_] = _readable(self.described(object_))
            found = self._fields[object_]
            return {name: field for name, field in found.items() if (object_, name) not in self._hidden}

    def visible(self, object_: str, wanted: Iterable[str]) -> tuple[str, ...]:
        """Those of the wanted fields that are there, each once. `Parent.Field` is there where the parent is."""
        there = self.fields(object_)
        return tuple(
            name
            for name in dict.fromkeys(wanted)
            if (object_, name) not in self._hidden and (name in there or name.partition(".")[0] + "." in there)
        )

    def hide(self, object_: str, field: str) -> None:
        """Salesforce refused a field: look again, and never ask for it in this run."""
        with self._lock:
            self._fields.pop(object_, None)
            self._raw.pop(object_, None)
            self._hidden.add((object_, field))

    def described(self, object_: str) -> Json:
        """An object as Salesforce describes it to us. Raises MissingScopeError where there is none."""
        with self._lock:
            if object_ not in self._raw:
                if not self.has(object_):
                    raise not_there(object_)
                try:
                    self._raw[object_] = self._client.get(f"sobjects/{object_}/describe", self._meter)
                except NotThereError as error:
                    raise not_there(object_) from error
            return self._raw[object_]


def _readable(described: Json) -> Mapping[str, Field]:
    found: dict[str, Field] = {}
    for item in described.get("fields") or ():
        if item.get("type") in UNREADABLE:
            continue
        told = (str(item.get("type")), item.get("calculated") is True, str(item.get("label") or ""))
        found[str(item["name"])] = Field(*told)
        if item.get("relationshipName"):
            found[f"{item['relationshipName']}."] = Field("parent")
    return found


def not_there(object_: str) -> MissingScopeError:
    """The error for an object that the org lacks or hides."""
    return MissingScopeError(
        f"the org has no {object_}, or the user may not read it",
        scopes=(),
        hint=f"it is not part of the edition, or the user's profile lacks `Read` and `View All` on {object_}; leave "
        "the stream out with `exclude` if it isn't needed",
    )


# ------------------------------------------------------------------------------------------------------- values


def flat(record: Mapping[str, Any]) -> Json:
    """A record of REST as one of bulk: parents' fields by `Parent.Field`, without its attributes."""
    found: Json = {}
    for name, value in record.items():
        if isinstance(value, dict):
            if name != "attributes":
                found.update({f"{name}.{inner}": deeper for inner, deeper in flat(value).items()})
        else:
            found[name] = value
    return found


def typed(text: str, type_: str) -> Any:
    """A value of bulk as REST writes it: there, everything is text, and nothing is an empty text."""
    if text == "":
        return None
    return CONVERT.get(type_, str)(text)


def _boolean(text: str) -> bool:
    return text.lower() == "true"


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _whole(text: str) -> Any:
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        return text


CONVERT = {
    "boolean": _boolean,
    "double": _number,
    "currency": _number,
    "percent": _number,
    "int": _whole,
    "long": _whole,
}
