"""What may stand in `dealmeter.yaml`: one frozen model per part. `config.example.yaml` shows them all."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from connectors.duration import Duration
from dealmeter.config.channels import ChannelSettings
from kpi.settings import KpiSettings

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DatabaseSettings(_Part):
    """Where everything is kept."""

    url: str = Field(
        default="sqlite:///dealmeter.db",
        repr=False,
        description="sqlite:///FILE (relative to the configuration file) or postgresql://USER:PASSWORD@HOST/DATABASE",
    )
    auto_migrate: bool = Field(default=True, description="bring the tables up to date without `db upgrade`")

    @field_validator("url")
    @classmethod
    def _usable(cls, url: str) -> str:
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError

        from store.database import DRIVERS

        try:
            backend = make_url(url).get_backend_name()
        except (ArgumentError, ValueError):
            backend = ""
        if backend not in DRIVERS:
            raise ValueError(
                "is not an address that dealmeter can use; "
                "use sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
            )
        return url


class Schedule(_Part):
    """When a connection is due: every so often, or by a cron expression."""

    every: Duration | None = Field(default=None, description="such as 15m; the default where there is no cron")
    cron: str | None = Field(default=None, description='such as "0 6-20 * * 1-5": minute hour day month weekday')
    zone: str = Field(default="UTC", description="time zone of the cron expression")
    jitter: Duration = Field(
        default=timedelta(seconds=30), description="start up to this much later, so that not all start at once"
    )

    reconcile: Duration | None = Field(
        default=timedelta(days=1), description="compare our counts with the CRM's own totals this often; null: never"
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if self.every is not None and self.cron is not None:
            raise ValueError("give either `every` or `cron`, not both")
        return self

    @field_validator("every")
    @classmethod
    def _not_too_often(cls, every: timedelta | None) -> timedelta | None:
        if every is not None and every < timedelta(minutes=1):
            raise ValueError("should be at least 1m")
        return every

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        from zoneinfo import available_timezones

        if zone not in available_timezones():
            raise ValueError(f"{zone!r} is not an IANA time zone such as Europe/Istanbul")
        return zone

    @field_validator("cron")
    @classmethod
    def _readable(cls, cron: str | None) -> str | None:
        if cron is not None:
            from apscheduler.triggers.cron import CronTrigger

            try:
                CronTrigger.from_crontab(cron, timezone="UTC")
            except ValueError as error:
                raise ValueError(f"{cron!r} is no cron expression of five fields: {error}") from None
        return cron

    @property
    def interval(self) -> timedelta | None:
        """How often, where no cron expression says when."""
        return None if self.cron is not None else self.every or timedelta(minutes=15)


class ConnectionSettings(_Part):
    """One CRM account."""

    name: str = Field(description="small letters, digits and hyphens; it stands beside each row")
    crm: str = Field(description="the kind of CRM")
    schedule: Schedule = Schedule()
    parallel: int = Field(default=4, ge=1, le=32, description="how many streams are read at the same time")
    settings: Mapping[str, Any] = Field(default={}, repr=False, description="what this kind of CRM needs")

    @field_validator("name")
    @classmethod
    def _plain(cls, name: str) -> str:
        if not NAME.fullmatch(name):
            raise ValueError("should be small letters, digits and hyphens (at most 63), such as hubspot-main")
        return name


class LogSettings(_Part):
    """What is told on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "text", "json"] = Field(default="auto", description="auto: text on a terminal, else JSON")


class ServiceSettings(_Part):
    """What surrounds the daemon."""

    listen: str | None = Field(
        default="127.0.0.1:9464", description="where /healthz, /readyz and /metrics are; null: nowhere"
    )
    expose: bool = Field(default=False, description="allow an address that other machines can reach")
    lease: Duration = Field(
        default=timedelta(minutes=2), description="how long a run whose process fell silent keeps its connection"
    )

    @field_validator("lease")
    @classmethod
    def _not_too_short(cls, lease: timedelta) -> timedelta:
        if lease < timedelta(seconds=5):
            raise ValueError("should be at least 5s")
        return lease

    @model_validator(mode="after")
    def _only_here(self) -> Self:
        from dealmeter.config.addresses import is_loopback

        if self.listen is not None and not is_loopback(self.listen) and not self.expose:
            raise ValueError(
                f"{self.listen} can be reached by other machines, and what listens there asks for no password; "
                "use 127.0.0.1:9464, or say `expose: true`"
            )
        return self


class ExecutorSettings(_Part):
    """Who runs the connections that are due."""

    kind: Literal["threads", "celery"] = Field(
        default="threads", description="threads: the daemon itself; celery: the workers of `dealmeter worker`"
    )
    broker: SecretStr | None = Field(
        default=None, description="where Celery's queue is: redis://, rediss:// or amqp://; a secret"
    )
    queue: str = Field(default="dealmeter", description="the queue's name: one for each installation on a broker")

    @field_validator("broker")
    @classmethod
    def _an_address(cls, broker: SecretStr | None) -> SecretStr | None:
        if broker is not None and not _is_address(broker.get_secret_value()):
            raise ValueError("should be an address such as rediss://:PASSWORD@HOST:6379/0")
        return broker

    @model_validator(mode="after")
    def _with_a_broker(self) -> Self:
        if self.kind == "celery" and self.broker is None:
            raise ValueError('`kind: celery` needs `broker`, such as "${CELERY_BROKER}"')
        return self


def _is_address(text: str) -> bool:
    try:
        return bool(urlsplit(text).scheme) and "://" in text
    except ValueError:
        return False


class Retention(_Part):
    """How long the books are kept. KPI values and records are kept for ever."""

    runs: Duration = Field(default=timedelta(days=180), description="runs and what they did")
    rejections: Duration = Field(default=timedelta(days=180), description="rejections that have been resolved")
    notifications: Duration = Field(default=timedelta(days=90), description="news that has gone out")


class Config(_Part):
    """The whole file."""

    version: Literal[1] = Field(description="the version of this format")
    database: DatabaseSettings = DatabaseSettings()
    connections: tuple[ConnectionSettings, ...] = Field(default=(), description="the CRM accounts to read")
    kpis: KpiSettings = KpiSettings()
    notifications: tuple[ChannelSettings, ...] = Field(default=(), description="who is told what can't mend itself")
    service: ServiceSettings = ServiceSettings()
    executor: ExecutorSettings = ExecutorSettings()
    retention: Retention = Retention()
    log: LogSettings = LogSettings()
