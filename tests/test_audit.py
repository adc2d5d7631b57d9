"""`make audit`: the very script, against a database of vulnerabilities that answers as OSV does."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from socket import create_server
from threading import Thread
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / ".ci" / "audit"

pytestmark = pytest.mark.skipif(
    not (ROOT / ".venv/bin/pip-audit").exists(), reason="the checkout has no .venv: `make dev` makes one"
)


@dataclass
class Osv:
    """A database on loopback: what it knows by package, what it was asked."""

    known: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    page: bytes = b""
    """A web page instead of every answer."""

    def answer(self, question: dict[str, Any]) -> bytes:
        """As OSV's `/v1/query`: an empty object where nothing is known."""
        name = question["package"]["name"]
        self.asked[name] = question["version"]
        return self.page or json.dumps({"vulns": [self.known[name]]} if name in self.known else {}).encode()


@contextmanager
def serving(osv: Osv) -> Iterator[str]:
    """Its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = osv.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()
        thread.join()


def audit(url: str, folder: Path) -> tuple[int, str]:
    """The exit code and all that was said."""
    environ = {**os.environ, "PIP_AUDIT_OSV_URL": url, "XDG_CACHE_HOME": str(folder), "NO_PROXY": "127.0.0.1"}
    done = subprocess.run([SCRIPT], env=environ, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def test_nothing_known_is_said_in_one_line(tmp_path: Path) -> None:
    osv = Osv()
    with serving(osv) as url:
        code, said = audit(url, tmp_path)
    assert code == 0, said
    assert "No known vulnerabilities found" in said
    assert osv.asked["sqlalchemy"] == version("sqlalchemy")
    assert "dealmeter" not in osv.asked
    assert len(osv.asked) > 50


def test_a_vulnerability_fails_and_names_package_id_and_the_version_that_mends_it(tmp_path: Path) -> None:
    affected = {
        "package": {"name": "tenacity", "ecosystem": "PyPI"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1.2"}]}],
    }
    vulnerability = {"id": "PYSEC-2099-1", "summary": "waits for ever", "affected": [affected]}
    with serving(Osv(known={"tenacity": vulnerability})) as url:
        code, said = audit(url, tmp_path)
    assert code == 1, said
    assert "Found 1 known vulnerability in 1 package" in said
    row = next(line.split() for line in said.splitlines() if line.startswith("tenacity"))
    assert row[:4] == ["tenacity", version("tenacity"), "PYSEC-2099-1", "99.1.2"]


def test_a_database_that_is_not_there_is_skipped_visibly(tmp_path: Path) -> None:
    with create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1/query"
    code, said = audit(url, tmp_path)
    assert code == 0
    assert said.startswith(f"skipped: the vulnerability database at {url} can't be reached: ")
    assert "refused" in said


def test_a_page_that_asks_to_sign_in_is_no_database(tmp_path: Path) -> None:
    with serving(Osv(page=b"<html>Sign in</html>")) as url:
        code, said = audit(url, tmp_path)
    assert code == 0
    assert said.startswith("skipped: ")
