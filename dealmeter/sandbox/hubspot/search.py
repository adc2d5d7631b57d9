"""The search endpoint: filters over the lagging index, with its page caps and its wall at 10,000."""

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from dealmeter.sandbox.http import Answer
from dealmeter.sandbox.hubspot.call import Call, strings
from dealmeter.sandbox.hubspot.errors import invalid
from dealmeter.sandbox.hubspot.filters import Filter, key_of, parse_groups
from dealmeter.sandbox.hubspot.index import SearchIndex
from dealmeter.sandbox.hubspot.kinds import ObjectType
from dealmeter.sandbox.hubspot.render import page
from dealmeter.sandbox.record import Record

PAGE, WALL, QUERY_LENGTH = 200, 10_000, 3_000
KEPT = 16
Groups = list[list[Filter]]


class Searches:
    """Remembers the last matches, so that walking a window by id costs a bisect per page."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Any, ...], list[Record]] = OrderedDict()

    def search(self, call: Call) -> Answer:
        of = call.type()
        call.need(of.scopes)
        size, offset = _window(call)
        found = self._found(call, of)
        chosen = found[offset : offset + call.shortened(size)]
        following = offset + len(chosen)
        names = strings(call.json.get("properties"), "properties") or of.defaults
        rendered = call.portal.renderer(of.kind).render(chosen, names)
        after = str(following) if following < len(found) else None
        return Answer(200, page(rendered, after, total=len(found)))

    def _found(self, call: Call, of: ObjectType) -> list[Record]:
        groups = parse_groups(call.portal, of, call.json)
        query = str(call.json.get("query") or "")
        if len(query) > QUERY_LENGTH:
            raise invalid(f"query must be at most {QUERY_LENGTH} characters")
        name, descending = _sort(call, of)
        bound, rest = _split_keyset(groups) if name == "hs_object_id" and not descending else (None, groups)
        found = self._matches(call, of, rest, query, name, descending)
        return found if bound is None else found[_first_after(found, bound) :]

    def _matches(
        self, call: Call, of: ObjectType, groups: Groups, query: str, name: str, descending: bool
    ) -> list[Record]:
        index = call.portal.indexes[of.kind]
        index.catch_up()
        identity = tuple(tuple(condition.identity for condition in group) for group in groups)
        key = (of.name, index.generation, identity, query, name, descending)
        found = self._kept.get(key)
        if found is None:
            found = _sorted(call, of, _matching(index, of, groups), name, descending)
            if query:
                found = [record for record in found if _mentions(call, of, record, query)]
            self._kept[key] = found
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return found


def _window(call: Call) -> tuple[int, int]:
    size, after = call.json.get("limit", 10), str(call.json.get("after") or "0")
    if not str(size).isdigit() or not 0 < int(size) <= PAGE:
        raise invalid(f"There was a problem with the request. limit {size} is not between 1 and {PAGE}")
    if not after.isdigit():
        raise invalid(f"There was a problem with the request. after {after} is not an offset")
    if int(after) + int(size) > WALL:
        raise invalid(f"There was a problem with the request. Paging is limited to {WALL} results.")
    return int(size), int(after)


def _sort(call: Call, of: ObjectType) -> tuple[str, bool]:
    """One rule at most; a bare name sorts upwards, with a minus downwards. Default: oldest first."""
    sorts = call.json.get("sorts") or []
    if not isinstance(sorts, list) or len(sorts) > 1:
        raise invalid("There was a problem with the request. Only one sort is allowed")
    if not sorts:
        return of.created, False
    rule = sorts[0]
    if isinstance(rule, dict):
        name, descending = str(rule.get("propertyName")), rule.get("direction") == "DESCENDING"
    else:
        name, descending = str(rule).lstrip("-"), str(rule).startswith("-")
    if name not in call.portal.properties(of.kind):
        raise invalid(f"There was a problem with the request. Property {name} does not exist")
    return name, descending


def _sorted(call: Call, of: ObjectType, records: Iterable[Record], name: str, descending: bool) -> list[Record]:
    """Records without a value come last; ties come in an order that is neither by id nor by time."""
    if name == "hs_object_id":
        return sorted(records, key=lambda record: record.id, reverse=descending)
    key = key_of(of, call.portal.properties(of.kind)[name])
    valued: list[tuple[Any, int, Record]] = []
    empty: list[Record] = []
    for record in records:
        value = key(record)
        if value is None:
            empty.append(record)
        else:
            valued.append((value, record.id * 2_654_435_761 % 4_294_967_296, record))
    valued.sort(key=lambda entry: entry[:2], reverse=descending)
    return [*(record for _value, _tie, record in valued), *empty]


def _matching(index: SearchIndex, of: ObjectType, groups: Groups) -> Iterable[Record]:
    if not groups:
        return index.all()
    found: dict[int, Record] = {}
    for group in groups:
        rest = [condition.matches for condition in group]
        for record in _candidates(index, of, group):
            if all(matches(record) for matches in rest):
                found[record.id] = record
    return found.values()


def _candidates(index: SearchIndex, of: ObjectType, group: list[Filter]) -> Iterable[Record]:
    """Fewer records to ask: those of some ids, or those within bounds on the modified stamp."""
    low, high = float("-inf"), float("inf")
    for condition in group:
        if condition.name == "hs_object_id" and condition.operator in ("EQ", "IN"):
            ids = condition.values or {condition.value}
            return [record for record in (index.get(int(id)) for id in ids if id is not None) if record]
        if condition.name == of.modified and condition.operator in _BOUNDS and condition.value is not None:
            lower, upper = _BOUNDS[condition.operator]
            low = max(low, float(condition.value)) if lower else low
            high = min(high, float(condition.high or condition.value)) if upper else high
    if low == float("-inf") and high == float("inf"):
        return index.all()
    return index.modified_between(low, high)


_BOUNDS = {
    "EQ": (True, True),
    "GT": (True, False),
    "GTE": (True, False),
    "LT": (False, True),
    "LTE": (False, True),
    "BETWEEN": (True, True),
}


def _split_keyset(groups: Groups) -> tuple[Filter | None, Groups]:
    """Take the one `hs_object_id > last` out of a single group: the rest is the same on every page."""
    if len(groups) != 1:
        return None, groups
    bounds = [found for found in groups[0] if found.name == "hs_object_id" and found.operator in ("GT", "GTE")]
    if len(bounds) != 1:
        return None, groups
    return bounds[0], [[condition for condition in groups[0] if condition is not bounds[0]]]


def _first_after(found: list[Record], bound: Filter) -> int:
    search = bisect_right if bound.operator == "GT" else bisect_left
    return search(found, float(bound.value or 0), key=lambda record: float(record.id))


def _mentions(call: Call, of: ObjectType, record: Record, query: str) -> bool:
    properties = call.portal.properties(of.kind)
    text = " ".join(properties[name].read(record) or "" for name in of.defaults).lower()
    return all(word in text for word in query.lower().split())
