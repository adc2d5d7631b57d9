"""The company behind the account: where it is, its money, its staff and its pipelines."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who owns the CRM. `rates` says what one unit of another currency is worth in `currency`."""

    id: int
    name: str
    zone: ZoneInfo
    currency: str
    rates: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """From `since` on (milliseconds, until the next rate) one unit of `currency` is worth `worth` of the account's."""

    id: int
    currency: str
    worth: Decimal
    since: int
    until: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """A group of owners."""

    id: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Somebody who owns deals. `user_id` is another number than `id`, as in real CRMs."""

    id: int
    user_id: int
    email: str
    first_name: str
    last_name: str
    created: int
    modified: int
    team: Team | None = None
    manager: str | None = None
    archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A step of a pipeline. A deleted stage is gone from the settings, though old deals may still name it.

    `state` says what a stage of leads (NEW, IN_PROGRESS, CONNECTED, QUALIFIED, UNQUALIFIED), tickets or orders
    (OPEN, CLOSED) means. Only stages of deals and leads have a probability that says something.
    """

    id: str
    label: str
    probability: str = "0.0"
    closed: bool = False
    deleted: bool = False
    state: str = ""

    @property
    def won(self) -> bool:
        return self.closed and Decimal(self.probability) == 1

    @property
    def lost(self) -> bool:
        return self.closed and Decimal(self.probability) == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """An ordered row of stages that deals, leads, tickets or orders walk through."""

    id: str
    label: str
    stages: tuple[Stage, ...]
    created: int = 0

    @property
    def open_stages(self) -> tuple[Stage, ...]:
        return tuple(stage for stage in self.stages if not stage.closed and not stage.deleted)

    @property
    def won(self) -> Stage:
        return next(stage for stage in self.stages if stage.won)

    @property
    def lost(self) -> Stage:
        return next(stage for stage in self.stages if stage.lost)
