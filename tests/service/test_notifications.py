"""People are told once, reminded rarely, and told when it is well again; a way that is closed loses nothing."""

import hashlib
import hmac
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.errors import BadCredentialsError, UnreachableError
from dealmeter.config.channels import (
    ChannelSettings,
    EmailSettings,
    SlackSettings,
    TelegramSettings,
    WebhookSettings,
)
from dealmeter.config.models import ConnectionSettings, Schedule
from dealmeter.notify import alerts
from dealmeter.notify.notifier import Notifier
from kpi.engine import Computation
from store import notices, runs
from store.database import Database
from sync.cycle import CycleOutcome
from sync.outcome import RunOutcome
from tests.rig import NAME, NOW
from tests.service.receiver import Receiver, mailbox, receiver
from tests.sync.test_schedule import Notes

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DOWN = UnreachableError("the CRM can't be reached", hint="nothing to do: it is tried again", reason="connection")
CONNECTION = ConnectionSettings(name=NAME, crm="hubspot", schedule=Schedule(every=timedelta(minutes=15)))


@pytest.fixture
def there() -> Iterator[Receiver]:
    """Somebody who listens."""
    with receiver() as kept:
        yield kept


def webhook(there: Receiver, **more: Any) -> WebhookSettings:
    return WebhookSettings(type="webhook", url=SecretStr(f"{there.url}/hook"), **more)


def notifier(database: Database, *channels: ChannelSettings) -> Notifier:
    return Notifier(database, channels, [CONNECTION], Notes())


def ended(outcome: str, error: BaseException | None = None, broken: Sequence[str] | None = None) -> CycleOutcome:
    computed = None
    if broken is not None:
        computed = Computation(run_id=1, checked=1, written=0, duration_s=0.1, broken=broken)
    return CycleOutcome(run=RunOutcome(connection=NAME, run_id=1, outcome=outcome, error=error), computation=computed)


def told(there: Receiver) -> list[tuple[str, str]]:
    return [(news["kind"], news["title"]) for news in (json.loads(got.body) for got in there.got)]


def test_a_failure_is_told_once_then_rarely_and_recovery_ends_it(database: Database, there: Receiver) -> None:
    service = notifier(database, webhook(there))
    at = NOW
    for _ in range(4 * 24 * 3):  # three days, a run each quarter of an hour
        service.ended(ended("failed", DOWN), 1.0, at)
        service.beat(at)
        at += timedelta(minutes=15)
    service.ended(ended("ok", broken=()), 1.0, at)
    service.beat(at)
    kinds = [kind for kind, _ in told(there)]
    assert kinds == ["failed", "repeated", "repeated", "repeated", "repeated", "recovered"]
    news = json.loads(there.got[1].body)
    assert news["text"].startswith(f"5 times since {NOW:%Y-%m-%d %H:%M} UTC")
    assert news["hint"] == DOWN.hint
    assert json.loads(there.got[-1].body)["text"] == "It was not for 3 d."
    service.ended(ended("ok", broken=()), 1.0, at)
    service.beat(at + HOUR)
    assert len(there.got) == 6


def test_what_only_a_person_can_mend_is_told_as_that(database: Database, there: Receiver) -> None:
    service = notifier(database, webhook(there))
    service.ended(ended("failed", BadCredentialsError("the token was refused", hint="make a new one")), 1.0, NOW)
    service.beat(NOW)
    assert told(there) == [("action_needed", f"{NAME}: the sync needs you")]


def test_contradicting_kpis_and_late_runs_are_told(database: Database, there: Receiver) -> None:
    service = notifier(database, webhook(there))
    with database.write() as tx:
        grant = _grant(tx)
        runs.open_run(tx, grant, trigger="manual", version="test", now=NOW)
    service.ended(ended("partial", broken=["win_rate is 1.2"]), 1.0, NOW)
    service.beat(NOW + 29 * MINUTE)
    service.beat(NOW + 31 * MINUTE)
    assert told(there) == [
        ("contradiction", f"{NAME}: the KPIs contradict each other"),
        ("stale", f"{NAME}: no sync for 16 min after it was due"),
    ]
    with database.write() as tx:
        runs.open_run(tx, grant, trigger="manual", version="test", now=NOW + 32 * MINUTE)
    service.ended(ended("ok", broken=()), 1.0, NOW + 32 * MINUTE)
    service.beat(NOW + 32 * MINUTE)
    assert sorted(told(there)[2:]) == [
        ("recovered", f"{NAME}: is fresh again"),
        ("recovered", f"{NAME}: the KPIs agree with each other again"),
    ]


