"""Words: columns of text that say few different things become enumerations, a byte or two for each row, not sixteen."""

from collections.abc import Collection

from duckdb import DuckDBPyConnection

MOST = 1000
"""How many different words an enumeration is made of at most."""


def enumerate_words(duck: DuckDBPyConnection, table: str, *, but: Collection[str] = ()) -> None:
    """Make enumerations of a table's columns of few words. They sort as text, and mixed with other text they are text.

    `but` names columns that stay text, because words that they don't have yet are put in later.
    """
    found = duck.execute(
        "SELECT column_name FROM duckdb_columns() WHERE table_name = ? AND data_type = 'VARCHAR'", [table]
    ).fetchall()
    texts = [name for (name,) in found if name not in but]
    counts = duck.execute(f"SELECT {', '.join(f'approx_count_distinct({name})' for name in texts)} FROM {table}")
    few = [name for name, count in zip(texts, counts.fetchall()[0], strict=True) if 0 < count <= MOST]
    for name in few:
        duck.execute(
            f"CREATE TYPE {table}_{name} AS ENUM "
            f"(SELECT DISTINCT {name} FROM {table} WHERE {name} IS NOT NULL ORDER BY {name})"
        )
    if few:
        read = ", ".join(f"CAST({name} AS {table}_{name}) AS {name}" for name in few)
        duck.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT * REPLACE ({read}) FROM {table}")
