"""`dealmeter` in a process of its own, and ways to end it."""

import random
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from dealmeter.sandbox.hubspot import HubSpotSandbox
from store.database import Database
from tests.rig import NAME

KPIS = ("revenue", "win_rate", "open_pipeline_value", "sales_activity_count", "touchpoints_per_customer")
STARTED = 0.4
"""The share of a command's time that its start takes: killing that would try little."""
SETTINGS = "access_token: sandbox-token, budget: {burst_limit: 100000, search_per_second: 5, parallel: 3}"


class Commands:
    """Commands over one sandbox and one database."""

    def __init__(self, folder: Path, sandbox: HubSpotSandbox, database: Database) -> None:
        url = database.url.render_as_string(hide_password=False).replace("postgresql+psycopg", "postgresql")
        self.config = folder / "dealmeter.yaml"
        self.config.write_text(
            f"version: 1\ndatabase: {{url: '{url}'}}\nkpis: {{include: [{', '.join(KPIS)}], calendars: [gregorian]}}\n"
            f"connections:\n  - {{name: {NAME}, crm: hubspot, settings: {{{SETTINGS}, base_url: '{sandbox.url}'}}}}\n"
        )

    def _line(self, words: Sequence[str]) -> list[str]:
        return [sys.executable, "-m", "dealmeter", "--config", str(self.config), *words]

    def run(self, *words: str) -> float:
        """To its end, which must be a good one; answers the seconds that it took."""
        begun = monotonic()
        done = subprocess.run(self._line(words), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return monotonic() - begun

    def kill(self, seconds: float, *words: str) -> bool:
        """Killed after so many seconds; False where it had ended by itself before."""
        with subprocess.Popen(self._line(words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
            return process.wait() == -signal.SIGKILL

    def kill_somewhere(self, longest: float, seed: int, *words: str) -> bool:
        """Killed at a random moment of its work."""
        return self.kill(random.Random(seed).uniform(STARTED * longest, longest), *words)  # no secret

    def run_with_room_for(self, size: int, *words: str) -> subprocess.CompletedProcess[str]:
        """With no room for files above `size` bytes, as on a full disk."""

        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

        return subprocess.run(self._line(words), capture_output=True, text=True, check=False, preexec_fn=limit)