def test_a_closed_way_is_tried_again_and_an_open_one_gets_it_once(database: Database, there: Receiver) -> None:
    with receiver() as closed:
        closed.status = 503
        channels = (webhook(there), webhook(closed, name="closed"))
        notifier(database, *channels).ended(ended("failed", DOWN), 1.0, NOW)
        notifier(database, *channels).beat(NOW)
        notifier(database, *channels).beat(NOW + timedelta(seconds=10))
        assert (len(there.got), len(closed.got)) == (1, 1)
        closed.status = 200
        notifier(database, *channels).beat(NOW + MINUTE)
        notifier(database, *channels).beat(NOW + HOUR)
        assert (len(there.got), len(closed.got)) == (1, 2)
        assert {got.headers["Idempotency-Key"] for got in (*there.got, *closed.got)} == {"dealmeter-1"}
    with database.read() as tx:
        assert not notices.due(tx, now=NOW + DAY)


def test_news_that_nobody_takes_for_a_day_is_given_up(database: Database, there: Receiver) -> None:
    there.status = 500
    service = notifier(database, webhook(there))
    service.ended(ended("failed", DOWN), 1.0, NOW)
    at: datetime = NOW
    while at < NOW + 3 * DAY:
        service.deliver(at)
        at += timedelta(minutes=5)
    assert 20 < len(there.got) < 40
    with database.read() as tx:
        assert not notices.due(tx, now=at)


def test_two_daemons_on_one_database_send_it_once(database: Database, there: Receiver) -> None:
    one, other = notifier(database, webhook(there)), notifier(database, webhook(there))
    one.ended(ended("failed", DOWN), 1.0, NOW)
    with database.read() as tx:
        [row] = notices.due(tx, now=NOW)
    other.deliver(NOW)
    with database.write() as tx:
        assert not notices.claim(tx, row, now=NOW, for_=MINUTE)
    one.deliver(NOW)
    assert len(there.got) == 1


def test_two_that_find_the_same_at_the_same_moment_tell_it_once(database: Database) -> None:
    first, last = NOW, NOW + 2 * HOUR
    for at, kinds in ((first, ["failed"]), (last, ["failed", "repeated"])):
        with ThreadPoolExecutor(1) as other, database.write() as tx:
            alerts.observe_failure(tx, NAME, DOWN, at)
            begun = other.submit(notifier(database).crashed, NAME, DOWN, at)
        begun.result()
        with database.read() as tx:
            assert [row["kind"] for row in notices.due(tx, now=last)] == kinds


def test_each_way_has_its_own_form(database: Database, there: Receiver) -> None:
    with mailbox() as mail:
        mails = EmailSettings(
            type="email",
            host="127.0.0.1",
            port=mail.port,
            security="none",
            sender="d@example.com",
            to=("a@example.com",),
        )
        service = notifier(
            database,
            SlackSettings(type="slack", url=SecretStr(f"{there.url}/slack")),
            TelegramSettings(type="telegram", token=SecretStr("1:secret"), chat="-7", base_url=there.url),
            webhook(there, secret=SecretStr("whisper")),
            mails,
        )
        error = UnreachableError("<script> & co", hint="wait", reason="connection")
        service.ended(ended("failed", error), 1.0, NOW)
        service.beat(NOW)
    slack, telegram, hook = there.got
    assert "&lt;script&gt; &amp; co" in json.loads(slack.body)["text"]
    assert telegram.path == "/bot1:secret/sendMessage"
    assert json.loads(telegram.body)["chat_id"] == "-7"
    signature = hmac.new(b"whisper", hook.body, hashlib.sha256).hexdigest()
    assert hook.headers["X-Dealmeter-Signature"] == f"sha256={signature}"
    [sent] = mail.mails
    assert f"Subject: dealmeter: {NAME}: the sync failed" in sent
    assert "What to do: wait" in sent


def test_a_channel_gets_only_what_it_asked_for(database: Database, there: Receiver) -> None:
    service = notifier(database, webhook(there, kinds=("recovered",)), webhook(there, connections=("other",), name="b"))
    service.ended(ended("failed", DOWN), 1.0, NOW)
    service.beat(NOW)
    assert not there.got
    service.ended(ended("ok", broken=()), 1.0, NOW + HOUR)
    service.beat(NOW + HOUR)
    assert [kind for kind, _ in told(there)] == ["recovered"]


def _grant(tx: Any) -> Any:
    from store import leases

    return leases.take(tx, NAME, "test", now=NOW)
