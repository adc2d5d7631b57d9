"""What is wrong with a company's own KPIs, said before any is computed: asked of DuckDB over facts without rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from kpi.custom import CustomKpi

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

OF_ROWS = frozenset({"of"})
"""Expressions over a row; all others are aggregates over rows."""
NODES = frozenset(
    {"COLUMN_REF", "CONSTANT", "FUNCTION", "CASE", "CAST", "COMPARISON", "CONJUNCTION", "OPERATOR", "BETWEEN"}
)
FUNCTIONS = frozenset(
    {
        "sum", "count", "count_star", "min", "max", "avg", "median", "stddev_samp", "bool_and", "bool_or", "count_if",
        "+", "-", "*", "/", "//", "%", "abs", "round", "floor", "ceil", "greatest", "least", "coalesce", "nullif",
        "lower", "upper", "trim", "length", "contains", "starts_with", "year", "month", "dayofweek", "date_diff", "~~",
        "!~~",
    }
)  # fmt: skip
"""What an expression may call: nothing that reaches outside of its rows."""


NUMBERS = frozenset({
    "NUMBER", "DECIMAL", "HUGEINT", "BIGINT", "INTEGER", "SMALLINT", "TINYINT", "UINTEGER", "UBIGINT", "DOUBLE",
    "FLOAT",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with one: its key, the setting within it, and what to do."""

    key: str
    setting: str
    says: str


def faults(custom: Mapping[str, CustomKpi]) -> Iterator[Fault]:
    """What DuckDB and the facts say against these KPIs; nothing where all can be computed."""
    if not custom:
        return
    from kpi.blueprint import blueprint, columns
    from kpi.catalogue import DIMENSIONS, METRICS

    usable = {name: set(own) for name, own in columns().items() if "day" in own}
    with blueprint() as duck:
        for key, one in custom.items():
            if key in METRICS or not key.replace("_", "a").isalnum() or key != key.lower() or not key[:1].isalpha():
                says = "is the key of a built-in KPI" if key in METRICS else "should be small letters, digits and _"
                yield Fault(key=key, setting="", says=f"{key!r} {says}; choose another key")
            wanted = {"day", "is_now"} if one.kind == "moment" else {"day"}
            fitting = {name: own for name, own in usable.items() if wanted <= own}
            if one.fact not in fitting:
                said = f"there is no fact {one.fact!r} for a {one.kind}; there are {', '.join(sorted(fitting))}"
                yield Fault(key=key, setting="fact", says=said)
                continue
            own = fitting[one.fact]
            for name in one.dimensions:
                if name not in DIMENSIONS or name not in own:
                    known = ", ".join(sorted(own & set(DIMENSIONS)))
                    yield Fault(key=key, setting="dimensions", says=f"{one.fact} has no {name!r}; it has {known}")
            for name, expression in one.expressions.items():
                against = _against(duck, one.fact, name, expression)
                if against is not None:
                    hint = f" It has {', '.join(sorted(own))}" if "not found in FROM" in against else ""
                    yield Fault(key=key, setting=name, says=against + hint)


def _against(duck: "DuckDBPyConnection", fact: str, name: str, expression: str) -> str | None:
    import duckdb

    if any(mark in expression for mark in ("--", "/*", ";")):
        return f"{expression!r} has a comment or a semicolon; give the expression alone"
    query = f"SELECT ({expression}) FROM {fact}"  # looked at as a tree before it is run, over no rows
    [(text,)] = duck.execute("SELECT json_serialize_sql(?)", [query]).fetchall()
    tree = orjson.loads(text)
    if tree.get("error"):
        return f"{expression!r} is no expression: {tree.get('error_message', '').splitlines()[0]}"
    if (odd := _odd(tree)) is not None:
        return f"{expression!r} has {odd}; use aggregates of the fact's columns, such as sum(won)"
    try:
        found = duck.execute(query)
        [kind] = [column[1] for column in found.description or ()]
        rows = found.fetchall()
    except duckdb.Error as error:
        return f"{expression!r} can't be computed over {fact}: {' '.join(str(error).splitlines()[0].split(': ')[1:])}"
    if name not in OF_ROWS and len(rows) != 1:
        return f"{expression!r} is no aggregate; write sum({expression}), say"
    if name in OF_ROWS and len(rows) == 1:
        return f"{expression!r} is an aggregate; give the value of one row"
    if str(kind).split("(")[0] not in NUMBERS:
        return f"{expression!r} is no number but {kind}"
    return None


def _odd(tree: Any) -> str | None:
    """What in a parsed statement is more than one expression over one table, in words; None where nothing is."""
    statements = tree.get("statements", ())
    if len(statements) != 1:
        return "more than one statement"
    node = statements[0]["node"]
    plain = node["type"] == "SELECT_NODE" and node["from_table"]["type"] == "BASE_TABLE"
    more = ("where_clause", "having", "qualify", "sample")
    beside = [*node.get("group_expressions", ()), *node.get("modifiers", ())] if plain else ()
    if not plain or len(node["select_list"]) != 1 or beside or any(node.get(name) for name in more):
        return "more than one expression"
    if node["cte_map"]["map"]:
        return "a query of its own"
    return _odd_expression(node["select_list"][0])


def _odd_expression(node: Any) -> str | None:
    if isinstance(node, list):
        return next((said for one in node if (said := _odd_expression(one)) is not None), None)
    if not isinstance(node, dict):
        return None
    kind = node.get("class")
    if kind is not None and kind not in NODES:
        return "a query of its own" if kind == "SUBQUERY" else f"a part that is not allowed ({kind.lower()})"
    if kind == "FUNCTION":
        name = str(node["function_name"]).lower()
        if node.get("schema") or name not in FUNCTIONS:
            return f"a function that is not allowed ({name})"
    return _odd_expression([value for name, value in node.items() if name not in {"value", "type"}])
