"""A ledger on every kind of database, and one on SQLite where the kind doesn't matter."""

import pytest

from store.database import Database
from tests.kpi.engine.ledger import Ledger


@pytest.fixture
def ledger(sqlite: Database) -> Ledger:
    """On SQLite."""
    return Ledger(sqlite)


@pytest.fixture
def any_ledger(database: Database) -> Ledger:
    """On SQLite and PostgreSQL in turn."""
    return Ledger(database)
