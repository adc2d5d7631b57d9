"""The store described for people: every view, table and column, as Markdown."""

from collections.abc import Iterator

from sqlalchemy import Table
from sqlalchemy.types import Boolean, Date, Integer
from sqlmodel import SQLModel

from store import schema
from store.columns import DecimalType, InstantType, JsonType
from store.records import ENTITIES
from store.schema import TABLES, metadata, table_of
from store.views import PURPOSES

TYPES = (
    (InstantType, "instant, UTC"),
    (DecimalType, "number, exact"),
    (JsonType, "JSON"),
    (Date, "day"),
    (Boolean, "yes or no"),
    (Integer, "whole number"),
)
HEAD = """# Tables

Made by `dealmeter db describe`; a test keeps it true. The **views** are the contract with readers: their names and
columns stay. Tables may change with a migration. Every row of a record has the connection that it came from, the CRM's
time at which it was first seen and at which a reading last brought something new; `deleted_at` marks a tombstone.

On SQLite an instant is text of fixed width in UTC (`2026-01-02 03:04:05.678000`) and a number a double of at most 15
digits, which is exact; on PostgreSQL they are `timestamptz` and `numeric`.
"""


def markdown() -> Iterator[str]:
    """The page, line by line."""
    yield HEAD
    yield "## Views\n"
    yield "| View | What it shows |\n|---|---|"
    for name, purpose in PURPOSES.items():
        yield f"| `{name}` | {purpose} |"
    yield "\n## Records\n"
    for record in ENTITIES:
        yield from _table(TABLES[record], record.__doc__ or "")
    yield "## Bookkeeping\n"
    records = set(TABLES.values())
    docs = {table_of(model).name: model.__doc__ for model in _models()}
    for table in metadata.sorted_tables:
        if table not in records:
            yield from _table(table, docs.get(table.name) or "")


def _table(table: Table, doc: str) -> Iterator[str]:
    yield f"### {table.name}\n"
    yield " ".join(line.strip() for line in doc.strip().splitlines()) + "\n"
    keys = ", ".join(f"`{column.name}`" for column in table.primary_key.columns)
    yield f"Key: {keys}.\n"
    yield "| Column | Type |\n|---|---|"
    for column in table.columns:
        kind = next((words for type_, words in TYPES if isinstance(column.type, type_)), "text")
        yield f"| `{column.name}` | {kind} |"
    yield ""


def _models() -> Iterator[type[SQLModel]]:
    for thing in vars(schema).values():
        if isinstance(thing, type) and issubclass(thing, SQLModel) and hasattr(thing, "__table__"):
            yield thing
