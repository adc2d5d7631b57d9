"""Who belongs to whom: links between objects, readable from both ends."""

from collections.abc import Iterator

from dealmeter.sandbox.record import Kind

Pair = tuple[Kind, Kind]


class Links:
    """Links without direction, kept in both; a record may call one of its companies the primary one."""

    def __init__(self) -> None:
        self._ends: dict[Pair, dict[int, tuple[int, ...]]] = {}
        self._primary: dict[Pair, dict[int, int]] = {}

    def of(self, kind: Kind, id: int, to: Kind) -> tuple[int, ...]:
        """The ids on the other end, in the order in which they were linked."""
        ends = self._ends.get((kind, to))
        return ends.get(id, ()) if ends else ()

    def primary(self, kind: Kind, id: int, to: Kind) -> int | None:
        """The one that counts when there are several; none when nobody chose."""
        chosen = self._primary.get((kind, to))
        return chosen.get(id) if chosen else None

    def is_primary(self, kind: Kind, id: int, to: Kind, to_id: int) -> bool:
        """Whether the link is the primary one, seen from either end."""
        return self.primary(kind, id, to) == to_id or self.primary(to, to_id, kind) == id

    def add(self, kind: Kind, id: int, to: Kind, to_id: int, *, primary: bool = False) -> None:
        self._add_end((kind, to), id, to_id)
        self._add_end((to, kind), to_id, id)
        if primary:
            self._primary.setdefault((kind, to), {})[id] = to_id

    def remove(self, kind: Kind, id: int, to: Kind, to_id: int) -> None:
        self._remove_end((kind, to), id, to_id)
        self._remove_end((to, kind), to_id, id)
        for pair, near, far in (((kind, to), id, to_id), ((to, kind), to_id, id)):
            if self.primary(*_at(pair, near)) == far:
                del self._primary[pair][near]

    def all_of(self, kind: Kind, id: int) -> Iterator[tuple[Kind, int]]:
        """Every link of a record, as (kind, id) of the other end."""
        for (near, far), ends in list(self._ends.items()):
            if near == kind:
                yield from ((far, other) for other in ends.get(id, ()))

    def _add_end(self, pair: Pair, id: int, other: int) -> None:
        ends = self._ends.setdefault(pair, {})
        known = ends.get(id, ())
        if other not in known:
            ends[id] = (*known, other)

    def _remove_end(self, pair: Pair, id: int, other: int) -> None:
        ends = self._ends.get(pair, {})
        left = tuple(known for known in ends.get(id, ()) if known != other)
        if left:
            ends[id] = left
        else:
            ends.pop(id, None)


def _at(pair: Pair, id: int) -> tuple[Kind, int, Kind]:
    return pair[0], id, pair[1]
