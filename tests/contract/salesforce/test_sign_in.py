"""Each way to sign in works, a definite no ends it, and a refresh token for one use is never lost."""

import json
import logging
import os
import re
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from random import Random
from threading import Event
from time import monotonic, sleep
from typing import Any

import pytest

from connectors.base import Context
from connectors.errors import ActionNeededError, BadCredentialsError
from connectors.salesforce import SalesforceConnector
from dealmeter.cli.connectors import context as looking
from dealmeter.sandbox.generate import generate
from dealmeter.sandbox.salesforce import SalesforceSandbox
from store.database import Database
from store.records import User
from tests.contract.salesforce.rig import SIGN_IN, SalesforceRig, rig
from tests.rig import HOUR, NOW

FEW = {"include": ["owners"]}
SECRETS = ("sandbox-secret", "sandbox-token", "sandbox-refresh", "sandbox-password", "SANDBOX", "PRIVATE KEY")


def _settings(it: SalesforceRig, way: str, folder: Path) -> dict[str, Any]:
    login = {"login_url": "https://login.salesforce.com", "consumer_key": "sandbox-client"}
    token = folder / "refresh"
    if not token.exists():
        token.write_text("sandbox-refresh\n")
    ways: dict[str, dict[str, Any]] = {
        "client_credentials": {},
        "jwt": {**login, "username": "integration@example.com", "private_key": it.sandbox.private_key},
        "refresh_token": {**login, "refresh_token_file": str(token)},
        "session": {"access_token": "sandbox-token", "instance_url": it.sandbox.url},
        "password": {
            **login,
            "username": "integration@example.com",
            "password": "sandbox-password",
            "security_token": "SANDBOX",
        },
    }
    return {**FEW, **ways[way], "auth": way}


@pytest.mark.parametrize("way", ["client_credentials", "jwt", "refresh_token", "session", "password"])
def test_each_way_to_sign_in(sqlite: Database, tmp_path: Path, way: str) -> None:
    with rig(sqlite) as it:
        it.settings = _settings(it, way, tmp_path)
        said: list[str] = []
        outcome = it.sync(notice=said.append)
        assert outcome.outcome == "ok", outcome.error
        assert it.count(User) > 0
        legacy = [words for words in (*said, *outcome.notes) if "Summer '27" in words]
        assert bool(legacy) == (way == "password")


@pytest.mark.parametrize("way", ["client_credentials", "jwt", "refresh_token", "password"])
def test_an_expired_session_is_renewed_once_for_all_readers(sqlite: Database, tmp_path: Path, way: str) -> None:
    with rig(sqlite) as it:
        it.settings = {**_settings(it, way, tmp_path), "include": []}
        expired: list[int] = []

        def expire(name: str, read: int) -> None:
            if name == "contacts" and not expired:
                expired.append(it.sandbox.expire_sessions())

        assert it.sync(progress=expire).outcome == "ok"
        assert expired
        assert sum("/token" in entry.path or "/Soap/" in entry.path for entry in it.sandbox.requests.entries) == 2
        it.assert_equals_account()


def test_a_refused_sign_in_is_tried_once(sqlite: Database, tmp_path: Path) -> None:
    with rig(sqlite) as it:
        for way, wrong in (
            ("client_credentials", {"consumer_secret": "wrong"}),
            ("client_credentials", {"consumer_key": "wrong"}),
            ("jwt", {"consumer_key": "wrong"}),
            ("jwt", {"username": "somebody@example.com"}),
            ("password", {"password": "wrong"}),
        ):
            it.settings = {**_settings(it, way, tmp_path), **wrong}
            it.sandbox.requests.clear()
            outcome = it.sync()
            assert isinstance(outcome.error, BadCredentialsError), outcome.error
            assert outcome.error.hint
            assert len(it.sandbox.requests.entries) == 1, way


def test_a_key_that_is_none_and_a_session_that_is_over(sqlite: Database, tmp_path: Path) -> None:
    with rig(sqlite) as it:
        it.settings = {**_settings(it, "jwt", tmp_path), "private_key": "no key"}
        assert "PEM" in str(it.sync().error)
        it.settings = {**_settings(it, "session", tmp_path), "access_token": "stale"}
        outcome = it.sync()
        assert isinstance(outcome.error, BadCredentialsError)
        assert "has expired" in str(outcome.error)


