"""A machine that reaches the world by a proxy: all that we open takes that way, and says so where it is shut."""

import json
import os
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from dealmeter.sandbox.hubspot import HubSpotSandbox
from dealmeter.sandbox.salesforce import SalesforceSandbox
from tests.cli.conftest import Cli, Result, cli, sandbox  # noqa: F401  # fixtures
from tests.proxy import proxy
from tests.test_secrets_travel_safely import Impostor, impostor  # noqa: F401  # fixture

CANARY = "canary-7f3a9c"
LOGIN = f"user:{CANARY}"
AFAR = "127.1"
"""This machine, written so that only the system's resolver knows it: to us it is any other host."""
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
SETTINGS = {
    "hubspot": "{{allow_http: true, access_token: sandbox-token, base_url: '{url}', "
    "budget: {{burst_limit: 100000, search_per_second: 5}}, include: [deals, owners]}}",
    "salesforce": "{{allow_http: true, auth: client_credentials, login_url: 'https://acme.my.salesforce.com', "
    "consumer_key: sandbox-client, consumer_secret: sandbox-secret, base_url: '{url}', include: [deals, owners]}}",
}
CRMS = pytest.mark.parametrize("crm", sorted(SETTINGS))


@pytest.fixture(autouse=True)
def no_proxy_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without any proxy."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def org(sandbox: HubSpotSandbox) -> Iterator[SalesforceSandbox]:  # noqa: F811
    """The same company in Salesforce."""
    with SalesforceSandbox(sandbox.world) as running:
        yield running


@pytest.fixture
def account(request: pytest.FixtureRequest, crm: str) -> Any:
    """The sandbox of the CRM in question."""
    return request.getfixturevalue({"hubspot": "sandbox", "salesforce": "org"}[crm])


def connect(cli: Cli, crm: str, url: str) -> None:  # noqa: F811
    cli.write(f"version: 1\nconnections:\n  - {{name: main, crm: {crm}, settings: {SETTINGS[crm].format(url=url)}}}\n")


def afar(url: str) -> str:
    return url.replace("127.0.0.1", AFAR)


