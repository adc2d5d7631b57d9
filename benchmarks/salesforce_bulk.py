"""How fast, in how much memory and with how few requests many opportunities come in by Bulk API 2.0.

    python benchmarks/salesforce_bulk.py 100000 1000000

The sandbox runs in a process of its own, without latency; each sync runs in a fresh process into a fresh SQLite file,
so that its peak memory is its own. Only opportunities are read; with --histories also their histories and contact
roles, which come by REST and are not counted. A million opportunities take the sandbox some minutes and some gigabytes
to invent.
"""

import argparse
import gc
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from rich.console import Console
from rich.table import Table

STREAM = "deals"
CONTACTS = 1_000
"""A few are enough for deals to have people."""


def main() -> None:
    """Run the syncs and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("opportunities", type=int, nargs="*", default=[1_000_000])
    parser.add_argument("--histories", action="store_true", help="read histories and contact roles too")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--child", nargs=2, metavar=("SALESFORCE", "DATABASE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve)
    elif given.child:
        print(json.dumps(sync(*given.child, histories=given.histories)))
    else:
        Console().print(compared(given.opportunities, histories=given.histories))


def compared(sizes: list[int], *, histories: bool) -> Table:
    """One line per size."""
    table = Table("Deals", "Built in s", "Seconds", "CPU s", "Records/s", "Requests", "Peak MB")
    for size in sizes:
        began = time.perf_counter()
        with sandbox(size) as salesforce, tempfile.TemporaryDirectory() as folder:
            built = time.perf_counter() - began
            found = measured(salesforce, f"sqlite:///{Path(folder) / 'benchmark.db'}", histories=histories)
        if found["read"] != size:
            raise SystemExit(f"{found['read']:,.0f} of {size:,} opportunities were read")
        table.add_row(
            f"{size:,}",
            f"{built:.0f}",
            f"{found['seconds']:.1f}",
            f"{found['cpu']:.1f}",
            f"{size / found['seconds']:,.0f}",
            f"{found['requests']:,.0f}",
            f"{found['peak_mb']:.0f}",
        )
    return table


def measured(salesforce: str, database: str, *, histories: bool) -> dict[str, float]:
    """One sync in a process of its own."""
    command = [sys.executable, __file__, *(["--histories"] if histories else []), "--child", salesforce, database]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def sync(salesforce: str, database_url: str, *, histories: bool) -> dict[str, float]:
    """One run of the real connector; what it took."""
    from connectors.base import Stream
    from connectors.salesforce import SalesforceConnector
    from connectors.salesforce.settings import SalesforceSettings
    from store import migrate
    from store.database import Database
    from sync import collector
    from sync.clock import Clock
    from sync.plan import Plan
    from sync.run import execute

    settings = SalesforceSettings.model_validate(
        {"auth": "session", "access_token": "sandbox-token", "instance_url": salesforce, "include": [STREAM]}
    )

    class Opportunities(SalesforceConnector):
        """Reads opportunities and nothing that hangs on them."""

        @property
        def streams(self) -> Sequence[Stream]:
            return [stream for stream in super().streams if stream.name == STREAM]

    reads = SalesforceConnector if histories else Opportunities
    plan = Plan(connection="benchmark", connector=lambda context: reads(settings, context), only=(STREAM,))
    with Database(database_url) as database:
        migrate.prepare(database, auto=True)
        collector.spare()
        began = time.perf_counter()
        outcome = execute(database, plan, version="benchmark", clock=Clock(), stop=Event())
        seconds = time.perf_counter() - began
        cpu = time.process_time()
    if outcome.outcome != "ok":
        raise SystemExit(f"the sync ended {outcome.outcome}: {outcome.error}")
    return {
        "seconds": seconds,
        "cpu": cpu,
        "read": sum(stream.counts.read for stream in outcome.streams if stream.stream == STREAM),
        "requests": outcome.requests,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


@contextmanager
def sandbox(size: int) -> Iterator[str]:
    """A sandbox Salesforce in a process of its own."""
    command = [sys.executable, __file__, "--serve", str(size)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        try:
            yield url
        finally:
            process.terminate()


def serve(size: int) -> None:
    """Invent an org and serve it until this process is ended, or its parent is."""
    from dealmeter.sandbox.generate import generate
    from dealmeter.sandbox.salesforce import SalesforceSandbox

    gc.disable()
    world = generate(7, size, contacts=CONTACTS, activities_per_deal=0, extras=False)
    gc.freeze()
    with SalesforceSandbox(world) as running:
        print(running.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
