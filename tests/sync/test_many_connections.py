"""Two HubSpot accounts, a Salesforce org and a folder in one store: each has its own schedule, budget and currency, and
nothing collides."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from connectors.base import Connector, Context
from connectors.files import FilesConnector
from connectors.files.settings import FilesSettings
from connectors.hubspot import HubSpotConnector
from connectors.hubspot.settings import HubSpotSettings
from connectors.salesforce import SalesforceConnector
from connectors.salesforce.settings import SalesforceSettings
from dealmeter.sandbox.generate import generate
from dealmeter.sandbox.hubspot import HubSpotSandbox
from dealmeter.sandbox.salesforce import SalesforceSandbox
from dealmeter.sandbox.world import World
from kpi.settings import KpiSettings
from store import reads
from store.database import Database
from store.records import Account, Deal, Spend, Statement
from store.schema import TABLES
from sync.clock import Clock
from sync.cycle import recompute
from sync.job import Job
from sync.outcome import RunOutcome
from sync.plan import Plan
from sync.run import execute
from sync.schedule import Daemon
from tests.contract.salesforce.rig import SIGN_IN
from tests.rig import NOW, Times
from tests.sync.test_schedule import Notes

KPIS = KpiSettings(include=("revenue", "won_deals_count"), calendars=("gregorian",), currency="EUR")
BY_CONNECTION = KPIS.model_copy(update={"dimensions_on": ("connection",)})
ONE_PERSON = KPIS.model_copy(update={"match_users": "email"})
NORTH, SOUTH, WEST, PLANS = "crm-north", "crm-south", "crm-west", "plans"


@dataclass
class Company:
    """One store, and what is connected to it. All CRMs were copied from one: every id is in both portals, everybody's
    address in all three.
    """

    database: Database
    north: HubSpotSandbox
    south: HubSpotSandbox
    west: SalesforceSandbox
    folder: Path

    def __post_init__(self) -> None:
        self.times = Times(self.north.world)
        hubspots = {NORTH: self.north, SOUTH: self.south}
        self.connectors: dict[str, Callable[[Context], Connector]] = {
            **{name: _hubspot(sandbox.url) for name, sandbox in hubspots.items()},
            WEST: _salesforce(self.west.url),
            PLANS: lambda context: FilesConnector(FilesSettings(path=self.folder, currency="TRY"), context),
        }

    def clock(self) -> Clock:
        return self.times.clock()

    def later(self, by: timedelta) -> None:
        for sandbox in (self.north, self.south, self.west):
            sandbox.world.clock.advance(by)

    def sync(self, *names: str, **plan: Any) -> list[RunOutcome]:
        return [
            execute(
                self.database,
                Plan(connection=name, connector=self.connectors[name], **plan),
                version="test",
                clock=self.clock(),
            )
            for name in names or self.connectors
        ]

    def rows(self, record: type[Statement], connection: str) -> dict[str, Any]:
        table = TABLES[record]
        query = select(table).where(table.c.connection == connection, table.c.deleted_at.is_(None))
        with self.database.read() as tx:
            return {row["id"]: dict(row) for row in tx.execute(query).mappings()}


def _hubspot(url: str) -> Callable[[Context], Connector]:
    budget = {"burst_limit": 100_000, "search_per_second": 5}
    given = {"access_token": "sandbox-token", "base_url": url, "budget": budget}
    return lambda context: HubSpotConnector(HubSpotSettings.model_validate(given), context)


def _salesforce(url: str) -> Callable[[Context], Connector]:
    settings = SalesforceSettings.model_validate({**SIGN_IN, "base_url": url})
    return lambda context: SalesforceConnector(settings, context)


def _world(number: int, currency: str) -> World:
    world = generate(7, 40, contacts=10, activities_per_deal=0, now=NOW, frozen=True)
    world.account = replace(world.account, id=number, currency=currency, rates={})
    return world


@pytest.fixture
def company(sqlite: Database, tmp_path: Path) -> Iterator[Company]:
    folder = tmp_path / "plans"
    folder.mkdir()
    (folder / "spend.csv").write_text("spent_on,category,amount\n2026-10-05,marketing,700\n", encoding="utf-8")
    (folder / "deals.csv").write_text(
        "id,amount,currency,close_date,is_closed,is_won\n1,1000,EUR,2026-10-05,yes,yes\n", encoding="utf-8"
    )
    (folder / "users.csv").write_text("id,name,email\nx,Somebody,\n", encoding="utf-8")
    with ExitStack() as stack:
        north, south = (
            stack.enter_context(HubSpotSandbox(_world(number, currency)))
            for number, currency in ((1, "EUR"), (2, "USD"))
        )
        south.edits.bulk("deals", 40, {"deal_currency_code": "USD"})
        west = stack.enter_context(SalesforceSandbox(_world(3, "EUR")))
        yield Company(sqlite, north, south, west, folder)


def test_the_same_ids_in_two_accounts_are_two_deals(company: Company) -> None:
    assert [run.outcome for run in company.sync()] == ["ok", "ok", "ok", "ok"]
    north, south = company.rows(Deal, NORTH), company.rows(Deal, SOUTH)
    assert set(north) == set(south)
    assert len(north) == 40
    assert len(company.rows(Deal, WEST)) == 40
    assert not set(company.rows(Deal, WEST)) & set(north)
    assert len(company.rows(Deal, PLANS)) == 1
    company.later(timedelta(hours=1))
    first, second, *_ = sorted(north)
    company.north.edits.archive("deals", first)
    company.south.edits.update("deals", second, {"amount": "7777.77"})
    company.later(timedelta(minutes=1))
    company.sync(deep=True)
    assert set(company.rows(Deal, NORTH)) == set(north) - {first}
    assert set(company.rows(Deal, SOUTH)) == set(south)
    assert company.rows(Deal, SOUTH)[second]["amount"] == Decimal("7777.77")
    assert company.rows(Deal, NORTH)[second]["amount"] == north[second]["amount"]


def test_each_account_has_its_currency(company: Company) -> None:
    company.sync()
    currencies = {
        name: next(iter(company.rows(Account, name).values()))["base_currency"] for name in company.connectors
    }
    assert currencies == {NORTH: "EUR", SOUTH: "USD", WEST: "EUR", PLANS: "TRY"}
    assert next(iter(company.rows(Spend, PLANS).values()))["currency"] == "TRY"


def test_kpis_are_computed_over_all_connections_and_say_what_they_could_not_convert(company: Company) -> None:
    company.sync()

    def total(kpi: str) -> tuple[Decimal | None, str]:
        query = (
            "SELECT value, flags FROM kpi_latest WHERE grain = 'year' AND period_start = '2026-01-01' "
            f"AND dimension = '' AND kpi_key = '{kpi}'"
        )
        with company.database.read() as tx:
            value, flags = tx.exec_driver_sql(query).one()
        return (None if value is None else round(Decimal(str(value)), 2)), str(flags)

    def won(*names: str) -> list[Any]:
        return [
            deal
            for name in names
            for deal in company.rows(Deal, name).values()
            if deal["is_won"] and deal["close_date"] and deal["close_date"].year == 2026
        ]

    assert not recompute(company.database, KPIS, version="test", clock=company.clock()).broken
    assert total("won_deals_count")[0] == len(won(*company.connectors)) > 1
    convertible = [deal for deal in won(*company.connectors) if deal["currency"] == "EUR"]
    foreign = [deal for deal in won(*company.connectors) if deal["currency"] != "EUR" and deal["amount"]]
    value, flags = total("revenue")
    assert value == round(sum((deal["amount"] or Decimal(0) for deal in convertible), Decimal(0)), 2)
    assert foreign
    assert "fx_missing" in flags


def test_each_connection_has_its_part_of_a_number(company: Company) -> None:
    company.sync()
    assert not recompute(company.database, BY_CONNECTION, version="test", clock=company.clock()).broken
    query = (
        "SELECT dimension, member, value FROM kpi_latest WHERE grain = 'year' AND period_start = '2026-01-01' "
        "AND kpi_key = 'won_deals_count' AND dimension IN ('', 'connection')"
    )
    with company.database.read() as tx:
        values = {(dimension, member): value for dimension, member, value in tx.exec_driver_sql(query)}
    assert {member for dimension, member in values if dimension} == set(company.connectors)
    for name in company.connectors:
        won = [deal for deal in company.rows(Deal, name).values() if deal["is_won"] and deal["close_date"].year == 2026]
        assert values["connection", name] == len(won) > 0
    assert values["", ""] == sum(values["connection", name] for name in company.connectors)


def test_a_spent_budget_and_a_broken_account_stop_only_their_own_connection(company: Company) -> None:
    log = Notes()
    jobs = [
        Job(name=NORTH, connector=company.connectors[NORTH], every=timedelta(minutes=15)),
        Job(name=SOUTH, connector=company.connectors[SOUTH], every=timedelta(hours=6)),
        Job(name=WEST, connector=company.connectors[WEST], every=timedelta(hours=1)),
        Job(name=PLANS, connector=company.connectors[PLANS], every=timedelta(minutes=15)),
    ]

    def load() -> tuple[Sequence[Job], KpiSettings]:
        return jobs, KPIS

    daemon = Daemon(company.database, load, version="test", clock=company.clock(), log=log)
    daemon.load()
    company.north.faults.next("429_daily", match=".*deals/batch")
    for name in company.connectors:
        daemon.tick(name)
    with company.database.read() as tx:
        schedules = reads.schedules(tx)
        outcomes = {name: _last(tx, name)["outcome"] for name in company.connectors}
    assert outcomes == {NORTH: "failed", SOUTH: "ok", WEST: "ok", PLANS: "ok"}
    assert schedules[NORTH]["not_before"] is not None
    assert schedules[SOUTH]["not_before"] is None
    asked, told = len(company.south.requests), len(company.west.requests)
    company.later(timedelta(hours=2))
    for name in company.connectors:
        daemon.tick(name)
    with company.database.read() as tx:
        assert _last(tx, NORTH)["outcome"] == "ok"
    assert len(company.south.requests) == asked, "its own schedule: every six hours"
    assert len(company.west.requests) > told, "every hour"


def test_requests_that_an_org_has_used_up_stop_only_its_own_connection(company: Company) -> None:
    company.west.limits.enforced = True
    company.west.limits.spend(company.west.limits.daily)
    outcomes = {name: company.sync(name)[0].outcome for name in company.connectors}
    assert outcomes == {NORTH: "ok", SOUTH: "ok", WEST: "failed", PLANS: "ok"}


def test_people_are_the_same_where_their_e_mail_is(company: Company) -> None:
    company.sync()
    with company.database.read() as tx:
        rows = tx.exec_driver_sql("SELECT person, connection, user_id FROM v_people").all()
    by_person: dict[str, set[str]] = {}
    for person, connection, _ in rows:
        by_person.setdefault(person, set()).add(connection)
    assert by_person.pop("plans:x") == {PLANS}
    alone = [names for names in by_person.values() if names == {WEST}]
    assert len(alone) == 1, "the integration user is in Salesforce only"
    assert set(map(frozenset, by_person.values())) - {frozenset({WEST})} == {frozenset({NORTH, SOUTH, WEST})}


def test_a_person_of_several_connections_is_one_owner_where_that_is_configured(company: Company) -> None:
    company.sync()

    def owners(settings: KpiSettings) -> dict[str, Decimal]:
        assert not recompute(company.database, settings, version="test", clock=company.clock()).broken
        query = (
            "SELECT member, value FROM kpi_latest WHERE grain = 'all' AND kpi_key = 'won_deals_count' "
            "AND dimension = 'owner'"
        )
        with company.database.read() as tx:
            return {member: value for member, value in tx.exec_driver_sql(query) if value}

    apart, together = owners(KPIS), owners(ONE_PERSON)
    assert {member.partition(":")[0] for member in apart} >= {NORTH, SOUTH, WEST}
    assert sum(apart.values()) == sum(together.values())
    assert not any(member.startswith(SOUTH) for member in together), "known first in the north"
    for member, value in together.items():
        if member.startswith(NORTH):
            assert value > apart[member]


def _last(tx: Any, name: str) -> Any:
    found = reads.last_run(tx, name)
    assert found is not None
    return found
