"""`/healthz`, `/readyz` and `/metrics`, over HTTP, for whoever looks after the service."""

import json
from collections.abc import Callable
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from dealmeter.config.addresses import split
from dealmeter.errors import UsageError
from dealmeter.service.health import Health
from dealmeter.service.metrics import Metrics

TEXT, JSON, PROMETHEUS = "text/plain; charset=utf-8", "application/json", "text/plain; version=0.0.4; charset=utf-8"
Answer = tuple[int, str, bytes]


class Listener:
    """Listens while the block lasts. Reads nothing from a request but its path; answers GET and HEAD only.

    Raises UsageError for an address that can't be had.
    """

    def __init__(self, address: str, health: Health, metrics: Metrics) -> None:
        host, port = split(address)
        pages = {
            "/healthz": lambda query: (200, TEXT, b"ok\n"),
            "/readyz": lambda query: _ready(health, verbose="verbose" in query),
            "/metrics": lambda query: (200, PROMETHEUS, metrics.text()),
        }
        try:
            self._server = ThreadingHTTPServer((host, port), _handler(pages))
        except OSError as error:
            raise UsageError(
                f"service.listen: {address} can't be listened on: {(error.strerror or str(error)).lower()}",
                hint="name another port in `service.listen`, or null to have no listener",
            ) from None
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="listener")

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _ready(health: Health, *, verbose: bool) -> Answer:
    found = health.look()
    is_well = all(finding.is_well for finding in found)
    status = 200 if is_well else 503
    if verbose:
        document = {"ready": is_well, "checks": [asdict(finding) for finding in found]}
        return status, JSON, json.dumps(document).encode() + b"\n"
    said = "ready" if is_well else "; ".join(f"{one.name}: {one.said}" for one in found if not one.is_well)
    return status, TEXT, f"{said}\n".encode()


def _handler(pages: "dict[str, Callable[[str], Answer]]") -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10
        server_version = "dealmeter"
        sys_version = ""

        def do_GET(self) -> None:  # http.server calls it so
            asked = urlsplit(self.path)
            page = pages.get(asked.path)
            status, kind, body = page(asked.query) if page else (404, TEXT, b"there are /healthz /readyz /metrics\n")
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """Probes come every few seconds: not a word."""

    return Handler
