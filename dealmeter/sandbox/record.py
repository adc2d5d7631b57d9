"""One version of one CRM object: a change makes a new version, and the old one stays as it was."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

Value = str | int | None
Fields = Mapping[str, Value]


class Kind(StrEnum):
    """The kinds of object that the world holds."""

    DEAL = "deal"
    CONTACT = "contact"
    COMPANY = "company"
    PRODUCT = "product"
    LINE_ITEM = "line_item"
    CALL = "call"
    MEETING = "meeting"
    EMAIL = "email"
    TASK = "task"
    NOTE = "note"
    MESSAGE = "message"
    LEAD = "lead"
    CAMPAIGN = "campaign"
    SPEND_ITEM = "spend_item"
    CAMPAIGN_MEMBER = "campaign_member"
    TICKET = "ticket"
    FEEDBACK = "feedback"
    GOAL = "goal"
    ORDER = "order"
    SUBSCRIPTION = "subscription"
    DEAL_SPLIT = "deal_split"


ACTIVITIES = (Kind.CALL, Kind.MEETING, Kind.EMAIL, Kind.TASK, Kind.NOTE, Kind.MESSAGE)


class Change(NamedTuple):
    """A field got a value at an instant (milliseconds since 1970, UTC)."""

    at: int
    value: Value
    source: str = "person"
    by: int | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A version of an object. Instants are milliseconds since 1970, amounts are text as somebody typed them.

    `fields` holds only what has a value; `""` means that a value was cleared. `history` runs oldest first and
    holds only fields that changed: any other field got its value when the record was created.
    """

    id: int
    created: int
    modified: int
    fields: Fields
    history: Mapping[str, tuple[Change, ...]]
    archived: int | None = None
    merged: tuple[int, ...] = ()

    def changes(self, field: str) -> tuple[Change, ...]:
        """Every value that the field has had, oldest first; empty when it never had one."""
        known = self.history.get(field)
        if known is not None:
            return known
        value = self.fields.get(field)
        return () if value is None else (Change(self.created, value),)
