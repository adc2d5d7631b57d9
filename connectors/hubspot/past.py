"""The past of a HubSpot object: the values that its properties have had, oldest first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from connectors.hubspot.shapes import Account, moment
from store.records import Statement

KEPT = 20
"""How many values of a property HubSpot keeps, as far as is known: of more, the oldest are forgotten."""
KEPT_OF_CONTACTS = 45
AT_ONCE = timedelta(seconds=5)
"""What is set so soon after the creation was set with it."""

Told = Sequence[Mapping[str, Any]] | None
"""A property's history as HubSpot tells it: newest first."""
Read = Callable[[str | None, Account], str | None]
"""How the value of a property is read."""


class Entry(NamedTuple):
    """A value that a property had from a moment on, and who set it."""

    at: datetime
    value: str | None
    by: str | None


@dataclass(slots=True)
class Past:
    """What an object's history says: visits and changes, and fields of the object that only its past knows."""

    details: list[Statement] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)


def text(value: str | None, account: Account) -> str | None:
    """The value as it stands."""
    return value


def entries(told: Told, account: Account, read: Read = text) -> list[Entry]:
    """Oldest first, one per moment (the last one set), neighbours of equal value once."""
    found: list[Entry] = []
    in_order = True
    for item in reversed(told or ()):  # HubSpot tells the newest first
        at = moment(item.get("timestamp"))
        if at is not None:
            in_order = in_order and (not found or found[-1].at < at)
            found.append(Entry(at, read(item.get("value") or None, account), _who(item)))
    if not in_order:
        found = sorted({entry.at: entry for entry in found}.values())
    return [entry for i, entry in enumerate(found) if i == 0 or found[i - 1].value != entry.value]


def _who(item: Mapping[str, Any]) -> str | None:
    user = item.get("updatedByUserId")
    return str(user) if user is not None else item.get("sourceId") or item.get("sourceType")


def forgotten(told: Told, created_at: datetime | None, kept: int = KEPT) -> bool:
    """Whether the oldest entry told is not the first: what it says of its beginning is not to be believed.

    When it was one of the younger ones we have stored it; what is stored stays.
    """
    if told is None or len(told) < kept or created_at is None:
        return False
    oldest = moment(told[-1].get("timestamp"))
    return oldest is not None and oldest - created_at > AT_ONCE
