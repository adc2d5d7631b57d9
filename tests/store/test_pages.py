"""What a page does to the rows: newer wins, equal writes nothing, tombstones stand, money stays exact."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import select

from store import leases, runs, writes
from store.database import Database
from store.page import Children, Merge, Page
from store.records import Company, Deal, DealContact, Statement
from store.schema import TABLES
from store.writes import Counts

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
Save = Callable[[Page], Counts]


@pytest.fixture
def save(database: Database) -> Save:
    """Saves a page as the stream `deals` of the connection `main`."""
    with database.write() as tx:
        grant = leases.take(tx, "main", "test", now=NOW)
        run = runs.open_run(tx, grant, trigger="test", version="test", now=NOW)
        runs.open_stream(tx, grant, run, "deals", now=NOW)

    def save(page: Page) -> Counts:
        with database.write() as tx:
            return writes.save_page(tx, grant, run, "deals", page, now=NOW)

    return save


def page(*records: Statement, at: datetime = NOW, **more: Any) -> Page:
    """A page with some records."""
    return Page(cursor={}, read_at=at, read=len(records), records=records, **more)


def deal(id_: str = "1", *, version: int = 0, **fields: Any) -> Deal:
    """A whole deal, as a connector would say it."""
    return Deal.of({"id": id_, "updated_at": NOW + version * MINUTE, "deleted_at": None, **fields})


def row(database: Database, record: type[Statement] = Deal, **key: Any) -> dict[str, Any]:
    """The only row that matches."""
    table = TABLES[record]
    with database.read() as tx:
        found = tx.execute(select(table).where(*(table.c[name] == value for name, value in key.items())))
        return dict(found.mappings().one())


def test_an_older_version_never_replaces_a_newer_one(database: Database, save: Save) -> None:
    save(page(deal(version=2, amount="200")))
    assert save(page(deal(version=1, amount="100"), at=NOW + MINUTE)).written == 0
    assert row(database)["amount"] == 200


def test_an_older_reading_of_the_same_version_never_replaces_a_newer_one(database: Database, save: Save) -> None:
    save(page(deal(probability="0.9"), at=NOW + MINUTE))
    assert save(page(deal(probability="0.1"), at=NOW)).written == 0
    assert row(database)["probability"] == Decimal("0.9")


def test_versions_in_any_order_end_with_the_newest(database: Database, save: Save) -> None:
    for number, order in enumerate(permutations(range(4))):
        for version in order:
            save(page(deal(str(number), version=version, amount=str(version)), at=NOW + version * MINUTE))
        assert row(database, id=str(number))["amount"] == 3


def test_the_same_again_writes_nothing(save: Save) -> None:
    first = save(page(deal(amount="1500.25", close_date="2026-03-31", extra={"b": 1, "a": [2]})))
    again = save(page(deal(amount="1500.250", close_date="2026-03-31", extra={"a": [2], "b": 1}), at=NOW + MINUTE))
    assert (first.inserted, again.written, again.unchanged) == (1, 0, 1)


def test_counts_tell_new_changed_deleted_and_unchanged_apart(save: Save) -> None:
    save(page(deal("1", amount="1"), deal("2", amount="1"), deal("3", amount="1")))
    changed = [deal("1", version=1, amount="2"), deal("2", amount="1"), deal("4", amount="1")]
    gone = Deal.of({"id": "3", "updated_at": NOW + MINUTE, "deleted_at": NOW + MINUTE})
    counts = save(page(*changed, gone, at=NOW + 2 * MINUTE))
    assert (counts.inserted, counts.updated, counts.deleted, counts.unchanged) == (1, 1, 1, 1)


def test_what_was_read_before_a_deletion_does_not_bring_the_row_back(database: Database, save: Save) -> None:
    save(page(deal(amount="1")))
    save(page(Deal(id="1", deleted_at=NOW + 2 * MINUTE), at=NOW + 2 * MINUTE))
    save(page(deal(version=1, amount="2"), at=NOW + MINUTE))
    assert row(database)["deleted_at"] is not None
    save(page(deal(amount="1"), at=NOW + 3 * MINUTE))
    assert row(database)["deleted_at"] is None


def test_a_partial_record_amends_and_never_makes_a_row(database: Database, save: Save) -> None:
    save(page(deal(amount="1", company_id="7")))
    counts = save(page(Deal(id="1", company_id="8"), Deal(id="2", company_id="9"), at=NOW + MINUTE))
    assert counts.updated == 1
    assert (row(database)["company_id"], row(database)["amount"]) == ("8", 1)


def test_a_merge_leaves_an_alias_a_tombstone_and_repointed_rows(database: Database, save: Save) -> None:
    companies = [Company.of({"id": id_, "updated_at": NOW, "deleted_at": None}) for id_ in "123"]
    save(page(*companies, deal(company_id="1")))
    merge = Merge(entity=Company, old_id="1", id="2")
    assert save(page(merges=[merge], at=NOW + MINUTE)).merged == 1
    assert save(page(merges=[merge], at=NOW + MINUTE)).written == 0
    save(page(merges=[Merge(entity=Company, old_id="2", id="3")], at=NOW + 2 * MINUTE))
    assert row(database, Company, id="1")["merged_into_id"] == "2"
    assert row(database)["company_id"] == "3"
    with database.read() as tx:
        aliases = tx.exec_driver_sql("SELECT old_id, id FROM record_aliases ORDER BY old_id").all()
    assert [tuple(alias) for alias in aliases] == [("1", "3"), ("2", "3")]


def test_a_set_of_links_replaces_the_one_before(database: Database, save: Save) -> None:
    def links(*contacts: str, at: datetime) -> Page:
        details = [DealContact(deal_id="1", contact_id=contact) for contact in contacts]
        one = Children(detail=DealContact, parent="deal_id", parent_ids=frozenset("1"), details=details)
        return page(children=[one], at=at)

    assert save(links("a", "b", at=NOW)).details == 2
    assert save(links("a", "b", at=NOW + MINUTE)).details == 0
    assert save(links("b", "c", at=NOW + 2 * MINUTE)).details == 2
    assert row(database, DealContact, contact_id="a")["deleted_at"] is not None
    assert save(links("a", "b", "c", at=NOW + 3 * MINUTE)).details == 1
    assert row(database, DealContact, contact_id="a")["deleted_at"] is None


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.decimals(min_value="-99999999.999999", max_value="99999999.999999", places=6), min_size=1, max_size=20)
)
def test_money_comes_back_as_it_went_in(database: Database, save: Save, amounts: list[Decimal]) -> None:
    save(page(*(deal(f"{amount}", amount=str(amount)) for amount in amounts)))
    for amount in amounts:
        assert row(database, id=f"{amount}")["amount"] == amount


def test_money_reads_in_natural_units_in_plain_sql(database: Database, save: Save) -> None:
    save(page(deal(amount="1500.25", close_date=date(2026, 3, 31))))
    with database.read() as tx:
        found = tx.exec_driver_sql("SELECT amount, close_date FROM deals").one()
    assert (float(found[0]), str(found[1])) == (1500.25, "2026-03-31")


@pytest.mark.parametrize("bad", ["N/A", "1,000", "NaN", "Infinity", "1234567890123456", "0.1234567890123456e10"])
def test_money_that_cannot_be_kept_exactly_is_refused(bad: str) -> None:
    with pytest.raises(ValidationError, match="amount"):
        deal(amount=bad)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="zone"):
        Deal.of({"id": "1", "updated_at": datetime(2026, 1, 1)})  # noqa: DTZ001  # what is tried here
