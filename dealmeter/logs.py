"""Logs: text for a terminal, JSON Lines for everything else; never a secret, never a record's body."""

import logging
import re
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any, Literal, TextIO

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "text", "json"]
Event = MutableMapping[str, Any]
SECRETS = (
    re.compile(r"(?P<lead>pat-[a-z0-9]+-|Bearer\s+)[^\s\"'@,;)}]+", re.IGNORECASE),
    re.compile(r"(?P<lead>://[^\s:/@]*:)(?!PASSWORD@)[^\s/@]+(?=@)"),
    re.compile(
        r"(?P<lead>(?:access_token|password|secret|token)[\"']?\s*[=:]\s*[\"']?)(?=\S*\d)[^\s\"'@,;)}]{6,}",
        re.IGNORECASE,
    ),
)
"""What looks like a secret, wherever it stands."""
QUIET = ("apscheduler", "alembic", "urllib3", "hubspot", "sqlalchemy", "celery", "kombu")
"""Libraries whose warnings we pass on, and nothing less."""


def masked(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without anything that is, or looks like, a secret."""
    for secret in secrets:
        if len(secret) > 3:
            text = text.replace(secret, "***")
    for pattern in SECRETS:
        text = pattern.sub(lambda match: f"{match['lead']}***", text)
    return text


def logger(*, level: Level, format_: Format, secrets: Iterable[str] = (), stream: TextIO | None = None) -> Any:
    """A logger that writes to standard error. What libraries log comes through it too, from warnings on."""
    import structlog

    stream = stream or sys.stderr
    is_text = format_ == "text" or (format_ == "auto" and stream.isatty())
    known = tuple(sorted(secrets, key=len, reverse=True))

    def mask(_: Any, __: str, event: Event) -> Event:
        return {key: masked(value, known) if isinstance(value, str) else value for key, value in event.items()}

    render: Any = (
        structlog.dev.ConsoleRenderer(colors=stream.isatty(), pad_event_to=0, timestamp_key="ts")
        if is_text
        else structlog.processors.JSONRenderer(sort_keys=False, default=str, ensure_ascii=False)
    )
    log = structlog.wrap_logger(
        structlog.PrintLogger(stream),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            structlog.processors.format_exc_info,
            _without_nothing,
            mask,
            _in_order,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )
    _adopt(log)
    return log


def _without_nothing(_: Any, __: str, event: Event) -> Event:
    return {key: value for key, value in event.items() if value is not None}


def _in_order(_: Any, __: str, event: Event) -> Event:
    first = {key: event[key] for key in ("ts", "level", "event") if key in event}
    return {**first, **event}


class _Passing(logging.Handler):
    """Hands what libraries log to our logger."""

    def __init__(self, log: Any) -> None:
        super().__init__(logging.WARNING)
        self._log = log
        self.addFilter(_worth_telling)

    def emit(self, record: logging.LogRecord) -> None:
        tell = self._log.error if record.levelno >= logging.ERROR else self._log.warning
        tell(record.getMessage(), action="library", library=record.name)


def _worth_telling(record: logging.LogRecord) -> bool:
    """A full pool costs a connection and nothing else; urllib3 warns of each."""
    return not record.getMessage().startswith("Connection pool is full")


def _adopt(log: Any) -> None:
    for name in QUIET:
        library = logging.getLogger(name)
        for old in [handler for handler in library.handlers if isinstance(handler, _Passing)]:
            library.removeHandler(old)
        library.addHandler(_Passing(log))
        library.propagate = False
