"""Copy query results into DuckDB over Arrow. Run as a program, it does so in a process of its own.

A SQLite file must not be opened by two copies of the SQLite library in one process: when one closes the file, the
operating system drops the locks of both (https://sqlite.org/howtocorrupt.html, section 2.2.1). Python brings one copy
and the ADBC driver another, so SQLite files are read by a child. It imports nothing of ours, to start fast.
"""

import json
import sys
from typing import Any

import duckdb

BATCH_ROWS = "16384"
Step = dict[str, str]
"""`query` runs on the source; `create` takes its rows from `incoming`; `counted` and `counts` must then agree."""


class LostRowsError(Exception):
    """A copy has other counts than its source: the driver has dropped something."""


def copy(cursor: Any, duck: duckdb.DuckDBPyConnection, steps: list[Step]) -> None:
    """Run the steps in order. Raises LostRowsError where a copy and its source disagree."""
    for step in steps:
        _arrive(cursor, duck, step["query"])
        duck.execute(step["create"]).fetchall()
        duck.unregister("incoming")
        _arrive(cursor, duck, step["counted"])
        there = duck.execute("SELECT * FROM incoming").fetchall()
        duck.unregister("incoming")
        here = duck.execute(step["counts"]).fetchall()
        if here != there:
            raise LostRowsError(f"copied {here}, the store has {there}: {step['counts']}")


def _arrive(cursor: Any, duck: duckdb.DuckDBPyConnection, query: str) -> None:
    cursor.execute(query)
    duck.register("incoming", cursor.fetch_arrow())


def main() -> None:
    """Read a plan from standard input: `database` (a SQLite file), `target` (a DuckDB file), `steps`."""
    from adbc_driver_sqlite import dbapi

    plan = json.load(sys.stdin)
    duck = duckdb.connect(plan["target"], config={"threads": 2, "memory_limit": plan["memory"]})
    duck.execute("SET force_compression = 'uncompressed'")  # the file lives for seconds
    duck.execute(plan["prepare"])
    duck.execute("BEGIN")  # one wait for the disk, not one for each table
    with dbapi.connect(plan["database"], autocommit=False) as source, source.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": BATCH_ROWS})
        copy(cursor, duck, plan["steps"])
    duck.execute("COMMIT")
    duck.close()


if __name__ == "__main__":
    main()
