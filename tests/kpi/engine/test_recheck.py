"""What was taken yesterday is rebuilt today: it must be the same, unless something was done to the records."""

from datetime import datetime
from decimal import Decimal

import pytest

from store.records import DealFieldChange
from store.schema import SyncRun, table_of
from tests.kpi.engine.ledger import Ledger, at
from tests.kpi.engine.test_lead_values import only

YESTERDAY, TODAY = at("2026-06-15 10:00"), at("2026-06-16 10:00")


def broken(ledger: Ledger, now: datetime = TODAY) -> list[str]:
    from kpi.engine import compute

    return list(compute(ledger.database, ledger.settings, now=now).broken)


@pytest.fixture
def taken(any_ledger: Ledger) -> Ledger:
    """A deal for 100 in April and one for 7 in May, computed yesterday."""
    any_ledger.won("a", "2026-04-10")
    any_ledger.won("b", "2026-05-10", amount=Decimal(7))
    only(any_ledger, "revenue").compute(YESTERDAY)
    return any_ledger


def test_what_changes_unseen_contradicts_what_was_taken(taken: Ledger) -> None:
    taken.won("a", "2026-04-10", amount=Decimal(80))
    [sentence] = broken(taken)
    assert "revenue rebuilt for 2026-06-15 10:00 UTC is 80 in the month" in sentence
    assert "in the month from 2026-04-01 (gregorian), but 100" in sentence


def test_it_is_looked_at_once_a_day(taken: Ledger) -> None:
    taken.won("a", "2026-04-10", amount=Decimal(80))
    assert broken(taken, at("2026-06-15 18:00")) == []


def test_what_was_done_to_a_record_excuses_its_months_only(taken: Ledger) -> None:
    taken.add(DealFieldChange, deal_id="b", field="close_date", changed_at=at("2026-05-01 12:00"),
              old_value="2026-05-01", new_value="2026-05-10")  # fmt: skip
    taken.won("a", "2026-04-10", amount=Decimal(80), last_seen_at=at("2026-06-15 12:00"))
    assert broken(taken) == []
    taken.won("a", "2026-04-10", amount=Decimal(60), last_seen_at=at("2026-06-16 12:00"))
    taken.won("b", "2026-05-10", amount=Decimal(8))
    [sentence] = broken(taken, at("2026-06-17 10:00"))
    assert "2026-05-01" in sentence


def test_a_history_that_tells_of_the_change_contradicts_nothing(taken: Ledger) -> None:
    taken.won("a", "2026-04-10", amount=Decimal(80))
    taken.add(DealFieldChange, deal_id="a", field="amount", changed_at=at("2026-06-15 12:00"), old_value="100",
              new_value="80")  # fmt: skip
    assert broken(taken) == []


def test_a_deal_that_contradicts_its_own_history_excuses_its_months(taken: Ledger) -> None:
    taken.add(DealFieldChange, deal_id="b", field="amount", changed_at=at("2026-05-11 12:00"), old_value="7",
              new_value="55")  # fmt: skip
    assert broken(taken) == []
    taken.won("a", "2026-04-10", amount=Decimal(80))
    [sentence] = broken(taken, at("2026-06-17 10:00"))
    assert "2026-04-01" in sentence


def test_a_date_that_moved_without_a_history_excuses_every_month(taken: Ledger) -> None:
    taken.won("a", "2026-05-10", last_seen_at=at("2026-06-15 12:00"))
    assert broken(taken) == []


def test_what_was_read_before_and_stored_after_excuses_the_months_that_it_left(taken: Ledger) -> None:
    taken.won("a", "2026-05-10", last_seen_at=at("2026-06-15 12:00"))
    taken.add(DealFieldChange, deal_id="a", field="close_date", changed_at=at("2026-06-15 08:00"),
              old_value="2026-04-10", new_value="2026-05-10", first_seen_at=at("2026-06-15 12:00"))  # fmt: skip
    assert broken(taken) == []


def test_a_contradiction_stands_until_the_next_day(taken: Ledger) -> None:
    taken.won("a", "2026-04-10", amount=Decimal(80))
    first = broken(taken)
    assert broken(taken, at("2026-06-16 11:00")) == first
    assert broken(taken, at("2026-06-17 10:00")) == []


def test_a_run_that_took_longer_than_its_rows_may_be_late_leaves_no_month_certain(taken: Ledger) -> None:
    with taken.database.write() as tx:
        tx.execute(
            table_of(SyncRun).insert(),
            {"connection": "crm", "trigger": "test", "started_at": at("2026-06-15 08:00"), "token": 1, "version": "1",
             "finished_at": at("2026-06-15 12:00"), "outcome": "ok", "requests": 0},
        )  # fmt: skip
    taken.won("a", "2026-04-10", amount=Decimal(80))
    assert broken(taken) == []
