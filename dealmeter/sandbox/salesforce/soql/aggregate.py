"""COUNT, SUM and their kin, with or without GROUP BY."""

from collections.abc import Callable
from typing import Any

from dealmeter.sandbox.salesforce.errors import RefusedError, malformed_query
from dealmeter.sandbox.salesforce.field import NUMBERS, TEXTS, Read
from dealmeter.sandbox.salesforce.soql.mistakes import field_refused
from dealmeter.sandbox.salesforce.soql.run import Found
from dealmeter.sandbox.salesforce.soql.scope import Scope
from dealmeter.sandbox.salesforce.soql.syntax import Call, Order, Path, Query

MOST_GROUPS = 2_000
Records = list[dict[str, Any]]
_FUNCTIONS: dict[str, Callable[[list[Any]], Any]] = {
    "COUNT": len,
    "COUNT_DISTINCT": lambda values: len({str(value).casefold() for value in values}),
    "SUM": lambda values: round(sum(values), 6) if values else None,
    "AVG": lambda values: sum(values) / len(values) if values else None,
    "MIN": lambda values: min(values, default=None),
    "MAX": lambda values: max(values, default=None),
}


def aggregated(query: Query, scope: Scope, found: Found) -> Records:
    """One record per group, ordered and cut as the query says."""
    columns = _columns(query, scope)
    keys = [_key(path, scope) for path in query.group]
    groups: dict[tuple[Any, ...], list[Any]] = {} if keys else {(): []}
    get = scope.sobject.source.get
    for serial in found.serials(0, len(found.keys)):
        row = get(serial)
        if row is not None:
            groups.setdefault(tuple(key(row) for key in keys), []).append(row)
    if len(groups) > MOST_GROUPS:
        raise RefusedError(400, "EXCEEDED_ID_LIMIT", "Aggregate query has too many rows for direct assignment")
    made = [(rows, {name: make(rows) for name, make in columns}) for rows in groups.values()]
    for order in reversed(query.order):
        made.sort(key=lambda pair, order=order: _rank(pair[0], order, scope), reverse=order.descending)  # type: ignore[misc]
    stop = None if query.limit is None else query.offset + query.limit
    return [{"attributes": {"type": "AggregateResult"}, **record} for _rows, record in made[query.offset : stop]]


def _columns(query: Query, scope: Scope) -> list[tuple[str, Callable[[list[Any]], Any]]]:
    found, unnamed = [], 0
    grouped = {path.text.lower() for path in query.group}
    for item in query.select:
        if isinstance(item, Call):
            found.append((item.alias or f"expr{unnamed}", _function(item, scope)))
            unnamed += item.alias is None
        elif item.text.lower() not in grouped:
            raise malformed_query(f"Field must be grouped or aggregated: {item.text}")
        else:
            found.append((scope.column(item).field.name, _first(scope.column(item).read)))
    return found


def _first(read: Read) -> Callable[[list[Any]], Any]:
    return lambda rows: read(rows[0]) if rows else None


def _function(call: Call, scope: Scope) -> Callable[[list[Any]], Any]:
    if call.path is None:
        raise malformed_query("COUNT() must stand alone in a query")
    column = scope.column(call.path)
    if call.function in ("SUM", "AVG") and column.field.type not in NUMBERS:
        sentence = f"field {column.field.name} does not support aggregate operator {call.function}"
        raise field_refused(scope.query, call.at, sentence)
    apply, read = _FUNCTIONS[call.function], column.read
    return lambda rows: apply([value for value in map(read, rows) if value is not None])


def _key(path: Path, scope: Scope) -> Read:
    column = scope.column(path)
    if not column.field.groupable:
        raise field_refused(scope.query, path.at, f"field '{column.field.name}' can not be grouped in a query call")
    read, text = column.read, column.field.type in TEXTS and column.field.type not in ("id", "reference")

    def key(row: Any) -> Any:
        value = read(row)
        return value.casefold() if text and isinstance(value, str) else value

    return key


def _rank(rows: list[Any], order: Order, scope: Scope) -> tuple[bool, Any]:
    value = _function(order.by, scope)(rows) if isinstance(order.by, Call) else scope.column(order.by).read(rows[0])
    last = order.nulls_last is not order.descending
    return (last, 0) if value is None else (not last, value)
