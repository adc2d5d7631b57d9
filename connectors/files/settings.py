"""What a person sets for a folder of files."""

import codecs
import re
from pathlib import Path
from typing import Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from connectors.files.entities import ENTITIES
from connectors.spelling import insist_known

CURRENCY = re.compile("[A-Z]{3}")
WeekDay = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class FilesSettings(BaseModel):
    """A folder with one CSV file per kind of record, and how its cells are written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path = Field(description="the folder (or one file), relative to the configuration file")
    encoding: str = Field(default="utf-8", description="of all files, such as windows-1256; UTF-8 unless given")
    decimal: Literal["point", "comma"] = Field(default="point", description="1,500.25 is point, 1.500,25 is comma")
    calendar: Literal["gregorian", "jalali"] = Field(
        default="gregorian", description="jalali: days are Solar Hijri, such as 1405-08-30"
    )
    time_zone: str | None = Field(default=None, description="of times without a zone, such as Asia/Tehran; else UTC")
    name: str | None = Field(default=None, description="what the company is called")
    currency: str | None = Field(default=None, description="of amounts that name none, such as EUR")
    fiscal_year_start: int | None = Field(default=None, ge=1, le=12, description="month in which the year starts")
    week_start: WeekDay | None = Field(default=None, description="monday to sunday")
    fields: dict[str, dict[str, str]] = Field(
        default_factory=dict, description="columns of yours for our fields, such as {deals: {amount: Betrag}}"
    )
    include: list[str] = Field(default_factory=list, description="files to read, such as [deals]; empty: all")
    exclude: list[str] = Field(default_factory=list, description="files to leave out")
    shrink: float = Field(
        default=0.2, ge=0, le=1, description="a file that lost more than this share of its rows deletes nothing"
    )

    @field_validator("path")
    @classmethod
    def _beside(cls, path: Path, info: ValidationInfo) -> Path:
        """A relative path starts where the configuration is."""
        folder: Path = (info.context or {}).get("folder", Path())
        return (folder / path.expanduser()).absolute()

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, encoding: str) -> str:
        try:
            return codecs.lookup(encoding).name
        except LookupError:
            raise ValueError(f"{encoding!r} is no encoding; try utf-8, windows-1256, windows-1254, utf-16") from None

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        if zone is not None and zone not in available_timezones():
            raise ValueError(f"{zone!r} is not an IANA time zone such as Europe/Istanbul")
        return zone

    @field_validator("currency")
    @classmethod
    def _currency_code(cls, currency: str | None) -> str | None:
        if currency is not None and not CURRENCY.fullmatch(currency):
            raise ValueError("should be a code of ISO 4217 in capital letters, such as EUR")
        return currency

    @field_validator("fields")
    @classmethod
    def _fields_exist(cls, given: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        insist_known(given, ENTITIES, "there is no file")
        for name, mapped in given.items():
            insist_known(mapped, ENTITIES[name].columns, f"{name} has no field")
        return given

    @field_validator("include", "exclude")
    @classmethod
    def _entities_exist(cls, given: list[str]) -> list[str]:
        insist_known(given, ENTITIES, "there is no file")
        return given
