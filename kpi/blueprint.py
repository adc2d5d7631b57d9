"""The blueprint: every fact in an empty workshop, to ask which columns there are and whether an expression can be."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from kpi.lineage import facts, facts_of
from kpi.metric import Metric
from kpi.settings import KpiSettings, resolve
from kpi.source import COPIES, kinds_of
from kpi.warehouse import build

TYPES = {
    "instant": "TIMESTAMP", "day": "DATE", "decimal": "DECIMAL(38, 6)", "double": "DOUBLE", "bool": "BOOLEAN",
    "int": "BIGINT",
}  # fmt: skip
BOXED: Mapping[str, Any] = {
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "threads": 1,
}
"""No file, no network, no extension."""
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
CONNECTED = ("connection", "deal", "rep")
"""A fact's columns any of which tells the connection that a row comes from."""


@contextmanager
def blueprint() -> Iterator[DuckDBPyConnection]:
    """Every fact, without rows, in a DuckDB that reaches for nothing."""
    duck = duckdb.connect(":memory:", config=dict(BOXED))
    try:
        for copy in COPIES:
            columns = ", ".join(f"{name} {TYPES.get(kind, 'VARCHAR')}" for name, kind in kinds_of(copy).items())
            duck.execute(f"CREATE TABLE {copy.into or copy.table.name} ({columns})")
        settings = KpiSettings()
        build(duck, settings, resolve(settings, []), LONG_AGO)
        yield duck
    finally:
        duck.close()


@cache
def columns() -> Mapping[str, Mapping[str, str]]:
    """By fact, its columns with their DuckDB types."""
    with blueprint() as duck:
        found: dict[str, dict[str, str]] = {}
        rows = duck.execute("SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal")
        for table, column, kind in rows.fetchall():
            if table in facts():
                found.setdefault(table, {})[column] = kind
    return found


def dimensions_of(metric: Metric) -> tuple[str, ...]:
    """The dimensions of a metric, with `connection` where every fact behind it tells that."""
    if "connection" in metric.dimensions:
        return metric.dimensions
    every = [set(columns().get(fact, ())) for fact in facts_of(metric)]
    own = set(metric.dimensions)
    known = [some for some in every if "day" in some and (some & own or not own)]
    told = bool(known) and all(some & set(CONNECTED) for some in known)
    return (*metric.dimensions, "connection") if told else metric.dimensions


def tell_connections(duck: DuckDBPyConnection, metrics: Mapping[str, Metric]) -> None:
    """Give every fact of these metrics a column `connection`, where it doesn't have one but can tell."""
    for fact in sorted({fact for metric in metrics.values() for fact in facts_of(metric)}):
        known = columns().get(fact, {})
        if "connection" in known:
            continue
        if "deal" in known:
            told = f"SELECT f.*, d.connection FROM {fact} f LEFT JOIN deal d USING (deal)"
        elif "rep" in known:
            told = f"SELECT *, split_part(rep, ':', 1) AS connection FROM {fact}"
        else:
            continue
        duck.execute(f"CREATE OR REPLACE TABLE told AS {told}")
        duck.execute(f"DROP TABLE {fact}")
        duck.execute(f"ALTER TABLE told RENAME TO {fact}")
