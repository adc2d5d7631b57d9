"""Which rows a condition can hold for, as boxes over (SystemModstamp, Id), so that windows need no scan."""

from dealmeter.sandbox.salesforce import ids
from dealmeter.sandbox.salesforce.keys import LAST_SECOND, LAST_SERIAL, Box
from dealmeter.sandbox.salesforce.soql.filters import days_of, instant_of
from dealmeter.sandbox.salesforce.soql.scope import Scope
from dealmeter.sandbox.salesforce.soql.syntax import And, Compare, Condition, Member, Not, Or

Boxes = list[Box]
EVERYTHING = [Box()]
NOTHING: Boxes = []
MOST = 256


def bounds(condition: Condition | None, scope: Scope) -> tuple[Boxes, bool]:
    """Boxes that hold every row in question, and whether they hold nothing else."""
    if condition is None:
        return EVERYTHING, True
    if isinstance(condition, And):
        return _all(condition, scope)
    if isinstance(condition, Or):
        parts = [bounds(part, scope) for part in condition.parts]
        return [box for boxes, _exact in parts for box in boxes], all(exact for _boxes, exact in parts)
    if isinstance(condition, Not) or len(condition.path.names) > 1:
        return EVERYTHING, False
    if isinstance(condition, Member):
        return _listed(condition, scope)
    return _compared(condition, scope)


def _all(condition: And, scope: Scope) -> tuple[Boxes, bool]:
    found, exact = EVERYTHING, True
    for part in condition.parts:
        boxes, sure = bounds(part, scope)
        if len(found) * len(boxes) > MOST:
            exact = False
            continue
        met = (one.meet(other) for one in found for other in boxes)
        found, exact = [box for box in met if not box.empty], exact and sure
    return found, exact


def _listed(condition: Member, scope: Scope) -> tuple[Boxes, bool]:
    if condition.negated or condition.path.text.lower() != "id":
        return EVERYTHING, False
    found = []
    for literal in condition.literals:
        parsed = ids.parse(literal.value)
        if parsed is not None and parsed[0] == scope.sobject.prefix:
            found.append(Box(low=parsed[1], high=parsed[1]))
    return found, True


def _compared(condition: Compare, scope: Scope) -> tuple[Boxes, bool]:
    name, kind = condition.path.text.lower(), condition.literal.kind
    if name == "id" and kind == "string":
        return _by_id(condition, scope)
    if name in (stamp.lower() for stamp in scope.sobject.stamps) and kind in ("datetime", "relative"):
        return _by_stamp(condition, scope)
    return EVERYTHING, False


def _by_stamp(condition: Compare, scope: Scope) -> tuple[Boxes, bool]:
    """Rows carry whole seconds; a literal may have a fraction, and a relative one is a range."""
    literal = condition.literal
    if literal.kind == "datetime":
        low = instant_of(literal, scope)
        high = low + 1
    else:
        first, last = days_of(literal, scope)
        low, high = scope.midnight(first), scope.midnight(last)
    at_low, at_high = -(-low // 1000), -(-high // 1000)
    spans = {
        "=": Box(first=at_low, last=at_high - 1),
        "<": Box(last=at_low - 1),
        "<=": Box(last=at_high - 1),
        ">": Box(first=at_high, last=LAST_SECOND),
        ">=": Box(first=at_low, last=LAST_SECOND),
    }
    box = spans.get(condition.operator)
    return (EVERYTHING, False) if box is None else ([box], True)


def _by_id(condition: Compare, scope: Scope) -> tuple[Boxes, bool]:
    text, ours = condition.literal.value[:15], scope.sobject.prefix + ids.POD
    if condition.operator not in ("=", "<", "<=", ">", ">=") or not ids.well_formed(condition.literal.value):
        return EVERYTHING, False
    if text[:5] != ours:
        everything = (condition.operator in (">", ">=")) is (text[:5] < ours) and condition.operator != "="
        return (EVERYTHING if everything else NOTHING), True
    parsed = ids.parse(text)
    assert parsed is not None, "well formed and of our pod"
    serial = parsed[1]
    spans = {
        "=": Box(low=serial, high=serial),
        "<": Box(high=serial - 1),
        "<=": Box(high=serial),
        ">": Box(low=serial + 1, high=LAST_SERIAL),
        ">=": Box(low=serial, high=LAST_SERIAL),
    }
    return [spans[condition.operator]], True
