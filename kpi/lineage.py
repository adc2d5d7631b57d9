"""Lineage: which of the store's tables a KPI is computed from, read out of the facts' own SQL."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from kpi.metric import Metric
from kpi.source import COPIES

CREATED = re.compile(r"CREATE OR REPLACE (?:TABLE|VIEW) (\w+) AS(.*?);\s*(?=\n|$)", re.DOTALL)
COMMENT = re.compile(r"--[^\n]*")
WORD = re.compile(r"\b[a-z_]+\b")
PLANS = {"target_values": "targets", "target_rows": "targets"}


def tables_of(metric: Metric) -> frozenset[str]:
    """The store's tables behind a metric."""
    found: set[str] = set()
    for name in _facts(metric):
        found |= _tables(name)
    return frozenset(found)


def facts_of(metric: Metric) -> tuple[str, ...]:
    """The facts behind a metric, each once."""
    return tuple(dict.fromkeys(_facts(metric)))


def facts() -> Mapping[str, frozenset[str]]:
    """Every table that a fact's file makes, with the tables that it is made of."""
    return _made()


@cache
def _tables(name: str) -> frozenset[str]:
    """The store's tables behind a fact's table, itself included where it is one."""
    copied, made = _copied(), _made()
    found: set[str] = set()
    todo, seen = [name], {name}
    while todo:
        one = todo.pop()
        if one in copied:
            found.add(copied[one])
        for other in made.get(one, frozenset()) - seen:
            seen.add(other)
            todo.append(other)
    return frozenset(found)


@cache
def _copied() -> Mapping[str, str]:
    return {copy.into or copy.table.name: copy.table.name for copy in COPIES}


@cache
def _made() -> Mapping[str, frozenset[str]]:
    bodies: dict[str, str] = {}
    for file in files("kpi.facts").iterdir():
        if file.name.endswith(".sql"):
            for name, body in CREATED.findall(COMMENT.sub("", file.read_text("utf-8"))):
                bodies[name] = bodies.get(name, "") + body
    known = {*bodies, *_copied()}
    return {name: frozenset(WORD.findall(body)) & known - {name} for name, body in bodies.items()}


def texts(part: Any) -> Iterator[str]:
    """Every text in a metric, and in the metrics that it is made of; not of its card."""
    if is_dataclass(part):
        for field in fields(part):
            if field.name != "card":
                yield from texts(getattr(part, field.name))
    elif isinstance(part, Mapping):
        for value in part.values():
            yield from texts(value)
    elif isinstance(part, str):
        yield part


def _facts(metric: Metric) -> Iterator[str]:
    """Every text in a metric that names a table of facts."""
    known = {*_made(), *_copied()}
    return (text for text in texts(metric) if text in known)
