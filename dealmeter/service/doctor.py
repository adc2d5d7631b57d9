"""Looks at everything that an installation needs, and says what to do about what it lacks."""

import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from connectors.errors import ConnectorError
from dealmeter.cli.connectors import connector
from dealmeter.cli.queue import queue
from dealmeter.config import Configured
from dealmeter.config.addresses import is_this_machine
from dealmeter.errors import UsageError
from store import migrate, notices
from store.backup import check
from store.database import Database
from store.errors import StoreError
from sync.handover import BrokerError

Level = Literal["ok", "warning", "bad"]
ROOM = 2**30
PACKAGES = (
    "hubspot-api-client", "simple-salesforce", "apscheduler", "sqlmodel", "sqlalchemy", "tenacity", "duckdb",
    "pydantic", "tzdata", "psycopg", "prometheus-client",
    "celery",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One look: what was looked at, how it is, and what to do."""

    subject: str
    level: Level = "ok"
    said: str = ""
    hint: str = ""


def packages() -> dict[str, str]:
    """The versions of what we stand on; those that are not installed are left out."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def examine(settings: Configured, *, offline: bool, check_connection: Callable[[str], str]) -> Iterator[Finding]:
    """Every finding in turn. `check_connection` signs in and answers in a sentence, or raises a ConnectorError."""
    yield Finding(subject="python", said=f"{platform.python_version()} ({sys.executable})")
    yield Finding(subject="configuration", said=str(settings.path))
    for warning in settings.warnings:
        yield Finding(subject="configuration", level="warning", said=warning)
    yield from _addresses(settings)
    yield from _database(settings)
    if settings.config.executor.kind == "celery" and not offline:
        yield _broker(settings)
    for name in settings.settings if not offline else ():
        try:
            yield Finding(subject=name, said=check_connection(name))
        except ConnectorError as error:
            yield Finding(subject=name, level="bad", said=str(error), hint=error.hint)


def _addresses(settings: Configured) -> Iterator[Finding]:
    for name, own in settings.settings.items():
        parts = urlsplit(str(getattr(own, "base_url", "") or ""))
        if parts.scheme == "http" and not is_this_machine(parts.hostname or ""):
            yield Finding(
                subject=name,
                level="warning",
                said="base_url is plain http: the token travels for everybody on the way to read",
                hint="use https, or be sure of the network between",
            )
        connector(settings, name)  # whether its packages are there


def _database(settings: Configured) -> Iterator[Finding]:
    try:
        with Database(settings.config.database.url) as database:
            name = database.url.database
            if database.is_sqlite and name and not Path(name).is_file():
                said, hint = f"{name} is not there yet", "run `dealmeter sync`, which makes it"
                yield Finding(subject="database", level="warning", said=said, hint=hint)
                return
            migrate.refuse_foreign(database)
            migrate.ensure_current(database)
            yield Finding(subject="database", said=f"{database.shown}, at {migrate.head()}")
            for problem in check(database):
                yield Finding(subject="database", level="bad", said=problem, hint="restore a backup, then sync")
            with database.read() as tx:
                for alert in notices.open_alerts(tx):
                    said = f"{alert['kind']} since {alert['since']:%Y-%m-%d %H:%M} UTC, {alert['times']} times"
                    hint = "run `dealmeter status`"
                    yield Finding(subject=alert["connection"], level="warning", said=said, hint=hint)
            if database.is_sqlite and name:
                yield from _room(Path(name))
    except StoreError as error:
        yield Finding(subject="database", level="bad", said=str(error), hint=error.hint)


def _broker(settings: Configured) -> Finding:
    try:
        found = queue(settings)
        return Finding(subject="broker", said=found.check() if found is not None else "")
    except (UsageError, BrokerError) as error:
        return Finding(subject="broker", level="bad", said=str(error), hint=error.hint)


def _room(file: Path) -> Iterator[Finding]:
    free, size = shutil.disk_usage(file.absolute().parent).free, file.stat().st_size
    said = f"{free / 2**30:,.1f} GiB free beside a database of {size / 2**20:,.0f} MiB"
    is_enough = free >= max(ROOM, size)
    hint = "" if is_enough else "make room: a migration or a backup needs as much again as the database"
    yield Finding(subject="disk", level="ok" if is_enough else "warning", said=said, hint=hint)
    mode = file.stat().st_mode & 0o077
    if mode & 0o007:
        yield Finding(
            subject="database",
            level="warning",
            said=f"{file} can be read or written by every user of this machine",
            hint=f"run `chmod 640 {file}`",
        )
