"""HubSpot's search index: a copy of the living records that follows the world with a delay."""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable
from datetime import timedelta

from dealmeter.sandbox.record import Kind, Record
from dealmeter.sandbox.world import World

_REBUILD_FROM = 2_000


class SearchIndex:
    """The records of one kind as search sees them: until the lag has passed, a change is not there, and the old
    version is still found under its old values. Archived and deleted records vanish at once.
    """

    def __init__(self, world: World, kind: Kind, lag: timedelta) -> None:
        self.lag = lag
        self.generation = 0
        """Changes whenever an answer might."""
        self._world, self._kind = world, kind
        self._records: dict[int, Record] = {}
        self._by_modified: list[tuple[int, int]] = []
        self._waiting: deque[tuple[int, int, Record]] = deque()
        with world.lock:
            self._records = {record.id: record for record in world.tables[kind].live}
            self._rebuild()
            world.watch(self._hear)

    def close(self) -> None:
        self._world.unwatch(self._hear)

    def touch(self) -> None:
        self.generation += 1

    def catch_up(self) -> None:
        """Take in what has become old enough by the world's clock."""
        known = self._world.clock.ms() - self.lag // timedelta(milliseconds=1)
        living, ripe = self._world.tables[self._kind].live, []
        while self._waiting and self._waiting[0][0] <= known:
            ripe.append(self._waiting.popleft())
        fresh = {id: record for _at, id, record in ripe if id in living}
        if fresh:
            self._take_in(fresh)

    def get(self, id: int) -> Record | None:
        return self._records.get(id)

    def all(self) -> Iterable[Record]:
        return self._records.values()

    def modified_between(self, low: float, high: float) -> Iterable[Record]:
        """Records whose modified stamp lies in [low, high] (milliseconds)."""
        first = bisect_left(self._by_modified, (low, 0))
        last = bisect_left(self._by_modified, (high, float("inf")))
        return [self._records[id] for _at, id in self._by_modified[first:last]]

    def _hear(self, at: int, kind: Kind, id: int, record: Record | None) -> None:
        if kind != self._kind:
            return
        if record is not None:
            self._waiting.append((at, id, record))
            return
        old = self._records.pop(id, None)
        if old is not None:
            self.generation += 1
            self._drop(old)

    def _take_in(self, fresh: dict[int, Record]) -> None:
        self.generation += 1
        if len(fresh) > _REBUILD_FROM:
            self._records.update(fresh)
            self._rebuild()
            return
        for id, record in fresh.items():
            old = self._records.get(id)
            self._records[id] = record
            if old is None or old.modified != record.modified:
                if old is not None:
                    self._drop(old)
                insort(self._by_modified, (record.modified, id))

    def _drop(self, record: Record) -> None:
        del self._by_modified[bisect_left(self._by_modified, (record.modified, record.id))]

    def _rebuild(self) -> None:
        self._by_modified = sorted((record.modified, id) for id, record in self._records.items())
