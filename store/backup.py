"""Copies of the whole database: taken while it is in use, whole or not at all, and put back only where they fit."""

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, func, select, text
from sqlalchemy.engine import URL

from store import migrate
from store.database import Database
from store.errors import BackupError, SchemaMismatchError
from store.schema import KpiSnapshot, KpiSnapshotRun, SyncRun, SyncRunStream, metadata, table_of

PAGES_AT_ONCE = 4096
NULL_SEEN = re.compile(r"NULL value in (?P<table>\w+)\.(?P<column>\w+)")


def backup(database: Database, target: Path) -> None:
    """Copy the database to a file of mode 0600, in one moment's state, beside whoever writes.

    SQLite's is a database of its own; PostgreSQL's is an archive of `pg_dump`. Raises BackupError.
    """
    if target.exists():
        raise BackupError(f"{target} is there already", hint="name another file, or move that one away")
    if not target.absolute().parent.is_dir():
        raise BackupError(f"the folder of {target} does not exist", hint="create it, or name another")
    with _whole_or_not(target) as part:
        if database.is_sqlite:
            _copy(Path(str(database.url.database)), part)
        else:
            _run("pg_dump", database.url, ["--format=custom", "--no-owner", f"--file={part}"])


def restore(database: Database, source: Path) -> None:
    """Put a backup in the place of the database, which must be empty or absent. Raises BackupError."""
    if not source.is_file():
        raise BackupError(f"there is no file {source}", hint="check the path")
    if database.is_sqlite:
        _restore_file(Path(str(database.url.database)), source)
    else:
        if migrate.current(database) is not None:
            raise BackupError(
                f"{database.shown} has dealmeter's tables already",
                hint="restore into an empty database, then let `database.url` point to it",
            )
        _run("pg_restore", database.url, ["--no-owner", "--exit-on-error", "--single-transaction", str(source)])


def _restore_file(target: Path, source: Path) -> None:
    left = [path for path in (target, Path(f"{target}-wal"), Path(f"{target}-shm")) if path.exists()]
    if left:
        raise BackupError(
            f"{left[0]} is in the way",
            hint="stop the service and move the old database away first, with its -wal and -shm files",
        )
    if problems := check_file(source):
        raise BackupError(f"{source} is not a whole dealmeter database: {problems[0]}", hint="take another backup")
    with _whole_or_not(target) as part:
        shutil.copyfile(source, part)


def check_file(path: Path) -> Sequence[str]:
    """What is wrong with a SQLite file that should be ours; nothing where all is well."""
    with Database(f"sqlite:///{path}") as database:
        try:
            migrate.refuse_foreign(database)
            found = migrate.current(database)
        except Exception as error:  # whatever it is, it is no database of ours
            return [str(error)]
        if found is None:
            return ["it has no tables"]
        try:
            migrate.refuse_newer(found)
        except SchemaMismatchError as error:
            return [str(error)]
        return list(check(database))


def check(database: Database) -> Iterator[str]:
    """Sentences about what is broken: the file itself, and rows that point to nothing. Nothing where all is well."""
    with database.read() as tx:
        if database.is_sqlite:
            yield from _damage(tx)
        for what, child, column, parent, key in _POINTERS:
            orphans = select(func.count()).select_from(child).where(column.notin_(select(key).select_from(parent)))
            if count := tx.scalar(orphans):
                yield f"{count:,} {what}"


def _damage(tx: Connection) -> Iterator[str]:
    """SQLite 3.40 sees NULLs that aren't there in tables WITHOUT ROWID, so we look whether they are."""
    for said in list(tx.scalars(text("PRAGMA integrity_check(100)"))):
        seen = NULL_SEEN.fullmatch(said)
        if said == "ok":
            continue
        if seen is not None:
            column = metadata.tables[seen["table"]].c[seen["column"]]
            if not tx.scalar(select(func.count()).where(column.is_(None))):
                continue
        yield f"the file is damaged: {said}"


_SNAPSHOTS, _SNAPSHOT_RUNS = table_of(KpiSnapshot), table_of(KpiSnapshotRun)
_RUNS, _STREAMS = table_of(SyncRun), table_of(SyncRunStream)
_POINTERS = (
    ("KPI values belong to no computation", _SNAPSHOTS, _SNAPSHOTS.c.run_id, _SNAPSHOT_RUNS, _SNAPSHOT_RUNS.c.id),
    ("streams belong to no run", _STREAMS, _STREAMS.c.run_id, _RUNS, _RUNS.c.id),
)


def _copy(source: Path, target: Path) -> None:
    """SQLite's own online backup: it begins again by itself when somebody writes meanwhile, and ends all the same."""
    try:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
            old.execute("PRAGMA busy_timeout = 30000")
            old.execute("BEGIN")  # one moment, however long it takes
            old.execute("SELECT count(*) FROM sqlite_master").fetchone()
            old.backup(new, pages=PAGES_AT_ONCE)
            new.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise BackupError(f"{source} could not be copied: {error}", hint="check the disk's room, then again") from error


def _run(program: str, url: URL, arguments: Sequence[str]) -> None:
    """The password goes by the environment: other people see the arguments of our processes."""
    found = shutil.which(program)
    if found is None:
        raise BackupError(
            f"{program} is not installed here", hint="install PostgreSQL's client programs, of the server's version"
        )
    plain = url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    environ = {**os.environ, **({"PGPASSWORD": str(url.password)} if url.password else {})}
    done = subprocess.run(  # noqa: S603  # our own arguments, no shell
        [found, f"--dbname={plain}", *arguments], env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise BackupError(f"{program} failed: {said}", hint="its message says why; the server may be newer than it")


@contextmanager
def _whole_or_not(target: Path) -> Iterator[Path]:
    """A file beside the target that takes its place, durably, once it is whole."""
    part = target.with_name(f".{target.name}.part")
    with suppress(FileNotFoundError):
        part.unlink()
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(target)
        folder = os.open(target.absolute().parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()
