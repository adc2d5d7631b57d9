"""What somebody finds who runs a sync by hand is told as if the daemon had found it, and once."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import delete, select

from dealmeter.config.channels import WebhookSettings
from dealmeter.notify.notifier import Notifier
from dealmeter.sandbox.hubspot import HubSpotSandbox
from dealmeter.sandbox.record import Kind
from store.database import Database
from store.notices import NOTIFICATIONS
from store.records import Deal
from store.schema import TABLES
from tests.cli.conftest import Cli
from tests.service.receiver import Receiver, receiver
from tests.sync.test_schedule import Notes

DEALS = TABLES[Deal]
QUARTER = timedelta(minutes=15)


@pytest.fixture
def there() -> Iterator[Receiver]:
    """Somebody who listens."""
    with receiver() as kept:
        yield kept


class Told:
    """The command line beside two daemons on one database, whose hearts beat when we say so."""

    def __init__(self, cli: Cli, sandbox: HubSpotSandbox, there: Receiver) -> None:
        self.cli, self.sandbox, self.there = cli, sandbox, there
        hook = f"notifications: [{{type: webhook, url: {there.url}/hook}}]\n"
        cli.write(f"{cli.config.read_text(encoding='utf-8')}{hook}")
        synced = cli.run("sync")
        assert synced.code == 0, synced.err

    def run(self, *arguments: str) -> int:
        """A command, a quarter of an hour after the last one."""
        self.sandbox.world.clock.advance(QUARTER)
        return self.cli.run(*arguments).code

    @property
    def news(self) -> list[tuple[str, str]]:
        """What has arrived once both daemons have had their beat."""
        channel = WebhookSettings(type="webhook", url=SecretStr(f"{self.there.url}/hook"))
        with Database(f"sqlite:///{self.cli.folder / 'dealmeter.db'}") as database:
            for _ in range(2):
                Notifier(database, [channel], [], Notes()).beat(self.cli.clock.now())
        return [(news["kind"], news["title"]) for news in (json.loads(got.body) for got in self.there.got)]


@pytest.fixture
def told(cli: Cli, sandbox: HubSpotSandbox, there: Receiver) -> Told:
    """A company that was synced once, and of which nothing was told."""
    made = Told(cli, sandbox, there)
    assert made.news == []
    return made


def test_a_changed_schema(told: Told) -> None:
    told.sandbox.portal.remove(Kind.DEAL, "hs_next_step")
    told.sandbox.edits.bulk("deals", 3, {"dealname": "Another"})
    assert told.run("reconcile", "--repair") == 0
    assert told.run("sync") == 0
    assert told.run("sync") == 0
    assert told.news == [("schema_changed", "hubspot-main: the CRM's own schema has changed")]


def test_a_failure_and_its_end_of_which_a_part_is_no_proof(told: Told) -> None:
    told.sandbox.expire_token()
    assert told.run("sync") != 0
    assert told.run("sync") != 0
    failed = ("action_needed", "hubspot-main: the sync needs you")
    assert told.news == [failed]
    told.sandbox.set_scopes(None)
    assert told.run("sync", "--stream", "deals") == 0
    assert told.news == [failed]
    assert told.run("sync") == 0
    assert told.news == [failed, ("recovered", "hubspot-main: syncs again")]


def test_a_difference_and_its_repair(told: Told) -> None:
    with Database(f"sqlite:///{told.cli.folder / 'dealmeter.db'}") as database, database.write() as tx:
        tx.execute(delete(DEALS).where(DEALS.c.id.in_(select(DEALS.c.id).limit(2))))
    assert told.run("reconcile") == 7
    assert told.run("reconcile") == 7
    differ = ("difference", "hubspot-main: our numbers differ from the CRM's own")
    assert told.news == [differ]
    assert told.run("reconcile", "--repair") == 0
    assert told.news == [differ, ("recovered", "hubspot-main: our numbers and the CRM's agree again")]


def test_where_nobody_is_to_be_told_nothing_is_kept(cli: Cli, sandbox: HubSpotSandbox) -> None:
    sandbox.expire_token()
    assert cli.run("sync").code != 0
    with Database(f"sqlite:///{cli.folder / 'dealmeter.db'}") as database, database.read() as tx:
        assert tx.execute(select(NOTIFICATIONS)).all() == []
