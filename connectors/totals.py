"""Totals: what a CRM says that it has, to be compared with what we have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol, runtime_checkable

from store.records import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """How many living records of a stream the CRM has, and sums of our fields over them where it can add them up.

    `within` narrows it to records with these values of our fields, `prefix` to our ids that begin so. Where the CRM
    doesn't tell, `count` is None and `why` says why not.
    """

    stream: str
    entity: type[Statement]
    count: int | None
    within: Mapping[str, str | None] = field(default_factory=dict)
    prefix: str = ""
    sums: Mapping[str, Decimal] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """What has happened in the CRM since some moment, in records: what the next read brings. None: it can't tell."""

    created: int = 0
    changed: int = 0
    deleted: int | None = 0


@runtime_checkable
class Totalling(Protocol):
    """A connector that can also tell the CRM's own totals."""

    def totals(self) -> Sequence[Total]:
        """Of every stream that holds records, as they are now. May raise a ConnectorError."""
        ...

    def moved(self, stream: str, since: datetime) -> Movement:
        """What reads up to `since` (UTC) can't have seen, late arrivals included. May raise a ConnectorError."""
        ...
