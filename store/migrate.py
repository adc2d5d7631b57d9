"""Bring a database to this program's schema, step by step, or say which command helps."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from store import views
from store.database import Database
from store.errors import DatabaseUnavailableError, SchemaMismatchError
from store.schema import metadata

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 0x6465616C  # "deal": one migration at a time on PostgreSQL


def head() -> str:
    """The newest revision that this program knows."""
    return str(ScriptDirectory(str(MIGRATIONS)).get_current_head())


def current(database: Database) -> str | None:
    """The revision of the database; None where it is empty."""
    with database.read() as tx:
        return MigrationContext.configure(tx).get_current_revision()


def upgrade(database: Database, revision: str = "head") -> None:
    """Migrate up, with the data in place. Raises SchemaMismatchError for a database that is newer than we are."""
    refuse_foreign(database)
    refuse_newer(current(database))
    with database.write() as tx:
        _lock(tx)
        views.drop(tx)
        command.upgrade(_config(tx), revision)
        if revision == "head":
            views.create(tx)


def downgrade(database: Database, revision: str) -> None:
    """Migrate down to a revision (`base`: to nothing)."""
    with database.write() as tx:
        _lock(tx)
        views.drop(tx)
        command.downgrade(_config(tx), revision)


def ensure_current(database: Database) -> None:
    """Raises SchemaMismatchError unless the database has exactly this program's schema."""
    found = current(database)
    refuse_newer(found)
    if found != head():
        raise SchemaMismatchError(
            f"the database {database.shown} is {'empty' if found is None else f'at revision {found}'}, "
            f"and this dealmeter needs {head()}",
            hint="run `dealmeter db upgrade` (take a backup first)",
        )


def prepare(database: Database, *, auto: bool) -> None:
    """Migrate where that is allowed (`auto`), or where the database is new and empty; else insist on a current one."""
    found = current(database)
    if found != head() and (auto or found is None):
        upgrade(database)
    ensure_current(database)


def refuse_newer(found: str | None) -> None:
    known = {script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}
    if found is not None and found not in known:
        raise SchemaMismatchError(
            f"the database is at revision {found}, which this dealmeter doesn't know: a newer one has migrated it",
            hint="install the newer dealmeter again, or restore a backup from before the upgrade",
        )


def refuse_foreign(database: Database) -> None:
    """Raises DatabaseUnavailableError for a database that another program has filled.

    A SQLite file is ours alone; on PostgreSQL other tables are welcome, unless they have names of ours.
    """
    with database.read() as tx:
        tables = inspect(tx).get_table_names()
    foreign = tables if database.is_sqlite else sorted(set(tables) & set(metadata.tables))
    if foreign and "alembic_version" not in tables:
        raise DatabaseUnavailableError(
            f"{database.url.database} is not a dealmeter database (it has tables of its own: {', '.join(foreign[:3])})",
            hint=f"name another {'file' if database.is_sqlite else 'database'} in `database.url`",
        )


def _lock(tx: Connection) -> None:
    if tx.dialect.name == "postgresql":
        tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})


def _config(tx: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = tx
    return config
