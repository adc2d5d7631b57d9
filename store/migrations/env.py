"""Alembic's entry: migrates the connection that `store.migrate` hands over."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from store.columns import DecimalType, InstantType, JsonType, KeyType
from store.schema import metadata


def _render(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    if kind == "type" and isinstance(item, InstantType | DecimalType | JsonType | KeyType):
        autogen.imports.add("from store import columns")
        return f"columns.{type(item).__name__}()"
    if kind == "type" and type(item).__name__ == "AutoString":
        return "sa.String()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_item=_render,
    render_as_batch=True,
    transaction_per_migration=False,
)
context.run_migrations()
