"""Our numbers beside the CRM's own, what a run that lost something says, and the CRM's schema changing under us."""

from dataclasses import replace
from threading import Event
from typing import Any

from sqlalchemy import delete, select, update

from connectors.hubspot import HubSpotConnector
from connectors.salesforce import SalesforceConnector
from store import differences
from store.database import Database
from store.records import Deal
from store.schema import TABLES
from sync.outcome import OK, PARTIAL
from sync.plan import Plan
from sync.reconcile import Reconciled, reconcile
from tests.contract.salesforce import rig as salesforce
from tests.rig import DAY, HOUR, NAME, Rig, rig

DEALS = TABLES[Deal]


def compared(it: Rig, name: str = NAME, *, repair: bool = False) -> Reconciled:
    """What a comparison finds."""
    settings: Any = it.salesforce_settings() if isinstance(it, salesforce.SalesforceRig) else it.connector_settings()
    connector: Any = SalesforceConnector if isinstance(it, salesforce.SalesforceRig) else HubSpotConnector
    plan = Plan(connection=name, connector=lambda context: connector(settings, context))
    return reconcile(it.database, plan, version="test", clock=it.times.clock(), stop=Event(), repair=repair)


def lose(it: Rig, count: int) -> list[str]:
    """Rows vanish here, which nothing explains."""
    with it.database.write() as tx:
        ids = list(tx.scalars(select(DEALS.c.id).limit(count)))
        tx.execute(delete(DEALS).where(DEALS.c.id.in_(ids)))
    return ids


def test_hubspot_differs_by_what_was_lost_and_is_repaired(database: Database) -> None:
    with rig(database, deals=30, activities_per_deal=1) as it:
        it.sync()
        it.later(DAY)
        it.sync()
        assert not compared(it).differing
        lose(it, 2)
        found = compared(it)
        assert found.differing == {"deals"}
        whole = next(each for each in found.compared if each.object == "deals" and not each.part)
        assert whole.difference == -2
        assert compared(it, repair=True).differing == set()
        it.assert_equals_account()


def test_what_is_on_its_way_is_no_difference(sqlite: Database) -> None:
    with rig(sqlite, deals=30, activities_per_deal=1) as it:
        it.sync()
        it.later(DAY)
        it.sync()
        ids = [int(row["id"]) for row in it.rows(Deal)]
        it.later(HOUR / 4)
        it.edits.archive("deals", ids[:3])
        found = compared(it)
        assert not found.differing
        assert any("on its way" in each.why for each in found.compared if each.difference)


def test_a_run_that_differs_from_the_crm_is_never_ok(database: Database) -> None:
    with rig(database, deals=30, activities_per_deal=1) as it:
        assert it.sync(compare_every=DAY).compared is None  # the first run has no time for it
        it.later(HOUR)
        first = it.sync(compare_every=DAY)
        assert first.outcome == OK
        assert first.compared
        assert not first.differences
        lose(it, 2)
        assert it.sync(compare_every=DAY).compared is None  # it was just done
        with it.database.write() as tx:
            tx.execute(update(differences.COMPARISONS).values(checked_at=it.times.clock().now() - 2 * DAY))
        second = it.sync(compare_every=DAY)
        assert second.outcome == PARTIAL
        assert any("28 records here, 30 in the CRM" in note for note in second.notes)


def test_salesforce_compares_counts_and_amounts_by_stage(database: Database) -> None:
    with salesforce.rig(database, deals=30, activities_per_deal=1) as it:
        it.sandbox.set_features(replace(it.sandbox.org.features, multi_currency=False, dated_rates=False))
        it.sync()
        it.later(DAY)
        it.sync()
        found = compared(it, salesforce.NAME)
        assert not found.differing, [str(each) for each in found.compared if each.is_real]
        assert any(each.measure == "amount" and each.part for each in found.compared)
        lose(it, 2)
        with it.database.write() as tx:
            some = tx.scalar(select(DEALS.c.id).where(DEALS.c.amount.is_not(None)).limit(1))
            tx.execute(update(DEALS).where(DEALS.c.id == some).values(amount=1))
        found = compared(it, salesforce.NAME)
        assert {each.measure for each in found.compared if each.is_real} == {"records", "amount"}
        assert next(each for each in found.compared if each.is_real).difference == -2


def test_many_deletions_are_told_once(sqlite: Database) -> None:
    with rig(sqlite, deals=30, activities_per_deal=1) as it:
        it.sync()
        it.edits.archive("deals", [int(row["id"]) for row in it.rows(Deal)][:15])
        it.later(2 * HOUR)
        outcome = it.sync()
        assert outcome.outcome == PARTIAL
        assert "15 of 30 records were deleted in the CRM" in str(outcome.error)
        it.assert_equals_account()
        it.later(2 * HOUR)
        assert it.sync().outcome == OK


def test_salesforce_is_repaired_too(database: Database) -> None:
    with salesforce.rig(database, deals=20, activities_per_deal=0, settings={"include": ["deals"]}) as it:
        it.sync()
        it.later(DAY)
        it.sync()
        before = it.rows(Deal)
        lose(it, 2)
        found = compared(it, salesforce.NAME, repair=True)
        assert not found.differing
        assert {run.outcome for run in found.runs} == {OK}
        assert it.rows(Deal) == before  # with what hangs on them: when they were closed, whom we talk to
        it.assert_equals_account()
