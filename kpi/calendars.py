"""CalendarSettings: calendars that a company describes itself, beside the Gregorian, fiscal and Solar Hijri ones."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = (
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
)  # fmt: skip
BuiltIn = Literal["gregorian", "fiscal", "jalali"]
"""Gregorian months; years of twelve of them from any month on; Solar Hijri months, whose year starts at Nowruz."""
BUILT_IN: tuple[BuiltIn, ...] = ("gregorian", "fiscal", "jalali")
NAME = "^[a-z][a-z0-9_]{0,30}$"


class _Described(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=NAME, description="small letters; `fiscal` takes the place of the built-in one")]

    @field_validator("name")
    @classmethod
    def _its_own(cls, name: str) -> str:
        if name in {"gregorian", "jalali"}:
            raise ValueError(f"{name!r} is built in; choose another name, or `fiscal`")
        return name


class WeeksCalendar(_Described):
    """Years of 52 or 53 whole weeks in quarters of thirteen; the 53rd week belongs to the last month."""

    weeks: Literal["4-4-5", "4-5-4", "5-4-4"] = Field(description="the weeks of a quarter's months")
    ends_in: Annotated[int, Field(ge=1, le=12, description="the month in or near whose end the year ends")] = 12
    ends_on: Weekday = Field(default="saturday", description="the last day of every week")
    ends: Literal["last", "nearest"] = Field(
        default="last", description="on the last such day of the month, or on the one nearest to its end"
    )
    named_by: Literal["start", "end"] = Field(default="end", description="the year that names it")


class OwnPeriod(BaseModel):
    """A month of a calendar of one's own: both days are in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    first_day: date
    last_day: date
    quarter: str = Field(description="the name of its quarter, such as FY26-Q1")
    year: str = Field(description="the name of its year, such as FY26")

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.last_day < self.first_day:
            raise ValueError(f"{self.name} ends on {self.last_day}, before it begins on {self.first_day}")
        return self


class OwnCalendar(_Described):
    """A table of months, in order and without gaps; those with one name of a quarter or year make it."""

    periods: Annotated[tuple[OwnPeriod, ...], Field(min_length=1)]

    @field_validator("periods")
    @classmethod
    def _unbroken(cls, periods: tuple[OwnPeriod, ...]) -> tuple[OwnPeriod, ...]:
        for one, other in pairwise(periods):
            if other.first_day != one.last_day + timedelta(days=1):
                raise ValueError(
                    f"{other.name} begins on {other.first_day}; it should begin on the day after {one.name}, "
                    f"which ends on {one.last_day}"
                )
        for kind in ("quarter", "year"):
            names = [getattr(one, kind) for one in periods]
            blocks = [name for place, name in enumerate(names) if place == 0 or names[place - 1] != name]
            if twice := next((name for name in blocks if blocks.count(name) > 1), None):
                raise ValueError(f"the {kind} {twice} stands in two places; its months should follow one another")
        return periods


CalendarSettings = BuiltIn | WeeksCalendar | OwnCalendar


def name_of(calendar: CalendarSettings) -> str:
    """Its name."""
    return calendar if isinstance(calendar, str) else calendar.name


def names(calendars: Sequence[CalendarSettings]) -> tuple[str, ...]:
    """Every calendar that can be asked for: the built-in ones, then the company's own."""
    return tuple(dict.fromkeys((*BUILT_IN, *map(name_of, calendars))))
