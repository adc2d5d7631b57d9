"""JSON text of whatever a stranger's record holds: what is nested beyond all use is cut, and says so."""

from collections.abc import Callable
from typing import Any

import orjson

DEEPEST = 100
CUT = "(nested too deeply to be kept)"


def json_text(value: Any, *, option: int = 0, default: Callable[[Any], Any] | None = None) -> str:
    """The text of a value. orjson writes up to 254 levels; of a value with more we keep 100. Raises TypeError for what
    is no JSON."""
    try:
        return orjson.dumps(value, option=option, default=default).decode()
    except orjson.JSONEncodeError:
        return orjson.dumps(_cut(value, DEEPEST), option=option, default=default).decode()


def _cut(value: Any, levels: int) -> Any:
    match value:
        case dict() | list() | tuple() if levels == 0:
            return CUT
        case dict():
            return {name: _cut(inner, levels - 1) for name, inner in value.items()}
        case list() | tuple():
            return [_cut(inner, levels - 1) for inner in value]
        case _:
            return value
