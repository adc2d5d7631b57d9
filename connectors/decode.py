"""Decode what a CRM says: JSON without NUL characters, which no PostgreSQL text can hold and nobody has typed."""

from typing import Any

import orjson

NUL = b"\\u0000"


def decoded(data: bytes) -> Any:
    """The value of a JSON text. Raises orjson.JSONDecodeError."""
    value = orjson.loads(data)
    return without_nul(value) if NUL in data else value


def without_nul(value: Any) -> Any:
    """The same without NUL characters."""
    match value:
        case str():
            return value.replace("\0", "")
        case list():
            return [without_nul(item) for item in value]
        case dict():
            return {key: without_nul(item) for key, item in value.items()}
        case _:
            return value
