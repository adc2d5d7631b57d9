"""Handing connections that are due to workers, on whatever machines they are."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol


class BrokerError(Exception):
    """The broker of the workers' queue did not take a wish, or can't be used at all."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class Queue(Protocol):
    """Where workers wait for wishes: a connection's name and when its run was wanted, never settings or secrets."""

    def ask(self, connection: str, *, wanted_at: datetime, for_: timedelta) -> None:
        """Ask for a run; nobody need do it any more once `for_` has passed. Raises BrokerError."""
        ...


class Handover:
    """Asks for runs, and remembers what the broker did not take.

    A run that was asked for again, because a worker fell silent, is not asked for a third time before `patience`.
    """

    def __init__(self, queue: Queue, tell: Callable[..., Any], complain: Callable[..., Any]) -> None:
        self._queue = queue
        self._tell = tell
        self._complain = complain
        self._untaken: set[str] = set()
        self._rescued: dict[str, datetime] = {}

    @property
    def untaken(self) -> frozenset[str]:
        """Connections that are due and of which the broker doesn't know."""
        return frozenset(self._untaken)

    def ask(self, connection: str, *, now: datetime, for_: timedelta) -> None:
        """Ask for a run, and log what became of that; the first of several refusals only."""
        try:
            self._queue.ask(connection, wanted_at=now, for_=for_)
        except BrokerError as error:
            if connection not in self._untaken:
                self._untaken.add(connection)
                self._complain(
                    f"{connection} waits: {error}", action="broker_away", connection=connection, hint=error.hint
                )
            return
        self._untaken.discard(connection)
        self._tell(f"{connection}: asked a worker to run it", action="asked", connection=connection)

    def may_rescue(self, connection: str, *, now: datetime, patience: timedelta) -> bool:
        """Whether to ask again for a connection whose worker fell silent; notes that it was done."""
        last = self._rescued.get(connection)
        if last is not None and now - last < patience:
            return False
        self._rescued[connection] = now
        return True
