"""Columns arrive whole and exact, whatever comes first in them, and the store's file is safe while they are read."""

import sys
from decimal import Decimal

import duckdb
import pytest

from kpi.copier import LostRowsError, copy
from kpi.engine import evaluate
from store.records import Deal
from store.schema import TABLES
from store.upsert import upsert
from tests.kpi.engine.ledger import LONG_AGO, NOW, Ledger

KPIS = ("revenue",)


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


class Liar:
    """A source whose rows and counts disagree."""

    def __init__(self, duck: duckdb.DuckDBPyConnection) -> None:
        self.duck = duck

    def execute(self, query: str) -> None:
        """Remember what to answer."""
        self.query = query

    def fetch_arrow(self) -> duckdb.DuckDBPyRelation:
        """The rows."""
        return self.duck.sql(self.query)


def test_a_copy_that_lost_rows_is_an_error() -> None:
    step = {"query": "SELECT 1 AS x", "create": "CREATE TABLE t AS SELECT * FROM incoming",
            "counted": "SELECT 2 AS x", "counts": "SELECT count(*) AS x FROM t"}  # fmt: skip
    with duckdb.connect() as duck, pytest.raises(LostRowsError, match="copied"):
        copy(Liar(duck), duck, [step])
