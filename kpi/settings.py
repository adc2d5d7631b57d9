"""KpiSettings: what a company decides about its numbers; everything has a default that follows the CRM."""

from collections.abc import Mapping, Sequence
from hashlib import md5
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

import orjson
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from kpi.calendars import WEEKDAYS, CalendarSettings, OwnCalendar, Weekday, WeeksCalendar, name_of
from kpi.custom import CustomKpi

__all__ = ["WEEKDAYS", "KpiSettings", "Reporting", "Weekday", "definitions_hash", "resolve"]


MAPS = {"region_map", "source_map", "source_names", "lost_reason_exclusions", "min_sample"}
"""The settings that say how words of the CRM are read."""

ENGAGEMENT_WEIGHTS: Mapping[str, int] = {"reply": 3, "meeting": 5, "call": 3, "survey": 2, "ticket": 1, "usage": 0}
"""What an interaction adds to a customer's engagement."""


CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$"


class BusinessHours(BaseModel):
    """When a team works: on which weekdays, from when to when, and where; without a zone in the reporting one."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    days: Annotated[tuple[Weekday, ...], Field(min_length=1)] = WEEKDAYS[:5]
    from_: Annotated[str, Field(alias="from", pattern=CLOCK)] = "09:00"
    to: Annotated[str, Field(pattern=CLOCK)] = "17:00"
    zone: str | None = None

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        return _zone(value)

    @model_validator(mode="after")
    def _is_a_day(self) -> "BusinessHours":
        if self.from_ >= self.to:
            raise ValueError(f'a working day from {self.from_} to {self.to} has no hours; write times as "09:00"')
        return self


class KpiSettings(BaseModel):
    """What may be set. Empty means: as the (alphabetically first) connected account has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    currency: str | None = None
    time_zone: str | None = None
    calendars: Annotated[tuple[CalendarSettings, ...], Field(min_length=1)] = ("gregorian", "fiscal")
    fiscal_year_start: Annotated[int, Field(ge=1, le=12)] | None = None
    fiscal_year_named_by: Literal["start", "end"] = "end"
    week_start: Weekday | None = None
    region_map: Mapping[str, str] = {}
    source_map: Mapping[str, str] = {}
    source_names: Mapping[str, str] = {}
    lost_reason_exclusions: tuple[str, ...] = ("duplicate", "merged", "test")
    close_date_policy: Literal["close_date", "closed_at"] = "close_date"
    min_sample: Annotated[int, Field(ge=1)] = 10
    late_data_window_days: Annotated[int, Field(ge=0)] = 90
    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    dimensions_off: tuple[str, ...] = ()
    dimensions_on: tuple[str, ...] = ()
    crossed: tuple[tuple[str, str], ...] = ()
    custom: Mapping[str, CustomKpi] = {}
    match_users: Literal["email"] | None = None
    target_split: Literal["days"] | None = None
    credit_mode: Literal["owner", "splits"] = "owner"
    calls_connected_only: bool = False
    orders_exclude_zero: bool = False
    customer_basis: Literal["auto", "subscription", "purchase"] = "auto"
    active_customer_window_days: Annotated[int, Field(ge=1)] = 365
    follow_up_window_days: Annotated[int, Field(ge=1)] = 14
    funnel_mode: Literal["reached", "strict"] = "reached"
    demo_words: tuple[str, ...] = ("demo",)
    engagement_weights: Mapping[str, Annotated[int, Field(ge=0)]] = ENGAGEMENT_WEIGHTS
    revenue_basis: Literal["deal", "order"] = "deal"
    growth_per_day: bool = False
    attribution: Literal["first", "latest"] = "first"
    resolved_leads_only: bool = False
    paid_leads_only: bool = False
    campaign_costs: Literal["spend", "actual", "budget"] = "spend"
    acquisition_lag_months: Annotated[int, Field(ge=0, le=60)] = 0
    exclude_renewals: bool = False
    business_hours: BusinessHours | None = None

    @field_validator("calendars")
    @classmethod
    def _each_once(cls, calendars: tuple[CalendarSettings, ...]) -> tuple[CalendarSettings, ...]:
        seen: set[str] = set()
        for name in map(name_of, calendars):
            if name in seen:
                raise ValueError(f"{name!r} stands twice; each calendar has a name of its own")
            seen.add(name)
        return calendars

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        return _zone(value)

    def wants(self, key: str) -> bool:
        """Whether this KPI is computed at all."""
        return key not in self.exclude and (self.include is None or key in self.include)


