"""Runs a query: which rows, in which order. What they show is `shape`'s business."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from dealmeter.sandbox.salesforce.errors import RefusedError, query_timeout
from dealmeter.sandbox.salesforce.field import TEXTS
from dealmeter.sandbox.salesforce.keys import LAST_SERIAL, Box, Keys, serial_of
from dealmeter.sandbox.salesforce.sobject import SObject
from dealmeter.sandbox.salesforce.soql.filters import compiled
from dealmeter.sandbox.salesforce.soql.mistakes import field_refused
from dealmeter.sandbox.salesforce.soql.plan import bounds
from dealmeter.sandbox.salesforce.soql.scope import Scope
from dealmeter.sandbox.salesforce.soql.syntax import Call, Order, Query
from dealmeter.sandbox.salesforce.source import Source

BY_STAMP, BY_ID = "stamp", "id"
LARGEST_OFFSET = 2_000


@dataclass(frozen=True, slots=True)
class Found:
    """Keys (or serials: both end in the serial) of the rows of an answer, in its order."""

    sobject: SObject
    keys: list[int]

    def serials(self, start: int, stop: int) -> list[int]:
        return [serial_of(each) for each in self.keys[start:stop]]


def run(query: Query, scope: Scope, *, everything: bool, slow_above: int | None = None) -> Found:
    """`everything` brings what only queryAll shows; more than `slow_above` rows to look at is a QUERY_TIMEOUT."""
    if query.offset > LARGEST_OFFSET:
        raise RefusedError(400, "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000")
    source = scope.sobject.source
    test = compiled(query.where, scope) if query.where is not None else None
    boxes, exact = bounds(query.where, scope)
    found, order, sure = _candidates(source.keys, boxes)
    if slow_above is not None and len(found) > slow_above:
        raise query_timeout()
    keeps = _keeps(source, None if exact and sure else test, everything=everything)
    stop = None if query.limit is None or query.aggregate else query.offset + query.limit
    by_key = found if query.aggregate or not query.order else _by_key(found, order, query.order, scope)
    if by_key is not None:
        kept = by_key if keeps is None else filter(keeps, by_key)
        found = list(islice(kept, stop))
    else:
        found = _by_rows(found if keeps is None else filter(keeps, found), query.order, scope)[:stop]
    return Found(scope.sobject, found if query.aggregate else found[query.offset :])


def _keeps(source: Source, test: Callable[[Any], bool] | None, *, everything: bool) -> Callable[[int], bool] | None:
    """Which keys stay; None when all do."""
    hidden = source.unshared if everything else source.unshared | source.hidden
    if test is None:
        return (lambda key: serial_of(key) not in hidden) if hidden else None

    def keeps(key: int) -> bool:
        serial = serial_of(key)
        row = None if serial in hidden else source.get(serial)
        return row is not None and test(row)

    return keeps


def _candidates(keys: Keys, boxes: list[Box]) -> tuple[list[int], str, bool]:
    """Rows that may be meant, how they are ordered, and whether they are exactly those of the boxes."""
    if not boxes:
        return [], BY_STAMP, True
    if all(box.every_second for box in boxes):
        if len(boxes) == 1:
            return keys.between(max(0, boxes[0].low), min(LAST_SERIAL, boxes[0].high)), BY_ID, True
        serials = {each for box in boxes for each in keys.between(max(0, box.low), box.high)}
        return sorted(serials), BY_ID, True
    if all(box.solid for box in boxes):
        return keys.within(boxes), BY_STAMP, True
    return keys.within([Box(box.first, box.last) for box in boxes]), BY_STAMP, False


def _by_key(found: list[int], order: str, by: tuple[Order, ...], scope: Scope) -> list[int] | None:
    """By stamp (and Id), or by Id alone, the keys tell; by anything else the rows must be looked at: None."""
    names = [_name(each, scope) for each in by]
    stamps = {name.lower() for name in scope.sobject.stamps}
    down = by[0].descending
    if any(each.descending is not down for each in by):
        return None
    if names[0] == "id":
        found = found if order == BY_ID else sorted(found, key=serial_of)
    elif names[0] in stamps and names[1:] in ([], ["id"]):
        found = found if order == BY_STAMP else scope.sobject.source.keys.among(found)
    else:
        return None
    return found[::-1] if down else found


def _by_rows(found: Iterable[int], by: tuple[Order, ...], scope: Scope) -> list[int]:
    get = scope.sobject.source.get
    rows = [(key, row) for key in found if (row := get(serial_of(key))) is not None]
    for each in reversed(by):
        rows.sort(key=_ranking(each, scope), reverse=each.descending)
    return [key for key, _row in rows]


def _ranking(order: Order, scope: Scope) -> Callable[[tuple[int, Any]], tuple[bool, Any]]:
    """The sort key of (key, row): nulls to their end, texts without case."""
    assert not isinstance(order.by, Call), "checked by _name"
    column = scope.column(order.by)
    read, type = column.read, column.field.type
    fold = _folded if type in TEXTS and type not in ("id", "reference") else _same
    last = order.nulls_last is not order.descending

    def rank(pair: tuple[int, Any]) -> tuple[bool, Any]:
        value = read(pair[1])
        return (last, 0) if value is None else (not last, fold(value))

    return rank


def _folded(value: Any) -> Any:
    return str(value).casefold()


def _same(value: Any) -> Any:
    return value


def _name(order: Order, scope: Scope) -> str:
    if isinstance(order.by, Call):
        raise RefusedError(400, "MALFORMED_QUERY", "Ordered field must be grouped or aggregated")
    column = scope.column(order.by)
    if not column.field.sortable:
        raise field_refused(scope.query, order.by.at, f"field '{column.field.name}' can not be sorted in a query call")
    return order.by.text.lower()
