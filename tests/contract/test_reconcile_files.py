"""Files beside what we have of them: totals, repair, columns that change, and files that are suddenly empty."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from connectors.errors import ShrunkError
from store import drift
from store.database import Database
from store.records import Company, Deal, DealContact
from store.schema import TABLES
from sync.outcome import FAILED, OK, PARTIAL
from tests.contract.folder import NAME, Folder, stream

DEALS = TABLES[Deal]
HEADER = "id,name,amount,close_date,is_closed,is_won,next_step"
COMPANIES = "id,name\n" + "".join(f"c{number},Company {number}\n" for number in range(5))


def lines(count: int, header: str = HEADER) -> str:
    """So many deals of 100.10, 101.10, ..."""
    rows = [f"d{number},Deal {number},{100 + number}.10,2026-01-02,false,false,call" for number in range(count)]
    return "\n".join([header, *rows]) + "\n"


@pytest.fixture
def folder(tmp_path: Path, database: Database) -> Folder:
    """A folder with 20 deals and 5 companies, synced once."""
    made = Folder(tmp_path / "data", database)
    made.write("deals.csv", lines(20))
    made.write("companies.csv", COMPANIES)
    assert made.sync().outcome == OK
    return made


def test_counts_and_sums_agree_with_the_files(folder: Folder) -> None:
    found = folder.compare().compared
    assert {(each.object, each.measure): (each.ours, each.theirs) for each in found} == {
        ("companies", "records"): (5, 5),
        ("deals", "records"): (20, 20),
        ("deals", "amount"): (Decimal("2192.00"), Decimal("2192.00")),
    }


def test_a_row_deleted_behind_our_back_is_found_and_repaired(folder: Folder) -> None:
    before = folder.rows(Deal)
    with folder.database.write() as tx:
        tx.execute(delete(DEALS).where(DEALS.c.id == "d7"))
        tx.execute(update(DEALS).where(DEALS.c.id == "d8").values(amount=1))
    found = folder.compare()
    assert {(each.measure, each.difference) for each in found.compared if each.is_real} == {
        ("records", -1),
        ("amount", Decimal("-214.20")),
    }
    repaired = folder.compare(repair=True)
    assert not repaired.differing
    assert [run.outcome for run in repaired.runs] == [OK]
    kept = [{name: value for name, value in row.items() if not name.endswith("seen_at")} for row in folder.rows(Deal)]
    assert kept == [{name: value for name, value in row.items() if not name.endswith("seen_at")} for row in before]


def test_a_file_that_was_written_since_explains_its_differences(folder: Folder) -> None:
    folder.now += timedelta(hours=1)
    folder.write("deals.csv", lines(21))
    found = folder.compare()
    assert not found.differing
    assert [each.why.startswith("on its way") for each in found.compared if each.difference] == [True, True]


def test_a_column_that_goes_is_an_event_and_what_came_from_it_stays(folder: Folder) -> None:
    folder.write("deals.csv", "".join(line.rpartition(",")[0] + "\n" for line in lines(20).splitlines()))
    outcome = folder.sync()
    assert [(each.object, each.field, each.what) for each in outcome.changes] == [("deals", "next_step", drift.REMOVED)]
    assert outcome.outcome == OK
    assert {row["next_step"] for row in folder.rows(Deal)} == {"call"}
    assert folder.sync().changes == []
    folder.write("deals.csv", lines(20))
    assert [(each.field, each.what) for each in folder.sync().changes] == [("next_step", drift.ADDED)]


def test_a_mapped_column_that_is_renamed_is_an_event_and_old_values_stay(folder: Folder) -> None:
    folder.settings = {"fields": {"deals": {"next_step": "next"}}}
    folder.write("deals.csv", lines(20, HEADER.replace("next_step", "next")))
    folder.sync()
    folder.write("deals.csv", lines(20, HEADER.replace("next_step", "what_next")).replace("call", "write"))
    outcome = folder.sync()
    assert [(each.field, each.what) for each in outcome.changes] == [("next", drift.REMOVED)]
    assert {row["next_step"] for row in folder.rows(Deal)} == {"call"}


def test_a_column_of_links_that_goes_takes_nothing_along(folder: Folder) -> None:
    folder.write("deal_contacts.csv", "deal_id,contact_id,role\nd1,p1,Buyer\nd2,p1,Champion\n")
    folder.sync()
    folder.write("deal_contacts.csv", "deal_id,contact_id\nd1,p1\n")
    outcome = folder.sync()
    assert [(each.object, each.field, each.what) for each in outcome.changes] == [
        ("deal_contacts", "role", drift.REMOVED)
    ]
    assert [(row["deal_id"], row["role"]) for row in folder.rows(DealContact)] == [("d1", "Buyer")]
    folder.write("deal_contacts.csv", "deal_id,contact_id\nd1,p1\nd2,p1\n")
    folder.sync()
    assert [row["role"] for row in folder.rows(DealContact)] == ["Buyer", "Champion"]


def test_an_emptied_file_deletes_nothing_until_that_is_allowed(folder: Folder) -> None:
    folder.write("deals.csv", HEADER + "\n")
    for _ in range(2):
        outcome = folder.sync()
        assert outcome.outcome == PARTIAL
        deals = stream(outcome, "deals")
        assert deals.outcome == FAILED
        assert isinstance(deals.error, ShrunkError)
        assert "nothing was deleted" in str(deals.error)
        assert "`dealmeter sync CONNECTION --allow-shrink`" in deals.error.hint
        assert len(folder.rows(Deal)) == 20
    assert folder.compare().differing == {"deals"}
    assert folder.sync(allow_shrink=True).outcome == OK
    assert folder.rows(Deal) == []
    assert len(folder.rows(Company)) == 5
    assert not folder.compare().differing
    with folder.database.read() as tx:
        assert len(tx.scalars(select(DEALS.c.id).where(DEALS.c.connection == NAME)).all()) == 20
