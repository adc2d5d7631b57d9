"""What a person sets for a Salesforce connection."""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from connectors.addresses import ALLOW_HTTP, base_address
from connectors.duration import Duration
from connectors.salesforce.kinds import BY_NAME, STREAMS
from connectors.spelling import insist_known

API_VERSION: Final = "66.0"
"""Spring '26; versions from 58.0 on work alike for us."""

Auth = Literal["client_credentials", "jwt", "refresh_token", "session", "password"]

NEEDS: Mapping[str, tuple[str, ...]] = {
    "client_credentials": ("consumer_key", "consumer_secret"),
    "jwt": ("consumer_key", "private_key", "username"),
    "refresh_token": ("consumer_key", "refresh_token_file"),
    "session": ("access_token", "instance_url"),
    "password": ("username", "password"),
}
"""What each way to sign in needs."""
SHARED_HOSTS = {"login.salesforce.com", "test.salesforce.com"}
FIELD = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*)?")


class Budget(BaseModel):
    """How much of the org's limits this connection may spend; the rest is left to other programs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    daily_share: float = Field(default=0.8, gt=0, le=1, description="share of the org's API requests in 24 hours")


class Bulk(BaseModel):
    """When and how we use the Bulk API 2.0: it costs few requests, and seconds to minutes of waiting."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    threshold: int = Field(default=20_000, ge=0, description="reads of more rows than this go by bulk")
    page: int = Field(default=50_000, ge=1_000, le=250_000, description="rows of one result page")
    patience: Duration = Field(default=timedelta(hours=1), description="how long a job may take before REST does it")


class Cadence(BaseModel):
    """How often we read what the time of last change can't tell."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    overlap: Duration = Field(
        default=timedelta(minutes=10), description="each read of changes starts this much earlier"
    )
    late: Duration = Field(default=timedelta(hours=1), description="a second read of changes, this much behind")
    archived: Duration = Field(default=timedelta(hours=1), description="ask for the log of deletions")
    links: Duration = Field(default=timedelta(days=1), description="read all contact roles, invitations, prices again")
    history: Duration = Field(default=timedelta(days=7), description="read all histories and mails again")
    calculated: Duration = Field(default=timedelta(days=1), description="read formula and roll-up fields again")
    reconcile: Duration = Field(default=timedelta(days=1), description="compare all ids with Salesforce's")
    shrink: float = Field(
        default=0.2, ge=0, le=1, description="a reconciliation that would delete more than this share stops and says so"
    )


class SalesforceSettings(BaseModel):
    """A Salesforce org: how to sign in and what to read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    allow_http: bool = ALLOW_HTTP
    auth: Auth = Field(default="client_credentials", description="how to sign in")
    login_url: str = Field(
        default="https://login.salesforce.com", description="the My Domain, or login/test.salesforce.com"
    )
    consumer_key: str = Field(default="", description="of the External Client App")
    consumer_secret: SecretStr | None = Field(default=None, description="of the External Client App")
    username: str = Field(default="", description="for jwt and password")
    private_key: SecretStr | None = Field(default=None, description="PEM of the RSA key, for jwt")
    refresh_token_file: str = Field(
        default="", description="a file of its own with the refresh token; we write the next one into it"
    )
    access_token: SecretStr | None = Field(default=None, description="a ready session, for session")
    instance_url: str = Field(default="", description="where a ready session is valid")
    password: SecretStr | None = Field(default=None, description="for password, which Salesforce ends in 2027")
    security_token: SecretStr | None = Field(default=None, description="for password")
    base_url: str = Field(default="", description="send everything there instead: for proxies and sandboxes")
    api_version: str = Field(default=API_VERSION, pattern=r"^\d{2,3}\.0$", description="Salesforce's API version")
    connect_timeout: Duration = Field(default=timedelta(seconds=5))
    read_timeout: Duration = Field(default=timedelta(minutes=5))
    include: list[str] = Field(default_factory=list, description="streams to read; empty: all")
    exclude: list[str] = Field(default_factory=list, description="streams to leave out")
    fields: dict[str, dict[str, str]] = Field(
        default_factory=dict, description="Salesforce fields for canonical ones, e.g. {deals: {region: Region__c}}"
    )
    extra: dict[str, list[str]] = Field(
        default_factory=dict, description="Salesforce fields to keep as JSON in `extra`, e.g. {deals: [My_Field__c]}"
    )
    deal_types: dict[str, str] = Field(
        default_factory=dict, description="the org's opportunity types in our words, e.g. {Upsell: expansion}"
    )
    default_currency: str | None = Field(
        default=None, min_length=3, max_length=3, description="ISO 4217, where an org with one currency doesn't tell"
    )
    keep_payload: bool = Field(default=False, description="keep the raw answer beside each row")
    budget: Budget = Budget()
    bulk: Bulk = Bulk()
    cadence: Cadence = Cadence()

    _secrets_travel_safely = field_validator("login_url", "instance_url", "base_url")(base_address)

    @field_validator("fields")
    @classmethod
    def _fields_exist(cls, given: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        insist_known(given, BY_NAME, "fields are given by stream, and there is no stream")
        for kind, mapped in given.items():
            insist_known(mapped, BY_NAME[kind].record.model_fields, f"{kind} has no field")
            _names(mapped.values())
        return given

    @field_validator("extra")
    @classmethod
    def _kinds_exist(cls, given: dict[str, list[str]]) -> dict[str, list[str]]:
        insist_known(given, BY_NAME, "extra fields are given by stream, and there is no stream")
        for names in given.values():
            _names(names)
        return given

    @field_validator("include", "exclude")
    @classmethod
    def _streams_exist(cls, given: list[str]) -> list[str]:
        insist_known(given, STREAMS, "there is no stream")
        return given

    @model_validator(mode="after")
    def _can_sign_in(self) -> "SalesforceSettings":
        lacking = [name for name in NEEDS[self.auth] if not getattr(self, name)]
        if lacking:
            raise ValueError(f"`auth: {self.auth}` needs {' and '.join(lacking)}")
        if self.auth == "client_credentials" and urlsplit(self.login_url).hostname in SHARED_HOSTS:
            raise ValueError(
                "`auth: client_credentials` needs the org's My Domain as login_url, such as https://acme.my.salesforce.com"
            )
        return self


def _names(names: Iterable[str]) -> None:
    """Raises ValueError for what can't be the name of a field: names go into queries."""
    for name in names:
        if not FIELD.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a Salesforce field, such as Region__c or Owner.Name")
