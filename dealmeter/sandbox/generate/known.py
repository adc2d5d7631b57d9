"""What the makers of records share: fields without gaps, records in the order of their creation."""

from collections.abc import Iterable, Mapping
from random import Random
from typing import NamedTuple

from dealmeter.sandbox.generate.ids import Ids
from dealmeter.sandbox.record import Change, Kind, Record, Value
from dealmeter.sandbox.world import World

Link = tuple[Kind, int]


class Draft(NamedTuple):
    """A record that has no id yet. The first link of a kind is its primary one."""

    created: int
    fields: Mapping[str, Value]
    history: Mapping[str, tuple[Change, ...]] = {}
    links: tuple[Link, ...] = ()
    modified: int = 0


def add_drafts(world: World, rng: Random, kind: Kind, drafts: Iterable[Draft]) -> list[Record]:
    """Records with ascending ids, oldest first; modified when the last thing happened to them."""
    ordered = sorted(drafts, key=lambda draft: draft.created)
    ids, added = Ids(rng, len(ordered)), []
    for draft in ordered:
        fields = {name: value for name, value in draft.fields.items() if value is not None}
        history = {name: changes for name, changes in draft.history.items() if len(changes) > 1}
        last = max([draft.created, draft.modified, *(changes[-1].at for changes in history.values())])
        record = world.add(kind, Record(ids.next(), draft.created, last, fields, history))
        seen: set[Kind] = set()
        for to, id in draft.links:
            world.links.add(kind, record.id, to, id, primary=to not in seen)
            seen.add(to)
        added.append(record)
    return added


def walk(steps: Iterable[tuple[int, Value]], end: int) -> tuple[Change, ...]:
    """The steps that have happened by now, each later than the one before."""
    happened: list[Change] = []
    for at, value in steps:
        at = max(at, happened[-1].at + 1_000) if happened else at
        if at >= end:
            break
        happened.append(Change(at, value))
    return tuple(happened)
