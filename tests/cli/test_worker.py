"""`worker`, and the broker in the configuration, as a person meets them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.broker import Broker, free_port
from tests.cli.conftest import Cli


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker of its own."""
    with Broker(tmp_path) as running:
        yield running


def with_executor(cli: Cli, words: str) -> None:
    cli.write(f"{cli.config.read_text()}\nexecutor: {words}\n")


def test_a_worker_is_for_celery_only(cli: Cli) -> None:
    result = cli.run("worker")
    assert result.code == 2
    assert "`executor.kind` is threads" in result.err
    assert "kind: celery" in result.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("{kind: celery}", "executor: `kind: celery` needs `broker`"),
        ("{kind: celery, broker: localhost}", "executor.broker: should be an address such as rediss://"),
        ("{kind: celery, broker: '${CELERY_BROKER}'}", "the environment variable CELERY_BROKER is not set"),
        ("{kind: celery, broker: 'redis://[x'}", "executor.broker: should be an address such as rediss://"),
        ("{kind: carrots}", "executor.kind: should be 'threads' or 'celery'"),
    ],
)
def test_a_wrong_executor_is_named(cli: Cli, words: str, says: str) -> None:
    with_executor(cli, words)
    result = cli.run("config", "check")
    assert result.code == 2
    assert says in result.err


def test_who_only_reads_needs_no_broker(cli: Cli) -> None:
    assert cli.run("sync", "--no-kpis").code == 0
    with_executor(cli, "{kind: celery, broker: '${CELERY_BROKER}'}")
    assert cli.run("runs", "list").code == 0


def test_a_broker_of_an_unknown_kind_is_refused_before_anything_starts(cli: Cli, broker: Broker) -> None:
    with_executor(cli, "{kind: celery, broker: 'carrier-pigeon://:whisper-1@coop'}")
    for command in ("run", "worker"):
        result = cli.run(command)
        assert result.code == 2
        assert "carrier-pigeon:// is no broker that can be used here" in result.err
        assert "whisper-1" not in result.out + result.err


def test_the_doctor_looks_at_the_broker_and_nobody_says_its_password(cli: Cli, broker: Broker) -> None:
    environ = {**cli.environ, "BROKER": broker.url}
    with_executor(cli, "{kind: celery, broker: '${BROKER}'}")
    sound = cli.run("doctor", environ=environ)
    assert f"127.0.0.1:{broker.port}/0 answers; the queue is dealmeter" in sound.out, sound.out
    away = environ | {"BROKER": broker.url.replace(str(broker.port), str(free_port()))}
    wrong = environ | {"BROKER": broker.url.replace(broker.password, "guess-4711")}
    found = [cli.run("doctor", environ=one) for one in (away, wrong)]
    assert [result.code for result in found] == [1, 1]
    assert all("bad      broker: " in result.out for result in found)
    found += [sound, cli.run("config", "show", environ=environ), cli.run("config", "show", "--json", environ=environ)]
    for result in found:
        assert broker.password not in result.out + result.err
        assert "guess-4711" not in result.out + result.err