def test_a_fresh_session_that_is_refused_ends_the_connection(sqlite: Database) -> None:
    with rig(sqlite, settings={}) as it:
        it.sandbox.faults.next("401", times=10_000, match="/services/data/.*")
        outcome = it.sync()
        assert isinstance(outcome.error, BadCredentialsError)
        assert sum("/token" in entry.path for entry in it.sandbox.requests.entries) <= 3
        it.sandbox.faults.clear()
        it.sandbox.faults.next("401_policy", times=10_000, match="/services/data/.*")
        it.sandbox.requests.clear()
        assert isinstance(it.sync().error, BadCredentialsError)
        assert sum("/token" in entry.path for entry in it.sandbox.requests.entries) == 1


def test_a_sign_in_that_stumbles_is_tried_again(sqlite: Database, tmp_path: Path) -> None:
    with rig(sqlite) as it:
        for way in ("client_credentials", "jwt", "refresh_token", "password"):
            it.settings = _settings(it, way, tmp_path)
            for fault in ("503_html", "maintenance_200", "reset", "500_html"):
                it.sandbox.faults.next(fault, match="/services/(oauth2/token|Soap)")
            assert it.sync().outcome == "ok", way


# ------------------------------------------------------------------------------------- tokens that are good for one use


def test_the_next_refresh_token_is_kept_and_used(sqlite: Database, tmp_path: Path) -> None:
    with rig(sqlite) as it:
        it.settings = _settings(it, "refresh_token", tmp_path)
        kept = []
        for _ in range(3):
            assert it.sync().outcome == "ok"
            kept.append((tmp_path / "refresh").read_text().strip())
            it.later(HOUR)
        assert kept == ["sandbox-refresh-1", "sandbox-refresh-2", "sandbox-refresh-3"]
        assert stat.S_IMODE((tmp_path / "refresh").stat().st_mode) == 0o600
        assert not (tmp_path / "refresh.next").exists()


def test_connections_that_share_a_refresh_token_take_turns(sqlite: Database, tmp_path: Path) -> None:
    with rig(sqlite) as it:
        settings = replace(it, settings=_settings(it, "refresh_token", tmp_path)).salesforce_settings()
        context = Context(clock=it.times.world.clock.now, monotonic=monotonic, sleep=sleep, random=Random(7))

        def check(_: int) -> str:
            connector = SalesforceConnector(settings, context)
            try:
                return connector.open().id
            finally:
                connector.close()

        with ThreadPoolExecutor(6) as pool:
            assert len(set(pool.map(check, range(6)))) == 1
        assert (tmp_path / "refresh").read_text().strip() == "sandbox-refresh-6"


def test_two_processes_that_sign_in_at_once_take_turns_with_a_token_for_one_use(
    sqlite: Database, tmp_path: Path
) -> None:
    with rig(sqlite, latency_ms=200) as it:
        settings = {**_settings(it, "refresh_token", tmp_path), "base_url": it.sandbox.url}
        connection = {"name": "org", "crm": "salesforce", "settings": settings}
        config = tmp_path / "dealmeter.yaml"
        config.write_text(json.dumps({"version": 1, "connections": [connection]}))
        asked = [sys.executable, "-m", "dealmeter", "--config", str(config), "check"]
        it.sandbox.hold(at_request=1)
        both = [subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(2)]
        assert it.sandbox.held.wait(60)
        it.sandbox.release()
        said = [process.communicate(timeout=60)[0] for process in both]
        assert [process.returncode for process in both] == [0, 0], said
        tokens = [entry.status for entry in it.sandbox.requests.entries if entry.path.endswith("/oauth2/token")]
        assert tokens == [200, 200]
    assert (tmp_path / "refresh").read_text().strip() == "sandbox-refresh-2"
    assert not (tmp_path / "refresh.next").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_found_out_before_the_token_is_used(
    sqlite: Database, tmp_path: Path
) -> None:
    with rig(sqlite) as it:
        it.settings = _settings(it, "refresh_token", tmp_path)
        tmp_path.chmod(0o500)
        try:
            outcome = it.sync()
        finally:
            tmp_path.chmod(0o700)
        assert isinstance(outcome.error, ActionNeededError)
        assert it.sync().outcome == "ok"


