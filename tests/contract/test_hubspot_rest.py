"""Leads, service, plans, commerce, campaigns and rates: read in full, followed, deleted, and left out where refused."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import MissingScopeError
from dealmeter.sandbox.hubspot.kinds import TYPES, object_type
from dealmeter.sandbox.record import Kind
from store import reads
from store.database import Database
from store.migrate import upgrade
from store.records import (
    Activity,
    ActivityLink,
    Campaign,
    Deal,
    DealSplit,
    ExchangeRate,
    Lead,
    LeadStageChange,
    Order,
    Pipeline,
    Record,
    Spend,
    Stage,
    Subscription,
    SurveyResponse,
    Target,
    Ticket,
)
from sync.outcome import RunOutcome, StreamOutcome
from tests.rig import DAY, HOUR, NAME, Rig, rig


@dataclass(frozen=True, kw_only=True)
class Case:
    """A kind of HubSpot object: what somebody changes, and what the store shows of it then."""

    stream: str
    kind: str
    record: type[Record]
    change: dict[str, str]
    field: str
    becomes: Any
    prefix: str = ""


CASES = (
    Case(stream="leads", kind="leads", record=Lead, change={"hs_lead_name": "New name"}, field="name",
         becomes="New name"),
    Case(stream="deal_splits", kind="deal_splits", record=DealSplit, change={"hs_deal_split_amount": "77.25"},
         field="amount", becomes=Decimal("77.25")),
    Case(stream="orders", kind="orders", record=Order, change={"hs_total_price": "12.50"}, field="amount",
         becomes=Decimal("12.5")),
    Case(stream="subscriptions", kind="subscriptions", record=Subscription, change={"hs_status": "canceled"},
         field="status", becomes="canceled"),
    Case(stream="goals", kind="goal_targets", record=Target, change={"hs_target_amount": "99000"}, field="value",
         becomes=Decimal(99000)),
    Case(stream="tickets", kind="tickets", record=Ticket, change={"hs_ticket_priority": "URGENT"}, field="priority",
         becomes="urgent"),
    Case(stream="feedback", kind="feedback_submissions", record=SurveyResponse, change={"hs_value": "3"},
         field="score", becomes=Decimal(3)),
    Case(stream="notes", kind="notes", record=Activity, change={"hubspot_owner_id": "999"}, field="owner_id",
         becomes="999", prefix="note:"),
    Case(stream="communications", kind="communications", record=Activity,
         change={"hs_communication_channel_type": "WHATS_APP"}, field="subtype", becomes="whatsapp",
         prefix="message:"),
)  # fmt: skip
BY_STREAM = {case.stream: case for case in CASES}
EVERY_SCOPE = {
    "settings.currencies.read",
    "marketing.campaigns.read",
    "crm.objects.owners.read",
    *(scope for of in TYPES for alternatives in of.scopes for scope in alternatives),
}


@dataclass
class Told:
    """What one account's story left at each step, so that each stream can be asked about it."""

    it: Rig
    first: RunOutcome
    second: RunOutcome
    third: RunOutcome
    changed: dict[str, str] = field(default_factory=dict)
    archived: dict[str, str] = field(default_factory=dict)
    purged: dict[str, str] = field(default_factory=dict)
    at_first: dict[str, set[str]] = field(default_factory=dict)
    after_change: dict[str, dict[str, Any]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Read everything; change one record of each kind and read again; delete two of each and read again."""
    path: Path = tmp_path_factory.mktemp("rest") / "store.db"
    with Database(f"sqlite:///{path}") as database:
        upgrade(database)
        with rig(database, deals=120, extras=True) as it:
            first = it.sync()
            story = Told(it, first, first, first)
            for case in CASES:
                ids = _living(it, case)
                story.at_first[case.stream] = set(ids)
                story.changed[case.stream], story.archived[case.stream], story.purged[case.stream] = ids[:3]
            it.later(HOUR)
            for case in CASES:
                it.edits.update(case.kind, story.changed[case.stream], case.change)
            it.later(HOUR / 60)
            story.second = it.sync()
            for case in CASES:
                story.after_change[case.stream] = _row(it, case, story.changed[case.stream])
            for case in CASES:
                it.edits.archive(case.kind, story.archived[case.stream])
                it.edits.purge(case.kind, story.purged[case.stream])
            it.later(2 * DAY)
            story.third = it.sync()
            yield story


def _living(it: Rig, case: Case) -> list[str]:
    return list(it.edits.truth(case.kind)[object_type(case.kind).name]["live"])


def _row(it: Rig, case: Case, id_: str) -> dict[str, Any]:
    return next(row for row in it.rows(case.record, deleted=True) if row["id"] == case.prefix + id_)


def _stream(outcome: RunOutcome, name: str) -> StreamOutcome:
    return next(stream for stream in outcome.streams if stream.stream == name)


@pytest.mark.parametrize("stream", BY_STREAM)
def test_a_first_read_brings_every_record(told: Told, stream: str) -> None:
    assert told.first.outcome == "ok", told.first.error
    assert _stream(told.first, stream).counts.read == len(told.at_first[stream]) > 3


@pytest.mark.parametrize("stream", BY_STREAM)
def test_a_change_is_read_and_nothing_else(told: Told, stream: str) -> None:
    case = BY_STREAM[stream]
    counts = _stream(told.second, stream).counts
    assert (counts.read, counts.updated) == (1, 1)
    assert told.after_change[stream][case.field] == case.becomes


@pytest.mark.parametrize("stream", BY_STREAM)
def test_what_was_deleted_becomes_a_tombstone(told: Told, stream: str) -> None:
    case, it = BY_STREAM[stream], told.it
    assert told.third.outcome == "ok", told.third.error
    for id_ in (told.archived[stream], told.purged[stream]):
        assert _row(it, case, id_)["deleted_at"] is not None
    live = {row["id"] for row in it.rows(case.record) if row["id"].startswith(case.prefix)}
    gone = {told.archived[stream], told.purged[stream]}
    assert live == {case.prefix + id_ for id_ in told.at_first[stream] - gone}


def test_the_whole_account_is_there_in_the_end(told: Told) -> None:
    told.it.assert_equals_account()


# ------------------------------------------------------------------------------------- refused: left out, and said


@pytest.mark.parametrize("stream", [*BY_STREAM, "campaigns", "exchange_rates"])
def test_without_the_scope_only_that_stream_is_left_out_with_the_reason(sqlite: Database, stream: str) -> None:
    of = BY_STREAM[stream].kind if stream in BY_STREAM else ""
    own = {"campaigns": "marketing.campaigns.read", "exchange_rates": "settings.currencies.read"}
    shared = {"notes", "communications"}  # one scope for all activities: refused as an edition would be
    with rig(sqlite, deals=20, activities_per_deal=1, extras=True) as it:
        if stream in shared:
            it.sandbox.portal.without.add(of)
            missing = "subscription"
        else:
            missing = own.get(stream) or object_type(of).scopes[0][0]
            it.sandbox.set_scopes(EVERY_SCOPE - {missing})
        outcome = it.sync()
        found = _stream(outcome, stream)
        assert outcome.outcome == "ok", outcome.error
        assert (found.outcome, found.is_left_out) == ("skipped", True)
        assert isinstance(found.error, MissingScopeError)
        assert missing in str(found.error)
        assert found.error.hint
        others = [s for s in outcome.streams if s.stream != stream]
        assert {s.outcome for s in others} == {"ok"}
        with it.database.read() as tx:
            books = tx.exec_driver_sql(f"SELECT outcome, error FROM sync_run_streams WHERE stream = '{stream}'").one()
        assert books[0] == "skipped"
        assert missing in books[1]
        it.sandbox.set_scopes(None)
        it.sandbox.portal.without.clear()
        it.later(HOUR)
        assert _stream(it.sync(), stream).outcome == "ok"
        it.assert_equals_account()


@pytest.mark.parametrize("stream", ["leads", "feedback", "goals", "orders", "subscriptions", "deal_splits"])
def test_without_the_edition_only_that_stream_is_left_out(sqlite: Database, stream: str) -> None:
    with rig(sqlite, deals=20, activities_per_deal=1, extras=True, without=[BY_STREAM[stream].kind]) as it:
        outcome = it.sync()
        assert outcome.outcome == "ok", outcome.error
        found = _stream(outcome, stream)
        assert found.is_left_out
        assert "subscription" in str(found.error)


def test_a_check_tells_what_is_left_out_apart_from_what_is_wrong(sqlite: Database) -> None:
    from connectors.hubspot import HubSpotConnector
    from dealmeter.cli.connectors import context

    with rig(sqlite, deals=20, extras=True, without=["leads", "goal_targets"]) as it:
        it.sandbox.set_scopes(EVERY_SCOPE - {"sales-email-read", "tickets"})
        from threading import Event

        connector = HubSpotConnector(it.connector_settings(), context(it.times.clock(), Event()))
        checked = connector.check()
        connector.close()
    assert {name for name, why in checked.streams.items() if why} == {"emails"}
    assert set(checked.left_out) == {"leads", "goals", "tickets"}
    assert "Sales Hub Professional" in checked.left_out["leads"]
    assert checked.left_out["tickets"] == "needs tickets"


# ------------------------------------------------------------------------------------------------- what it all means


def _world(told: Told, kind: Kind) -> dict[str, Any]:
    return {str(record.id): record for record in told.it.sandbox.world.tables[kind].live}


def _ms(instant: Any) -> int | None:
    return None if instant is None else round(instant.timestamp() * 1000)


def test_a_lead_is_what_the_world_says_of_it(told: Told) -> None:
    world, rows = _world(told, Kind.LEAD), told.it.rows(Lead)
    assert len(rows) == len(world)
    for row in rows:
        lead = world[row["id"]]
        entered = {change.value: change.at for change in reversed(lead.changes("stage"))}
        assert _ms(row["first_contacted_at"]) == lead.fields.get("first_touch_at")
        assert _ms(row["qualified_at"]) == entered.get("qualified-stage-id")
        assert _ms(row["converted_at"]) == lead.fields.get("converted_at")
        assert row["converted_deal_id"] == lead.fields.get("deal")
        assert _ms(row["disqualified_at"]) == lead.fields.get("disqualified_at")
        assert row["disqualify_reason"] == lead.fields.get("disqualify_reason")
        assert (row["owner_id"], row["source"]) == (lead.fields.get("owner"), lead.fields["source"])
        contacts = told.it.sandbox.world.linked(Kind.LEAD, lead.id, Kind.CONTACT)
        assert row["contact_id"] == (str(contacts[0]) if contacts else None)


def test_a_leads_walk_is_every_change_of_its_stage(told: Told) -> None:
    world = _world(told, Kind.LEAD)
    walks: dict[str, list[tuple[int | None, Any, Any]]] = {id_: [] for id_ in world}
    for row in told.it.rows(LeadStageChange):
        if row["lead_id"] in walks:
            walks[row["lead_id"]].append((_ms(row["changed_at"]), row["from_stage"], row["to_stage"]))
    for id_, lead in world.items():
        changes = lead.changes("stage")
        before = [None, *(change.value for change in changes)]
        assert walks[id_] == [(change.at, was, change.value) for change, was in zip(changes, before, strict=False)]


def test_activities_are_linked_to_leads(told: Told) -> None:
    world = told.it.sandbox.world
    linked = {row["entity_id"] for row in told.it.rows(ActivityLink) if row["entity"] == "leads"}
    touched = {
        id_
        for id_ in _world(told, Kind.LEAD)
        if any(world.linked(Kind.LEAD, int(id_), kind) for kind in (Kind.CALL, Kind.EMAIL, Kind.MEETING))
    }
    assert linked == touched != set()


def test_goals_become_targets_with_half_open_periods_of_whole_days(told: Told) -> None:
    world = _world(told, Kind.GOAL)
    scopes = set()
    for row in told.it.rows(Target):
        goal = world[row["id"]].fields
        assert (str(row["period_start"]), str(row["period_end"])) == (goal["starts_on"], goal["ends_on"])
        assert (row["kpi_key"], row["currency"]) == ("revenue", "EUR")
        assert row["scope_id"] == goal.get("owner", goal.get("team"))
        scopes.add(row["scope_type"])
    assert scopes == {"user", "team"}


def test_tickets_know_their_first_response_and_end(told: Told) -> None:
    world = _world(told, Kind.TICKET)
    for row in told.it.rows(Ticket):
        ticket = world[row["id"]]
        assert _ms(row["first_response_at"]) == ticket.fields.get("first_response_at")
        assert _ms(row["closed_at"]) == ticket.fields.get("closed_at")
        assert row["status"] == ("closed" if ticket.fields["stage"] == "4" else "open")
        companies = told.it.sandbox.world.linked(Kind.TICKET, ticket.id, Kind.COMPANY)
        assert row["company_id"] == str(companies[0])


def test_money_of_orders_subscriptions_and_splits_is_exact(told: Told) -> None:
    changed = set(told.changed.values())
    for kind, record, ours, theirs in (
        (Kind.ORDER, Order, "amount", "amount"),
        (Kind.SUBSCRIPTION, Subscription, "mrr", "mrr"),
        (Kind.DEAL_SPLIT, DealSplit, "percent", "percent"),
    ):
        world = _world(told, kind)
        for row in told.it.rows(record):
            wanted = world[row["id"]].fields.get(theirs)
            if row["id"] not in changed and row[ours] is not None:
                assert abs(row[ours] - Decimal(str(wanted))) < Decimal("0.01"), (kind, row["id"])


def test_pipelines_of_every_object_are_kept_apart(told: Told) -> None:
    objects = {row["id"]: row["object"] for row in told.it.rows(Pipeline)}
    assert set(objects.values()) == {"deal", "lead", "ticket", "order"}
    won = {row["id"] for row in told.it.rows(Stage) if row["is_won"]}
    assert won == {"closedwon", "7311208", "qualified-stage-id"}


# --------------------------------------------------------------------------------------------- campaigns and rates


def test_campaigns_and_their_costs_are_followed(sqlite: Database) -> None:
    with rig(sqlite, deals=20, activities_per_deal=0, extras=True) as it:
        it.sync()
        world = it.sandbox.world
        uuids = {record.id: str(record.fields["uuid"]) for record in world.tables[Kind.CAMPAIGN].live}
        assert {row["id"] for row in it.rows(Campaign)} == set(uuids.values())
        total = sum((row["amount"] for row in it.rows(Spend)), Decimal(0))
        assert total == sum(Decimal(str(r.fields["amount"])) for r in world.tables[Kind.SPEND_ITEM].live)
        assert total == sum((row["actual_cost"] for row in it.rows(Campaign)), Decimal(0))
        before = it.sandbox.requests.endpoints["campaigns"]
        it.later(HOUR)
        it.sync()
        assert it.sandbox.requests.endpoints["campaigns"] == before + 1

        first, gone = list(uuids)[:2]
        it.later(HOUR)
        world.update(Kind.CAMPAIGN, first, {"name": "Renamed"})
        world.purge(Kind.CAMPAIGN, gone)
        it.sync()
        names = {row["id"]: row["name"] for row in it.rows(Campaign)}
        assert names[uuids[first]] == "Renamed"
        assert uuids[gone] not in names
        assert not [row for row in it.rows(Spend) if row["campaign_id"] == uuids[gone]]

        items = world.linked(Kind.CAMPAIGN, first, Kind.SPEND_ITEM)
        world.update(Kind.SPEND_ITEM, items[0], {"amount": "1.25"})  # which doesn't touch the campaign
        it.later(2 * DAY)
        it.sync()
        spent = {row["id"]: row["amount"] for row in it.rows(Spend)}
        assert spent[f"{uuids[first]}:{items[0]}"] == Decimal("1.25")
        for item in items:
            world.purge(Kind.SPEND_ITEM, item)
        it.later(2 * DAY)
        it.sync()
        assert not [row for row in it.rows(Spend) if row["campaign_id"] == uuids[first]]


def test_exchange_rates_are_valid_from_local_days_on(sqlite: Database) -> None:
    with rig(sqlite, deals=20, activities_per_deal=0, extras=True) as it:
        it.sync()
        world = it.sandbox.world
        rows = {row["id"]: row for row in it.rows(ExchangeRate)}
        assert len(rows) == len(world.rates) > 50
        assert all(row["effective_from"].day == 1 for row in rows.values())
        for rate in world.rates:
            row = rows[str(rate.id)]
            assert (row["from_currency"], row["to_currency"], row["rate"]) == (rate.currency, "EUR", rate.worth)
        changed, gone = world.rates[3], world.rates[5]
        world.put_rate(replace(changed, worth=Decimal("0.5")))
        world.rates = tuple(rate for rate in world.rates if rate.id != gone.id)
        it.later(HOUR)
        it.sync()
        rows = {row["id"]: row for row in it.rows(ExchangeRate)}
        assert rows[str(changed.id)]["rate"] == Decimal("0.5")
        assert str(gone.id) not in rows


def test_rates_that_all_vanish_are_not_believed(sqlite: Database) -> None:
    with rig(sqlite, deals=20, activities_per_deal=0, extras=True) as it:
        it.sync()
        it.sandbox.world.rates = ()
        outcome = it.sync()
        assert "nothing was deleted" in str(_stream(outcome, "exchange_rates").error)
        assert it.count(ExchangeRate) > 50


# ----------------------------------------------------------------------------- without leads: contacts' lifecycle

LEADS = ("lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer")


def _lifecycle(it: Rig) -> dict[str, list[tuple[int, Any]]]:
    """Of each contact that ever was a lead, its lifecycle from there on."""
    found: dict[str, list[tuple[int, Any]]] = {}
    for contact in it.sandbox.world.tables[Kind.CONTACT].live:
        walk = [(change.at, change.value) for change in contact.changes("lifecycle") if change.value in LEADS]
        if walk:
            found[f"contact:{contact.id}"] = walk
    return found


def test_without_leads_the_lifecycle_of_contacts_makes_them(database: Database) -> None:
    with rig(database, deals=80, activities_per_deal=0, extras=True, without=["leads"]) as it:
        assert it.sync().outcome == "ok"
        truth, rows = _lifecycle(it), {row["id"]: row for row in it.rows(Lead)}
        assert set(rows) == set(truth)
        assert 0 < len(truth) < it.row_counts()["contacts"]
        for id_, walk in truth.items():
            row, entered = rows[id_], {value: at for at, value in reversed(walk)}
            qualified = [entered[stage] for stage in LEADS[1:] if stage in entered]
            converted = [entered[stage] for stage in LEADS[3:] if stage in entered]
            assert _ms(row["created_at"]) == walk[0][0]
            assert _ms(row["qualified_at"]) == min(qualified, default=None)
            assert _ms(row["converted_at"]) == min(converted, default=None)
            assert row["stage_id"] == walk[-1][1]
            assert row["contact_id"] == id_.removeprefix("contact:")
        changes = [(row["lead_id"], _ms(row["changed_at"]), row["to_stage"]) for row in it.rows(LeadStageChange)]
        assert sorted(changes) == sorted((id_, at, value) for id_, walk in truth.items() for at, value in walk)
        before = it.everything()
        it.later(2 * DAY)
        assert it.sync(deep=True).counts.written == 0
        assert it.everything() == before


def test_leads_out_of_contacts_follow_them(sqlite: Database) -> None:
    with rig(sqlite, deals=60, activities_per_deal=0, extras=True, without=["leads"]) as it:
        it.sync()
        leads = _lifecycle(it)
        contacts = [str(id_) for id_ in it.sandbox.world.tables[Kind.CONTACT].live.ids]
        new = next(id_ for id_ in contacts if f"contact:{id_}" not in leads)
        archived, purged, one, two = [id_.removeprefix("contact:") for id_ in leads][:4]
        it.later(HOUR)
        it.edits.update("contacts", new, {"lifecyclestage": "lead"})
        it.edits.archive("contacts", archived)
        it.edits.purge("contacts", purged)
        survivor = it.edits.merge("contacts", one, two)
        it.later(2 * DAY)
        assert it.sync(deep=True).outcome == "ok"
        rows = {row["id"] for row in it.rows(Lead)}
        assert rows == set(_lifecycle(it))
        assert f"contact:{new}" in rows
        assert f"contact:{survivor}" in rows
        with it.database.read() as tx:
            aliases = tx.exec_driver_sql("SELECT old_id, id FROM record_aliases WHERE entity = 'leads'").all()
        assert {tuple(alias) for alias in aliases} == {(f"contact:{id_}", f"contact:{survivor}") for id_ in (one, two)}


def test_an_account_that_gets_leads_has_no_lead_twice_nor_when_their_scope_goes(sqlite: Database) -> None:
    with rig(sqlite, deals=40, activities_per_deal=0, extras=True, without=["leads"]) as it:
        it.sync()
        assert it.count(Lead) > 0
        it.sandbox.portal.without.clear()
        it.later(HOUR)
        it.sync()
        real = {str(id_) for id_ in it.sandbox.world.tables[Kind.LEAD].live.ids}
        assert {row["id"] for row in it.rows(Lead)} == real
        it.sandbox.set_scopes(EVERY_SCOPE - {"crm.objects.leads.read"})
        it.later(2 * DAY)
        withdrawn = it.sync(deep=True)
        assert withdrawn.outcome == "partial"  # what was once read is never left out in silence
        assert isinstance(withdrawn.error, MissingScopeError)
        assert {row["id"] for row in it.rows(Lead)} == real


def test_an_account_that_does_not_use_its_leads_may_take_contacts(sqlite: Database) -> None:
    with rig(sqlite, deals=40, activities_per_deal=0, extras=True) as it:
        it.sync()
        real = {row["id"] for row in it.rows(Lead)}
        it.settings = {"leads_from": "contacts"}
        it.later(HOUR)
        outcome = it.sync()
        assert "leads" not in {stream.stream for stream in outcome.streams}
        assert {row["id"] for row in it.rows(Lead)} == set(_lifecycle(it))
        it.settings = {"leads_from": "auto"}
        it.later(HOUR)
        it.sync(full=True)
        assert {row["id"] for row in it.rows(Lead)} == real


# ------------------------------------------------------------------------------- call outcomes, kinds of meetings


def test_an_accounts_own_call_outcomes_are_known_by_their_labels(sqlite: Database) -> None:
    with rig(sqlite, deals=20) as it:
        labels = {
            "a1": ("Not reached", "no_answer"),
            "a2": ("Left a voicemail", "left_message"),
            "a3": ("Spoke with gatekeeper", "no_answer"),
            "a4": ("Spoke with decision maker", "connected"),
            "a5": ("Görüşüldü", "completed"),
        }
        it.sandbox.portal.dispositions |= {id_: label for id_, (label, _) in labels.items()}
        calls = _calls(it)[: len(labels)]
        for call, id_ in zip(calls, labels, strict=True):
            it.edits.update("calls", call, {"hs_call_disposition": id_, "hs_call_status": "COMPLETED"})
        it.sync()
        outcomes = {row["id"]: row["outcome"] for row in it.rows(Activity)}
        found = [outcomes[f"call:{call}"] for call in calls]
        assert found == [meant for _, meant in labels.values()]


def test_call_outcomes_are_read_by_the_built_in_ones_when_their_list_is_gone(sqlite: Database) -> None:
    with rig(sqlite, deals=20) as it:
        it.sandbox.faults.next("html_200", times=0, match=".*dispositions")
        it.sandbox.portal.dispositions.clear()
        assert it.sync().outcome == "ok"
        world = it.sandbox.world.tables[Kind.CALL].live
        connected = {f"call:{record.id}" for record in world if record.fields.get("outcome") == "connected"}
        assert {row["id"] for row in it.rows(Activity) if row["outcome"] == "connected"} == connected != set()


def _calls(it: Rig) -> list[str]:
    return list(it.edits.truth("calls")["calls"]["live"])


def test_the_kind_of_a_meeting_is_kept(sqlite: Database) -> None:
    with rig(sqlite, deals=20) as it:
        meeting = next(iter(it.edits.truth("meetings")["meetings"]["live"]))
        it.edits.update("meetings", meeting, {"hs_activity_type": "Product demo"})
        it.sync()
        row = next(row for row in it.rows(Activity) if row["id"] == f"meeting:{meeting}")
        assert row["subtype"] == "Product demo"


# ------------------------------------------------------------------------------------------- partly missing sources


def test_links_that_the_token_may_not_read_are_said_and_kept_in_the_books(sqlite: Database) -> None:
    with rig(sqlite, deals=20) as it:
        it.sandbox.set_scopes(EVERY_SCOPE - {"crm.objects.companies.read"})
        outcome = it.sync()
        said = "deals: their links to companies can't be read (needs crm.objects.companies.read)"
        assert [note for note in outcome.notes if note.startswith(said)]
        with it.database.read() as tx:
            [run] = reads.recent_runs(tx, connection=NAME)
        assert [note for note in run["notes"] if note.startswith(said)]


def test_links_that_the_token_may_not_read_any_more_stay(sqlite: Database) -> None:
    with rig(sqlite, deals=20) as it:
        it.sync()
        before = {row["id"]: row["company_id"] for row in it.rows(Deal)}
        assert any(before.values())
        it.later(2 * DAY)
        it.sandbox.set_scopes(EVERY_SCOPE - {"crm.objects.companies.read"})
        it.sync(deep=True)
        assert {row["id"]: row["company_id"] for row in it.rows(Deal)} == before


def test_a_missing_scope_of_one_kind_of_activity_is_in_the_books(sqlite: Database) -> None:
    with rig(sqlite, deals=20) as it:
        it.sandbox.set_scopes(EVERY_SCOPE - {"sales-email-read"})
        assert it.sync().outcome == "partial"
        with it.database.read() as tx:
            query = "SELECT stream, error FROM sync_run_streams WHERE outcome = 'skipped'"
            [(stream, error)] = tx.exec_driver_sql(query).all()
        assert (stream, "sales-email-read" in error) == ("emails", True)
