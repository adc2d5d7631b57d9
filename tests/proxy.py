"""A forwarding proxy on loopback, as a company has one: it asks for a password, and refuses what it doesn't like."""

import base64
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

HOPS = {"proxy-authorization", "proxy-connection", "connection", "transfer-encoding", "keep-alive"}


@dataclass
class Proxy:
    """Lets through whoever says `login` (everybody, where there is none); answers `refuses` to all where it is set."""

    port: int = 0
    login: str = ""
    refuses: int = 0
    asked: list[str] = field(default_factory=list)
    """Method and target of every request, as they came."""

    def url(self, login: str = "") -> str:
        """Its address, with a user and a password in it."""
        return f"http://{login}{'@' if login else ''}127.0.0.1:{self.port}"

    def lets_through(self, said: str | None) -> bool:
        """Whether it likes a `Proxy-Authorization`."""
        return not self.login or said == "Basic " + base64.b64encode(self.login.encode("latin-1")).decode()


@contextmanager
def proxy(*, login: str = "", refuses: int = 0) -> Iterator[Proxy]:
    """A proxy that runs."""
    kept = Proxy(login=login, refuses=refuses)

    class Handler(_Handler):
        proxy = kept

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept.port = server.server_port
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield kept
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    proxy: Proxy

    def do_GET(self) -> None:
        if self._is_welcome():
            self._forward()

    def do_POST(self) -> None:
        self.do_GET()

    def do_CONNECT(self) -> None:
        if self._is_welcome():
            host, _, port = self.path.rpartition(":")
            with socket.create_connection((host, int(port)), timeout=10) as there:
                self.send_response(200)
                self.end_headers()
                self._pass_on(there)
        self.close_connection = True

    def _is_welcome(self) -> bool:
        self.proxy.asked.append(f"{self.command} {self.path}")
        status = self.proxy.refuses
        if not self.proxy.lets_through(self.headers["Proxy-Authorization"]):
            status = 407
        if not status:
            return True
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.send_response(status)
        self.send_header("Proxy-Authenticate", 'Basic realm="company"')
        self.send_header("Content-Length", "0")
        self.end_headers()
        return False

    def _forward(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOPS}
        there = HTTPConnection(parts.netloc, timeout=30)
        there.request(self.command, f"{parts.path}?{parts.query}", body, headers)
        answer = there.getresponse()
        data = answer.read()
        there.close()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOPS | {"content-length", "date", "server"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _pass_on(self, there: socket.socket) -> None:
        ways = {self.connection: there, there: self.connection}
        while readable := select.select(list(ways), [], [], 10)[0]:
            for each in readable:
                data = each.recv(65536)
                if not data:
                    return
                ways[each].sendall(data)

    def log_message(self, format: str, *args: object) -> None:
        pass
