"""Slack, Telegram, a webhook and a mail server, as a test needs them: they keep what they get."""

import smtplib
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import TypeVar

Server = TypeVar("Server", bound=socketserver.BaseServer)


@dataclass
class Got:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Answers `status` to everything and keeps it."""

    url: str = ""
    status: int = 200
    got: list[Got] = field(default_factory=list)
    came: Event = field(default_factory=Event)


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A receiver over HTTP."""
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.got.append(Got(self.path, dict(self.headers.items()), body))
            kept.came.set()
            self.send_response(kept.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with _serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        kept.url = f"http://127.0.0.1:{server.server_port}"
        yield kept


@dataclass
class Mailbox:
    """What a mail server took."""

    port: int = 0
    mails: list[str] = field(default_factory=list)


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """A mail server that takes everything (SMTP without encryption, as on a loopback)."""
    kept = Mailbox()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 here")
            while line := self.rfile.readline():
                match line.split()[0].upper():
                    case b"DATA":
                        self.say("354 go on")
                        kept.mails.append("".join(iter(lambda: self.rfile.readline().decode(), ".\r\n")))
                        self.say("250 taken")
                    case b"QUIT":
                        self.say("221 bye")
                        return
                    case _:
                        self.say("250 fine")

        def say(self, words: str) -> None:
            self.wfile.write(f"{words}{smtplib.CRLF}".encode())

    with _serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as server:
        kept.port = server.socket.getsockname()[1]
        yield kept


@contextmanager
def _serving(server: Server) -> Iterator[Server]:
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
