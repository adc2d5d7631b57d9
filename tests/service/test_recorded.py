"""The metrics of a daemon whose runs are done by workers: as if it had done them itself."""

from datetime import timedelta

from dealmeter.service.metrics import Metrics
from dealmeter.service.recorded import Recorded
from store import leases, runs
from store.database import Database
from tests.rig import NAME, NOW, rig
from tests.service.test_operations import samples

MINUTE = timedelta(minutes=1)


def found(metrics: Metrics, name: str, outcome: str = "") -> float:
    return samples(metrics.text().decode()).get((name, outcome), 0)


def test_a_run_of_somebody_else_moves_the_counters_once_and_old_runs_do_not(sqlite: Database) -> None:
    with rig(sqlite, deals=5) as there:
        there.sync()
        metrics = Metrics(sqlite, version="test")
        recorded = Recorded(sqlite, metrics)
        recorded.started([NAME])
        recorded.beat(NOW)
        assert found(metrics, "dealmeter_sync_runs_total", "ok") == 0
        done = there.sync(deep=True)
        for _ in range(2):
            recorded.beat(NOW)
        assert found(metrics, "dealmeter_sync_runs_total", "ok") == 1
        assert found(metrics, "dealmeter_crm_requests_total") == done.requests > 0
        assert found(metrics, "dealmeter_sync_duration_seconds_count") == 1


def test_a_run_under_way_is_counted_when_it_ends(sqlite: Database) -> None:
    metrics = Metrics(sqlite, version="test")
    recorded = Recorded(sqlite, metrics)
    with sqlite.write() as tx:
        grant = leases.take(tx, NAME, "elsewhere", now=NOW)
        before = runs.open_run(tx, grant, trigger="schedule", version="test", now=NOW)
    recorded.started([NAME])
    recorded.beat(NOW)
    assert found(metrics, "dealmeter_sync_runs_total", "failed") == 0
    with sqlite.write() as tx:
        runs.close_run(
            tx, grant, before, outcome="failed", trouble=None, requests=7, notes=(), retries={}, now=NOW + MINUTE
        )
    recorded.beat(NOW + MINUTE)
    assert found(metrics, "dealmeter_sync_runs_total", "failed") == 1
    assert found(metrics, "dealmeter_sync_duration_seconds_sum") == 60
