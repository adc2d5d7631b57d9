"""Secrets stay where they belong: not in the list of processes, not on a line that is not verified."""

import ast
import ipaddress
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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


@pytest.fixture(scope="module")
def impostor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    """Somebody in the middle: TLS with a certificate that nobody vouches for; and what was said to them."""
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            if line := self.rfile.readline():
                heard.append(line.decode(errors="replace"))
            self.close_connection = True

    with _serving(_certificate(tmp_path_factory.mktemp("tls")), Handler) as port:
        yield f"https://127.0.0.1:{port}", heard


SETTINGS = {
    "hubspot": "{{access_token: {secret}, base_url: '{url}'}}",
    "salesforce": "{{auth: client_credentials, login_url: 'https://acme.my.salesforce.com', consumer_key: key, "
    "consumer_secret: {secret}, base_url: '{url}'}}",
}


@pytest.mark.parametrize("crm", sorted(SETTINGS))
def test_a_certificate_that_nobody_vouches_for_is_refused(cli: Cli, impostor: tuple[str, list[str]], crm: str) -> None:  # noqa: F811
    url, heard = impostor
    settings = SETTINGS[crm].format(secret="'${HUBSPOT_TOKEN}'", url=url)
    cli.write(f"version: 1\nconnections:\n  - {{name: main, crm: {crm}, settings: {settings}}}\n")
    result = cli.run("check", environ={"HUBSPOT_TOKEN": CANARY})
    assert result.code == 4, result.out + result.err
    assert "TLS connection failed" in result.out + result.err
    assert result.err.count("trying again") == 6, result.err
    assert CANARY not in result.out + result.err
    assert heard == []


@pytest.mark.parametrize("channel", ["slack", "webhook"])
def test_news_does_not_go_to_somebody_in_the_middle(cli: Cli, impostor: tuple[str, list[str]], channel: str) -> None:  # noqa: F811
    url, heard = impostor
    cli.write(f"{cli.config.read_text()}notifications: [{{type: {channel}, url: '{url}/{CANARY}'}}]\n")
    result = cli.run("notify", "test")
    assert result.code != 0
    assert CANARY not in result.out + result.err
    assert heard == []


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


def _certificate(folder: Path) -> ssl.SSLContext:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
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

    def finish_request(self, request: Any, client_address: Any) -> None:
        try:
            with self.context.wrap_socket(request, server_side=True) as secure:
                super().finish_request(secure, client_address)
        except OSError:  # who connects does not trust us: that is the point
            return


@contextmanager
def _serving(context: ssl.SSLContext, handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    with _Server(("127.0.0.1", 0), handler) as server:
        server.context = context
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()
