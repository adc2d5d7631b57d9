"""A small fast HTTP/1.1 server for loopback: one thread per connection, keep-alive, and broken answers on demand."""

import contextlib
import gzip
import socket
import struct
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from io import BufferedReader
from typing import Protocol

HOST = "127.0.0.1"
MAX_BODY = 64 * 1024 * 1024
_COMPRESSION = 1
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Request:
    """What came over the wire. Header names are lower case; `path` is without the query."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    target_length: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back. `cut` sends only so many bytes of the body and resets the connection; 0 sends nothing.

    `chunks` in place of a body streams it, made piece by piece while it is sent.
    `hang_up` resets it after the whole answer; `mangle` spoils a zipped body on its way.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json;charset=utf-8"
    cut: int | None = None
    chunks: Callable[[], Iterable[bytes]] | None = None
    hang_up: bool = False
    mangle: Callable[[bytes], bytes] | None = None


class Stream(Protocol):
    """Where requests are read from."""

    def readline(self, limit: int, /) -> bytes: ...
    def read(self, size: int, /) -> bytes: ...


Handler = Callable[[Request], Answer]
BROKEN = Answer(400, b"<html><body><h1>400 Bad Request</h1></body></html>", content_type="text/html")


class HttpServer:
    """Listens on loopback only. `stop` closes every connection and waits for every thread."""

    def __init__(self, handler: Handler, port: int = 0) -> None:
        self._handler = handler
        self._listener = socket.create_server((HOST, port), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._stopping = False
        self._acceptor = threading.Thread(target=self._accept, name="sandbox-accept", daemon=True)

    def start(self) -> None:
        self._acceptor.start()

    def stop(self) -> None:
        with self._lock:
            self._stopping = True
            threads = [self._acceptor, *self._connections.values()]
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            socket.create_connection((HOST, self.port), timeout=1).close()  # wakes the acceptor on every system
        for thread in threads:
            thread.join(timeout=10)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            connection, _address = self._listener.accept()
            with self._lock:
                if self._stopping:
                    connection.close()
                    return
                thread = threading.Thread(target=self._serve, args=(connection,), name="sandbox", daemon=True)
                self._connections[connection] = thread
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with (
                BufferedReader(connection.makefile("rb", buffering=0), 65_536) as stream,
                contextlib.suppress(OSError, EOFError),
            ):
                while self._exchange(connection, stream):
                    pass
        finally:
            with self._lock:
                self._connections.pop(connection, None)
            connection.close()

    def _exchange(self, connection: socket.socket, stream: Stream) -> bool:
        """One request and its answer; False ends the connection."""
        try:
            request = read_request(stream)
        except ValueError:
            connection.sendall(_wire(BROKEN, close=True, zipped=False))
            return False
        if request is None:
            return False
        answer = self._handler(request)
        close = request.headers.get("connection", "").lower() == "close"
        zipped = "gzip" in request.headers.get("accept-encoding", "")
        if answer.chunks is not None and answer.cut != 0:
            return self._stream(connection, answer, answer.chunks(), close=close, zipped=zipped)
        wire = _wire(answer, close=close, zipped=zipped)
        if answer.cut is None:
            connection.sendall(wire)
            if not answer.hang_up:
                return not close
        elif answer.cut:
            head = wire.index(b"\r\n\r\n") + 4
            connection.sendall(wire[: head + min(answer.cut, (len(wire) - head) // 2)])  # zipped, it is shorter
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        return False

    def _stream(
        self, connection: socket.socket, answer: Answer, chunks: Iterable[bytes], *, close: bool, zipped: bool
    ) -> bool:
        """A body of unknown length in chunks; cut, it ends without the last one."""
        connection.sendall(_stream_head(answer, close=close, zipped=zipped))
        left = answer.cut
        for piece in _deflated(chunks) if zipped else chunks:
            sent = piece if left is None else piece[:left]
            if sent:
                connection.sendall(b"%x\r\n%b\r\n" % (len(sent), sent))
            if left is not None and (left := left - len(sent)) <= 0:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                return False
        connection.sendall(b"0\r\n\r\n")
        return not close


def read_request(stream: Stream) -> Request | None:
    """The next request, or None when the client hung up; ValueError when it is not HTTP."""
    line = stream.readline(1_048_576)
    if not line:
        return None
    method, target, _version = line.decode("latin-1").split()
    headers: dict[str, str] = {}
    while (line := stream.readline(65_536)) not in (b"\r\n", b"\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= MAX_BODY:
        raise ValueError(f"a body of {length} bytes")
    path, _, query = target.partition("?")
    return Request(method, path, query, headers, stream.read(length) if length else b"", len(target))


def _wire(answer: Answer, *, close: bool, zipped: bool) -> bytes:
    body, headers = answer.body, dict(answer.headers)
    if zipped and (len(body) > 512 or answer.mangle):
        body = gzip.compress(body, _COMPRESSION, mtime=0)
        body = answer.mangle(body) if answer.mangle else body
        headers["Content-Encoding"] = "gzip"
    if answer.status != HTTPStatus.NO_CONTENT:
        headers["Content-Type"] = answer.content_type
    headers["Content-Length"] = str(len(body))
    return _head(answer.status, headers, close=close) + body


def _stream_head(answer: Answer, *, close: bool, zipped: bool) -> bytes:
    headers = {**answer.headers, "Content-Type": answer.content_type, "Transfer-Encoding": "chunked"}
    if zipped:
        headers["Content-Encoding"] = "gzip"
    return _head(answer.status, headers, close=close)


def _head(status: int, headers: Mapping[str, str], *, close: bool) -> bytes:
    more = {"Connection": "close"} if close else {}
    lines = "".join(f"{name}: {value}\r\n" for name, value in {**headers, **more}.items())
    return f"HTTP/1.1 {status} {_reason(status)}\r\n{lines}\r\n".encode("latin-1")


def _deflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(_COMPRESSION, wbits=zlib.MAX_WBITS | 16)
    for chunk in chunks:
        yield packer.compress(chunk)
    yield packer.flush()


_REASONS = {int(status): status.phrase for status in HTTPStatus} | {
    420: "Edge Has No Route",
    477: "Migration In Progress",
    524: "A Timeout Occurred",
}


def _reason(status: int) -> str:
    return _REASONS.get(status, "Unknown")
