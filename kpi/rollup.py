"""Rolling up: an aggregate over rows, written as one over the aggregates of their groups, where that is the same."""

import re

CALL = re.compile(r"'[^']*'|\b(\w+)\(")
FILTER = re.compile(r"\s*FILTER\s*(?=\()")
ADDED = {
    "sum": "sum({})",
    "credited": "sum({})",
    "count": "CAST(sum({}) AS BIGINT)",
    "count_if": "CAST(sum({}) AS BIGINT)",
    "bool_or": "bool_or({})",
    "min": "min({})",
    "max": "max({})",
}
"""How an aggregate follows from those of the groups."""
SCALAR = frozenset((
    "abs", "cast", "ceil", "coalesce", "concat_ws", "days", "decimal", "floor", "greatest", "least", "minutes",
    "nullif", "round", "sign", "sqrt", "to_json",
))  # fmt: skip
"""Functions of one row, which may stand around aggregates."""


def roll(expression: str, parts: dict[str, str]) -> str | None:
    """The expression over the aggregates of groups; None where it needs the rows themselves, such as a median.

    The aggregates that each group must have are added to `parts`: name by SQL.
    """
    found, done = dict[str, str](), 0
    rolled = list[str]()
    for match in CALL.finditer(expression):
        name = (match[1] or "").lower()
        if not name or match.start() < done or name in SCALAR:
            continue
        end = _closing(expression, match.end() - 1)
        if name not in ADDED or expression.startswith("DISTINCT", match.end()):
            return None
        if narrowed := FILTER.match(expression, end):
            end = _closing(expression, narrowed.end())
        aggregate = expression[match.start() : end]
        known = parts | found
        part = known.get(aggregate, f"part_{len(known)}")
        found[aggregate] = part
        rolled += [expression[done : match.start()], ADDED[name].format(part)]
        done = end
    parts.update(found)
    return "".join([*rolled, expression[done:]])


def _closing(text: str, opening: int) -> int:
    """The place after the bracket that closes the one at `opening`."""
    depth, quoted = 0, False
    for place in range(opening, len(text)):
        one = text[place]
        quoted ^= one == "'"
        depth += 0 if quoted else (one == "(") - (one == ")")
        if not depth:
            return place + 1
    raise ValueError(f"a bracket is not closed: {text}")
