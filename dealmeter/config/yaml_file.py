"""Reading YAML strictly: a key twice is an error, and every key remembers its line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from dealmeter.errors import ConfigError, Key, Problem

SYNTAX_HINT = "put it right there: indent with spaces, and quote values that contain `: `, `#` or begin with `@`"


@dataclass(frozen=True, slots=True)
class Parsed:
    """The file's content, the line of each key, and the keys that stand twice."""

    data: Mapping[str, Any]
    lines: Mapping[Key, int]
    problems: list[Problem] = field(default_factory=list)


def read(path: Path) -> Parsed:
    """The content of a YAML file. Raises ConfigError where it can't be read or isn't a mapping."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(
            f"{path} can't be read: {reason}", hint="check the path and its permissions", path=path
        ) from None
    return parse(text, path)


def parse(text: str, path: Path) -> Parsed:
    """The content of YAML text. Raises ConfigError with line and column where it isn't YAML."""
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        parsed = Parsed({}, {})
        if node is None:
            return parsed
        _walk(node, (), parsed, ())
        data = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
        raise ConfigError(f"{path}, {where}: {error.problem}", hint=SYNTAX_HINT, path=path) from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: 2026-13-45 looks like a date
        raise ConfigError(f"{path}: {error}", hint=SYNTAX_HINT, path=path) from None
    finally:
        loader.dispose()
    if not isinstance(data, dict):
        raise ConfigError(
            f"{path} holds no keys", hint="start with `version: 1`; `dealmeter init` writes one", path=path
        )
    return Parsed(data, parsed.lines, parsed.problems)


def _walk(node: yaml.Node, key: Key, parsed: Parsed, above: tuple[int, ...]) -> None:
    if id(node) in above:
        raise yaml.constructor.ConstructorError(None, None, "an alias that contains itself", node.start_mark)
    above = (*above, id(node))
    if isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            _mark(parsed, (*key, i), item)
            _walk(item, (*key, i), parsed, above)
    elif isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for name, item in node.value:
            below, line = (*key, str(name.value)), name.start_mark.line + 1
            if str(name.value) in seen and name.value != "<<":
                parsed.problems.append(Problem(below, f"stands twice, in line {seen[str(name.value)]} and here", line))
            seen[str(name.value)] = line
            _mark(parsed, below, name)
            _walk(item, below, parsed, above)


def _mark(parsed: Parsed, key: Key, node: yaml.Node) -> None:
    assert isinstance(parsed.lines, dict)
    parsed.lines[key] = node.start_mark.line + 1
