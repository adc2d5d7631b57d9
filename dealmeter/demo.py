"""The demo: a sandbox CRM, the real connector, two syncs with three weeks between them, and a scoreboard."""

from collections.abc import Sequence
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
from dealmeter.config import load
from dealmeter.sandbox.generate import generate
from dealmeter.sandbox.hubspot import HubSpotSandbox
from dealmeter.sandbox.world import World
from dealmeter.show.row import Row
from dealmeter.show.run import complaints, document, told
from dealmeter.show.scoreboard import MONTHS, SCOREBOARD, scoreboard
from store.database import Database
from store.migrate import prepare
from store.snapshots import latest
from sync.clock import Clock
from sync.cycle import CycleOutcome, cycle
from sync.run import Plan

SEED = 7
LIVED = timedelta(days=21)
NAME = "hubspot-demo"
CONFIG = """\
# Written by `dealmeter demo`. The CRM is a sandbox that lives as long as that command (or `--keep`) does.
version: 1
database: {{url: "sqlite:///dealmeter.db"}}
connections:
  - name: {name}
    crm: hubspot
    settings:
      access_token: "${{SANDBOX_TOKEN:-sandbox-token}}"
      base_url: "{url}"
      budget: {{burst_limit: 1000, search_per_second: 5}} # the sandbox sets no limits
"""


class Demo:
    """One demo in one folder."""

    def __init__(self, terminal: Terminal, folder: Path, *, deals: int, stop: Event) -> None:
        self.terminal, self.folder, self.deals, self.stop = terminal, folder, deals, stop
        self.config = folder / "dealmeter.yaml"
        self.documents: list[Row] = []

    def run(self, *, keep: bool) -> None:
        """All of it; a demo that is stopped leaves what it has."""
        self.terminal.say(f"inventing a company with {self.deals:,} deals")
        world = generate(SEED, self.deals, now=datetime.now(UTC) - LIVED, frozen=True)
        with HubSpotSandbox(world) as sandbox:
            self.config.write_text(CONFIG.format(name=NAME, url=sandbox.url), encoding="utf-8")
            settings = load(self.config, {})
            with Database(settings.config.database.url) as database:
                prepare(database, auto=True)
                try:
                    self._live(database, world, sandbox)
                except StoppedError:
                    return
                shown = self._scores(database)
            self.terminal.document("demo/1", {"folder": str(self.folder), "runs": self.documents, "kpis": shown})
            self.terminal.show(*self._next())
            if keep:
                self._keep(world, sandbox)

    def _live(self, database: Database, world: World, sandbox: HubSpotSandbox) -> None:
        """Sync, let three weeks pass, sync again."""
        self.terminal.show(f"a fake HubSpot listens on {sandbox.url}; the first sync reads everything:")
        self._cycle(database, world)
        changes = sandbox.edits.live(LIVED, changes=max(self.deals // 2, 60), seed=SEED)
        happened = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in changes.items())
        self.terminal.show("", f"three weeks pass there: {happened}; the second sync reads what is new:")
        self._cycle(database, world)

    def _cycle(self, database: Database, world: World) -> CycleOutcome:
        settings, started, real = load(self.config, {}), world.clock.now(), Clock()
        begun = real.monotonic()
        clock = Clock(now=lambda: started + timedelta(seconds=real.monotonic() - begun))  # it stands still in the world
        plan = Plan(connection=NAME, connector=connector(settings, NAME), trigger="demo")
        with progress(self.terminal, NAME) as tells:
            outcome = cycle(
                database,
                plan,
                settings.config.kpis,
                version=VERSION,
                clock=clock,
                stop=self.stop,
                progress=tells,
            )
        if self.stop.is_set():
            raise StoppedError
        seconds = clock.monotonic() - begun - (outcome.computation.duration_s if outcome.computation else 0)
        self.terminal.show(*told(outcome.run, seconds=seconds, computation=outcome.computation))
        self.terminal.complain("".join(f"{line}\n" for line in complaints(outcome.run)))
        self.documents.append(document(outcome.run, seconds=seconds))
        return outcome

    def _scores(self, database: Database) -> Sequence[Row]:
        with database.read() as tx:
            rows = [
                row
                for key in SCOREBOARD
                for row in latest(tx, kpi_key=key, calendar="gregorian", grain="month", dimension="")
            ]
        self.terminal.show("", *scoreboard(rows))
        return [{name: row[name] for name in MONTHS} for row in rows]

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

    def _keep(self, world: World, sandbox: HubSpotSandbox) -> None:
        world.clock.run()
        self.terminal.say(f"{sandbox.url} goes on until Ctrl-C: {program_name()} sync --config {self.config}")
        self.stop.wait()
