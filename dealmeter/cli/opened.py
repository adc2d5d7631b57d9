"""What commands open: the configuration, the database, the log."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dealmeter.cli.invocation import Invocation
from dealmeter.cli.terminal import Terminal
from dealmeter.errors import UsageError

if TYPE_CHECKING:
    from dealmeter.config import Configured
    from store.database import Database


def configured(invocation: Invocation, *, connections: bool = False) -> "Configured":
    """The configuration; with `connections`, their settings too, and a warning for each secret that lies open."""
    from dealmeter.config import load

    found = load(invocation.config, invocation.environ, connections=connections)
    invocation.secrets.update(found.secrets)
    for warning in found.warnings if connections else ():
        Terminal(invocation).warn(warning)
    return found


def configured_if_there(invocation: Invocation) -> "Configured | None":
    """The configuration, or None where there is none: what the program knows by itself can be told without."""
    from dealmeter.errors import ConfigError

    try:
        return configured(invocation)
    except ConfigError as error:
        if error.problems or invocation.config is not None:
            raise
        return None


@contextmanager
def for_writing(settings: "Configured") -> Iterator["Database"]:
    """The database, with its tables up to date, for a program that has much to write."""
    from store.migrate import prepare
    from sync.collector import spare

    with ours(settings) as database:
        prepare(database, auto=settings.config.database.auto_migrate)
        spare()
        yield database


@contextmanager
def ours(settings: "Configured") -> Iterator["Database"]:
    """The database, made where there is none, with whatever tables of ours."""
    from store.database import Database

    with Database(settings.config.database.url) as database:
        yield database


@contextmanager
def for_reading(settings: "Configured") -> Iterator["Database"]:
    """The database as it is, with the tables that this program knows."""
    from store.migrate import ensure_current

    with existing(settings) as database:
        ensure_current(database)
        yield database


@contextmanager
def existing(settings: "Configured") -> Iterator["Database"]:
    """The database in whatever state. Raises DatabaseUnavailableError where there is none: reading makes none."""
    from store.database import Database
    from store.errors import DatabaseUnavailableError
    from store.migrate import refuse_foreign

    with Database(settings.config.database.url) as database:
        name = database.url.database
        if database.is_sqlite and name and name != ":memory:" and not Path(name).is_file():
            raise DatabaseUnavailableError(
                f"there is no database {name} yet", hint="run `dealmeter sync`, which makes it"
            )
        refuse_foreign(database)
        yield database


def log_of(invocation: Invocation, settings: "Configured") -> Any:
    """The log as configured, unless the command line says otherwise."""
    from dealmeter.logs import logger

    log = settings.config.log
    level = "error" if invocation.quiet else "debug" if invocation.verbose else log.level
    return logger(level=level, format_=invocation.log_format or log.format, secrets=settings.secrets)


Connections = Annotated[
    list[str] | None, typer.Argument(metavar="CONNECTION", help="Which connections; all unless named.")
]
"""The argument of every command that `chosen` serves."""


def chosen(settings: "Configured", names: Sequence[str]) -> list[str]:
    """The connections that are meant: the named ones, or all. Raises UsageError for a name that isn't there."""
    known = [connection.name for connection in settings.config.connections]
    if not known:
        raise UsageError(
            f"{settings.path} has no connections", hint="add one below `connections:`; `dealmeter init` shows how"
        )
    for name in names:
        if name not in known:
            raise UsageError(f"there is no connection {name!r}", hint=f"there are: {', '.join(known)}")
    return list(dict.fromkeys(names)) or known
