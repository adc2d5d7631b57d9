"""Copy query results into DuckDB over Arrow. Run as a program, it does so in a process of its own.

A SQLite file must not be opened by two copies of the SQLite library in one process: when one closes the file, the
operating system drops the locks of both (https://sqlite.org/howtocorrupt.html, section 2.2.1). Python brings one copy
and the ADBC driver another, so SQLite files are read by a child. It imports nothing of ours, to start fast.
"""

import json
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import duckdb

BATCH_ROWS = "16384"
READERS = 2
TRIES = 1000
LOST = "a value got lost on the way from the store"
Step = dict[str, str]
"""`query` runs on the source; `create` takes its rows from `incoming`, and the sequence `ends` counts the last one."""


class LostRowsError(Exception):
    """A copy isn't what its source has: the driver has dropped something."""


def copy(cursor: Any, duck: duckdb.DuckDBPyConnection, steps: Iterable[Step]) -> None:
    """Run the steps in order. Raises LostRowsError where a copy isn't what its source has."""
    for step in steps:
        duck.execute("CREATE OR REPLACE TEMP SEQUENCE ends")
        _arrive(cursor, duck, step["query"])
        try:
            duck.execute(step["create"]).fetchall()
        except duckdb.InvalidInputException as error:
            raise LostRowsError(f"{error}: {step['query']}") from error
        duck.unregister("incoming")
        if duck.execute("SELECT nextval('ends')").fetchall() != [(2,)]:
            raise LostRowsError(f"rows got lost on the way from the store: {step['query']}")


def _arrive(cursor: Any, duck: duckdb.DuckDBPyConnection, query: str) -> None:
    cursor.execute(query)
    duck.register("incoming", cursor.fetch_arrow())


def main() -> None:
    """Read a plan from standard input: `database` (a SQLite file), `target` (a DuckDB file), `steps`."""
    plan = json.load(sys.stdin)
    duck = duckdb.connect(plan["target"], config={"threads": 2, "memory_limit": plan["memory"]})
    duck.execute("SET force_compression = 'uncompressed'")  # the file lives for seconds
    duck.execute(plan["prepare"])
    left = reversed(plan["steps"])  # the large ones come last in a plan; the readers share what is left
    with ExitStack() as open_, ThreadPoolExecutor(READERS) as pool:
        readers = _at_one_moment(plan["database"], duck, open_)
        for ended in [pool.submit(_take, reader, duck.cursor(), left) for reader in readers]:
            ended.result()
    duck.close()


def _at_one_moment(database: str, duck: duckdb.DuckDBPyConnection, open_: ExitStack) -> list[Any]:
    """Connections that see the same: nobody committed between their first reads. Where somebody always does, one."""
    from adbc_driver_sqlite import dbapi

    watcher = open_.enter_context(dbapi.connect(database, autocommit=True))
    readers = [open_.enter_context(dbapi.connect(database, autocommit=False)) for _ in range(READERS)]
    for _ in range(TRIES):
        before = _ask(watcher, duck, "PRAGMA data_version")
        for reader in readers:
            reader.rollback()
            _ask(reader, duck, "SELECT count(*) FROM sqlite_master")
        if _ask(watcher, duck, "PRAGMA data_version") == before:
            return readers
    return readers[:1]


def _ask(connection: Any, duck: duckdb.DuckDBPyConnection, query: str) -> Any:
    with connection.cursor() as cursor:
        _arrive(cursor, duck, query)
        rows = duck.execute("SELECT * FROM incoming").fetchall()
        duck.unregister("incoming")
        return rows


def _take(reader: Any, duck: duckdb.DuckDBPyConnection, left: Iterable[Step]) -> None:
    duck.execute("BEGIN")  # one wait for the disk, not one for each table
    with reader.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": BATCH_ROWS})
        copy(cursor, duck, left)
    duck.execute("COMMIT")


if __name__ == "__main__":
    main()
