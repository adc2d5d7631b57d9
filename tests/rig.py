"""A rig: a sandbox HubSpot, a database, and the real connector run by the real engine, on simulated time."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from threading import Event, Lock
from typing import Any

from sqlalchemy import func, select

from connectors.hubspot import HubSpotConnector
from connectors.hubspot.kinds import KINDS
from connectors.hubspot.settings import HubSpotSettings
from dealmeter.sandbox.generate import generate
from dealmeter.sandbox.hubspot import HubSpotSandbox
from dealmeter.sandbox.hubspot.kinds import object_type
from dealmeter.sandbox.world import World
from store import reads
from store.database import Database
from store.records import Deal, Statement
from store.schema import TABLES
from sync.clock import Clock
from sync.outcome import RunOutcome
from sync.plan import Plan
from sync.run import Progress, execute

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
NAME = "hubspot-main"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass
class Times:
    """A clock that the test moves: waiting moves it too, and takes no time. Ours is `ahead` of the CRM's."""

    world: World
    waited: float = 0.0
    ahead: timedelta = timedelta(0)
    lock: Lock = field(default_factory=Lock)

    def clock(self) -> Clock:
        """As the engine wants it."""
        return Clock(
            now=lambda: self.world.clock.now() + self.ahead,
            monotonic=lambda: self.waited,
            wait=self._wait,
            random=Random(7),
        )

    def _wait(self, stop: Event, seconds: float) -> bool:
        with self.lock:
            self.waited += seconds
        return stop.is_set()


@dataclass
class Rig:
    """One account, one store."""

    sandbox: HubSpotSandbox
    database: Database
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.times = Times(self.sandbox.world)

    @property
    def edits(self) -> Any:
        """What a person in HubSpot does."""
        return self.sandbox.edits

    def later(self, by: timedelta) -> None:
        """Let time pass."""
        self.sandbox.world.clock.advance(by)

    def connector_settings(self) -> HubSpotSettings:
        """The connection's settings: no pacing, because the sandbox sets no limit unless a test wants one."""
        given: dict[str, Any] = {
            "access_token": "sandbox-token",
            "base_url": self.sandbox.url,
            "budget": {"burst_limit": 100_000, "search_per_second": 5},
        }
        return HubSpotSettings.model_validate(given | self.settings)

    def sync_with(self, progress: Progress, **plan: Any) -> RunOutcome:
        """One run that is watched."""
        return self.sync(progress=progress, **plan)

    def sync(self, stop: Event | None = None, progress: Progress | None = None, **plan: Any) -> RunOutcome:
        """One run."""
        settings = self.connector_settings()
        return execute(
            self.database,
            Plan(connection=NAME, connector=lambda context: HubSpotConnector(settings, context), **plan),
            version="test",
            clock=self.times.clock(),
            stop=stop,
            progress=progress,
        )

    # ------------------------------------------------------------------------------------------------- looking

    def rows(self, record: type[Statement], *, deleted: bool = False) -> list[dict[str, Any]]:
        """The rows of an entity, live ones only unless asked, without what differs between two equal runs."""
        table = TABLES[record]
        query = select(table).order_by(*table.primary_key.columns)
        if not deleted:
            query = query.where(table.c.deleted_at.is_(None))
        with self.database.read() as tx:
            return [
                {name: value for name, value in row.items() if name not in {"first_seen_at", "last_seen_at"}}
                for row in tx.execute(query).mappings()
            ]

    def count(self, record: type[Statement]) -> int:
        """How many live rows there are."""
        table = TABLES[record]
        with self.database.read() as tx:
            return tx.scalar(select(func.count()).select_from(table).where(table.c.deleted_at.is_(None))) or 0

    def count_deals(self) -> int:
        """How many live deals there are."""
        return self.count(Deal)

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """Every row of every entity, tombstones too."""
        return {record.table: self.rows(record, deleted=True) for record in TABLES}

    def row_counts(self) -> dict[str, int]:
        """Live rows by entity."""
        with self.database.read() as tx:
            return reads.row_counts(tx, NAME)

    def by_stage(self) -> dict[str, tuple[int, Decimal]]:
        """Deals and the sum of their amounts per stage, as the store has them."""
        sums: dict[str, tuple[int, Decimal]] = {}
        for row in self.rows(Deal):
            count, amount = sums.get(row["stage_id"], (0, Decimal(0)))
            sums[row["stage_id"]] = (count + 1, amount + (row["amount"] or 0))
        return sums

    def true_by_stage(self) -> dict[str, tuple[int, Decimal]]:
        """The same as the account has it."""
        truth = self.edits.truth("deals")["deals"]["by_stage"]
        return {stage: (entry["deals"], Decimal(entry["amount"])) for stage, entry in truth.items()}

    def places(self) -> dict[str, tuple[type[Statement], str]]:
        """The kinds that are read, in HubSpot's words, and where we keep them."""
        left_out = set(self.settings.get("exclude", ()))
        return {object_type(kind.path).name: (kind.record, kind.prefix) for kind in KINDS if kind.name not in left_out}

    def assert_equals_account(self) -> None:
        """Every kind of record that is read has exactly the account's ids, and each stage its amount to the cent."""
        truth: Mapping[str, Any] = self.edits.truth()
        with self.database.read() as tx:
            for name, (record, prefix) in self.places().items():
                table = TABLES[record]
                query = select(table.c.id).where(table.c.deleted_at.is_(None), table.c.id.like(f"{prefix}%"))
                stored = {id_.removeprefix(prefix) for id_ in tx.scalars(query)}
                missing, ghosts = set(truth[name]["live"]) - stored, stored - set(truth[name]["live"])
                assert not missing, f"{name}: missing {sorted(missing)[:5]}"
                assert not ghosts, f"{name}: ghosts {sorted(ghosts)[:5]}"
        cents = {stage: (n, round(amount, 2)) for stage, (n, amount) in self.by_stage().items()}
        assert cents == self.true_by_stage()


OPTIONAL = [kind.name for kind in KINDS if kind.optional] + ["campaigns", "exchange_rates"]


@contextmanager
def rig(
    database: Database,
    *,
    deals: int = 60,
    activities_per_deal: int = 2,
    world: World | None = None,
    settings: dict[str, Any] | None = None,
    extras: bool = False,
    **sandbox: Any,
) -> Iterator[Rig]:
    """A rig over a small world with a frozen clock, or over the one that is given.

    Without `extras` only customers, deals and activities are there and read: most scenarios need no more time.
    """
    world = world or generate(7, deals, activities_per_deal=activities_per_deal, now=NOW, frozen=True, extras=extras)
    given = {} if extras else {"exclude": OPTIONAL}
    with HubSpotSandbox(world, **sandbox) as running:
        yield Rig(running, database, given | (settings or {}))
