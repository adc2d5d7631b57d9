"""Tells the metrics of runs that others did, as the store has them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import RowMapping

from dealmeter.service.metrics import Metrics
from store import reads
from store.database import Database
from store.snapshots import last_run
from store.writes import Counts
from sync.cycle import CycleOutcome
from sync.outcome import RunOutcome, StreamOutcome

COUNTS = tuple(Counts.__dataclass_fields__)


class Recorded:
    """A watcher of a daemon whose runs are done by workers: what has ended since the last beat goes to `metrics`."""

    def __init__(self, database: Database, metrics: Metrics) -> None:
        self._database = database
        self._metrics = metrics
        self._after: int | None = None
        self._open: frozenset[int] = frozenset()

    def started(self, connections: Sequence[str]) -> None:
        if self._after is not None:
            return
        with self._database.read() as tx:
            last = [row for name in connections if (row := reads.last_run(tx, name)) is not None]
            self._after = max((row["id"] for row in reads.recent_runs(tx, limit=1)), default=0)
        self._open = _under_way(last)

    def beat(self, now: datetime) -> None:
        with self._database.read() as tx:
            rows = reads.runs_since(tx, self._after or 0, also=self._open)
            ended = [row for row in rows if row["finished_at"] is not None]
            outcomes = [_outcome(row, reads.run(tx, row["id"])) for row in ended]
            computed = last_run(tx)
        self._open = _under_way(rows)
        self._after = max([self._after or 0, *(row["id"] for row in rows)])
        for row, outcome in zip(ended, outcomes, strict=True):
            self._metrics.ended(outcome, (row["finished_at"] - row["started_at"]).total_seconds(), now)
        if computed is not None and computed["duration_s"] is not None:
            self._metrics.computed(computed["duration_s"])

    def ended(self, outcome: CycleOutcome, seconds: float, now: datetime) -> None:
        """The store has it too."""

    def crashed(self, connection: str, error: BaseException, now: datetime) -> None:
        """The store has it too."""

    def stopping(self) -> None:
        """Nothing to do."""


def _under_way(rows: Sequence[RowMapping]) -> frozenset[int]:
    return frozenset(row["id"] for row in rows if row["finished_at"] is None)


def _outcome(row: RowMapping, found: tuple[RowMapping, Sequence[RowMapping]] | None) -> CycleOutcome:
    streams = [
        StreamOutcome(
            stream=stream["stream"],
            outcome=stream["outcome"],
            counts=Counts(**{name: stream[name] for name in COUNTS}),
            retries=stream["retries"] or {},
        )
        for stream in (found[1] if found is not None else ())
    ]
    return CycleOutcome(
        run=RunOutcome(
            connection=row["connection"],
            run_id=row["id"],
            outcome=row["outcome"],
            streams=streams,
            requests=row["requests"],
        )
    )
