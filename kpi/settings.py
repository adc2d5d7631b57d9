"""KpiSettings: what a company decides about its numbers; everything has a default that follows the CRM."""

from collections.abc import Mapping, Sequence
from hashlib import md5
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

import orjson
from pydantic import BaseModel, ConfigDict, Field, field_validator

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = (
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
)  # fmt: skip


class KpiSettings(BaseModel):
    """What may be set. Empty means: as the (alphabetically first) connected account has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    currency: str | None = None
    time_zone: str | None = None
    calendars: tuple[Literal["gregorian", "fiscal"], ...] = ("gregorian", "fiscal")
    fiscal_year_start: Annotated[int, Field(ge=1, le=12)] | None = None
    week_start: Weekday | None = None
    region_map: Mapping[str, str] = {}
    source_map: Mapping[str, str] = {}
    lost_reason_exclusions: tuple[str, ...] = ("duplicate", "merged", "test")
    close_date_policy: Literal["close_date", "closed_at"] = "close_date"
    min_sample: Annotated[int, Field(ge=1)] = 10
    late_data_window_days: Annotated[int, Field(ge=0)] = 90
    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    dimensions_off: tuple[str, ...] = ()
    crossed: tuple[tuple[str, str], ...] = ()

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        if value is not None and value not in available_timezones():
            raise ValueError(f"{value!r} is not an IANA time zone such as Europe/Berlin")
        return value

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

    @property
    def zone(self) -> ZoneInfo:
        """The reporting zone."""
        return ZoneInfo(self.time_zone)

    @property
    def parameters_hash(self) -> str:
        """What makes a series of its own: the same number under other parameters is another number."""
        return _digest(self.model_dump())


def definitions_hash(versions: Mapping[str, str], settings: KpiSettings) -> str:
    """What may restate a series without making a new one: definitions, maps, exclusions."""
    maps = settings.model_dump(include={"region_map", "source_map", "lost_reason_exclusions", "min_sample"})
    return _digest({"versions": dict(versions), **maps})


def resolve(settings: KpiSettings, accounts: Sequence[Mapping[str, object]]) -> Reporting:
    """Fill the gaps from the accounts, the alphabetically first connection first."""

    def first(name: str) -> object:
        return next((row[name] for row in accounts if row[name] is not None), None)

    of_account = str(first("week_start") or "").lower()
    zone = str(settings.time_zone or first("time_zone") or "UTC")
    month = settings.fiscal_year_start or first("fiscal_year_start") or 1
    return Reporting(
        currency=settings.currency or _text(first("base_currency")),
        time_zone=zone if zone in available_timezones() else "UTC",
        fiscal_year_start=int(str(month)),
        week_start=settings.week_start or _weekday(of_account),
        close_date_policy=settings.close_date_policy,
    )


def _weekday(name: str) -> Weekday:
    for day in WEEKDAYS:
        if day == name:
            return day
    return "monday"


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _digest(value: object) -> str:
    return md5(orjson.dumps(value, option=orjson.OPT_SORT_KEYS), usedforsecurity=False).hexdigest()[:16]
