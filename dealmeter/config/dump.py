"""The configuration in force as plain data, secrets masked; and a fingerprint of a connection's settings."""

from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, SecretStr
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from dealmeter.config.load import Configured
from dealmeter.config.secrets import MASK

UNITS = (("w", 604_800), ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))


def in_force(configured: Configured) -> dict[str, Any]:
    """Everything with its defaults filled in, as it could stand in the file."""
    config = configured.config
    data: dict[str, Any] = _plain(config.model_dump())
    data["database"]["url"] = without_password(config.database.url)
    for written, connection in zip(data["connections"], config.connections, strict=True):
        own = configured.settings.get(connection.name)
        written["settings"] = _plain(own.model_dump()) if own is not None else MASK
    return data


def fingerprint(crm: str, settings: BaseModel) -> str:
    """Changes with any of the settings, the secrets too, and tells none of them."""

    def reveal(value: Any) -> Any:
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)

    content = orjson.dumps([crm, settings.model_dump()], default=reveal, option=orjson.OPT_SORT_KEYS)
    return sha256(content).hexdigest()[:32]


def duration(value: timedelta) -> str:
    """A length of time as people write it: 15m."""
    seconds = value.total_seconds()
    for unit, length in UNITS:
        if seconds and seconds % length == 0:
            return f"{int(seconds // length)}{unit}"
    return f"{seconds:g}s"


def without_password(url: str) -> str:
    """A database address that may be shown."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except (ArgumentError, ValueError):
        return MASK


def _plain(value: Any) -> Any:
    match value:
        case Mapping():
            return {name: _plain(item) for name, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(item) for item in value]
        case SecretStr():
            return MASK
        case timedelta():
            return duration(value)
        case Path():
            return str(value)
    return value
