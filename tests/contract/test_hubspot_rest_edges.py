"""Edges of HubSpot's answers: batches that fail in part, histories that forget, links that were read too early."""

from datetime import timedelta
from threading import Event

import pytest

from connectors.base import Stream
from connectors.errors import UnexpectedResponseError, UnreachableError
from connectors.hubspot import HubSpotConnector
from dealmeter.cli.connectors import context
from dealmeter.sandbox.record import Kind
from store import leases, runs, writes
from store.database import Database
from store.known import StoreKnown
from store.page import Page
from store.records import Deal, DealContact, DealStageChange, Lead, LeadStageChange
from tests.rig import DAY, HOUR, NAME, Rig, rig

MINUTE = timedelta(minutes=1)


# -------------------------------------------------------------------------------------- an error within a batch


@pytest.mark.parametrize(
    ("path", "error"),
    [
        (".*objects/.*/deals/batch/read", UnreachableError),
        (".*associations/.*/deals/contacts", UnexpectedResponseError),
    ],
)
def test_a_batch_that_fails_in_part_is_no_end_of_data(database: Database, path: str, error: type[Exception]) -> None:
    with rig(database, activities_per_deal=0) as it:
        it.sandbox.faults.next("batch_error", times=1, match=path)
        outcome = it.sync()
        failed = next(stream for stream in outcome.streams if stream.stream == "deals")
        assert (outcome.outcome, failed.outcome) == ("partial", "failed")
        assert isinstance(failed.error, error)
        assert "internal error" in str(failed.error)
        assert it.sync().outcome == "ok"
        it.assert_equals_account()
        assert _links(it) == _true_links(it)


def test_a_batch_that_fails_in_part_deletes_nothing(database: Database) -> None:
    with rig(database, activities_per_deal=0) as it:
        it.sync()
        deals = it.count(Deal)
        it.edits.purge("deals", next(iter(it.edits.truth("deals")["deals"]["live"])))
        it.later(DAY)
        it.sandbox.faults.next("batch_error", times=1, match=".*objects/.*/deals/batch/read")
        it.sync(deep=True)
        assert it.count(Deal) >= deals - 1
        assert it.sync(deep=True).outcome == "ok"
        it.assert_equals_account()


# ------------------------------------------------------------------------------- HubSpot keeps twenty values


def _move(it: Rig, deal: str, times: int) -> None:
    """To and fro between two stages, an hour each."""
    for number in range(times):
        it.later(HOUR)
        stage = ("qualifiedtobuy", "presentationscheduled")[number % 2]
        it.edits.update("deals", deal, {"dealstage": stage})


def _visits(it: Rig, deal: str) -> list[tuple[int, str, int | None]]:
    found = [row for row in it.rows(DealStageChange) if row["deal_id"] == deal]
    return [
        (
            round(row["entered_at"].timestamp() * 1000),
            row["stage_id"],
            None if row["exited_at"] is None else round(row["exited_at"].timestamp() * 1000),
        )
        for row in found
    ]


def _true_visits(it: Rig, deal: str) -> list[tuple[int, object, int | None]]:
    record = it.sandbox.world.find(Kind.DEAL, int(deal))
    assert record is not None
    changes = record.changes("stage")
    ends = [*(change.at for change in changes[1:]), None]
    return [(change.at, change.value, end) for change, end in zip(changes, ends, strict=True)]


def _open_deal(it: Rig) -> str:
    for record in it.sandbox.world.tables[Kind.DEAL].live:
        stage = it.sandbox.world.stage(record.fields["stage"])
        if stage is not None and not stage.closed and record.fields["pipeline"] == "default":
            return str(record.id)
    raise AssertionError("no open deal")


def test_of_a_history_that_hubspot_has_forgotten_only_what_is_sure_is_said(database: Database) -> None:
    with rig(database, deals=40, activities_per_deal=0) as it:
        deal = _open_deal(it)
        _move(it, deal, 30)
        it.sync()
        true = _true_visits(it, deal)
        assert len(true) > 30
        assert _visits(it, deal) == true[-19:]  # of the twentieth we can't tell when it began


def test_what_we_knew_of_a_history_stays_when_hubspot_forgets_it(database: Database) -> None:
    with rig(database, deals=40, activities_per_deal=0) as it:
        deal = _open_deal(it)
        it.sync()
        for _ in range(3):
            _move(it, deal, 12)
            it.later(MINUTE)
            assert it.sync().outcome == "ok"
        assert _visits(it, deal) == _true_visits(it, deal)


