"""Which KPIs lack a source: what their cards need and the store has never held."""

from collections.abc import Mapping
from functools import partial

from sqlalchemy import Connection, func, select
from sqlmodel import SQLModel

from kpi.metric import Metric
from store.database import Database


def missing_sources(database: Database, metrics: Mapping[str, Metric]) -> dict[str, str]:
    """By KPI, the first of its needs that has never had a row."""
    needs = dict.fromkeys(need for metric in metrics.values() for need in metric.card.needs)
    with database.read() as tx:
        unmet = {need for need in needs if not any(map(partial(_is_met, tx), need.split("|")))}
    found = {key: next((need for need in metric.card.needs if need in unmet), None) for key, metric in metrics.items()}
    return {key: need for key, need in found.items() if need is not None}


def _is_met(tx: Connection, source: str) -> bool:
    """Whether a table, a column of it, or a column with a value has ever had a row."""
    name, _, column = source.partition(".")
    column, _, value = column.partition("=")
    table = SQLModel.metadata.tables[name]
    query = select(1).select_from(table).limit(1)
    if value:
        query = query.where(func.lower(func.trim(table.c[column])) == value)
    elif column:
        query = query.where(table.c[column].is_not(None))
    return tx.execute(query).first() is not None