def test_a_place_that_cannot_be_made_is_found_out_before_the_token_is_used(sqlite: Database, tmp_path: Path) -> None:
    with rig(sqlite) as it:
        it.settings = _settings(it, "refresh_token", tmp_path)
        (tmp_path / "refresh.lock").mkdir()
        outcome = it.sync()
        assert isinstance(outcome.error, ActionNeededError)
        assert "was not used" in str(outcome.error)
        (tmp_path / "refresh.lock").rmdir()
        assert it.sync().outcome == "ok"


def test_a_used_up_refresh_token_says_what_to_do(sqlite: Database, tmp_path: Path) -> None:
    with rig(sqlite) as it:
        it.settings = _settings(it, "refresh_token", tmp_path)
        (tmp_path / "refresh").write_text("used")
        outcome = it.sync()
        assert isinstance(outcome.error, BadCredentialsError)
        assert "authorise the app again" in outcome.error.hint
        (tmp_path / "refresh").write_text("")
        assert "is empty" in str(it.sync().error)


# -------------------------------------------------------------------------------------------------------------- secrets


def test_no_secret_is_in_an_error_a_log_or_a_representation(
    sqlite: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with rig(sqlite) as it:
        said: list[str] = []
        for way in ("client_credentials", "jwt", "refresh_token", "session", "password"):
            it.settings = _settings(it, way, tmp_path)
            said += [repr(it.salesforce_settings()), it.salesforce_settings().model_dump_json()]
            it.sandbox.faults.next("reset", times=3)
            it.sandbox.faults.next("500", times=20, match="/services/data/.*")
            outcome = it.sync(notice=said.append)
            said += [repr(outcome), str(outcome.error), repr(outcome.error)]
            it.sandbox.faults.clear()
        said += [record.getMessage() for record in caplog.records]
        text = "\n".join(said)
        for secret in (
            "sandbox-secret",
            "sandbox-token",
            "sandbox-refresh",
            "sandbox-password",
            "SANDBOX",
            "PRIVATE KEY",
        ):
            assert secret not in text, secret
        assert "Bearer 00D" not in text


def test_settings_that_cannot_work_are_refused_with_words() -> None:
    Settings = SalesforceConnector.Settings  # noqa: N806
    cases: list[tuple[dict[str, Any], str]] = [
        ({"auth": "jwt"}, "needs consumer_key and private_key and username"),
        ({"auth": "session", "access_token": "x", "instance_url": "http://acme.example"}, "https://"),
        ({**SIGN_IN, "login_url": "https://login.salesforce.com"}, "My Domain"),
        ({**SIGN_IN, "fields": {"deals": {"regoin": "Region__c"}}}, "did you mean 'region'"),
        ({**SIGN_IN, "fields": {"deals": {"region": "Region__c FROM User --"}}}, "no name of a Salesforce field"),
        ({**SIGN_IN, "extra": {"dael": ["X"]}}, "there is no stream 'dael'"),
        ({**SIGN_IN, "exclude": ["opportunities"]}, "there is no stream"),
    ]
    for given, words in cases:
        with pytest.raises(ValueError, match=re.escape(words)):
            Settings.model_validate(given)


def test_check_says_who_answers_and_what_can_be_read() -> None:
    world = generate(7, 5, activities_per_deal=0, now=NOW, frozen=True)
    with SalesforceSandbox(world) as sandbox:
        sandbox.hide(objects=["Lead", "OpportunitySplit"])
        it = SalesforceRig(sandbox, None)  # type: ignore[arg-type]
        connector = SalesforceConnector(it.salesforce_settings(), looking(it.times.clock(), Event()))
        checked = connector.check()
        connector.close()
    assert (checked.account.base_currency, checked.account.time_zone) == (
        world.account.currency,
        world.account.zone.key,
    )
    assert checked.streams["deals"] == ""
    assert "Lead" in checked.streams["leads"]
    assert list(checked.left_out) == ["deal_splits"]
    assert checked.budget["daily_limit"] == 100_000
    assert abs(checked.clock_difference.total_seconds()) < 2
