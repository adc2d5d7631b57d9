"""Conditions become functions of a row."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from dealmeter.sandbox.clock import milliseconds
from dealmeter.sandbox.salesforce import ids
from dealmeter.sandbox.salesforce.errors import RefusedError
from dealmeter.sandbox.salesforce.field import NUMBERS, Field
from dealmeter.sandbox.salesforce.soql.days import relative
from dealmeter.sandbox.salesforce.soql.mistakes import field_refused, unexpected
from dealmeter.sandbox.salesforce.soql.scope import Scope
from dealmeter.sandbox.salesforce.soql.syntax import And, Compare, Condition, Literal, Member, Not, Or
from dealmeter.sandbox.salesforce.texts import stamp

Test = Callable[[Any], bool]
IDS = ("id", "reference")
_ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
}


def compiled(condition: Condition, scope: Scope) -> Test:
    """RefusedError for unknown fields and for values of the wrong type."""
    if isinstance(condition, And):
        tests = [compiled(part, scope) for part in condition.parts]
        return lambda row: all(test(row) for test in tests)
    if isinstance(condition, Or):
        tests = [compiled(part, scope) for part in condition.parts]
        return lambda row: any(test(row) for test in tests)
    if isinstance(condition, Not):
        inner = compiled(condition.part, scope)
        return lambda row: not inner(row)
    column = scope.column(condition.path)
    if not column.field.filterable:
        sentence = f"field '{column.field.name}' can not be filtered in a query call"
        raise field_refused(scope.query, condition.path.at, sentence)
    read = column.read
    test = (
        _member(condition, column.field, scope)
        if isinstance(condition, Member)
        else _compare(condition, column.field, scope)
    )
    return lambda row: test(read(row))


def _member(condition: Member, field: Field, scope: Scope) -> Test:
    plain = [literal for literal in condition.literals if literal.kind != "relative"]
    ranges = [_range(literal, field, scope) for literal in condition.literals if literal.kind == "relative"]
    fold = _folding(field)
    known = {_value(literal, field, scope) for literal in plain}

    def holds(value: Any) -> bool:
        folded = None if value is None else fold(value)
        return folded in known or (folded is not None and any(low <= folded < high for low, high in ranges))

    return (lambda value: not holds(value)) if condition.negated else holds


def _compare(condition: Compare, field: Field, scope: Scope) -> Test:
    operator, literal = condition.operator, condition.literal
    if operator == "LIKE":
        return _like(literal, field, scope)
    if literal.kind == "relative":
        return _relative(operator, _range(literal, field, scope))
    wanted, fold = _value(literal, field, scope), _folding(field)
    if operator in ("=", "!="):
        equal = operator == "="
        return lambda value: ((None if value is None else fold(value)) == wanted) is equal
    if field.type == "boolean":
        raise RefusedError(400, "INVALID_OPERATOR", f"invalid operator on {field.name} : {operator}")
    holds = _ORDERINGS[operator]
    if wanted is None:
        return lambda value: False
    return lambda value: value is not None and holds(fold(value), wanted)


def _relative(operator: str, bounds: tuple[Any, Any]) -> Test:
    low, high = bounds
    tests: dict[str, Test] = {
        "=": lambda value: value is not None and low <= value < high,
        "!=": lambda value: value is None or not low <= value < high,
        "<": lambda value: value is not None and value < low,
        "<=": lambda value: value is not None and value < high,
        ">": lambda value: value is not None and value >= high,
        ">=": lambda value: value is not None and value >= low,
    }
    return tests[operator]


def _like(literal: Literal, field: Field, scope: Scope) -> Test:
    if field.type in NUMBERS or field.type in ("boolean", "date", "datetime", *IDS):
        raise RefusedError(400, "INVALID_OPERATOR", f"invalid operator on {field.name} : LIKE")
    if literal.kind != "string":
        raise _wrong_type(field, literal, scope)
    parts = (".*" if char == "%" else "." if char == "_" else re.escape(char) for char in literal.value)
    pattern = re.compile("".join(parts), re.IGNORECASE | re.DOTALL)
    return lambda value: value is not None and pattern.fullmatch(value) is not None


def _folding(field: Field) -> Callable[[Any], Any]:
    """Texts are compared without case, ids by their first 15 characters."""
    if field.type in IDS:
        return lambda value: value[:15]
    if field.type in NUMBERS or field.type in ("boolean", "date", "datetime"):
        return lambda value: value
    return lambda value: str(value).casefold()


def _value(literal: Literal, field: Field, scope: Scope) -> Any:
    """A literal as the rows' values are compared."""
    kind, text = literal.kind, literal.value
    if kind == "null":
        return None
    if _kind_of(field) != kind:
        raise _wrong_type(field, literal, scope)
    if kind == "number":
        return float(text)
    if kind == "boolean":
        return text == "true"
    if kind == "datetime":
        ms = instant_of(literal, scope)
        return stamp(ms // 1000) if ms % 1000 == 0 else f"{stamp(ms // 1000)[:19]}.{ms % 1000:03d}+0000"
    if kind == "date":
        return text
    if field.type in IDS:
        if not ids.well_formed(text):
            raise RefusedError(400, "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {text}")
        return text[:15]
    return text.casefold()


def instant_of(literal: Literal, scope: Scope) -> int:
    """Milliseconds of a datetime literal."""
    try:
        return milliseconds(datetime.fromisoformat(literal.value.upper()))
    except ValueError:
        raise unexpected(scope.query, literal.at, literal.value) from None


def days_of(literal: Literal, scope: Scope) -> Any:
    """The local days of a relative literal."""
    days = relative(literal.value, scope.today)
    if days is None:
        raise unexpected(scope.query, literal.at, literal.value)
    return days


def _range(literal: Literal, field: Field, scope: Scope) -> tuple[Any, Any]:
    low, high = days_of(literal, scope)
    if field.type == "date":
        return low.isoformat(), high.isoformat()
    if field.type == "datetime":
        return stamp(scope.midnight(low) // 1000), stamp(scope.midnight(high) // 1000)
    raise _wrong_type(field, literal, scope)


def _kind_of(field: Field) -> str:
    if field.type in NUMBERS:
        return "number"
    return field.type if field.type in ("boolean", "date", "datetime") else "string"


def _wrong_type(field: Field, literal: Literal, scope: Scope) -> RefusedError:
    kind = {"datetime": "dateTime", "number": field.type}.get(_kind_of(field), _kind_of(field))
    quotes = "should be enclosed in quotes" if kind == "string" else "should not be enclosed in quotes"
    sentence = f"value of filter criterion for field '{field.name}' must be of type {kind} and {quotes}"
    return field_refused(scope.query, literal.at, sentence)
