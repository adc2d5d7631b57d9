"""Celery as the executor: a daemon that asks, workers in processes of their own, a real broker between them."""

import json
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dealmeter.sandbox.generate import generate
from dealmeter.sandbox.hubspot import HubSpotSandbox
from store import reads
from store.database import Database
from tests.broker import Broker
from tests.daemon import Service, service
from tests.reliability.conftest import Promise, promise  # noqa: F401
from tests.reliability.fleet import Member, assert_never_twice_at_a_time, plain, until
from tests.rig import NOW
from tests.service.receiver import receiver
from tests.service.test_operations import fetch

DEALS = 20
CONNECTIONS = [f"account-{number}" for number in range(4)]
MORE = """kpis: {{include: [revenue], calendars: [gregorian]}}
service: {{listen: {listen}, lease: 5s}}
database: {{url: "{url}"}}
executor: {{kind: celery, broker: "{broker}"}}
"""
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def promised(promise: Promise) -> None:  # noqa: F811
    """The promise that each of these tests tries once."""
    promise.is_that(
        "With Celery a wish that comes twice, a killed worker or a broker that is away loses nothing, and nothing runs "
        "twice at a time",
        "a real broker, daemon and workers in processes of their own; one case is a scenario",
    )
    promise.tried = 1


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker of its own."""
    with Broker(tmp_path) as running:
        yield running


@pytest.fixture
def sandbox() -> Iterator[HubSpotSandbox]:
    """A small account."""
    with HubSpotSandbox(generate(7, DEALS, activities_per_deal=1, now=NOW, frozen=True)) as running:
        yield running


class Fleet:
    """Processes with one configuration, each with a file of its own."""

    def __init__(self, stack: ExitStack, folder: Path, sandbox: HubSpotSandbox, database: str, broker: str) -> None:
        self.stack, self.folder, self.sandbox = stack, folder, sandbox
        self.database, self.broker = plain(database), broker
        self.count = 0

    def start(self, *command: str, connections: Sequence[str], listen: str = "null", also: str = "") -> Service:
        place = self.folder / f"process-{self.count}"
        self.count += 1
        place.mkdir()
        more = MORE.format(url=self.database, broker=self.broker, listen=listen)
        return self.stack.enter_context(
            service(place, self.sandbox, more=more + also, connections=connections, command=command)
        )


@pytest.fixture
def fleet(tmp_path: Path, sandbox: HubSpotSandbox, database_url: str, broker: Broker) -> Iterator[Fleet]:
    """No process yet."""
    with ExitStack() as stack:
        yield Fleet(stack, tmp_path, sandbox, database_url, broker.url)


def outcomes(database_url: str) -> list[str]:
    """How the runs ended, the oldest first."""
    with Database(database_url) as database, database.read() as tx:
        return [row["outcome"] for row in reads.recent_runs(tx, limit=100)][::-1]


def assert_complete(database_url: str, *connections: str) -> None:
    with Database(database_url) as database:
        assert_never_twice_at_a_time(database)
        with database.read() as tx:
            assert {name: reads.row_counts(tx, name)["deals"] for name in connections} == dict.fromkeys(
                connections, DEALS
            )


def test_two_workers_serve_every_connection_and_none_twice(fleet: Fleet, database_url: str) -> None:
    workers = [Member(fleet.start("worker", "--concurrency", "2", connections=CONNECTIONS)) for _ in range(2)]
    until(lambda: all(worker.of("started") for worker in workers), workers)
    daemon = Member(fleet.start("run", connections=CONNECTIONS))
    until(lambda: sum(len(worker.of("run_ended")) for worker in workers) == len(CONNECTIONS), (daemon, *workers))
    for process in (daemon, *workers):
        assert process.stop() == 143
    assert outcomes(database_url) == ["ok"] * len(CONNECTIONS)
    assert_complete(database_url, *CONNECTIONS)


ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
@ON_SQLITE
def test_what_a_worker_could_not_end_another_one_goes_on_with(
    fleet: Fleet, database_url: str, sandbox: HubSpotSandbox, how: signal.Signals
) -> None:
    first = fleet.start("worker", connections=["account-0"])
    first.until("started")
    sandbox.hold(at_request=20)
    daemon = fleet.start("run", connections=["account-0"])
    assert sandbox.held.wait(60)
    second = fleet.start("worker", connections=["account-0"])
    second.until("started")
    first.process.send_signal(how)
    if how == signal.SIGKILL:
        assert daemon.until("taken_over")["connection"] == "account-0"
    sandbox.release()
    assert second.until("run_ended")["outcome"] == "ok"
    assert outcomes(database_url) == ["interrupted" if how == signal.SIGKILL else "stopped", "ok"]
    assert_complete(database_url, "account-0")
    if how == signal.SIGTERM:
        assert first.process.wait(timeout=60) == 143


@ON_SQLITE
def test_a_wish_that_comes_twice_or_too_late_or_from_a_stranger_changes_nothing(
    fleet: Fleet, database_url: str, broker: Broker
) -> None:
    from sync.celery_queue import RUN, CeleryQueue

    queue, now = CeleryQueue(broker.url, "dealmeter"), datetime.now(UTC)
    queue.app.send_task(RUN, args=("account-1", now.isoformat()), expires=now - HOUR)
    queue.ask("account-0", wanted_at=now, for_=HOUR)
    queue.ask("account-0", wanted_at=now, for_=HOUR)
    queue.ask("nobody", wanted_at=now, for_=HOUR)
    queue.app.send_task(RUN, args=("account-1", "$(reboot)"))
    queue.app.send_task("os.system", args=("reboot",))
    queue.ask("account-2", wanted_at=now, for_=HOUR)
    connections = ["account-0", "account-1", "account-2"]
    worker = fleet.start("worker", "--concurrency", "1", connections=connections)
    assert worker.until("run_ended")["connection"] == "account-0"
    assert worker.until("unknown_connection")["connection"] == "nobody"
    assert worker.until("run_ended")["connection"] == "account-2"
    assert worker.stop(signal.SIGTERM) == 143
    with Database(database_url) as database, database.read() as tx:
        assert {name: len(reads.recent_runs(tx, connection=name)) for name in connections} == {
            "account-0": 1,
            "account-1": 0,
            "account-2": 1,
        }


@ON_SQLITE
def test_a_broker_that_is_away_is_told_once_and_what_is_due_is_asked_for_when_it_is_back(
    fleet: Fleet, database_url: str, broker: Broker
) -> None:
    broker.stop()
    daemon = fleet.start("run", connections=["account-0"], listen='"127.0.0.1:0"')
    url = daemon.until("listening")["url"]
    told = daemon.until("broker_away")
    assert (told["level"], told["connection"]) == ("error", "account-0")
    assert f"redis://:***@127.0.0.1:{broker.port}/0 can't be reached" in told["event"]
    assert "executor.broker" in told["hint"]
    assert broker.password not in json.dumps(told)
    worker = fleet.start("worker", connections=["account-0"])
    lost = worker.until("library")
    assert "Cannot connect to redis" in lost["event"]
    assert broker.password not in json.dumps(lost)
    assert fetch(f"{url}/readyz") == (200, "ready\n")
    broker.start()
    assert daemon.until("asked", "broker_away")["action"] == "asked"
    assert worker.until("run_ended")["outcome"] == "ok"
    broker.stop()
    assert worker.until("library")["level"] in {"warning", "error"}
    assert worker.stop(signal.SIGTERM) == 143
    assert daemon.stop(signal.SIGTERM) == 143
    assert outcomes(database_url) == ["ok"]


@ON_SQLITE
def test_what_a_worker_meets_the_daemon_tells_people(fleet: Fleet, sandbox: HubSpotSandbox) -> None:
    sandbox.expire_token()
    with receiver() as there:
        also = f'notifications: [{{type: webhook, url: "{there.url}"}}]\n'
        worker = fleet.start("worker", connections=["account-0"], also=also)
        fleet.start("run", connections=["account-0"], also=also)
        assert worker.until("run_ended")["outcome"] == "failed"
        assert there.came.wait(60)
        news = json.loads(there.got[0].body)
        assert (news["kind"], news["connection"]) == ("action_needed", "account-0")
