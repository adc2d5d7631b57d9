"""Days of simulated time: what should not grow does not."""

from datetime import timedelta
from itertools import islice
from pathlib import Path

import pytest

from store.database import Database
from tests.reliability.conftest import Promise
from tests.reliability.soak import Soak
from tests.rig import rig

EVERY, KEEP = timedelta(hours=6), timedelta(hours=12)
A_DAY = timedelta(days=1) // EVERY
POOL = 6
"""Files that the pool of the database may still open: three connections, each with its log."""

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="file handles are counted in /proc")


def test_files_threads_and_books_do_not_grow(sqlite: Database, promise: Promise) -> None:
    promise.is_that(
        "Files, threads and the books of runs stay as many, however long the service runs",
        "days of simulated time with changes and faults; one case is a day",
    )
    with rig(sqlite, deals=20, activities_per_deal=1) as it:
        soak = Soak(it, every=EVERY, keep=KEEP)
        looks = soak.days(10_000)
        first = next(looks)
        for _ in promise.cases(1):
            [look] = islice(looks, 1)
            print(look)
            assert look.files <= first.files + POOL
            assert look.threads <= first.threads
            assert look.runs <= A_DAY * (KEEP + timedelta(days=1)) / timedelta(days=1) + 2
        assert soak.log.errors == []
        it.sandbox.faults.clear()
        it.later(timedelta(days=1))
        assert it.sync(deep=True).outcome == "ok"
        it.assert_equals_account()
