"""The service in a process of its own, as an operator has it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dealmeter.sandbox.hubspot import HubSpotSandbox

CONFIG = """
version: 1
{more}
connections:
{connections}
"""
DEFAULTS = {
    "database": 'database: {url: "sqlite:///FOLDER/store.db"}',
    "service": 'service: {listen: "127.0.0.1:0"}',
}
CONNECTION = """
  - name: {name}
    crm: hubspot
    schedule: {{every: {every}}}
    settings: {{access_token: sandbox-token, base_url: "{url}", budget: {{burst_limit: 100000}}{include}}}
"""


class Service:
    """A daemon in a process of its own, and what it logs."""

    def __init__(
        self,
        folder: Path,
        url: str,
        *,
        more: str = "",
        environ: Mapping[str, str] | None = None,
        connections: Sequence[str] = ("hubspot-main",),
        command: Sequence[str] = ("run",),
        every: str = "1h",
        include: str = "",
        program: Sequence[str] = (),
    ) -> None:
        self.folder, self.url, self.more, self.every = folder, url, more, every
        self.include = f", include: [{include}]" if include else ""
        self.configure(*connections)
        config = str(folder / "dealmeter.yaml")
        words = [word.format(config=config) for word in program] or ["dealmeter", "--config", config, *command]
        self.process = subprocess.Popen(
            [sys.executable, "-m", *words],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **(environ or {})},
        )

    def configure(self, *names: str) -> None:
        """Write the configuration."""
        given = {"url": self.url, "every": self.every, "include": self.include}
        connections = "".join(CONNECTION.format(name=name, **given) for name in names)
        parts = {**DEFAULTS, **{line.partition(":")[0]: line for line in self.more.splitlines()}}
        more = "\n".join(parts.values()).replace("FOLDER", str(self.folder))
        (self.folder / "dealmeter.yaml").write_text(CONFIG.format(more=more, connections=connections))

    def until(self, *actions: str) -> dict[str, Any]:
        """Read the log until one of these actions is told."""
        assert self.process.stderr is not None
        told = []
        for line in self.process.stderr:
            told.append(line)
            entry: dict[str, Any] = json.loads(line)
            if entry.get("action") in actions:
                return entry
        pytest.fail(f"the service ended without {' or '.join(actions)}: {''.join(told)}")

    def stop(self, number: int) -> int:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        return self.process.wait(timeout=60)


@contextmanager
def service(
    folder: Path,
    sandbox: HubSpotSandbox,
    *,
    more: str = "",
    environ: Mapping[str, str] | None = None,
    connections: Sequence[str] = ("hubspot-main",),
    command: Sequence[str] = ("run",),
    every: str = "1h",
    include: str = "",
    program: Sequence[str] = (),
) -> Iterator[Service]:
    """A service that is gone at the end, whatever happened."""
    running = Service(
        folder,
        sandbox.url,
        more=more,
        environ=environ,
        connections=connections,
        command=command,
        every=every,
        include=include,
        program=program,
    )
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()
        assert running.process.stderr is not None
        running.process.stderr.close()
