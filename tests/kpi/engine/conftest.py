"""A ledger on every kind of database, and one on SQLite where the kind doesn't matter."""

import pytest

from store.database import Database
from tests.kpi.engine.ledger import Ledger


@pytest.fixture
def ledger(sqlite: Database, request: pytest.FixtureRequest) -> Ledger:
    """On SQLite; it computes the KPIS that the test's module names, else all."""
    return Ledger(sqlite, only=getattr(request.module, "KPIS", None))


@pytest.fixture
def any_ledger(database: Database, request: pytest.FixtureRequest) -> Ledger:
    """The same on SQLite and PostgreSQL in turn."""
    return Ledger(database, only=getattr(request.module, "KPIS", None))
