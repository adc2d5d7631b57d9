"""The command line as people use it: arguments in, exit code and two streams out, against a sandbox over HTTP."""

import io
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dealmeter.cli import main
from dealmeter.sandbox.generate import generate
from dealmeter.sandbox.hubspot import HubSpotSandbox
from sync.clock import Clock
from tests.rig import NOW, Times

CONFIG = """\
version: 1
kpis: {{include: [revenue, won_deals_count, win_rate, sales_cycle_length], calendars: [gregorian]}}
connections:
  - name: hubspot-main
    crm: hubspot
    settings:
      access_token: "${{HUBSPOT_TOKEN}}"
      base_url: {url}
      budget: {{burst_limit: 100000, search_per_second: 5}}
"""


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output as the one JSON document that it is."""
        return json.loads(self.out)


@dataclass
class Cli:
    """A folder with a configuration, and the command line in it."""

    folder: Path
    clock: Clock
    environ: dict[str, str] = field(default_factory=lambda: {"HUBSPOT_TOKEN": "sandbox-token"})

    @property
    def config(self) -> Path:
        """The configuration."""
        return self.folder / "dealmeter.yaml"

    def write(self, text: str) -> None:
        """Put a configuration there."""
        self.config.write_text(text, encoding="utf-8")

    def run(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Result:
        """Run a command with this configuration."""
        return self.bare(*arguments, "--config", str(self.config), environ=environ)

    def bare(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Result:
        """Run a command as it stands."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(list(arguments), environ=self.environ if environ is None else environ, clock=self.clock)
        return Result(code, out.getvalue(), err.getvalue())


def small_sandbox() -> HubSpotSandbox:
    """A small company that stands still in time."""
    world = generate(7, 30, contacts=10, activities_per_deal=1.0, now=NOW, frozen=True)
    return HubSpotSandbox(world)


@pytest.fixture
def sandbox() -> Iterator[HubSpotSandbox]:
    """A HubSpot of the test's own."""
    with small_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def cli(sandbox: HubSpotSandbox, tmp_path: Path) -> Cli:
    """The command line with a connection to the sandbox; waiting takes no time."""
    made = Cli(tmp_path, Times(sandbox.world).clock())
    made.write(CONFIG.format(url=sandbox.url))
    return made


@pytest.fixture
def lonely(tmp_path: Path) -> Cli:
    """The command line without any CRM."""
    return Cli(tmp_path, Clock(now=lambda: NOW))


@pytest.fixture(scope="session")
def _synced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synced")
    with small_sandbox() as sandbox:
        made = Cli(folder, Times(sandbox.world).clock())
        made.write(CONFIG.format(url=sandbox.url))
        result = made.run("sync")
        assert result.code == 0, result.err
    return folder


@pytest.fixture
def synced(_synced: Path, tmp_path: Path) -> Cli:
    """A database that was synced once, without a token: for those who only read."""
    shutil.copytree(_synced, tmp_path, dirs_exist_ok=True)
    return Cli(tmp_path, Clock(now=lambda: NOW), environ={})
