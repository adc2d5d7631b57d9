"""Search filters: HubSpot's operators, each a question to one record."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dealmeter.sandbox.clock import milliseconds
from dealmeter.sandbox.hubspot.errors import RefusedError, invalid
from dealmeter.sandbox.hubspot.kinds import ObjectType, object_type
from dealmeter.sandbox.hubspot.portal import Portal
from dealmeter.sandbox.hubspot.property import Property
from dealmeter.sandbox.record import Record

GROUPS, FILTERS_PER_GROUP, FILTERS = 5, 6, 18
UNSEARCHABLE = ("hs_email_html", "hs_body_preview", "hs_body_preview_html")

Key = float | str
KeyOf = Callable[[Record], Key | None]
Matches = Callable[[Record], bool]


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition, with its values already in the property's own terms."""

    name: str
    operator: str
    key: KeyOf
    value: Key | None = None
    high: Key | None = None
    values: frozenset[Key] = frozenset()

    def matches(self, record: Record) -> bool:
        return _TESTS[self.operator](self, self.key(record))

    @property
    def identity(self) -> tuple[Any, ...]:
        return self.name, self.operator, self.value, self.high, self.values


def _compared(test: Callable[[Any, Any], bool]) -> Callable[[Filter, Key | None], bool]:
    return lambda condition, key: key is not None and test(key, condition.value)


_TESTS: dict[str, Callable[[Filter, Key | None], bool]] = {
    "EQ": _compared(lambda key, value: bool(key == value)),
    "NEQ": _compared(lambda key, value: bool(key != value)),
    "LT": _compared(lambda key, value: bool(key < value)),
    "LTE": _compared(lambda key, value: bool(key <= value)),
    "GT": _compared(lambda key, value: bool(key > value)),
    "GTE": _compared(lambda key, value: bool(key >= value)),
    "BETWEEN": lambda condition, key: key is not None and condition.value <= key <= condition.high,  # type: ignore[operator]  # one type per property
    "IN": lambda condition, key: key is not None and key in condition.values,
    "NOT_IN": lambda condition, key: key is not None and key not in condition.values,
    "HAS_PROPERTY": lambda condition, key: key is not None,
    "NOT_HAS_PROPERTY": lambda condition, key: key is None,
    "CONTAINS_TOKEN": lambda condition, key: key is not None and _has_token(str(key), str(condition.value)),
    "NOT_CONTAINS_TOKEN": lambda condition, key: key is None or not _has_token(str(key), str(condition.value)),
}
_NO_VALUE = ("HAS_PROPERTY", "NOT_HAS_PROPERTY")
_MANY_VALUES = ("IN", "NOT_IN")


def _has_token(text: str, wanted: str) -> bool:
    pattern = re.escape(wanted.lower()).replace(r"\*", ".*")
    return any(re.fullmatch(pattern, token) for token in re.findall(r"[^\s,;@<>()]+", text.lower()))


def parse_groups(portal: Portal, of: ObjectType, body: dict[str, Any]) -> list[list[Filter]]:
    """The filter groups of a search body (OR of ANDs), or a refusal."""
    groups = body.get("filterGroups") or []
    if body.get("filters"):
        groups = [*groups, {"filters": body["filters"]}]
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        raise _refused("filterGroups must be a list of objects")
    conditions = [group.get("filters") or [] for group in groups]
    if len(groups) > GROUPS:
        raise _refused(f"too many filterGroups: {len(groups)} > max {GROUPS}")
    if any(len(group) > FILTERS_PER_GROUP for group in conditions):
        raise _refused(f"too many filters in a filterGroup: max {FILTERS_PER_GROUP}")
    if sum(map(len, conditions)) > FILTERS:
        raise _refused(f"too many filters: max {FILTERS}")
    return [[_parse(portal, of, raw) for raw in group] for group in conditions]


def _refused(problem: str) -> RefusedError:
    return invalid(f"There was a problem with the request. {problem}")


def _parse(portal: Portal, of: ObjectType, raw: Any) -> Filter:
    if not isinstance(raw, dict):
        raise _refused("a filter must be an object")
    name, operator = str(raw.get("propertyName")), str(raw.get("operator"))
    if operator not in _TESTS:
        raise _refused(f"{operator} is not an operator")
    if name.startswith("associations."):
        return _association(portal, of, name, operator, raw)
    prop = portal.properties(of.kind).get(name)
    if prop is None or name in UNSEARCHABLE:
        raise _refused(f"Property {name} does not exist or cannot be searched")
    key = key_of(of, prop)
    return _with_values(name, operator, key, raw, lambda text: _value(prop, text))


def _association(portal: Portal, of: ObjectType, name: str, operator: str, raw: dict[str, Any]) -> Filter:
    """The pseudo-property: ids of records linked to the one that is wanted."""
    to, world = object_type(name.removeprefix("associations.")), portal.world
    wanted = raw.get("values") if operator in _MANY_VALUES else [raw.get("value")]
    if operator not in ("EQ", "IN") or not wanted:
        raise _refused(f"{operator} does not work on {name}")
    linked = frozenset(
        float(id) for other in wanted if str(other).isdigit() for id in world.linked(to.kind, int(str(other)), of.kind)
    )
    return Filter(name, "IN", lambda record: float(record.id), values=linked)


def _with_values(
    name: str, operator: str, key: KeyOf, raw: dict[str, Any], convert: Callable[[str], Key | None]
) -> Filter:
    def converted(text: object) -> Key:
        found = None if text is None else convert(str(text))
        if found is None:
            raise _refused(f"{text!r} is not a value for {operator} on {name}")
        return found

    if operator in _NO_VALUE:
        return Filter(name, operator, key)
    if operator in _MANY_VALUES:
        values = raw.get("values")
        if not isinstance(values, list) or not values:
            raise _refused(f"{operator} on {name} needs values")
        return Filter(name, operator, key, values=frozenset(map(converted, values)))
    high = converted(raw.get("highValue")) if operator == "BETWEEN" else None
    return Filter(name, operator, key, converted(raw.get("value")), high)


# Values of properties, made comparable


def key_of(of: ObjectType, prop: Property) -> KeyOf:
    """A record's value of a property in comparable form; None when it has none, or nonsense."""
    direct = _DIRECT.get(prop.name if prop.name != of.modified else "modified")
    if direct:
        return direct
    if prop.type == "datetime" and prop.field:
        field = prop.field
        return lambda record: record.fields.get(field) if isinstance(record.fields.get(field), int) else None
    read = prop.read

    def key(record: Record) -> Key | None:
        text = read(record)
        return None if text is None or text == "" else _value(prop, text)

    return key


_DIRECT: dict[str, KeyOf] = {
    "hs_object_id": lambda record: record.id,
    "modified": lambda record: record.modified,
    "createdate": lambda record: record.created,
    "hs_createdate": lambda record: record.created,
}


def _value(prop: Property, text: str) -> Key | None:
    return _CONVERTERS.get(prop.type, str.lower)(text)


def _number(text: str) -> float | None:
    try:
        return int(text) if text.isdigit() else float(text)
    except ValueError:
        return None


def _moment(text: str) -> float | None:
    """Epoch milliseconds, an ISO instant or a plain date."""
    if text.lstrip("-").isdigit():
        return int(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return milliseconds(found if found.tzinfo else found.replace(tzinfo=UTC))


_CONVERTERS: dict[str, Callable[[str], Key | None]] = {
    "number": _number,
    "date": _moment,
    "datetime": _moment,
    "enumeration": str,
    "bool": str.lower,
}
