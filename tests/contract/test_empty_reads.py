"""A read from the beginning that brings nothing, where there was much, is never green and deletes nothing."""

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.errors import ShrunkError
from store.database import Database
from store.records import Deal
from sync.outcome import FAILED, OK, PARTIAL, RunOutcome, StreamOutcome
from tests.contract.salesforce import rig as salesforce
from tests.rig import HOUR, Rig, rig

DEALS = {"hubspot": "deals", "salesforce": "Opportunity"}


@pytest.fixture(params=sorted(DEALS))
def it(request: pytest.FixtureRequest, sqlite: Database) -> Iterator[Rig]:
    """A CRM with 30 deals, all of them gone without a trace since our first read: so it looks who may see none."""
    made: Any = rig if request.param == "hubspot" else salesforce.rig
    with made(sqlite, deals=30, activities_per_deal=0) as it:
        assert it.sync().outcome == OK
        it.later(HOUR)
        for row in it.rows(Deal):
            it.edits.purge(*(("deals", row["id"]) if request.param == "hubspot" else (row["id"],)))
        if request.param == "salesforce":
            it.sandbox.behaviour.log_days = 0.001
            it.later(HOUR)
        yield it


def of(outcome: RunOutcome, name: str) -> StreamOutcome:
    """What a run did with one stream."""
    return next(each for each in outcome.streams if each.stream == name)


def test_a_full_read_that_brings_nothing_says_so_until_it_is_allowed(it: Rig) -> None:
    for full in (True, False, False):
        outcome = it.sync(full=full)
        assert outcome.outcome == PARTIAL
        deals = of(outcome, "deals")
        assert deals.outcome == FAILED
        assert isinstance(deals.error, ShrunkError)
        assert str(deals.error) == "deals: the CRM shows none of the 30 records that it had; nothing was deleted"
        assert "`dealmeter sync CONNECTION --allow-shrink`" in deals.error.hint
        assert it.count_deals() == 30
        it.later(HOUR / 4)
    assert it.sync(allow_shrink=True).outcome == OK
    assert it.count_deals() == 0
    assert len(it.rows(Deal, deleted=True)) == 30
    it.later(HOUR)
    assert it.sync().outcome == OK


def test_a_reconciliation_that_meets_nobody_says_so_until_it_is_allowed(it: Rig) -> None:
    outcome = it.sync(deep=True)
    assert (outcome.outcome, of(outcome, "deals.reconcile").outcome) == (PARTIAL, FAILED)
    assert "30 of 30 records are not in" in str(of(outcome, "deals.reconcile").error)
    assert it.count_deals() == 30
    assert it.sync(deep=True, allow_shrink=True).outcome == OK
    assert it.count_deals() == 0
