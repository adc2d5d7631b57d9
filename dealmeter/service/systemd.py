"""Tells systemd how we are: ready, alive, what is next, stopping. Without systemd it does nothing.

The protocol is a datagram of `KEY=value` lines to the socket that NOTIFY_SOCKET names (sd_notify(3)).
"""

import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from sync.cycle import CycleOutcome


class Systemd:
    """A watcher of the daemon. `WATCHDOG=1` is sent only when the scheduler has moved."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._tell = _teller(environ.get("NOTIFY_SOCKET", ""))

    def started(self, connections: Sequence[str]) -> None:
        count = len(connections)
        self._tell("READY=1", f"STATUS=watching {count} connection{'s' * (count != 1)}")

    def beat(self, now: datetime) -> None:
        self._tell("WATCHDOG=1")

    def ended(self, outcome: CycleOutcome, seconds: float, now: datetime) -> None:
        self._tell(f"STATUS={outcome.run.connection}: {outcome.run.outcome} at {now:%H:%M} UTC")

    def crashed(self, connection: str, error: BaseException, now: datetime) -> None:
        self._tell(f"STATUS={connection}: crashed at {now:%H:%M} UTC ({type(error).__name__})")

    def stopping(self) -> None:
        self._tell("STOPPING=1")


def _teller(address: str) -> Callable[..., None]:
    if not address:
        return lambda *lines: None
    target = "\0" + address[1:] if address.startswith("@") else address

    def tell(*lines: str) -> None:
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.sendto("\n".join(lines).encode(), target)

    return tell