class Reporting(BaseModel):
    """The settings after the account has filled their gaps: what a run really computes with."""

    model_config = ConfigDict(frozen=True)

    currency: str | None
    time_zone: str
    fiscal_year_start: int
    week_start: Weekday
    close_date_policy: str
    own_calendars: str | None = None
    match_users: str | None = None
    credit_mode: str = "owner"
    calls_connected_only: bool = False
    orders_exclude_zero: bool = False
    customer_basis: str = "auto"
    active_customer_window_days: int = 365
    follow_up_window_days: int = 14
    funnel_mode: str = "reached"
    demo_words: tuple[str, ...] = ("demo",)
    engagement_weights: Mapping[str, int] = ENGAGEMENT_WEIGHTS
    revenue_basis: str = "deal"
    growth_per_day: bool = False
    attribution: str = "first"
    resolved_leads_only: bool = False
    paid_leads_only: bool = False
    campaign_costs: str = "spend"
    acquisition_lag_months: int = 0
    exclude_renewals: bool = False
    business_hours: BusinessHours | None = None

    @property
    def zone(self) -> ZoneInfo:
        """The reporting zone."""
        return ZoneInfo(self.time_zone)

    @property
    def parameters_hash(self) -> str:
        """What makes a series of its own: the same number under other parameters is another number."""
        always = {"currency", "time_zone", "fiscal_year_start", "week_start", "close_date_policy"}
        return _digest({**self.model_dump(include=always), **self.model_dump(exclude=always, exclude_defaults=True)})


def definitions_hash(versions: Mapping[str, str], settings: KpiSettings) -> str:
    """What may restate a series without making a new one: definitions, then (after a dot) maps and exclusions."""
    maps = settings.model_dump(include=MAPS)
    return f"{_digest(dict(versions))}.{_digest(maps)}"


def resolve(settings: KpiSettings, accounts: Sequence[Mapping[str, object]]) -> Reporting:
    """Fill the gaps from the accounts, the alphabetically first connection first."""

    def first(name: str) -> object:
        return next((row[name] for row in accounts if row[name] is not None), None)

    of_account = str(first("week_start") or "").lower()
    zone = str(settings.time_zone or first("time_zone") or "UTC")
    month = settings.fiscal_year_start or first("fiscal_year_start") or 1
    own = [one for one in settings.calendars if isinstance(one, WeeksCalendar | OwnCalendar)]
    same = {name: getattr(settings, name) for name in KpiSettings.model_fields.keys() & Reporting.model_fields.keys()}
    resolved = {
        "currency": settings.currency or _text(first("base_currency")),
        "time_zone": zone if zone in available_timezones() else "UTC",
        "fiscal_year_start": int(str(month)),
        "week_start": settings.week_start or _weekday(of_account),
        "own_calendars": _digest([one.model_dump(mode="json") for one in own]) if own else None,
        "engagement_weights": {**ENGAGEMENT_WEIGHTS, **settings.engagement_weights},
    }
    return Reporting(**{**same, **resolved})


def _zone(value: str | None) -> str | None:
    if value is not None and value not in available_timezones():
        raise ValueError(f"{value!r} is not an IANA time zone such as Europe/Berlin")
    return value


def _weekday(name: str) -> Weekday:
    for day in WEEKDAYS:
        if day == name:
            return day
    return "monday"


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _digest(value: object) -> str:
    return md5(orjson.dumps(value, option=orjson.OPT_SORT_KEYS), usedforsecurity=False).hexdigest()[:16]
