"""The demo: two sandbox CRMs and a folder in one store, the real connectors, two rounds of syncs three weeks apart."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import which
from threading import Event

from rich.console import RenderableType

from connectors.errors import StoppedError
from dealmeter import VERSION
from dealmeter.cli.connectors import connector
from dealmeter.cli.program import program_name
from dealmeter.cli.progress import progress
from dealmeter.cli.terminal import Terminal
from dealmeter.config import Configured, load
from dealmeter.sandbox.account import Owner
from dealmeter.sandbox.folder import Crm, write
from dealmeter.sandbox.generate import generate
from dealmeter.sandbox.hubspot import HubSpotSandbox
from dealmeter.sandbox.record import Kind
from dealmeter.sandbox.salesforce import SalesforceSandbox
from dealmeter.sandbox.salesforce.ids import text
from dealmeter.sandbox.world import World
from dealmeter.show.number import NOTHING, number
from dealmeter.show.row import Row
from dealmeter.show.run import complaints, computation_document, computed, document, summary
from dealmeter.show.scoreboard import MONTHS, scoreboard
from dealmeter.show.table import table
from kpi.catalogue import METRICS
from kpi.engine import evaluate
from kpi.periods import Grain
from store.database import Database
from store.migrate import prepare
from store.snapshots import latest
from sync.clock import Clock
from sync.cycle import recompute
from sync.plan import Plan
from sync.run import execute

SEEDS: Mapping[str, int] = {"hubspot": 7, "salesforce": 11}
LIVED = timedelta(days=21)
HUBSPOT, PLANS, SALESFORCE = "hubspot-demo", "plans", "salesforce-demo"
PREFIXES: Mapping[Kind | type[Owner], str] = {Owner: "005", Kind.PRODUCT: "01t", Kind.COMPANY: "001"}
SHOWN = (
    *("revenue", "won_deals_count", "win_rate", "average_deal_size", "sales_cycle_length", "open_pipeline_value"),
    *("leads_created", "lead_conversion_rate", "customer_acquisition_cost", "cost_per_lead"),
    *("quota_attainment_pct", "learning_rate", "competitor_price_index", "net_promoter_score"),
)
"""What the demo's scoreboard shows. Acquisition cost, learning, prices and the company's target need the folder."""
SPLIT = ("won_deals_count", "revenue")
"""What it shows by connection."""
CONFIG = """\
# Written by `dealmeter demo`. The CRMs are sandboxes that live as long as that command (or `--keep`) does.
version: 1
database: {{url: "sqlite:///dealmeter.db"}}
connections:
  - name: {hubspot}
    crm: hubspot
    settings:
      access_token: "${{SANDBOX_TOKEN:-sandbox-token}}"
      base_url: "{hubspot_url}"
      budget: {{burst_limit: 1000, search_per_second: 5}} # the sandbox sets no limits
  - name: {salesforce}
    crm: salesforce
    settings:
      auth: client_credentials
      login_url: "https://larkfield.my.salesforce.com"
      base_url: "{salesforce_url}"
      consumer_key: sandbox-client
      consumer_secret: "${{SANDBOX_SECRET:-sandbox-secret}}"
  - name: {plans}
    crm: files
    settings: {{path: plans}}
kpis:
  currency: EUR
  calendars: [gregorian] # the demo is to be quick; there are fiscal and jalali (Solar Hijri) too
  source_map: # what marketing brings, in HubSpot's words and in Salesforce's
    {{PAID_SEARCH: marketing, Paid Search: marketing, EMAIL_MARKETING: marketing, Email Marketing: marketing,
    SOCIAL_MEDIA: marketing, Social Media: marketing, ORGANIC_SEARCH: marketing, Organic Search: marketing}}
