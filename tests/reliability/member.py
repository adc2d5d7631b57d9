"""`dealmeter run` with short intervals and no jitter: python -m tests.reliability.member CONFIG SECONDS."""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from dealmeter.cli.opened import for_writing
from dealmeter.cli.run import jobs
from dealmeter.config import load
from dealmeter.logs import logger
from kpi.settings import KpiSettings
from sync.clock import Clock
from sync.job import Job
from sync.schedule import Daemon


def main(config: Path, every: timedelta) -> int:
    """Until a signal says stop."""
    found = load(config, os.environ)

    def loaded() -> tuple[Sequence[Job], KpiSettings]:
        return [replace(job, every=every, jitter=timedelta(0)) for job in jobs(found)], found.config.kpis

    with for_writing(found) as database:
        log = logger(level="info", format_="json")
        heartbeat = found.config.service.lease / 4
        return 128 + Daemon(database, loaded, version="test", clock=Clock(), log=log, heartbeat=heartbeat).run()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), timedelta(seconds=float(sys.argv[2]))))