def said(result: Result) -> str:
    return " ".join((result.out + result.err).split())


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@CRMS
@pytest.mark.parametrize("login", ["", LOGIN, "us%40er:p%C3%A4ss%3A%2F%23" + CANARY])
def test_a_sync_goes_by_the_proxy(
    cli: Cli,  # noqa: F811
    account: Any,
    crm: str,
    login: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connect(cli, crm, afar(account.url))
    wanted = {"": "", LOGIN: LOGIN}.get(login, f"us@er:päss:/#{CANARY}")
    with proxy(login=wanted) as between:
        monkeypatch.setenv("HTTP_PROXY", between.url(login))
        result = cli.run("sync", "--no-kpis")
        assert result.code == 0, result.err
        assert len(between.asked) == len(account.requests.entries) > 3
        assert all(AFAR in line for line in between.asked)
        assert CANARY not in said(result)


@CRMS
@pytest.mark.parametrize("by", ["NO_PROXY", "no_proxy"])
def test_no_proxy_leads_straight_there(
    cli: Cli,  # noqa: F811
    account: Any,
    crm: str,
    by: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connect(cli, crm, afar(account.url))
    with proxy() as between:
        monkeypatch.setenv("HTTP_PROXY", between.url())
        monkeypatch.setenv(by, f"example.com,{AFAR}")
        assert cli.run("check").code == 0
        assert between.asked == []
        assert account.requests.entries


@CRMS
def test_this_machine_is_never_reached_by_a_proxy(
    cli: Cli,  # noqa: F811
    account: Any,
    crm: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Plain http is allowed to this machine as nothing leaves it; and the sandbox needs no NO_PROXY."""
    connect(cli, crm, account.url)
    with proxy() as between:
        monkeypatch.setenv("HTTP_PROXY", between.url())
        assert cli.run("check").code == 0
        assert between.asked == []


@CRMS
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_down_is_named_without_its_password(
    cli: Cli,  # noqa: F811
    crm: str,
    scheme: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connect(cli, crm, f"{scheme}://crm.example.com")
    port = closed_port()
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://{LOGIN}@127.0.0.1:{port}")
    result = cli.run("check")
    assert result.code == 4
    assert f"the proxy http://127.0.0.1:{port}, on the way to crm.example.com: no connection" in said(result)
    assert f"{scheme.upper()}_PROXY names it rightly" in said(result)
    assert CANARY not in said(result)


@CRMS
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(("login", "why"), [("", "asks for a password"), ("user:wrong-" + CANARY, "doesn't take")])
def test_a_proxy_that_wants_another_password_is_asked_once(
    cli: Cli,  # noqa: F811
    crm: str,
    scheme: str,
    login: str,
    why: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connect(cli, crm, f"{scheme}://crm.example.com")
    with proxy(login="user:right") as between:
        monkeypatch.setenv(f"{scheme}_proxy", between.url(login))
        result = cli.run("check", "--json")
    assert result.code == 2
    assert f"the proxy {between.url()} {why}" in said(result)
    assert f"write {scheme.upper()}_PROXY as http://USER:PASSWORD@HOST:PORT" in said(result)
    assert CANARY not in said(result)
    assert len(between.asked) == 1


@CRMS
@pytest.mark.parametrize(("refuses", "code", "times"), [(403, 2, 1), (503, 4, 7)])
def test_what_a_proxy_does_not_let_through_is_told_as_the_proxy_s(
    cli: Cli,  # noqa: F811
    crm: str,
    refuses: int,
    code: int,
    times: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connect(cli, crm, "https://crm.example.com")
    with proxy(refuses=refuses) as between:
        monkeypatch.setenv("ALL_PROXY", between.url())
        result = cli.run("check")
    assert result.code == code
    assert f"the proxy {between.url()} doesn't let us through to crm.example.com ({refuses})" in said(result)
    assert between.asked == ["CONNECT crm.example.com:443"] * times


@CRMS
def test_a_tunnel_hides_what_is_said_and_who_is_at_its_end_must_still_prove_it(
    cli: Cli,  # noqa: F811
    impostor: Impostor,  # noqa: F811
    crm: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connect(cli, crm, afar(impostor.url))
    with proxy(login=LOGIN) as between:
        monkeypatch.setenv("HTTPS_PROXY", between.url(LOGIN))
        result = cli.run("check")
    assert result.code == 2
    assert f"{afar(impostor.url)}: its certificate is not trusted" in said(result)
    assert between.asked == [f"CONNECT {AFAR}:{impostor.port}"]
    assert (impostor.came, impostor.heard) == (1, [])


@CRMS
@pytest.mark.parametrize(
    "careless",
    [
        f"socks5://{LOGIN}@proxy.example.com:1080",
        f"http://user:{CANARY}#1@proxy.example.com:3128",
        f"http://{LOGIN}@",
        f"http://{LOGIN}@proxy.example.com:80801",
        f"http://user:{CANARY}%E2%82%AC@proxy.example.com:3128",
    ],
)
def test_what_is_no_address_of_a_proxy_is_a_mistake_and_no_secret(
    cli: Cli,  # noqa: F811
    crm: str,
    careless: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connect(cli, crm, "https://crm.example.com")
    monkeypatch.setenv("HTTPS_PROXY", careless)
    for command in ("check", "sync", "discover", "reconcile"):
        result = cli.run(command, "--json") if command == "check" else cli.run(command)
        assert result.code == 2, (command, said(result))
        assert "the proxy in HTTPS_PROXY is no address of an HTTP proxy" in said(result)
        assert CANARY not in said(result)


@CRMS
def test_the_command_line_in_a_process_of_its_own_takes_the_proxy_and_keeps_its_password(
    cli: Cli,  # noqa: F811
    account: Any,
    crm: str,
) -> None:
    connect(cli, crm, afar(account.url))
    bundle = cli.folder / "bundle.zip"
    with proxy(login=LOGIN) as between:
        environ = {**os.environ, "http_proxy": between.url(LOGIN)}
        words = ["doctor", "--json", "--verbose", "--bundle", str(bundle), "--config", str(cli.config)]
        ran = subprocess.run(
            [sys.executable, "-m", "dealmeter", *words], env=environ, capture_output=True, text=True, timeout=120
        )
    answers = [each for each in json.loads(ran.stdout)["findings"] if each["subject"] == "main"]
    assert "answers" in answers[-1]["said"], ran.stderr
    assert between.asked
    with zipfile.ZipFile(bundle) as archive:
        written = "".join(archive.read(name).decode() for name in archive.namelist())
    assert CANARY not in written + ran.stdout + ran.stderr


def test_news_goes_by_the_proxy_and_says_what_stands_in_its_way(
    cli: Cli,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cli.write(f"{cli.config.read_text()}notifications: [{{type: slack, url: 'https://hooks.example.com/{CANARY}'}}]\n")
    with proxy(refuses=403) as between:
        monkeypatch.setenv("HTTPS_PROXY", between.url(LOGIN))
        result = cli.run("notify", "test")
    assert result.code != 0
    assert f"the proxy {between.url()} doesn't let us through to hooks.example.com (403)" in said(result)
    assert between.asked == ["CONNECT hooks.example.com:443"]
    assert CANARY not in said(result)
