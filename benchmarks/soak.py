"""Whether the service leaks: weeks of simulated time, with changes and faults, as fast as the machine can.

    python benchmarks/soak.py --weeks 8 --every-hours 2

Clock and sleep are arguments of the daemon, so nothing waits. The sandbox runs within the process: its account is part
of the memory, and grows by what is created. From a checkout only: it uses the rig of the tests.
"""

import argparse
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))
COLUMNS = ("Week", "Ticks", "Runs kept", "Book rows", "Deals", "Files", "Threads", "RSS MB", "Database MB")


def main() -> None:
    """Soak and print a table."""
    from store import migrate
    from store.database import Database
    from tests.reliability.soak import Soak
    from tests.rig import rig

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weeks", type=int, default=8)
    parser.add_argument("--every-hours", type=int, default=2, help="how often the connection is due")
    parser.add_argument("--keep-days", type=int, default=7, help="how long books are kept")
    parser.add_argument("--deals", type=int, default=60)
    given = parser.parse_args()
    table = Table(*COLUMNS)
    with (
        tempfile.TemporaryDirectory() as folder,
        Database(f"sqlite:///{Path(folder) / 'store.db'}") as database,
    ):
        migrate.upgrade(database)
        with rig(database, deals=given.deals, activities_per_deal=1) as it:
            soak = Soak(it, every=timedelta(hours=given.every_hours), keep=timedelta(days=given.keep_days))
            for look in soak.days(given.weeks * 7):
                if look.day % 7 == 0:
                    row = (look.day // 7, look.ticks, look.runs, look.books, look.deals, look.files, look.threads)
                    table.add_row(*map(str, row), f"{look.rss_mb:.0f}", f"{look.database_mb:.1f}")
                    print(look, file=sys.stderr, flush=True)
            if soak.log.errors:
                sys.exit(f"{len(soak.log.errors)} errors: {soak.log.errors[0]}")
    Console().print(table)


if __name__ == "__main__":
    main()
