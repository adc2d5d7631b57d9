"""What every connector is: streams to read, a check, and pages. Its data types stand in `store.page`."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from threading import Lock
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel

from connectors.discovery import Discoverer, Discovery
from store.known import Known, NothingKnown
from store.page import Children, Cursor, Merge, Page, Rejection
from store.records import Account, Statement

__all__ = [
    "Checked",
    "Children",
    "Connector",
    "Context",
    "Cursor",
    "Discoverer",
    "Discovery",
    "Merge",
    "Meter",
    "Page",
    "Rejection",
    "Stream",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One sequence of records with its own checkpoint.

    `entity` is what it is mainly about. `every` is its cadence, None for each run. A stream may complete another one
    (`of`): it sees what that one can't, and is read after it. With `implied`, the first full read of that one does
    its work too, and its cadence counts from then on. An `optional` one is not in every account: where the CRM doesn't
    let it be read it is skipped, with the reason, and nothing is wrong. `prefix` is what the ids of its records begin
    with, where it shares a table with other streams.
    """

    name: str
    entity: type[Statement]
    every: timedelta | None = None
    of: str = ""
    implied: bool = False
    optional: bool = False
    prefix: str = ""


class Meter:
    """Counts the requests of a stream and its retries by reason. Safe between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.requests = 0
        self.retries: Counter[str] = Counter()

    def request(self) -> None:
        """One request was sent."""
        with self._lock:
            self.requests += 1

    def retry(self, reason: str) -> None:
        """One request is sent again."""
        with self._lock:
            self.retries[reason] += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a connector gets from outside: what is known, the time, sleep and chance, and the books.

    `sleep` raises StoppedError when somebody asks the run to stop. `notice` hears, in a sentence, why we wait.
    `allow_shrink` lifts the brake of reconciliations.
    """

    known: Known = field(default_factory=NothingKnown)
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    random: Random
    meters: dict[str, Meter] = field(default_factory=dict)
    notice: Callable[[str], None] = lambda words: None
    allow_shrink: bool = False

    def meter(self, stream: str) -> Meter:
        """The meter of a stream."""
        return self.meters.setdefault(stream, Meter())


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check found: who we are, which streams can be read (empty text) or why not, what is left of the budget.

    `left_out` are optional streams that can't be read, and why: nothing is wrong with that. `clock_difference` is the
    CRM's clock minus ours.
    """

    account: Account
    streams: Mapping[str, str]
    budget: Mapping[str, Any]
    clock_difference: timedelta
    left_out: Mapping[str, str] = field(default_factory=dict)


class Connector(Protocol):
    """Reads one CRM account. Built from its own Settings and a Context; closed when the run ends.

    Every method may raise a ConnectorError.
    """

    Settings: ClassVar[type[BaseModel]]

    def __init__(self, settings: Any, context: Context) -> None: ...

    @property
    def streams(self) -> Sequence[Stream]:
        """Parents before children."""
        ...

    def open(self) -> Account:
        """The first call of a run: proves the credentials, says which account answers. Sets `now`."""
        ...

    def now(self) -> datetime:
        """The time by the CRM's clock, UTC."""
        ...

    def check(self) -> Checked:
        """Who am I, what may I read, what is the API budget."""
        ...

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Page]:
        """The pages of a stream from a cursor on (None: from the beginning)."""
        ...

    def close(self) -> None:
        """Give back what is held open."""
        ...
