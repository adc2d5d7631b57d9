"""Keys: which rows a file has, kept on disk while it is read, so that memory stays flat however long the file is."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, Self

BETWEEN, AFTER = "\x1f", "\x20"
MEMORY_KB = 16_384
MOST = 500


def key_text(parts: Iterable[Any]) -> str:
    """The key of a row as one text: the same for what a file says and for what the store has."""
    return BETWEEN.join(part.astimezone(UTC).isoformat() if isinstance(part, datetime) else str(part) for part in parts)


class Keys:
    """The keys met so far, each with its line. Lives in a temporary file that nobody else sees."""

    def __init__(self) -> None:
        self._books = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{MEMORY_KB}"):
            self._books.execute(f"PRAGMA {pragma}")
        self._books.execute("CREATE TABLE met (key TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._books.close()

    def __len__(self) -> int:
        return int(self._books.execute("SELECT count(*) FROM met").fetchone()[0])

    def meet(self, rows: Sequence[tuple[str, int]]) -> dict[int, int]:
        """Take in rows by key and line; answers the lines of those whose key was met before, with the line of that."""
        before = self._books.total_changes
        self._books.execute("BEGIN")
        self._books.executemany("INSERT OR IGNORE INTO met VALUES (?, ?)", rows)
        self._books.execute("COMMIT")
        if self._books.total_changes - before == len(rows):
            return {}
        first = {line: self._line(key) for key, line in rows}
        return {line: met for line, met in first.items() if met != line}

    def lack(self, keys: Sequence[str]) -> set[str]:
        """Which of these keys were not met."""
        there: set[str] = set()
        for start in range(0, len(keys), MOST):
            some = keys[start : start + MOST]
            places = ", ".join("?" * len(some))
            with closing(self._books.execute(f"SELECT key FROM met WHERE key IN ({places})", some)) as found:
                there.update(key for (key,) in found)
        return set(keys) - there

    def following(self, key: str) -> str:
        """The next key with the same beginning, without it (empty: there is none): a history's next moment."""
        parent, _, _ = key.rpartition(BETWEEN)
        query = "SELECT min(key) FROM met WHERE key > ? AND key < ?"
        (found,) = self._books.execute(query, (key, f"{parent}{AFTER}")).fetchone()
        return str(found).rpartition(BETWEEN)[2] if found else ""

    def _line(self, key: str) -> int:
        return int(self._books.execute("SELECT line FROM met WHERE key = ?", (key,)).fetchone()[0])
