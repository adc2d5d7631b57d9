"""The CRM's schema changes under us: each change is an event, what we have stays, and so do the KPIs."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from dealmeter.sandbox.record import Kind
from kpi.settings import KpiSettings
from store import drift
from store.database import Database
from store.drift import ADDED, REMOVED, RENAMED, RETYPED
from store.records import Company, Deal, Ticket
from sync.cycle import recompute
from sync.outcome import OK, PARTIAL, RunOutcome
from tests.contract.salesforce import rig as salesforce
from tests.rig import HOUR, Rig, rig

QUARTER = timedelta(minutes=15)
KPIS = KpiSettings(calendars=("gregorian",))


@dataclass(frozen=True)
class Crm:
    """A kind of CRM, and its words for what is changed in it."""

    rig: Callable[..., AbstractContextManager[Any]]
    deals: str
    pipelines: str
    next_step: str
    amount: str
    stages: Mapping[str, str]


HUBSPOT = Crm(
    rig=rig,
    deals="deals",
    pipelines="deals.pipelines",
    next_step="hs_next_step",
    amount="amount",
    stages={"qualifiedtobuy": "default/qualifiedtobuy"},
)
SALESFORCE = Crm(
    rig=salesforce.rig,
    deals="Opportunity",
    pipelines="pipelines",
    next_step="NextStep",
    amount="Amount",
    stages={"qualifiedtobuy": "Qualified To Buy"},
)


@pytest.fixture(params=[HUBSPOT, SALESFORCE], ids=["hubspot", "salesforce"])
def crm(request: pytest.FixtureRequest) -> Crm:
    """Each CRM in turn."""
    found: Crm = request.param
    return found


@pytest.fixture
def it(crm: Crm, sqlite: Database) -> Iterator[Rig]:
    """An account that was read once."""
    with crm.rig(sqlite, deals=40, activities_per_deal=0) as it:
        assert it.sync().outcome == OK
        it.later(QUARTER)
        yield it


def told(outcome: RunOutcome) -> set[tuple[str, str, str]]:
    """What changed, as a run noticed it."""
    return {(each.object, each.field, each.what) for each in outcome.changes}


def values(it: Rig) -> dict[tuple[Any, ...], Any]:
    """Every KPI of the company as a whole, computed now."""
    assert not recompute(it.database, KPIS, version="test", clock=it.times.clock()).broken
    query = text(
        "SELECT kpi_key, grain, period_start, value FROM kpi_latest WHERE dimension = '' AND grain IN ('year', 'all')"
    )
    with it.database.read() as tx:
        return {(row.kpi_key, row.grain, row.period_start): row.value for row in tx.execute(query)}


def stages(it: Rig) -> dict[str, tuple[str, str]]:
    """Pipeline and stage of each deal, as readers see them."""
    with it.database.read() as tx:
        return {row.id: (row.pipeline, row.stage) for row in tx.execute(text("SELECT * FROM v_deals"))}


# ------------------------------------------------------------------------------------------- stages and pipelines


def test_a_stage_and_a_pipeline_that_go_are_events_and_deals_keep_their_names_and_kpis(it: Rig, crm: Crm) -> None:
    before, computed = stages(it), values(it)
    sales, renewals = it.sandbox.world.pipelines
    gone = [replace(each, deleted=True) if each.id == "qualifiedtobuy" else each for each in sales.stages]
    it.sandbox.world.put_pipelines([replace(sales, stages=tuple(gone)), replace(renewals, id="7311299", label="New")])
    for row in it.rows(Deal)[:20]:
        it.edits.update(crm.deals, row["id"], {crm.next_step: "read again"})
    it.later(QUARTER)
    outcome = it.sync()
    assert outcome.outcome == OK
    assert (crm.pipelines, crm.stages["qualifiedtobuy"], REMOVED) in told(outcome)
    ended = {each.field for each in outcome.changes if (each.before or "").startswith("pipeline")}
    assert {before for before in ended if (crm.pipelines, before, REMOVED) in told(outcome)} == ended
    assert len(ended) == 1
    assert sum(each.what == ADDED and (each.after or "").startswith("pipeline") for each in outcome.changes) == 1
    assert any("qualified" in note.lower() and "is gone" in note for note in outcome.notes)
    assert stages(it) == before
    assert {name for _, name in before.values()} >= {"Qualified To Buy"}
    assert {name for name, _ in before.values()} >= {"Renewals"}
    with it.database.read() as tx:
        archived = tx.execute(text("SELECT id FROM pipelines WHERE is_archived")).scalars().all()
    assert set(archived) == ended
    after = values(it)
    assert {key for key, value in computed.items() if value is not None and after[key] is None} == set()
    settled = [key for key in computed if key[0] in {"won_deals_count", "revenue", "win_rate", "open_deals_count"}]
    assert len(settled) > 3
    assert [after[key] for key in settled] == [computed[key] for key in settled]
    it.later(QUARTER)
    assert told(it.sync()) == set()


# --------------------------------------------------------------------------------------------------------- fields


def test_a_field_that_goes_and_comes_back_is_an_event_each_time_and_old_values_stay(it: Rig, crm: Crm) -> None:
    before = {row["id"]: row["next_step"] for row in it.rows(Deal)}
    again = remove(it, crm, crm.next_step)
    some = it.rows(Deal)[0]["id"]
    it.edits.update(crm.deals, some, {crm.amount: "4711.00"})
    it.later(QUARTER)
    outcome = it.sync()
    assert outcome.outcome == OK
    assert told(outcome) == {("deals", crm.next_step, REMOVED)}
    assert {row["id"]: row["next_step"] for row in it.rows(Deal)} == before
    assert it.rows(Deal)[0]["amount"] == 4711
    with it.database.read() as tx:
        [event] = drift.events(tx, outcome.connection, run_id=outcome.run_id)
    assert "stays as it was" in drift.told(event)
    again()
    it.edits.update(crm.deals, some, {crm.amount: "4712.00"})
    it.later(QUARTER)
    assert told(it.sync()) == {("deals", crm.next_step, ADDED)}


def test_a_field_with_another_type_is_an_event_and_other_values_stay(it: Rig, crm: Crm) -> None:
    amounts = {row["id"]: row["amount"] for row in it.rows(Deal)}
    retype(it, crm, crm.amount)
    some = it.rows(Deal)[0]["id"]
    it.edits.update(crm.deals, some, {crm.next_step: "read again"})
    it.later(QUARTER)
    outcome = it.sync()
    assert told(outcome) == {("deals", crm.amount, RETYPED)}
    assert {row["id"]: row["amount"] for row in it.rows(Deal)} == amounts
    assert it.rows(Deal)[0]["next_step"] == "read again"


def test_a_label_that_changes_is_an_event_and_nothing_is_lost(it: Rig, crm: Crm) -> None:
    sales, renewals = it.sandbox.world.pipelines
    it.sandbox.world.put_pipelines([sales, replace(renewals, label="Second sales")])
    it.later(QUARTER)
    outcome = it.sync()
    assert {what for _, _, what in told(outcome)} == {RENAMED}
    assert "Second sales" in {name for name, _ in stages(it).values()}


def remove(it: Any, crm: Crm, name: str) -> Callable[[], None]:
    """An administrator deletes a field of deals; what brings it back."""
    if crm is HUBSPOT:
        it.sandbox.portal.remove(Kind.DEAL, name)
        return lambda: it.sandbox.portal.define(Kind.DEAL, name)
    field = it.sandbox.schema.catalogue()["opportunity"].fields[name.lower()]
    it.sandbox.schema.remove("Opportunity", name)
    return lambda: it.sandbox.schema.define("Opportunity", field)


def retype(it: Any, crm: Crm, name: str) -> None:
    """An administrator makes a field of deals one of text."""
    if crm is HUBSPOT:
        it.sandbox.portal.define(Kind.DEAL, name, type="string")
        return
    field = it.sandbox.schema.catalogue()["opportunity"].fields[name.lower()]
    it.sandbox.schema.define("Opportunity", field.of_type("string"))


# ------------------------------------------------------------------------------------------- objects and scopes


@pytest.mark.parametrize("way", ["scope", "switched off"])
def test_an_object_of_hubspot_that_was_read_before_is_not_skipped_in_silence(sqlite: Database, way: str) -> None:
    with rig(sqlite, deals=10, activities_per_deal=1, extras=True, settings={"include": ["deals", "tickets"]}) as it:
        assert it.sync().outcome == OK
        before, computed = it.rows(Ticket), values(it)
        if way == "scope":
            it.sandbox.set_scopes({"oauth", "crm.objects.deals.read", "crm.objects.contacts.read"})
        else:
            it.sandbox.portal.without.add("tickets")
        it.later(HOUR)
        stays_while_away(it, "tickets", computed)
        assert it.rows(Ticket) == before
        it.sandbox.set_scopes(None)
        it.sandbox.portal.without.clear()
        assert told(it.sync()) == {("tickets", "", ADDED)}


def test_an_object_of_salesforce_that_was_read_before_is_not_skipped_in_silence(sqlite: Database) -> None:
    with salesforce.rig(sqlite, deals=20, activities_per_deal=0) as it:
        assert it.sync().outcome == OK
        before, computed = it.rows(Ticket), values(it)
        assert before
        it.sandbox.hide(objects=["Case"])
        it.later(HOUR)
        stays_while_away(it, "tickets", computed)
        assert it.rows(Ticket) == before
        it.sandbox.hide()
        assert told(it.sync()) == {("tickets", "", ADDED)}


def test_a_field_of_salesforce_that_is_hidden_from_us_is_one_that_is_gone(sqlite: Database) -> None:
    with salesforce.rig(sqlite, deals=10, activities_per_deal=0, settings={"include": ["companies", "deals"]}) as it:
        it.sync()
        before = it.rows(Company)
        it.sandbox.hide(fields={"Account": ["Industry"]})
        it.edits.bulk("Account", 3, {"Website": "https://example.com"})
        it.later(QUARTER)
        assert told(it.sync()) == {("companies", "Industry", REMOVED)}
        assert [row["industry"] for row in it.rows(Company)] == [row["industry"] for row in before]


def stays_while_away(it: Rig, name: str, computed: Mapping[Any, Any]) -> None:
    """A run without an object is partial, says once what is gone, and no KPI that had a value loses it."""
    outcome = it.sync()
    assert outcome.outcome == PARTIAL
    assert told(outcome) == {(name, "", REMOVED)}
    after = values(it)
    lost = {key for key, value in computed.items() if value is not None and after.get(key) is None}
    assert lost == set()
    again = it.sync()
    assert (again.outcome, told(again)) == (PARTIAL, set())
