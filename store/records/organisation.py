"""The company that uses the CRM: its account, its people and their teams."""

from typing import ClassVar

from store.columns import Instant, Whole, instant, key
from store.records.base import Detail, Record


class Account(Record):
    """The CRM account behind a connection; `time_zone` is an IANA name, `fiscal_year_start` a month, 1 to 12."""

    table: ClassVar[str] = "accounts"
    kind: str | None = None
    name: str | None = None
    base_currency: str | None = None
    time_zone: str | None = None
    fiscal_year_start: Whole | None = None
    week_start: str | None = None
    status: str | None = None


class User(Record):
    """A person who can own records. `id` is what records name as their owner."""

    table: ClassVar[str] = "users"
    name: str | None = None
    email: str | None = None
    role: str | None = None
    manager_id: str | None = None
    is_active: bool | None = None
    active_from: Instant | None = instant()
    active_to: Instant | None = instant()
    time_zone: str | None = None


class Team(Record):
    """A team of users."""

    table: ClassVar[str] = "teams"
    name: str | None = None
    parent_id: str | None = None


class TeamMembership(Detail):
    """A user in a team. Neither CRM keeps its history: the past is what our own syncs have seen."""

    table: ClassVar[str] = "team_memberships"
    keys: ClassVar[tuple[str, ...]] = ("user_id", "team_id")
    user_id: str = key()
    team_id: str = key()
    is_primary: bool | None = None
    valid_from: Instant | None = instant()
    valid_to: Instant | None = instant()
