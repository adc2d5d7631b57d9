"""What Prometheus reads: counters that the daemon's runs move, and gauges that are looked up in the store."""

import platform
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from store import differences, drift, reads
from store.database import Database
from store.errors import StoreError
from store.snapshots import last_run
from sync.cycle import CycleOutcome

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

OPS = ("read", "inserted", "updated", "deleted", "rejected")
RUN_SECONDS = (1, 5, 15, 60, 300, 900, 3600, 14400)


class Metrics:
    """The daemon's metrics, as Prometheus text; a watcher of the daemon. Durations in seconds, instants in Unix time.

    Labels are the connection, the stream, the outcome and the reason; never an owner or a deal.
    """

    def __init__(self, database: Database, *, version: str) -> None:
        self.registry = CollectorRegistry()
        self._runs = self._counter("sync_runs", "Runs by how they ended", "connection", "outcome")
        self._seconds = Histogram(
            "dealmeter_sync_duration_seconds",
            "How long runs took, the KPIs included",
            ["connection"],
            buckets=RUN_SECONDS,
            registry=self.registry,
        )
        self._records = self._counter("sync_records", "Records by what became of them", "connection", "stream", "op")
        self._requests = self._counter("crm_requests", "Requests to the CRM", "connection")
        self._retries = self._counter("crm_retries", "Requests that were sent again", "connection", "reason")
        self._computed = Gauge(
            "dealmeter_kpi_recompute_duration_seconds", "How long the last computation took", registry=self.registry
        )
        self._broken = Gauge(
            "dealmeter_kpi_invariants_broken", "Contradictions that the last computation found", registry=self.registry
        )
        self._tick = Gauge(
            "dealmeter_scheduler_last_tick_timestamp_seconds",
            "When the scheduler last moved",
            registry=self.registry,
        )
        about = Gauge("dealmeter_build_info", "What runs", ["version", "python", "db"], registry=self.registry)
        about.labels(version, platform.python_version(), database.url.get_backend_name()).set(1)
        self.registry.register(_FromStore(database))

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(f"dealmeter_{name}", about, labels, registry=self.registry)

    def text(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self.registry)

    def started(self, connections: Sequence[str]) -> None:
        """So that a first failure is a step from 0 and not a new series."""
        for connection in connections:
            for outcome in ("ok", "partial", "failed"):
                self._runs.labels(connection, outcome)

    def beat(self, now: datetime) -> None:
        self._tick.set(now.timestamp())

    def ended(self, outcome: CycleOutcome, seconds: float, now: datetime) -> None:
        run = outcome.run
        self._runs.labels(run.connection, run.outcome).inc()
        self._seconds.labels(run.connection).observe(seconds)
        self._requests.labels(run.connection).inc(run.requests)
        for stream in run.streams:
            for op in OPS:
                if count := getattr(stream.counts, op):
                    self._records.labels(run.connection, stream.stream, op).inc(count)
            for reason, count in stream.retries.items():
                self._retries.labels(run.connection, reason).inc(count)
        if outcome.computation is not None:
            self.computed(outcome.computation.duration_s)
            self._broken.set(len(outcome.computation.broken))

    def computed(self, seconds: float) -> None:
        """The last computation of the KPIs took so long."""
        self._computed.set(seconds)

    def crashed(self, connection: str, error: BaseException, now: datetime) -> None:
        self._runs.labels(connection, "failed").inc()

    def stopping(self) -> None:
        """Nothing to do: who scrapes us will see that we are gone."""


class _FromStore(Collector):
    """What outlives a restart: asked of the store at each scrape. A store that is away leaves only its own gauge."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> "Iterator[Metric]":
        success = _family("sync_last_success_timestamp_seconds", "When a run last ended well", "connection")
        attempt = _family("sync_last_attempt_timestamp_seconds", "When a run last began", "connection")
        paused = _family("sync_paused", "1 while only a person can help", "connection")
        rejected = _family("data_quality_failures", "Records that could not be used", "connection")
        differing = _family(
            "reconcile_difference_records", "Records that we and the CRM do not both have", "connection", "object"
        )
        changed = CounterMetricFamily(
            "dealmeter_schema_events",
            "Changes of the CRM's own schema that were noticed",
            labels=("connection", "what"),
        )
        snapshot = _family("kpi_snapshot_timestamp_seconds", "When the newest KPI values were computed")
        reachable = _family("database_up", "1 while the database answers")
        try:
            with self._database.read() as tx:
                for connection, row in reads.schedules(tx).items():
                    good = reads.last_run(tx, connection, outcomes=("ok", "partial"))
                    if good is not None and good["finished_at"] is not None:
                        success.add_metric([connection], good["finished_at"].timestamp())
                    if row["last_started_at"] is not None:
                        attempt.add_metric([connection], row["last_started_at"].timestamp())
                    paused.add_metric([connection], float(bool(row["paused_reason"])))
                    rejected.add_metric([connection], reads.count_rejections(tx, connection))
                    for each in differences.last(tx, connection):
                        if each["measure"] == differences.RECORDS and not each["part"]:
                            real = differences.of_row(each)
                            apart = abs(real.difference) if real.is_real else 0
                            differing.add_metric([connection, real.object], float(apart))
                    for what, count in drift.counted(tx, connection).items():
                        changed.add_metric([connection, what], count)
                if (last := last_run(tx)) is not None:
                    snapshot.add_metric([], last["computed_at"].timestamp())
            reachable.add_metric([], 1)
        except StoreError:
            reachable.add_metric([], 0)
        yield from (reachable, success, attempt, paused, rejected, differing, changed, snapshot)


def _family(name: str, about: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"dealmeter_{name}", about, labels=labels)