"""


@dataclass(frozen=True, slots=True)
class Sandboxes:
    """Both CRMs, and what is served there."""

    hubspot: HubSpotSandbox
    salesforce: SalesforceSandbox

    @property
    def worlds(self) -> tuple[World, World]:
        """The parent's and the subsidiary's."""
        return self.hubspot.world, self.salesforce.world


class Demo:
    """One demo in one folder."""

    def __init__(self, terminal: Terminal, folder: Path, *, deals: int, stop: Event) -> None:
        self.terminal, self.folder, self.deals, self.stop = terminal, folder, deals, stop
        self.config = folder / "dealmeter.yaml"
        self.documents: list[Row] = []
        self.computations: list[Row] = []

    def run(self, *, keep: bool) -> None:
        """All of it; a demo that is stopped leaves what it has."""
        half = max(self.deals // 2, 10)
        self.terminal.say(f"inventing a company with {self.deals:,} deals, and its subsidiary with {half:,}")
        with _sandboxes(self.deals, half) as sandboxes:
            self._write(sandboxes)
            settings = load(self.config, {})
            with Database(settings.config.database.url) as database:
                prepare(database, auto=True)
                try:
                    self._live(database, settings, sandboxes)
                except StoppedError:
                    return
                shown = self._scores(database)
                connections = self._by_connection(database, settings, sandboxes.hubspot.world.clock.now())
            self.terminal.document(
                "demo/1",
                {
                    "folder": str(self.folder),
                    "runs": self.documents,
                    "computations": self.computations,
                    "kpis": shown,
                    "connections": connections,
                },
            )
            self.terminal.show(*self._next())
            if keep:
                self._keep(sandboxes)

    def _write(self, sandboxes: Sandboxes) -> None:
        """The configuration."""
        words = CONFIG.format(
            hubspot=HUBSPOT,
            hubspot_url=sandboxes.hubspot.url,
            salesforce=SALESFORCE,
            salesforce_url=sandboxes.salesforce.url,
            plans=PLANS,
        )
        self.config.write_text(words, encoding="utf-8")

    def _live(self, database: Database, settings: Configured, sandboxes: Sandboxes) -> None:
        """Sync all, let three weeks pass, sync all again."""
        self.terminal.show(
            f"a fake HubSpot listens on {sandboxes.hubspot.url}, a fake Salesforce on {sandboxes.salesforce.url};",
            f"{self.folder / 'plans'} has what no CRM knows: pay, targets, training, competitors' prices",
            "",
            "the first round reads everything:",
        )
        self._round(database, settings, sandboxes)
        happened: dict[str, int] = {}
        for edits, world, seed in (
            (sandboxes.hubspot.edits, sandboxes.hubspot.world, SEEDS["hubspot"]),
            (sandboxes.salesforce.edits, sandboxes.salesforce.world, SEEDS["salesforce"]),
        ):
            changes = max(len(world.tables[Kind.DEAL].live) // 2, 40)
            for name, count in edits.live(LIVED, changes=changes, seed=seed).items():
                happened[name] = happened.get(name, 0) + count
        told = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in happened.items())
        self.terminal.show("", f"three weeks pass: {told}", "", "the second round reads what is new:")
        self._round(database, settings, sandboxes)

    def _round(self, database: Database, settings: Configured, sandboxes: Sandboxes) -> None:
        """Every connection once, then the KPIs over all of them."""
        write(self.folder / "plans", _crms(sandboxes))
        clock = _clock(sandboxes.hubspot.world)
        run_ids = tuple(self._sync(database, settings, name, clock) for name in (HUBSPOT, SALESFORCE, PLANS))
        self.terminal.say("computing all KPIs")
        found = recompute(database, settings.config.kpis, version=VERSION, clock=clock, stop=self.stop, run_ids=run_ids)
        if self.stop.is_set():
            raise StoppedError
        self.terminal.show(computed(found))
        self.computations.append(computation_document(found))

    def _sync(self, database: Database, settings: Configured, name: str, clock: Clock) -> int:
        """One run; its id. What went wrong is said, and the demo goes on with what there is."""
        begun = clock.monotonic()
        plan = Plan(connection=name, connector=connector(settings, name), trigger="demo")
        with progress(self.terminal, name) as tells:
            run = execute(database, plan, version=VERSION, clock=clock, stop=self.stop, progress=tells)
        if self.stop.is_set():
            raise StoppedError
        seconds = clock.monotonic() - begun
        self.terminal.show(summary(run, seconds=seconds, computation=None))
        self.terminal.complain("".join(f"{line}\n" for line in complaints(run)))
        self.documents.append(document(run, seconds=seconds))
        return run.run_id

    # --------------------------------------------------------------------------------------------------- the end

    def _scores(self, database: Database) -> Sequence[Row]:
        with database.read() as tx:
            rows = [
                row
                for key in SHOWN
                for row in latest(tx, kpi_key=key, calendar="gregorian", grain="month", dimension="")
            ]
        self.terminal.show("", *scoreboard(rows))
        return [{name: row[name] for name in MONTHS} for row in rows]

    def _by_connection(self, database: Database, settings: Configured, now: datetime) -> Sequence[Row]:
        """This year by connection: computed now, for it is not stored."""
        found: dict[str, dict[str, Row]] = {}
        for key in SPLIT:
            rows = evaluate(database, settings.config.kpis, key, now=now, by=["connection"], grain=Grain.YEAR)
            start = max((row["period_start"] for row in rows), default=None)
            for row in rows:
                if row["period_start"] == start:
                    found.setdefault(row["member"], {})[key] = row
        columns = (f"{now.year} by connection", *(METRICS[key].card.names.en for key in SPLIT))
        lines = [
            [name, *(_value(of.get(key)) for key in SPLIT)] for name, of in sorted(found.items()) if name != "__none__"
        ]
        self.terminal.show("", table(columns, lines, right=columns[1:]))
        return [{"connection": name, **{key: row["value"] for key, row in of.items()}} for name, of in found.items()]

    def _next(self) -> Sequence[RenderableType]:
        database, program = self.folder / "dealmeter.db", program_name()
        where = "kpi_key = 'win_rate' AND calendar = 'gregorian' AND grain = 'month' AND dimension = ''"
        query = f"SELECT period_start, value FROM kpi_latest WHERE {where}"  # text for people
        return (
            "",
            "where to look next:",
            f"  the numbers    {program} kpi show win_rate --by owner --config {self.config}",
            f"  what it means  {program} kpi explain win_rate",
            f'  by SQL         {"sqlite3" if which("sqlite3") else "any SQLite client:"} {database} "{query}"',
            f"  a spreadsheet  {program} export snapshots --grain month --config {self.config} > kpis.csv",
            f"  your own CRM   {program} init, then the section `Connect your CRM` of the README",
            f"{self.folder} stays until you delete it ({self._size() / 1e6:.0f} MB)",
        )

    def _size(self) -> int:
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def _keep(self, sandboxes: Sandboxes) -> None:
        for world in sandboxes.worlds:
            world.clock.run()
        urls = f"{sandboxes.hubspot.url} and {sandboxes.salesforce.url}"
        self.terminal.say(f"{urls} go on until Ctrl-C: {program_name()} sync --config {self.config}")
        self.stop.wait()


@contextmanager
def _sandboxes(deals: int, half: int) -> Iterator[Sandboxes]:
    """A parent in HubSpot and its subsidiary in Salesforce, at the same moment."""
    began = datetime.now(UTC) - LIVED
    parent, subsidiary = (
        generate(seed, size, activities_per_deal=3, now=began, frozen=True)
        for seed, size in zip(SEEDS.values(), (deals, half), strict=True)
    )
    subsidiary.account = replace(subsidiary.account, id=subsidiary.account.id + 1, name="Larkfield Services")
    with HubSpotSandbox(parent) as hubspot, SalesforceSandbox(subsidiary) as salesforce:
        yield Sandboxes(hubspot, salesforce)


def _crms(sandboxes: Sandboxes) -> Sequence[Crm]:
    def in_salesforce(kind: Kind | type[Owner], id: int) -> str:
        return text(PREFIXES[kind], id)

    hubspot, salesforce = sandboxes.worlds
    return (
        Crm(name=HUBSPOT, world=hubspot, id_of=lambda kind, id: str(id)),
        Crm(name=SALESFORCE, world=salesforce, id_of=in_salesforce),
    )


def _clock(world: World) -> Clock:
    """Real time from the world's present on: time stands still in the world."""
    started, real = world.clock.now(), Clock()
    begun = real.monotonic()
    return Clock(now=lambda: started + timedelta(seconds=real.monotonic() - begun))


def _value(row: Row | None) -> str:
    return number(row["value"], row["unit"], row["currency"]) if row is not None else NOTHING
