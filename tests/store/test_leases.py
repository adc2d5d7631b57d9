"""One writer at a time per connection, across threads, processes and machines."""

from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest

from store import leases, runs, writes
from store.database import Database
from store.errors import LeaseHeldError, LeaseLostError
from store.page import Page
from store.records import Deal

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)


def test_a_lease_keeps_others_out_until_it_ends(database: Database) -> None:
    with database.write() as tx:
        leases.take(tx, "main", "first", now=NOW)
    with pytest.raises(LeaseHeldError, match="first"), database.write() as tx:
        leases.take(tx, "main", "second", now=NOW + timedelta(minutes=1))
    with database.write() as tx:
        grant = leases.take(tx, "main", "second", now=LATER)
    assert (grant.token, grant.taken_over) == (2, True)


def test_of_two_that_come_first_at_once_one_has_it(database: Database) -> None:
    refused: list[LeaseHeldError] = []

    def second() -> None:
        try:
            with database.write() as tx:
                leases.take(tx, "main", "second", now=NOW)
        except LeaseHeldError as error:
            refused.append(error)

    other = Thread(target=second)
    with database.write() as tx:
        leases.take(tx, "main", "first", now=NOW)
        other.start()
        other.join(0.3)  # it waits for us
        assert other.is_alive()
    other.join(30)
    assert len(refused) == 1


def test_a_lease_that_was_given_back_is_free_at_once(database: Database) -> None:
    with database.write() as tx:
        grant = leases.take(tx, "main", "first", now=NOW)
        leases.give_back(tx, grant, now=NOW)
    with database.write() as tx:
        assert not leases.take(tx, "main", "second", now=NOW).taken_over


def test_a_holder_that_is_known_to_be_dead_is_not_waited_for(database: Database) -> None:
    with database.write() as tx:
        leases.take(tx, "main", "first", now=NOW)
    with database.write() as tx:
        assert leases.take(tx, "main", "second", now=NOW, is_dead=lambda holder: holder == "first").taken_over


def test_whoever_wakes_up_after_losing_the_lease_writes_nothing(database: Database) -> None:
    with database.write() as tx:
        old = leases.take(tx, "main", "first", now=NOW)
        old_run = runs.open_run(tx, old, trigger="test", version="test", now=NOW)
        runs.open_stream(tx, old, old_run, "deals", now=NOW)
    with database.write() as tx:
        new = leases.take(tx, "main", "second", now=LATER)
        runs.open_run(tx, new, trigger="test", version="test", now=LATER)
    page = Page(cursor={"at": 1}, read_at=NOW, records=[Deal(id="1", updated_at=NOW)])
    with pytest.raises(LeaseLostError), database.write() as tx:
        writes.save_page(tx, old, old_run, "deals", page, now=LATER)
    with database.read() as tx:
        assert runs.checkpoints(tx, "main") == {}
        interrupted = tx.exec_driver_sql("SELECT outcome FROM sync_runs ORDER BY id").scalars().all()
    assert interrupted == ["interrupted", "running"]


def test_leases_of_different_connections_do_not_meet(database: Database) -> None:
    with database.write() as tx:
        leases.take(tx, "one", "me", now=NOW)
        leases.take(tx, "two", "me", now=NOW)
