"""That our numbers differ, or that the CRM's schema has changed, reaches people once, and the metrics each time."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from sqlalchemy import delete, select

from dealmeter.config.channels import WebhookSettings
from dealmeter.config.models import ConnectionSettings, Schedule
from dealmeter.notify.notifier import Notifier
from dealmeter.sandbox.record import Kind
from dealmeter.service.metrics import Metrics
from store.database import Database
from store.records import Deal
from store.schema import TABLES
from sync.cycle import CycleOutcome
from tests.rig import NAME, Rig, rig
from tests.service.receiver import Receiver, receiver
from tests.sync.test_schedule import Notes

QUARTER = timedelta(minutes=15)
DEALS = TABLES[Deal]


class Watched:
    """An account whose runs are watched as the daemon's are."""

    def __init__(self, it: Rig, there: Receiver) -> None:
        self.it, self.there = it, there
        hook = WebhookSettings(type="webhook", url=SecretStr(f"{there.url}/hook"))
        connection = ConnectionSettings(name=NAME, crm="hubspot", schedule=Schedule(every=QUARTER))
        self.notifier = Notifier(it.database, [hook], [connection], Notes())

    def sync(self) -> None:
        """A run that is compared with the CRM, a quarter of an hour after the last one."""
        self.it.later(QUARTER)
        outcome = self.it.sync(compare_every=timedelta(0))
        self.notifier.ended(CycleOutcome(run=outcome), 1.0, self.it.times.clock().now())
        self.notifier.beat(self.it.times.clock().now())

    @property
    def news(self) -> list[dict[str, str]]:
        """What has arrived."""
        return [json.loads(got.body) for got in self.there.got]

    def measured(self, name: str) -> dict[str, float]:
        """The values of a metric by object, or by what happened."""
        text = Metrics(self.it.database, version="test").text().decode()
        return {
            sample.labels.get("object") or sample.labels["what"]: sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name
        }


@pytest.fixture
def watched(database: Database) -> Iterator[Watched]:
    """A small account, read twice and found well."""
    with rig(database, deals=30, activities_per_deal=0) as it, receiver() as there:
        it.sync()
        made = Watched(it, there)
        made.sync()
        assert made.news == []
        yield made


def test_a_difference_is_told_once_and_measured_until_it_is_repaired(watched: Watched) -> None:
    assert set(watched.measured("dealmeter_reconcile_difference_records").values()) == {0.0}
    with watched.it.database.write() as tx:
        ids = list(tx.scalars(select(DEALS.c.id).limit(2)))
        lost = tx.execute(select(DEALS).where(DEALS.c.id.in_(ids))).mappings().all()
        tx.execute(delete(DEALS).where(DEALS.c.id.in_(ids)))
    watched.sync()
    watched.sync()
    [news] = watched.news
    assert (news["kind"], news["connection"]) == ("difference", NAME)
    assert "deals: 28 records here, 30 in the CRM (-2)" in news["text"]
    assert news["hint"] == f"run `dealmeter reconcile {NAME} --repair`"
    assert watched.measured("dealmeter_reconcile_difference_records")["deals"] == 2
    with watched.it.database.write() as tx:
        tx.execute(DEALS.insert(), [dict(row) for row in lost])
    watched.sync()
    assert [news["kind"] for news in watched.news] == ["difference", "recovered"]
    assert set(watched.measured("dealmeter_reconcile_difference_records").values()) == {0.0}


def test_a_changed_schema_is_told_once_and_counted(watched: Watched) -> None:
    assert watched.measured("dealmeter_schema_events_total")["removed"] == 0
    watched.it.sandbox.portal.remove(Kind.DEAL, "hs_next_step")
    watched.it.edits.bulk("deals", 3, {"dealname": "Another"})
    watched.sync()
    watched.it.edits.bulk("deals", 3, {"dealname": "And another"})
    watched.sync()
    [news] = watched.news
    assert (news["kind"], news["title"]) == ("schema_changed", f"{NAME}: the CRM's own schema has changed")
    assert "deals: the field 'hs_next_step'" in news["text"]
    assert "stays as it was" in news["text"]
    assert watched.measured("dealmeter_schema_events_total") == {"removed": 1, "added": 0, "retyped": 0, "renamed": 0}
