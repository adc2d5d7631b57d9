"""How patient we are, and the table of promises at the end.

`DEALMETER_PATIENCE` multiplies the cases of every promise; `DEALMETER_RELIABILITY_REPORT` names a file to write the
table into, between its two marks.
"""

import os
import platform
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from store import migrate
from store.database import Database
from tests.conftest import database_on

PATIENCE = int(os.environ.get("DEALMETER_PATIENCE", "1"))
REPORT = os.environ.get("DEALMETER_RELIABILITY_REPORT")
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"
KEY = "promise"
BEGUN = datetime.now(UTC)


@dataclass
class Promise:
    """One promise under trial: what it says, how it is tried, and how many cases were."""

    says: str = ""
    how: str = ""
    tried: int = 0

    def is_that(self, says: str, how: str) -> None:
        """Name it."""
        self.says, self.how = says, how

    def cases(self, base: int) -> Iterator[int]:
        """As many cases as our patience allows, counted as they are tried; each number is a seed."""
        for seed in range(base * PATIENCE):
            yield seed
            self.tried += 1


@pytest.fixture
def promise(record_property: Any) -> Promise:
    """The promise that a test tries."""
    it = Promise()
    record_property(KEY, vars(it))  # as it is when the test has ended: a report that comes later is not counted
    return it


def _made() -> str:
    """When, how patiently and on what the table was made."""
    seconds = (datetime.now(UTC) - BEGUN).total_seconds()
    return (
        f"Made on {BEGUN:%Y-%m-%d} in {seconds / 60:.0f} minutes with a patience of {PATIENCE}, on {os.cpu_count()} "
        f"{platform.machine()} processors, with Python {platform.python_version()}, SQLite {sqlite3.sqlite_version} "
        "and PostgreSQL."
    )


Stores = Callable[[], AbstractContextManager[Database]]
"""Makes an empty store, as often as one is wanted."""


@pytest.fixture(params=["sqlite", "postgresql"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Stores:
    """New stores of each kind in turn."""
    numbers, is_file = count(), request.param == "sqlite"
    server = "" if is_file else request.getfixturevalue("postgres")

    @contextmanager
    def address() -> Iterator[str]:
        if is_file:
            yield f"sqlite:///{tmp_path / f'{next(numbers)}.db'}"
        else:
            yield from database_on(server)

    @contextmanager
    def store() -> Iterator[Database]:
        with address() as url, Database(url) as database:
            migrate.upgrade(database)
            yield database

    return store


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The table, from what every worker has reported."""
    rows: dict[tuple[str, str], list[int]] = {}
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            for key, value in getattr(report, "user_properties", []):
                if key == KEY and value["says"]:
                    row = rows.setdefault((value["says"], value["how"]), [0, 0])
                    row[0] += value["tried"] + (outcome == "failed")
                    row[1] += outcome == "failed"
    if not rows:
        return
    table = "".join(
        ["| Promise | How it is tried | Cases | Broken |\n|---|---|---:|---:|\n"]
        + [f"| {says} | {how} | {tried:,} | {broken} |\n" for (says, how), (tried, broken) in sorted(rows.items())]
    )
    table += f"\n{_made()}\n"
    terminalreporter.write_line("\n" + table)
    if REPORT:
        page = Path(REPORT)
        head, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
        page.write_text(f"{head}{BEGIN}{table}{END}{rest.partition(END)[2]}", encoding="utf-8")
