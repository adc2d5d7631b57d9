"""Decode what a CRM says: JSON without what no database can hold as text and nobody has typed."""

import json
import re
from typing import Any, NoReturn

import orjson

NUL = b"\\u0000"
SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
LONE = re.compile("[\ud800-\udfff]")
NOT_TEXT = "\N{REPLACEMENT CHARACTER}"


def decoded(data: bytes) -> Any:
    """The value of a JSON text without NUL characters; half an emoji becomes U+FFFD. Raises ValueError."""
    try:
        return _decoded(data)
    except RecursionError:
        raise ValueError("lists within lists without end") from None


def _decoded(data: bytes) -> Any:
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        if not SURROGATE.search(data):
            raise
        return _cleaned(json.loads(data, parse_constant=_no_number))
    return _cleaned(value) if NUL in data else value


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return LONE.sub(NOT_TEXT, value.replace("\0", ""))
        case list():
            return [_cleaned(item) for item in value]
        case dict():
            return {_cleaned(key): _cleaned(item) for key, item in value.items()}
        case _:
            return value


def _no_number(word: str) -> NoReturn:
    """NaN and Infinity are not JSON, whatever Python says."""
    raise ValueError(f"{word} is no JSON")
