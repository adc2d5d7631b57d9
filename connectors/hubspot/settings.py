"""What a person sets for a HubSpot connection."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from connectors.addresses import ALLOW_HTTP, PATTERN, base_address
from connectors.duration import Duration
from connectors.hubspot.kinds import BY_NAME, SCOPES
from connectors.spelling import insist_known

API_VERSION: Final = "2026-09"
"""The newest dated version that serves every route that we use. `v3` works until September 2027."""

Version = Literal["2026-09", "2026-03", "v3"]


class Budget(BaseModel):
    """How much of HubSpot's limits this connection may spend; the rest is left to other programs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    burst_share: float = Field(default=0.8, gt=0, le=1, description="share of the requests per 10 seconds")
    burst_limit: int = Field(
        default=100, ge=1, description="requests per 10 seconds, until HubSpot names its own limit"
    )
    search_per_second: int = Field(
        default=4, ge=1, le=5, description="searches per second; HubSpot allows 5 per account"
    )
    daily_share: float = Field(default=0.8, gt=0, le=1, description="share of the account's daily requests")
    parallel: int = Field(default=6, ge=1, le=32, description="requests under way at the same time")


class Cadence(BaseModel):
    """How often we read what the time of last change can't tell."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    overlap: Duration = Field(
        default=timedelta(minutes=10), description="each read of changes starts this much earlier"
    )
    late: Duration = Field(default=timedelta(hours=1), description="a second read of changes, this much behind")
    archived: Duration = Field(default=timedelta(hours=1), description="list the recycle bin")
    links: Duration = Field(default=timedelta(hours=6), description="read all associations again")
    calculated: Duration = Field(default=timedelta(days=1), description="read calculated properties again")
    reconcile: Duration = Field(default=timedelta(days=1), description="compare all ids with HubSpot's")
    shrink: float = Field(
        default=0.2, ge=0, le=1, description="a reconciliation that would delete more than this share stops and says so"
    )


class HubSpotSettings(BaseModel):
    """A HubSpot account: a static token (service key or existing private app) and what to read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    access_token: SecretStr = Field(description="a service key or the token of a private app")
    allow_http: bool = ALLOW_HTTP
    base_url: str = Field(
        default="https://api.hubapi.com",
        description="for proxies and sandboxes",
        json_schema_extra={"pattern": PATTERN},
    )
    api_version: Version = Field(default=API_VERSION, description="HubSpot's API version")
    connect_timeout: Duration = Field(default=timedelta(seconds=5))
    read_timeout: Duration = Field(default=timedelta(seconds=90))
    include: list[str] = Field(default_factory=list, description="streams to read; empty: all")
    exclude: list[str] = Field(default_factory=list, description="streams to leave out")
    fields: dict[str, dict[str, str]] = Field(
        default_factory=dict, description="HubSpot properties for canonical fields, e.g. {deals: {region: region__c}}"
    )
    extra: dict[str, list[str]] = Field(
        default_factory=dict, description="HubSpot properties to keep as JSON in `extra`, e.g. {deals: [my_field]}"
    )

    _secrets_travel_safely = field_validator("base_url")(base_address)

    @field_validator("fields")
    @classmethod
    def _fields_exist(cls, given: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        _insist(given, "fields")
        for kind, mapped in given.items():
            insist_known(mapped, BY_NAME[kind].record.model_fields, f"{kind} has no field")
        return given

    @field_validator("extra")
    @classmethod
    def _kinds_exist(cls, given: dict[str, list[str]]) -> dict[str, list[str]]:
        _insist(given, "extra")
        return given

    @field_validator("include", "exclude")
    @classmethod
    def _streams_exist(cls, given: list[str]) -> list[str]:
        insist_known(given, SCOPES, "there is no stream")
        return given

    leads_from: Literal["auto", "contacts"] = Field(
        default="auto",
        description="auto: HubSpot's leads, or contacts by their lifecycle where the account has no leads; "
        "contacts: those in any case, for accounts that have leads but don't use them",
    )
    keep_payload: bool = Field(default=False, description="keep the raw answer beside each row")
    budget: Budget = Budget()
    cadence: Cadence = Cadence()


def _insist(kinds: Iterable[str], what: str) -> None:
    insist_known(kinds, BY_NAME, f"{what} are given by kind of record, and there is no kind")
