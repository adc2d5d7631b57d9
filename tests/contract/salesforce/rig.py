"""A rig over a sandbox Salesforce: the real connector run by the real engine, on simulated time."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from threading import Event
from typing import Any, cast

from connectors.salesforce import SalesforceConnector
from connectors.salesforce.kinds import BY_NAME
from connectors.salesforce.settings import SalesforceSettings
from dealmeter.sandbox.generate import generate
from dealmeter.sandbox.salesforce import SalesforceSandbox
from dealmeter.sandbox.world import World
from store.database import Database
from sync.outcome import RunOutcome, StreamOutcome
from sync.plan import Plan
from sync.run import Progress, execute
from tests.rig import NOW, Rig

NAME = "salesforce-main"
SIGN_IN = {
    "auth": "client_credentials",
    "login_url": "https://acme.my.salesforce.com",
    "consumer_key": "sandbox-client",
    "consumer_secret": "sandbox-secret",
}
PLACES = {
    "Account": "companies",
    "Contact": "contacts",
    "Lead": "leads",
    "Opportunity": "deals",
    "OpportunityLineItem": "line_items",
    "Product2": "products",
    "Event": "meetings",
    "Case": "tickets",
    "Campaign": "campaigns",
}
"""Salesforce's objects and our streams."""


@dataclass
class SalesforceRig(Rig):
    """One org, one store."""

    sandbox: SalesforceSandbox  # type: ignore[assignment]
    database: Database
    settings: dict[str, Any] = field(default_factory=dict)

    def salesforce_settings(self) -> SalesforceSettings:
        """The connection's settings: everything is sent to the sandbox."""
        return SalesforceSettings.model_validate({**SIGN_IN, "base_url": self.sandbox.url, **self.settings})

    def sync(self, stop: Event | None = None, progress: Progress | None = None, **plan: Any) -> RunOutcome:
        """One run."""
        settings = self.salesforce_settings()
        return execute(
            self.database,
            Plan(connection=NAME, connector=lambda context: SalesforceConnector(settings, context), **plan),
            version="test",
            clock=self.times.clock(),
            stop=stop,
            progress=progress,
        )

    def ids(self, object_: str) -> list[str]:
        """The ids that live in the org."""
        return cast(list[str], self.edits.truth()["objects"][object_]["live"])

    def true_by_stage(self) -> dict[str, tuple[int, Decimal]]:
        """Opportunities and the sum of their amounts per stage, as the org has them."""
        stages = self.edits.truth()["by_stage"]
        return {stage: (entry["opportunities"], Decimal(entry["amount"])) for stage, entry in stages.items()}

    def assert_equals_account(self) -> None:
        """Every kind of record that is read has exactly the org's ids, and each stage its amount to the cent."""
        truth: Mapping[str, Any] = self.edits.truth()["objects"]
        wanted = self.settings.get("include") or PLACES.values()
        for object_, name in PLACES.items():
            if name not in wanted:
                continue
            kind = BY_NAME[name]
            stored = {row["id"] for row in self.rows(kind.record) if row["id"].startswith(kind.prefix)}
            live = set(truth[object_]["live"])
            assert not live - stored, f"{name}: missing {sorted(live - stored)[:5]}"
            assert not stored - live, f"{name}: ghosts {sorted(stored - live)[:5]}"
        assert {stage: (n, round(amount, 2)) for stage, (n, amount) in self.by_stage().items()} == self.true_by_stage()


def stream(outcome: RunOutcome, name: str) -> StreamOutcome:
    """What a run did with one stream."""
    return next(each for each in outcome.streams if each.stream == name)


@contextmanager
def rig(
    database: Database,
    *,
    deals: int = 60,
    activities_per_deal: int = 2,
    world: World | None = None,
    settings: dict[str, Any] | None = None,
    **sandbox: Any,
) -> Iterator[SalesforceRig]:
    """A rig over a small world with a frozen clock, or over the one that is given.

    Where only some streams are read, the world has deals, customers and activities only.
    """
    few = bool((settings or {}).get("include"))
    world = world or generate(7, deals, activities_per_deal=activities_per_deal, now=NOW, frozen=True, extras=not few)
    with SalesforceSandbox(world, **sandbox) as running:
        yield SalesforceRig(running, database, settings or {})
