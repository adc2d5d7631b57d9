"""Dropped: what a CRM no longer tells, while deals of the past still name it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from store.records import Statement


def dropped(kind: type[Statement], known: Iterable[Mapping[str, Any]], told: Sequence[Statement]) -> list[Statement]:
    """Of the rows that we have of pipelines or stages those that are not told: as we last saw them, archived."""
    here = {_key(kind, record.__dict__) for record in told if isinstance(record, kind)}
    gone = (row for row in known if _key(kind, row) not in here)
    return [
        kind.of({name: row[name] for name in kind.model_fields if name in row} | {"is_archived": True}) for row in gone
    ]


def _key(kind: type[Statement], values: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(values[name] for name in kind.keys)
