"""Columns arrive whole and exact, whatever comes first in them, and the store's file is safe while they are read."""

import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from itertools import count
from threading import Event

import duckdb
import pytest

from kpi.copier import LostRowsError, copy
from kpi.engine import evaluate
from kpi.source import COPIES, Source, step_of
from kpi.workshop import DEFAULT_LIMITS, workshop
from store.records import Deal, Team
from store.schema import TABLES
from store.upsert import upsert
from tests.kpi.engine.ledger import LONG_AGO, NOW, Ledger

KPIS = ("revenue",)
TEAMS = next(copy for copy in COPIES if copy.table is TABLES[Team])


@pytest.mark.parametrize("amount", ["999999999999.999", "123456789.123456", "0.000001", "99999999999999.9", "100"])
def test_an_amount_of_fifteen_digits_arrives_exact(any_ledger: Ledger, amount: str) -> None:
    any_ledger.won("a", "2026-04-01", amount=Decimal(amount))
    [row] = [
        row
        for row in evaluate(any_ledger.database, any_ledger.settings, "revenue", now=NOW)
        if str(row["period_start"]) == "2026-04-01"
    ]
    assert row["value"] == Decimal(amount)


def test_columns_that_begin_with_thousands_of_nulls_keep_their_types(ledger: Ledger) -> None:
    seen = {"connection": "crm", "first_seen_at": LONG_AGO, "last_seen_at": LONG_AGO}
    empty = [{**seen, "id": f"a{number:05}", "amount": None, "is_closed": None} for number in range(20_000)]
    with ledger.database.write() as tx:
        upsert(tx, TABLES[Deal], empty)
    ledger.won("z", "2026-04-01", amount=Decimal("1.5"))
    ledger.compute()
    assert ledger.value("revenue") == Decimal("1.5")


def test_a_sqlite_file_is_never_opened_by_a_second_sqlite_in_this_process(ledger: Ledger) -> None:
    ledger.deal("a")
    ledger.compute()
    assert "adbc_driver_sqlite" not in sys.modules


def test_all_tables_are_copied_as_of_one_moment(ledger: Ledger) -> None:
    done = Event()

    def write() -> None:
        seen = {"connection": "crm", "first_seen_at": LONG_AGO, "last_seen_at": LONG_AGO}
        for number in count():
            with ledger.database.write() as tx:
                upsert(tx, TABLES[Deal], [{**seen, "id": f"d{number}"}])
                upsert(tx, TABLES[Team], [{**seen, "id": f"t{number}", "name": "one"}])
            if done.is_set():
                break

    deals = next(copy for copy in COPIES if copy.table is TABLES[Deal])
    with ThreadPoolExecutor(1) as pool, workshop(DEFAULT_LIMITS) as (duck, folder):
        writing = pool.submit(write)
        source = Source(ledger.database, duck, folder, memory="1GB")
        try:
            for _ in range(8):
                source.copy([TEAMS, deals])
                [counts] = duck.execute(
                    "SELECT (SELECT count(*) FROM teams WHERE name = 'one'), (SELECT count(*) FROM deals)"
                ).fetchall()
                assert counts[0] == counts[1]
        finally:
            done.set()
        writing.result()
    assert counts[0] > 8


class Driver:
    """A source that answers what it is told to, whatever it is asked."""

    def __init__(self, duck: duckdb.DuckDBPyConnection, rows: str) -> None:
        self.duck, self.rows = duck, rows

    def execute(self, query: str) -> None:
        """Hear a query."""

    def fetch_arrow(self) -> duckdb.DuckDBPyRelation:
        """The rows."""
        return self.duck.sql(f"SELECT * FROM (VALUES {self.rows}) t (filled, connection, id, name)")


ONE, TWO, END = "(15, 'crm', 't1', 'North')", "(7, 'crm', 't2', NULL)", "(-1, NULL, NULL, NULL)"


def test_a_copy_keeps_each_row_and_each_value() -> None:
    with duckdb.connect() as duck:
        copy(Driver(duck, f"{ONE}, {TWO}, {END}"), duck, [step_of(TEAMS, is_sqlite=False)])
        assert duck.execute("FROM teams ORDER BY id").fetchall() == [("crm", "t1", "North"), ("crm", "t2", None)]


@pytest.mark.parametrize(
    "rows", [f"{ONE}, {TWO}", f"{ONE}, (15, 'crm', 't2', NULL), {END}"], ids=["no end", "a name that was there"]
)
def test_a_copy_that_lost_rows_or_values_is_an_error(rows: str) -> None:
    with duckdb.connect() as duck, pytest.raises(LostRowsError, match="lost on the way"):
        copy(Driver(duck, rows), duck, [step_of(TEAMS, is_sqlite=False)])
