"""Where the rows of an object type come from: settings, records of the world, or the histories of those records."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple, Protocol

from dealmeter.sandbox.record import Kind, Record
from dealmeter.sandbox.salesforce import ids
from dealmeter.sandbox.salesforce.keys import Keys, key
from dealmeter.sandbox.salesforce.texts import seconds
from dealmeter.sandbox.world import World

Row = Any
"""A Record, an `Of`, or a mapping of field names to values: only the fields of its type know."""


class Gone(NamedTuple):
    """An entry of the delete log: second, serial."""

    second: int
    serial: int


class Source(Protocol):
    """`hidden` are serials that only queryAll shows, `unshared` those that no query does; `gone` is the delete log,
    oldest first."""

    @property
    def keys(self) -> Keys: ...
    @property
    def hidden(self) -> set[int]: ...
    @property
    def unshared(self) -> Set[int]: ...
    @property
    def gone(self) -> Sequence[Gone]: ...
    def refresh(self) -> None: ...
    def get(self, serial: int) -> Row | None: ...


class Of(NamedTuple):
    """A record of a type that several kinds of the world share."""

    kind: Kind
    record: Record


class Settings:
    """A few rows made anew whenever somebody looks: users, stages, currencies. They are never deleted."""

    gone: Sequence[Gone] = ()
    unshared: Set[int] = frozenset()

    def __init__(self, make: Callable[[], Iterable[Mapping[str, Any]]]) -> None:
        self.keys = Keys()
        self.hidden: set[int] = set()
        self._make = make
        self._rows: dict[int, Mapping[str, Any]] = {}

    def refresh(self) -> None:
        rows = {}
        for row in self._make():
            parsed = ids.parse(row["Id"])
            assert parsed is not None, "made by ids.text"
            rows[parsed[1]] = row
        self._rows = rows
        self.keys.load(key(seconds(row["SystemModstamp"]), serial) for serial, row in rows.items())

    def get(self, serial: int) -> Row | None:
        return self._rows.get(serial)


Listener = Callable[[int, Record | None, Record | None], None]
"""Told of each new visible version: serial, before, after."""


class Mirror:
    """The records of one or more kinds, recycle bin included, as far as their transactions are committed."""

    def __init__(
        self,
        world: World,
        kinds: Sequence[Kind],
        *,
        hide: Callable[[Record], bool] = lambda record: record.archived is not None,
        takes: Callable[[Record], bool] = lambda record: True,
    ) -> None:
        self.keys = Keys()
        self.hidden: set[int] = set()
        self.unshared: set[int] = set()
        self.gone: list[Gone] = []
        self.kinds = tuple(kinds)
        self._world, self._hide, self._takes = world, hide, takes
        self._shared = len(self.kinds) > 1
        self._codes = {kind: code for code, kind in enumerate(self.kinds)}
        self._rows: dict[int, Record] = {}
        self._waiting: deque[tuple[int, int, Kind, int, Record | None]] = deque()
        self._listeners: list[Listener] = []
        self._load()

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def records(self) -> Iterator[tuple[int, Record]]:
        """Serial and record of every row."""
        return iter(self._rows.items())

    def record(self, serial: int) -> Record | None:
        return self._rows.get(serial)

    def get(self, serial: int) -> Row | None:
        record = self._rows.get(serial)
        if record is None or not self._shared:
            return record
        return Of(self.kinds[ids.code_and_number(serial)[0]], record)

    def serial(self, kind: Kind, number: int) -> int:
        return ids.serial(number, self._codes[kind])

    def hear(self, at: int, kind: Kind, number: int, record: Record | None, delay: int) -> None:
        """The world changed; the change shows once `delay` milliseconds have passed."""
        record = record or self._world.tables[kind].archived.get(number)
        self._waiting.append((self._world.clock.ms() + delay, at, kind, number, record))

    def refresh(self) -> None:
        if not self._waiting:
            return
        now, later = self._world.clock.ms(), []
        while self._waiting:
            waiting = self._waiting.popleft()
            if waiting[0] <= now:
                _due, at, kind, number, record = waiting
                self._apply(at, self.serial(kind, number), record)
            else:
                later.append(waiting)
        self._waiting.extend(later)

    @property
    def open_since(self) -> list[int]:
        """When each change that does not show yet was stamped (ms)."""
        return [waiting[1] for waiting in self._waiting]

    def _load(self) -> None:
        self._rows = {
            self.serial(kind, record.id): record
            for kind in self.kinds
            for shelf in (self._world.tables[kind].live, self._world.tables[kind].archived)
            for record in shelf
            if self._takes(record)
        }
        self.keys.load(key(record.modified // 1000, serial) for serial, record in self._rows.items())
        self.hidden.update(serial for serial, record in self._rows.items() if self._hide(record))
        self.gone = sorted(
            Gone(record.archived // 1000, serial)
            for serial, record in self._rows.items()
            if record.archived is not None
        )

    def _apply(self, at: int, serial: int, new: Record | None) -> None:
        if new is not None and not self._takes(new):
            new = None
        old = self._rows.get(serial)
        if new is not None:
            self._rows[serial] = new
        elif old is not None:
            del self._rows[serial]
        self.keys.replace(_key(old, serial), _key(new, serial))
        self._log(at, serial, old, new)
        (self.hidden.add if new is not None and self._hide(new) else self.hidden.discard)(serial)
        for listener in self._listeners:
            listener(serial, old, new)

    def _log(self, at: int, serial: int, old: Record | None, new: Record | None) -> None:
        alive, deleted = old is not None and old.archived is None, new is None or new.archived is not None
        if alive and deleted:
            self.gone.append(Gone(at // 1000, serial))
        elif new is not None and new.archived is None:
            self.gone = [gone for gone in self.gone if gone.serial != serial]


def _key(record: Record | None, serial: int) -> int | None:
    return None if record is None else key(record.modified // 1000, serial)


PER_RECORD = 1_000
"""How many history rows one record may have; ids stay in order."""


class Past(NamedTuple):
    """Rows that hang on one record. `moments` are milliseconds, one per row, in a lasting order; `row` gets the
    record, the place and the second. `linked` rows come from links, which carry no stamp of their own.
    """

    moments: Callable[[Record], Sequence[int]]
    row: Callable[[Record, int, int], Row]
    linked: bool = False


class History:
    """Rows worked out from a mirror's records when somebody looks; indexed at the first look."""

    def __init__(self, world: World, mirror: Mirror, past: Past) -> None:
        self.keys = Keys()
        self.hidden: set[int] = set()
        self.gone: list[Gone] = []
        self._world, self._mirror, self._past = world, mirror, past
        self._stamps: dict[int, tuple[int, ...]] = {}
        self._loaded = False

    def refresh(self) -> None:
        self._mirror.refresh()
        if self._loaded:
            return
        self._loaded = True
        self.keys.load(key for serial, record in self._mirror.records() for key in self._keys_of(serial, record))
        if self._past.linked:
            self._stamps = {serial: self._seconds(record) for serial, record in self._mirror.records()}
        self._mirror.listen(self._hear)

    def get(self, serial: int) -> Row | None:
        number, place = divmod(serial, PER_RECORD)
        record = self._mirror.record(number)
        if record is None or record.archived is not None:
            return None
        seconds = self._stamps.get(number) if self._past.linked else self._seconds(record)
        return self._past.row(record, place, seconds[place]) if seconds and place < len(seconds) else None

    @property
    def unshared(self) -> Set[int]:
        """As their records are."""
        return {number * PER_RECORD + place for number in self._mirror.unshared for place in range(PER_RECORD)}

    def _seconds(self, record: Record) -> tuple[int, ...]:
        return tuple(at // 1000 for at in self._past.moments(record))

    def _hear(self, serial: int, old: Record | None, new: Record | None) -> None:
        if self._past.linked:
            before, after = self._relink(serial, new)
        else:
            before, after = set(self._keys_of(serial, old)), set(self._keys_of(serial, new))
        for gone in before - after:
            self.keys.drop(gone)
        for fresh in after - before:
            self.keys.put(fresh)

    def _relink(self, serial: int, new: Record | None) -> tuple[set[int], set[int]]:
        """Links that were there keep their stamp, later ones get the present one, lost ones go to the delete log."""
        now, known = self._world.clock.ms() // 1000, self._stamps.get(serial, ())
        count = 0 if new is None or new.archived is not None else len(self._past.moments(new))
        stamps = (*known[:count], *[now] * (count - len(known)))
        self.gone.extend(Gone(now, serial * PER_RECORD + place) for place in range(count, len(known)))
        self._stamps[serial] = stamps
        return _numbered(serial, known), _numbered(serial, stamps)

    def _keys_of(self, serial: int, record: Record | None) -> Iterator[int]:
        """Deleted with their record, as Salesforce does."""
        if record is not None and record.archived is None:
            for place, at in enumerate(self._past.moments(record)):
                yield key(at // 1000, serial * PER_RECORD + place)


def _numbered(serial: int, seconds: Iterable[int]) -> set[int]:
    return {key(second, serial * PER_RECORD + place) for place, second in enumerate(seconds)}
