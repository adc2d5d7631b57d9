"""A property of a HubSpot object: its definition, and how to read it from a record."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from dealmeter.sandbox.clock import instant, milliseconds
from dealmeter.sandbox.record import Record, Value

Reader = Callable[[Record], str | None]
Options = tuple[tuple[str, str], ...]
FIELD_TYPES = {
    "string": "text",
    "number": "number",
    "enumeration": "select",
    "bool": "booleancheckbox",
    "date": "date",
    "datetime": "date",
    "phone_number": "phonenumber",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """`field` is the world's field behind a property that can be written; a calculated one has none."""

    name: str
    label: str
    type: str
    read: Reader
    field: str | None = None
    group: str = "information"
    options: Options = ()
    custom: bool = False
    referenced: str | None = None

    @property
    def calculated(self) -> bool:
        return self.field is None

    def to_value(self, text: str | None) -> Value:
        """What the world keeps for a text that somebody wrote into the property."""
        if text is None or self.type != "datetime":
            return text
        return _moment(text)

    def definition(self) -> dict[str, Any]:
        """The property as the properties endpoint shows it."""
        shown: dict[str, Any] = {
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "fieldType": FIELD_TYPES.get(self.type, "text"),
            "description": "",
            "groupName": self.group,
            "options": [_option(place, *option) for place, option in enumerate(self.options)],
            "displayOrder": -1,
            "calculated": self.calculated,
            "externalOptions": self.referenced is not None,
            "hasUniqueValue": self.name == "hs_object_id",
            "hidden": False,
            "hubspotDefined": not self.custom,
            "formField": False,
            "dataSensitivity": "non_sensitive",
            "modificationMetadata": {
                "archivable": self.custom,
                "readOnlyDefinition": not self.custom,
                "readOnlyValue": self.calculated,
            },
        }
        if self.referenced:
            shown["referencedObjectType"] = self.referenced
        return shown

    def of_type(self, type: str) -> "Property":
        """The same property after an administrator changed its type."""
        return replace(self, type=type)


def _option(place: int, value: str, label: str) -> dict[str, Any]:
    return {"label": label, "value": value, "description": "", "displayOrder": place, "hidden": False}


def _moment(text: str) -> Value:
    """ISO or epoch milliseconds become an instant; anything else stays as it is, malformed."""
    if text.lstrip("-").isdigit():
        return int(text)
    try:
        return milliseconds(datetime.fromisoformat(text))
    except (ValueError, TypeError):
        return text


@lru_cache(maxsize=4096)
def iso(ms: int) -> str:
    """An instant as HubSpot writes it: milliseconds only where there are some. One record repeats its instants."""
    text = instant(ms).isoformat()
    return f"{text[:19]}.{ms % 1000:03d}Z" if ms % 1000 else f"{text[:19]}Z"


def shown(value: Value) -> str | None:
    """A value of the world as HubSpot text; instants are the only numbers there."""
    return iso(value) if isinstance(value, int) else value


def yes(flag: bool) -> str:
    return "true" if flag else "false"


def stored(
    name: str,
    field: str,
    type: str = "string",
    *,
    label: str = "",
    group: str = "information",
    options: Options = (),
    custom: bool = False,
    referenced: str | None = None,
) -> Property:
    """A property that shows a field of the world as it stands."""

    def text(record: Record) -> str | None:
        return record.fields.get(field)  # type: ignore[return-value]  # instants have their own reader

    def moment(record: Record) -> str | None:
        return shown(record.fields.get(field))

    return Property(
        name=name,
        label=label or labelled(name),
        type=type,
        read=moment if type == "datetime" else text,
        field=field,
        group=group,
        options=options,
        custom=custom,
        referenced=referenced,
    )


def calculated(name: str, type: str, read: Reader, *, label: str = "", group: str = "information") -> Property:
    """A property that HubSpot works out itself."""
    return Property(name=name, label=label or labelled(name), type=type, read=read, group=group)


def owner_property() -> Property:
    return stored("hubspot_owner_id", "owner", "enumeration", label="Owner", referenced="OWNER")


def options(values: Iterable[str]) -> Options:
    return tuple((value, labelled(value)) for value in values)


def labelled(name: str) -> str:
    return name.removeprefix("hs_").replace("_", " ").capitalize()
