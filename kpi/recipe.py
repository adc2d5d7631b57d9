"""Recipes: which files of facts, and which of the store's tables, some KPIs are made from."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files

from kpi.catalogue.dimensions import LABELLED
from kpi.lineage import texts
from kpi.metric import Metric
from kpi.source import COPIES, Copy

MADE = re.compile(r"CREATE OR REPLACE (?:TABLE|VIEW|MACRO) (\w+)")
WORD = re.compile(r"\b[a-z_]+\b")
ALWAYS = frozenset({"accounts", "deals", "users", "stages", "pipelines", *LABELLED.values()})
"""Tables that are looked at whatever is computed: for names and the currency."""


@cache
def sql(name: str) -> str:
    """The SQL of a file of facts."""
    return files("kpi.facts").joinpath(f"{name}.sql").read_text("utf-8")


def needed_files(metrics: Iterable[Metric], every: Iterable[str], always: str) -> frozenset[str]:
    """The files among `every` that metrics, and some SQL of ours, are made from, with those that they build upon."""
    known = tuple(every)
    makers = _makers(known)
    todo = [makers[word] for word in {*_words(always), *(w for one in metrics for w in _told(one))} & makers.keys()]
    found: set[str] = set()
    while todo:
        if (file := todo.pop()) not in found:
            found.add(file)
            todo += [makers[word] for word in _words(sql(file)) & makers.keys()]
    return frozenset(found)


def needed_copies(chosen: Iterable[str], *more: str) -> tuple[Copy, ...]:
    """The copies that files of facts read, those that are always wanted, and `more` tables."""
    words = ALWAYS.union(more, *(_words(sql(file)) for file in chosen))
    return tuple(copy for copy in COPIES if (copy.into or copy.table.name) in words)


@cache
def _makers(known: tuple[str, ...]) -> Mapping[str, str]:
    return {name: file for file in known for name in MADE.findall(sql(file))}


@cache
def _words(text: str) -> frozenset[str]:
    return frozenset(WORD.findall(text))


def _told(metric: Metric) -> Iterator[str]:
    """Every word of a metric that may name a table: too many rather than too few."""
    return (word for text in texts(metric) for word in _words(text))
