"""Reconcile: compare with the CRM's totals on demand, and read again what differs."""

from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Event

from connectors.base import Connector
from store import differences
from store.database import Database
from store.differences import Compared
from sync.clock import Clock
from sync.compare import compare
from sync.identity import insist_own
from sync.outcome import RunOutcome
from sync.plan import Plan
from sync.run import execute

REPAIRING = ("archived", "calculated", "reconcile")
"""The passes that see what changes don't tell."""
LATE = "late"
"""The pass over changes once more; the others bring what hangs on a record, such as the history of a deal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What a comparison found, and the runs that read again what differed."""

    compared: list[Compared]
    runs: tuple[RunOutcome, ...] = ()

    @property
    def unexplained(self) -> list[Compared]:
        """The differences that nothing explains."""
        return [each for each in self.compared if each.is_real]

    @property
    def differing(self) -> set[str]:
        """The objects with such a difference."""
        return {each.object for each in self.unexplained}


def reconcile(
    database: Database, plan: Plan, *, version: str, clock: Clock, stop: Event, repair: bool = False
) -> Reconciled:
    """Compare; with `repair` read again what differs and compare that once more. Keeps what it finds.

    Raises a ConnectorError, StoreError, LeaseHeldError (only to repair), or StoppedError.
    """
    with _opened(database, plan, clock, stop) as connector:
        found = Reconciled(compared=compare(database, plan.connection, connector))
        passes, anew = _again(connector, found.differing)
    _keep(database, plan.connection, found, clock)
    if not repair or not found.differing:
        return found
    plans = [replace(plan, only=passes, deep=True), replace(plan, only=anew, full=True)]
    runs = [
        execute(database, each, version=version, clock=clock, stop=stop)
        for each in plans
        if each.only and not stop.is_set()
    ]
    with _opened(database, plan, clock, stop) as connector:
        again = compare(database, plan.connection, connector, only=found.differing)
    unchanged = [each for each in found.compared if each.object not in found.differing]
    after = Reconciled(compared=[*unchanged, *again], runs=tuple(runs))
    _keep(database, plan.connection, after, clock)
    return after


def _again(connector: Connector, objects: Set[str]) -> tuple[set[str], set[str]]:
    """The passes that repair some objects; and, to be read from the beginning, what hangs on these, and the others."""
    names = {stream.name for stream in connector.streams}
    whole = {name for name in objects if f"{name}.reconcile" not in names}
    passes = {f"{name}.{which}" for name in objects - whole for which in REPAIRING} & names
    late = {f"{name}.{LATE}" for name in objects}
    hanging = {stream.name for stream in connector.streams if stream.of in objects - whole} - passes - late
    return passes, whole | hanging


@contextmanager
def _opened(database: Database, plan: Plan, clock: Clock, stop: Event) -> Iterator[Connector]:
    connector = plan.connector(plan.context(database, clock, stop))
    try:
        insist_own(database, plan.connection, connector.open())
        yield connector
    finally:
        connector.close()


def _keep(database: Database, connection: str, found: Reconciled, clock: Clock) -> None:
    with database.write() as tx:
        differences.keep(tx, connection, found.compared, now=clock.now())
