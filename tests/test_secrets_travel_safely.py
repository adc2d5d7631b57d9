"""Secrets stay where they belong: not in the list of processes, not on a line that is not verified."""

import ast
import ipaddress
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dealmeter.sandbox.hubspot import HubSpotSandbox
from tests.cli.conftest import Cli, cli, sandbox  # noqa: F401  # fixtures

ROOT = Path(__file__).resolve().parents[1]
SOURCES = [path for name in ("store", "connectors", "kpi", "sync", "dealmeter") for path in (ROOT / name).rglob("*.py")]
CANARY = "canary-7f3a9c"
STARTED: list[str] = []
EVENTS = {"subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "os.system"}


def listen(event: str, arguments: tuple[Any, ...]) -> None:
    """Python's own record of what a process starts: an audit hook stays for ever, so it only writes down."""
    if event in EVENTS:
        STARTED.append(repr(arguments[:2]))


sys.addaudithook(listen)


def test_no_process_that_we_start_has_a_secret_among_its_arguments(cli: Cli, sandbox: HubSpotSandbox) -> None:  # noqa: F811
    sandbox.set_scopes(None, token=CANARY)
    STARTED.clear()
    environ = {"HUBSPOT_TOKEN": CANARY}
    for words in (("sync",), ("kpi", "compute"), ("reconcile",), ("db", "backup", str(cli.folder / "copy.db"))):
        result = cli.run(*words, environ=environ)
        assert result.code == 0, (words, result.err)
    assert any("copier" in started for started in STARTED)
    assert not [started for started in STARTED if CANARY in started]


@dataclass
class Impostor:
    """Somebody in the middle: TLS with a certificate that nobody vouches for; who came, and what they said."""

    authority: Path
    port: int = 0
    came: int = 0
    heard: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"


@contextmanager
def impostor_with(folder: Path, **certificate: Any) -> Iterator[Impostor]:
    """An impostor on loopback."""
    made = Impostor(folder / "both.pem")

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            if line := self.rfile.readline():
                made.heard.append(line.decode(errors="replace"))
            self.close_connection = True

    with _serving(_certificate(folder, **certificate), Handler, made) as made.port:
        yield made


@pytest.fixture
def impostor(tmp_path: Path) -> Iterator[Impostor]:
    """One whose certificate is in order, but signed by nobody."""
    with impostor_with(tmp_path) as made:
        yield made


SETTINGS = {
    "hubspot": "{{access_token: {secret}, base_url: '{url}'}}",
    "salesforce": "{{auth: client_credentials, login_url: 'https://acme.my.salesforce.com', consumer_key: key, "
    "consumer_secret: {secret}, base_url: '{url}'}}",
}


TRUST = {"hubspot": "SSL_CERT_FILE", "salesforce": "REQUESTS_CA_BUNDLE"}
"""How each library is told whom else to trust."""


def connect(cli: Cli, crm: str, url: str) -> None:  # noqa: F811
    """A configuration with one connection to an address."""
    settings = SETTINGS[crm].format(secret="'${HUBSPOT_TOKEN}'", url=url)
    cli.write(f"version: 1\nconnections:\n  - {{name: main, crm: {crm}, settings: {settings}}}\n")


@pytest.mark.parametrize("command", ["check", "sync"])
@pytest.mark.parametrize("crm", sorted(SETTINGS))
def test_a_certificate_that_nobody_vouches_for_is_refused_at_once(
    cli: Cli,  # noqa: F811
    impostor: Impostor,
    crm: str,
    command: str,
) -> None:
    connect(cli, crm, impostor.url)
    result = cli.run(command, environ={"HUBSPOT_TOKEN": CANARY})
    said = result.out + result.err
    assert result.code == 2, said
    assert f"{impostor.url}: its certificate is not trusted: self-signed certificate" in said
    assert TRUST[crm] in said
    assert "trying again" not in said
    assert CANARY not in said
    assert (impostor.came, impostor.heard) == (1, [])


@pytest.mark.parametrize("crm", sorted(SETTINGS))
def test_what_the_message_says_to_do_helps(
    cli: Cli,  # noqa: F811
    impostor: Impostor,
    crm: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connect(cli, crm, impostor.url)
    monkeypatch.setenv(TRUST[crm], str(impostor.authority))
    assert "not trusted" not in cli.run("check", environ={"HUBSPOT_TOKEN": CANARY}).err
    assert impostor.heard


@pytest.mark.parametrize(
    ("certificate", "why", "what_to_do"),
    [
        ({"ended": timedelta(hours=1)}, "certificate has expired", "clock"),
        ({"begins": timedelta(hours=1)}, "certificate is not yet valid", "clock"),
        ({"address": "127.0.0.2"}, "IP address mismatch", "check the address"),
    ],
)
@pytest.mark.parametrize("crm", sorted(SETTINGS))
def test_a_certificate_out_of_date_or_of_another_name_is_refused_with_its_own_advice(
    cli: Cli,  # noqa: F811
    tmp_path: Path,
    crm: str,
    certificate: dict[str, Any],
    why: str,
    what_to_do: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with impostor_with(tmp_path, **certificate) as impostor:
        connect(cli, crm, impostor.url)
        monkeypatch.setenv(TRUST[crm], str(impostor.authority))
        result = cli.run("check", environ={"HUBSPOT_TOKEN": CANARY})
        said = " ".join((result.out + result.err).split())
        assert result.code == 2, said
        assert why in said
        assert what_to_do in said
        assert (impostor.came, impostor.heard) == (1, [])


@pytest.mark.parametrize("channel", ["slack", "webhook"])
def test_news_does_not_go_to_somebody_in_the_middle(cli: Cli, impostor: Impostor, channel: str) -> None:  # noqa: F811
    cli.write(f"{cli.config.read_text()}notifications: [{{type: {channel}, url: '{impostor.url}/{CANARY}'}}]\n")
    result = cli.run("notify", "test")
    assert result.code != 0
    assert "certificate is not trusted" in " ".join((result.out + result.err).split())
    assert CANARY not in result.out + result.err
    assert impostor.heard == []


FORBIDDEN = {"CERT_NONE", "_create_unverified_context", "disable_warnings", "InsecureRequestWarning"}
SWITCHES = {"verify", "verify_ssl", "check_hostname", "assert_hostname", "cert_reqs"}


def test_nothing_in_the_code_turns_verification_off() -> None:
    found = [path for path in SOURCES if any(map(_is_off, ast.walk(ast.parse(path.read_text()))))]
    assert len(SOURCES) > 200
    assert found == []
    assert _is_off(ast.parse("get(url, verify=False)", mode="eval").body)
    assert _is_off(ast.parse("context.check_hostname = False").body[0])


def _is_off(node: Any) -> bool:
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name) if name in FORBIDDEN:
            return True
        case ast.Call(keywords=keywords):
            return any(each.arg in SWITCHES and _is_false(each.value) for each in keywords)
        case ast.Assign(targets=[ast.Attribute(attr=name)], value=value) if name in SWITCHES:
            return _is_false(value)
    return False


def _is_false(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value in {False, None, ""}


DAY = timedelta(days=1)


def _certificate(
    folder: Path, *, begins: timedelta = -DAY, ended: timedelta = -DAY, address: str = "127.0.0.1"
) -> ssl.SSLContext:
    """A certificate for an address that signs itself; it `begins` so much from now and has `ended` so long ago."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.not_valid_before(now + begins).not_valid_after(now - ended)
    made = made.serial_number(x509.random_serial_number()).add_extension(here, critical=False)
    signed = made.sign(key, hashes.SHA256())
    plain = serialization.NoEncryption()
    written = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "both.pem").write_bytes(written + signed.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context


class _Server(ThreadingHTTPServer):
    """A handshake happens in the thread of its request, and may fail in silence."""

    context: ssl.SSLContext
    impostor: Impostor

    def finish_request(self, request: Any, client_address: Any) -> None:
        self.impostor.came += 1
        try:
            with self.context.wrap_socket(request, server_side=True) as secure:
                super().finish_request(secure, client_address)
        except OSError:  # who connects does not trust us: that is the point
            return


@contextmanager
def _serving(context: ssl.SSLContext, handler: type[BaseHTTPRequestHandler], impostor: Impostor) -> Iterator[int]:
    with _Server(("127.0.0.1", 0), handler) as server:
        server.context, server.impostor = context, impostor
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
