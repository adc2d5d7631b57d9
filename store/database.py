"""Open a database and hold a transaction; with `store.upsert` the only place that knows dialects."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

from store.errors import DatabaseUnavailableError
from store.json_text import json_text

DEFAULT_URL = "sqlite:///dealmeter.db"
DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
BUSY_S = 30
"""How long a writer waits for another."""
WAL = "PRAGMA journal_mode = WAL"
SQLITE_PRAGMAS = (
    "PRAGMA synchronous = NORMAL",
    f"PRAGMA busy_timeout = {BUSY_S * 1000}",
    "PRAGMA cache_size = -32000",
    "PRAGMA temp_store = FILE",
)


class Database:
    """A SQLite file or a PostgreSQL database. Safe to share between threads; close it when done.

    Raises DatabaseUnavailableError where it can't be opened or reached.
    """

    def __init__(self, url: str = DEFAULT_URL) -> None:
        self.url = _resolve(url)
        self.engine = _engine(self.url)
        self._file: tuple[int, int] | None = None

    @property
    def is_sqlite(self) -> bool:
        """Whether this is a SQLite file."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def shown(self) -> str:
        """The address without its password."""
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A writing transaction: committed at the end, rolled back by any exception.

        SQLite takes one at a time. On PostgreSQL it is READ COMMITTED: conditions and locks are in the statements, so
        whoever waits for one sees what the other has written.
        """
        self._insist_on_file()
        with _reachable(self.shown), self.engine.connect() as connection:
            connection = connection.execution_options(dealmeter_writes=True)
            with connection.begin():
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A reading transaction that sees one moment of the database."""
        self._insist_on_file()
        with _reachable(self.shown), self.engine.connect() as connection:
            if not self.is_sqlite:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    def _insist_on_file(self) -> None:
        """An open SQLite file that was removed or replaced takes writes that nobody will ever read."""
        name = self.url.database
        if not self.is_sqlite or not name or name == ":memory:":
            return
        try:
            status = os.stat(name)
        except FileNotFoundError:
            found = None
        else:
            found = (status.st_dev, status.st_ino)
        if self._file is None:
            self._file = found
        elif found != self._file:
            self.engine.dispose()
            self._file = None  # only now: until then nobody may take a connection to the old file
            raise DatabaseUnavailableError(
                f"the file {name} was {'removed' if found is None else 'replaced'} while it was in use",
                hint="put it back, or restore a backup (`dealmeter db restore`); the next run uses what is there",
            )

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()

    def __enter__(self) -> "Database":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def end_when_silent(tx: Connection, after: timedelta) -> None:
    """Have PostgreSQL end this transaction, and free what it has locked, where we say nothing in it for so long.

    SQLite can't: a process that is paused while it writes holds up every other writer until it goes on.
    """
    if tx.dialect.name == "postgresql":
        milliseconds = str(int(after.total_seconds() * 1000))
        tx.execute(select(func.set_config("idle_in_transaction_session_timeout", milliseconds, True)))


def _resolve(url: str) -> URL:
    try:
        parsed = make_url(url)
        driver = DRIVERS[parsed.get_backend_name()]
    except (ArgumentError, KeyError, NoSuchModuleError) as error:
        raise DatabaseUnavailableError(
            f"the database address {_masked(url)!r} is not one that dealmeter can use",
            hint="use sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE",
        ) from error
    return parsed if "+" in parsed.drivername else parsed.set(drivername=driver)


def _masked(url: str) -> str:
    head, at, tail = url.rpartition("@")
    return f"{head.partition('://')[0]}://***@{tail}" if at else url


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        return _sqlite(url)
    try:
        return create_engine(url, pool_pre_ping=True, hide_parameters=True, json_serializer=json_text)
    except ModuleNotFoundError as error:
        raise DatabaseUnavailableError(
            f"PostgreSQL needs a driver that is not installed ({error.name})",
            hint="install it with: pip install 'dealmeter[postgres]'",
        ) from error


def _sqlite(url: URL) -> Engine:
    if url.database and url.database != ":memory:":
        folder = Path(url.database).absolute().parent
        if not folder.is_dir():
            raise DatabaseUnavailableError(
                f"the folder {folder} of the database file does not exist",
                hint="create the folder or name another file in `database.url`",
            )
    engine = create_engine(url, connect_args={"timeout": BUSY_S}, hide_parameters=True)

    @event.listens_for(engine, "do_connect")
    def _create_private(*_: object) -> None:
        """A new file is its owner's alone; SQLite would leave that to the umask."""
        if url.database and url.database != ":memory:":
            with suppress(FileExistsError):
                os.close(os.open(url.database, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        _patient(lambda: connection.execute(WAL).close())
        for pragma in SQLITE_PRAGMAS:
            connection.execute(pragma).close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("dealmeter_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _patient(switch: Callable[[], None]) -> None:
    """Of several that open a new file at once SQLite turns all but one away from switching to WAL, without waiting."""
    locked = retry_if_exception(lambda error: "locked" in str(error))
    for attempt in Retrying(retry=locked, wait=wait_random(0.01, 0.1), stop=stop_after_delay(BUSY_S), reraise=True):
        with attempt:
            switch()


@contextmanager
def _reachable(shown: str) -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        if "not a database" in str(error.orig):
            raise DatabaseUnavailableError(
                f"{shown} is not a dealmeter database: the file is no SQLite database",
                hint="name another file in `database.url`",
            ) from error
        if not isinstance(error, OperationalError):
            raise
        reason = str(error.orig or error).strip().splitlines()[0]
        raise DatabaseUnavailableError(
            f"the database {shown} can't be used: {reason}",
            hint="check that it runs, that the address is right, that the disk has room and the file may be written; "
            "then try again",
        ) from error
