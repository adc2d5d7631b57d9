"""Durations as people write them: `90s`, `15m`, `6h`, `1d`."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
WRITTEN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*")


def parse(value: Any) -> Any:
    """A duration from `15m`. Raises ValueError for other text and for a bare number: it names no unit."""
    if isinstance(value, timedelta):
        return value
    written = WRITTEN.fullmatch(value) if isinstance(value, str) else None
    if written is None:
        raise ValueError(f"{value!r} is not a duration: write a number with s, m, h, d or w, such as 15m")
    return timedelta(**{UNITS[written[2]]: float(written[1])})


Duration = Annotated[
    timedelta,
    BeforeValidator(parse),
    WithJsonSchema({"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*[smhdw]\s*$", "examples": ["15m", "6h"]}),
]
"""A length of time, written as `15m`."""
