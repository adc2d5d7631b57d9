"""The newest KPI values of a store, as both databases can say them."""

from decimal import Decimal
from typing import Any

from sqlalchemy import text

from store.database import Database

NEWEST = (
    "SELECT kpi_key, calendar, grain, period_start, dimension, member, value, numerator, denominator, n, status "
    "FROM kpi_latest"
)


def values(database: Database) -> list[tuple[str, ...]]:
    """Every newest KPI value."""
    with database.read() as tx:
        return sorted(tuple(_plain(value) for value in row) for row in tx.execute(text(NEWEST)))


def _plain(value: Any) -> str:
    return f"{float(value):.9g}" if isinstance(value, Decimal | float | int) else str(value)
