"""All objects of one kind: the living ones, the recycle bin, and where merged ids lead."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

from dealmeter.sandbox.record import Record


class Shelf:
    """Records by id, with their ids in ascending order, so that a page costs a bisect and a slice."""

    def __init__(self) -> None:
        self._records: dict[int, Record] = {}
        self._ids: list[int] = []

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records.values())

    def __contains__(self, id: int) -> bool:
        return id in self._records

    def get(self, id: int) -> Record | None:
        return self._records.get(id)

    def put(self, record: Record) -> None:
        if record.id not in self._records:
            if not self._ids or record.id > self._ids[-1]:
                self._ids.append(record.id)
            else:
                insort(self._ids, record.id)
        self._records[record.id] = record

    def take(self, id: int) -> Record:
        """Remove and return; KeyError when it is not here."""
        record = self._records.pop(id)
        del self._ids[bisect_left(self._ids, id)]
        return record

    def page(self, start: int, size: int) -> tuple[list[Record], int | None]:
        """Up to `size` records from id `start` on, and the id at which the next page starts."""
        first = bisect_left(self._ids, start)
        ids = self._ids[first : first + size]
        following = first + size
        return [self._records[id] for id in ids], self._ids[following] if following < len(self._ids) else None

    @property
    def ids(self) -> list[int]:
        return self._ids


class Table:
    """The objects of one kind. A purged record is on no shelf; a merged one lives on under another id."""

    def __init__(self) -> None:
        self.live = Shelf()
        self.archived = Shelf()
        self._survivors: dict[int, int] = {}

    def survivor(self, id: int) -> int:
        """The id under which a record is known today."""
        while id in self._survivors:
            id = self._survivors[id]
        return id

    def redirect(self, ids: Iterable[int], survivor: int) -> None:
        self._survivors.update(dict.fromkeys(ids, survivor))

    def find(self, id: int, *, archived: bool = False) -> Record | None:
        """The record that answers to an id, merged ids included."""
        shelf = self.archived if archived else self.live
        return shelf.get(self.survivor(id))
