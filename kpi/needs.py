"""Which KPIs lack a source: what their cards need and the store has never held."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, func, or_, select
from sqlmodel import SQLModel

from kpi.metric import Metric
from store.database import Database

BORN = ("entered_at", "changed_at", "created_at")
"""The columns that tell when a row came to be known."""


def missing_sources(database: Database, metrics: Mapping[str, Metric], at: datetime | None = None) -> dict[str, str]:
    """By KPI, the first of its needs that has never had a row; with `at`, not one that was there by then."""
    needs = dict.fromkeys(need for metric in metrics.values() for need in metric.card.needs)
    with database.read() as tx:
        unmet = {need for need in needs if not any(map(partial(_is_met, tx, at), need.split("|")))}
    found = {key: next((need for need in metric.card.needs if need in unmet), None) for key, metric in metrics.items()}
    return {key: need for key, need in found.items() if need is not None}


def _is_met(tx: Connection, at: datetime | None, source: str) -> bool:
    """Whether a table, a column of it, or a column with a value has ever had a row."""
    name, _, column = source.partition(".")
    column, _, value = column.partition("=")
    table = SQLModel.metadata.tables[name]
    query = select(1).select_from(table).limit(1)
    if value:
        query = query.where(func.lower(func.trim(table.c[column])) == value)
    elif column:
        query = query.where(table.c[column].is_not(None))
    if at is not None:
        born = next((table.c[name] for name in BORN if name in table.c), None)
        query = query if born is None else query.where(or_(born.is_(None), born <= at))
    return tx.execute(query).first() is not None