def test_a_closing_that_hubspot_still_tells_is_known_though_the_beginning_is_forgotten(database: Database) -> None:
    with rig(database, deals=40, activities_per_deal=0) as it:
        deal = _open_deal(it)
        _move(it, deal, 25)
        it.later(HOUR)
        it.edits.update("deals", deal, {"dealstage": "closedwon"})
        closed = it.sandbox.world.clock.now()
        it.sync()
        assert next(row["closed_at"] for row in it.rows(Deal) if row["id"] == deal) == closed


def test_a_lead_whose_beginning_is_forgotten_keeps_what_we_knew(database: Database) -> None:
    with rig(database, deals=30, activities_per_deal=0, extras=True) as it:
        it.settings = {"include": ["leads", "pipelines"]}
        it.sync()
        row = next(row for row in it.rows(Lead) if row["status"] == "connected")
        walk = [change for change in it.rows(LeadStageChange) if change["lead_id"] == row["id"]]
        it.edits.update("leads", row["id"], {"hs_pipeline_stage": "qualified-stage-id"})
        qualified = it.sandbox.world.clock.now()
        it.later(MINUTE)
        it.sync()
        for number in range(24):
            it.later(HOUR)
            it.edits.update(
                "leads", row["id"], {"hs_pipeline_stage": ("new-stage-id", "connected-stage-id")[number % 2]}
            )
        it.later(MINUTE)
        it.sync()
        now = next(lead for lead in it.rows(Lead) if lead["id"] == row["id"])
        assert (now["qualified_at"], now["qualified_level"]) == (qualified, "SQL")
        known = [change for change in it.rows(LeadStageChange) if change["lead_id"] == row["id"]]
        assert known[: len(walk)] == walk
        assert len(known) == len(walk) + 1 + 19


# ------------------------------------------------------------------------------------------ links read too early


def _links(it: Rig) -> set[tuple[str, str]]:
    return {(row["deal_id"], row["contact_id"]) for row in it.rows(DealContact)}


def _true_links(it: Rig) -> set[tuple[str, str]]:
    world = it.sandbox.world
    return {
        (str(deal), str(contact))
        for deal in world.tables[Kind.DEAL].live.ids
        for contact in world.linked(Kind.DEAL, deal, Kind.CONTACT)
    }


def test_links_that_were_read_earlier_do_not_override_newer_ones(database: Database) -> None:
    """A page of the link pass waits to be written while a newer reading of the same links is stored."""
    with rig(database, deals=30, activities_per_deal=0) as it:
        it.sync()
        it.later(HOUR)
        early = _read_links(it)
        assert any(page.children for page in early)

        deal, contact = next(iter(_true_links(it)))
        company = next(row["company_id"] for row in it.rows(Deal) if row["company_id"])
        other = next(row["id"] for row in it.rows(Deal) if row["company_id"] == company)
        it.later(MINUTE)
        it.edits.dissociate("deals", deal, "contacts", contact)
        it.edits.dissociate("deals", other, "companies", company)
        stranger = next(
            str(id_) for id_ in it.sandbox.world.tables[Kind.CONTACT].live.ids if (deal, str(id_)) not in _links(it)
        )
        it.edits.associate("deals", deal, "contacts", stranger)
        it.later(HOUR)
        assert it.sync(deep=True).outcome == "ok"
        newer, companies = _links(it), {row["id"]: row["company_id"] for row in it.rows(Deal)}
        assert newer == _true_links(it)
        assert (deal, stranger) in newer
        assert (deal, contact) not in newer

        _save(it, early)
        assert _links(it) == newer
        assert {row["id"]: row["company_id"] for row in it.rows(Deal)} == companies


def _read_links(it: Rig) -> list[Page]:
    from dataclasses import replace

    surroundings = replace(context(it.times.clock(), Event()), known=StoreKnown(it.database, NAME))
    connector = HubSpotConnector(it.connector_settings(), surroundings)
    try:
        connector.open()
        return list(connector.read(Stream(name="deals.links", entity=Deal, of="deals"), None))
    finally:
        connector.close()


def _save(it: Rig, pages: list[Page]) -> None:
    now = it.sandbox.world.clock.now()
    with it.database.write() as tx:
        grant = leases.take(tx, NAME, "test", now=now)
        run = runs.open_run(tx, grant, trigger="test", version="test", now=now)
        runs.open_stream(tx, grant, run, "deals.links", now=now)
        for page in pages:
            writes.save_page(tx, grant, run, "deals.links", page, now=now)
        leases.give_back(tx, grant, now=now)
