"""What every fake CRM is: an HTTP server on loopback that runs, waits, and may hold a request."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from dealmeter.sandbox.faults import Fault
from dealmeter.sandbox.hold import Hold
from dealmeter.sandbox.http import HOST, Answer, HttpServer, Request


class Served:
    """Answers from `start` (or `with`) until `stop`, each answer `latency_ms` late, and calls `closed` at the end."""

    slow_seconds = 0.0
    """How long the fault `slow` takes."""

    def __init__(
        self, handle: Callable[[Request], Answer], port: int, *, latency_ms: int, closed: Callable[[], None]
    ) -> None:
        self.latency_ms = latency_ms
        self._closed = closed
        self._hold = Hold()
        self._stopping = threading.Event()
        self._http = HttpServer(handle, port)

    def start(self) -> Self:
        self._http.start()
        return self

    def stop(self) -> None:
        """Close every connection and end every thread; a held request is let go."""
        self._stopping.set()
        self._hold.release()
        self._http.stop()
        self._closed()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        return self._http.port

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def held(self) -> threading.Event:
        """Set once the request chosen by `hold` has arrived and waits."""
        return self._hold.held

    def hold(self, at_request: int = 1) -> None:
        """Leave the n-th request from now without an answer until `release`."""
        self._hold.at(at_request)

    def release(self) -> None:
        self._hold.release()

    def _delay(self, fault: Fault | None) -> None:
        seconds = self.latency_ms / 1000
        if fault and fault.kind == "latency":
            seconds += 1.0 if fault.seconds is None else fault.seconds
        if fault and fault.kind == "slow":
            seconds += self.slow_seconds
        if seconds:
            self._stopping.wait(seconds)
