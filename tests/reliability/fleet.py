"""Several daemons on one database, each in a process of its own, and who holds what of the connections."""

import json
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Any

from sqlalchemy import select

from dealmeter.sandbox.hubspot import HubSpotSandbox
from store.database import Database
from store.leases import LEASES
from store.runs import RUNS
from sync.turn import KPIS
from tests.daemon import Service, service

MORE = """kpis: {{include: [revenue], calendars: [gregorian]}}
service: {{listen: null, lease: {lease}}}
database: {{url: "{url}"}}
"""
LONGEST_S = 300.0
"""How long a busy machine may take; a quiet one needs a tenth."""
LOOK_AGAIN_S = 0.1


class Member:
    """One daemon. A thread reads its log to the end, so that it never waits for a reader."""

    def __init__(self, running: Service) -> None:
        self.process = running.process
        self.told: list[dict[str, Any]] = []
        self._thread = Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.told.append(json.loads(line) if line.startswith("{") else {"said": line})

    def of(self, *actions: str) -> list[dict[str, Any]]:
        """What it has told of these actions."""
        return [entry for entry in list(self.told) if entry.get("action") in actions]

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def stop(self) -> int:
        """Ask it to stop, and wait for the end of its log."""
        self.send(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        self._thread.join(10)
        return code


class Fleet:
    """Daemons with one configuration, started as they are wanted."""

    def __init__(
        self, stack: ExitStack, folder: Path, sandbox: HubSpotSandbox, url: str, *names: str, **configured: Any
    ) -> None:
        self._stack, self._folder, self._sandbox = stack, folder, sandbox
        self._more = MORE.format(
            url=url.replace("postgresql+psycopg", "postgresql"), lease=configured.pop("lease", "5s")
        )
        self._configured: dict[str, Any] = {"connections": names, **configured}
        self.members: list[Member] = []
        self.database = stack.enter_context(Database(url))

    def start(self, count: int = 1) -> list[Member]:
        """So many more, at work."""
        begun = []
        for _ in range(count):
            place = self._folder / str(len(self.members))
            place.mkdir()
            running = self._stack.enter_context(service(place, self._sandbox, more=self._more, **self._configured))
            self.members.append(Member(running))
            begun.append(self.members[-1])
        self.until(lambda: all(one.of("started") or one.process.poll() is not None for one in begun))
        assert all(one.of("started") for one in begun), [one.told for one in begun]
        return begun

    def until(self, what: Callable[[], bool], longest_s: float = LONGEST_S) -> None:
        """Wait until something is so; with what was told where it never is."""
        until(what, self.members, longest_s)

    def runs(self) -> list[dict[str, Any]]:
        """Every run, as the books have it, in the order in which they began."""
        return runs(self.database)

    def served(self, connection: str) -> int:
        """How many good runs a connection had."""
        return sum(1 for run in self.runs() if (run["connection"], run["outcome"]) == (connection, "ok"))

    def held_by(self, member: Member) -> set[str]:
        """The connections whose lease a daemon has at this moment."""
        with self.database.read() as tx:
            rows = tx.execute(select(LEASES).where(LEASES.c.holder != "")).mappings().all()
        mine = {row["connection"] for row in rows if row["holder"].split(":")[-2] == str(member.process.pid)}
        return mine - {KPIS}


@contextmanager
def fleet(folder: Path, sandbox: HubSpotSandbox, url: str, *names: str, **configured: Any) -> Iterator[Fleet]:
    """A fleet of none yet; its daemons are gone at the end, whatever happened."""
    with ExitStack() as stack:
        yield Fleet(stack, folder, sandbox, url, *names, **configured)


def until(what: Callable[[], bool], members: Sequence[Member], longest_s: float = LONGEST_S) -> None:
    """Wait until something is so; with what members have told where it never is."""
    end = monotonic() + longest_s
    while not what():
        assert monotonic() < end, [(one.process.poll(), one.told[-5:]) for one in members]
        Event().wait(LOOK_AGAIN_S)


def runs(database: Database) -> list[dict[str, Any]]:
    """Every run, as the books have it, in the order in which they began."""
    with database.read() as tx:
        return [dict(row) for row in tx.execute(select(RUNS).order_by(RUNS.c.started_at, RUNS.c.id)).mappings()]


def assert_never_twice_at_a_time(database: Database) -> None:
    """No run of a connection began before the one before it had ended, or had been given up."""
    rows = sorted(runs(database), key=lambda row: (row["connection"], row["token"]))
    assert rows
    for one, other in pairwise(rows):
        if one["connection"] == other["connection"]:
            assert one["token"] < other["token"], (one, other)
            assert one["finished_at"] <= other["started_at"], (one, other)


def plain(url: str) -> str:
    """As a person writes it."""
    return url.replace("postgresql+psycopg", "postgresql")
