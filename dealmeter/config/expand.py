"""Expands `${NAME}` in values that YAML has already parsed, so that a variable can't inject YAML."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dealmeter.errors import Key, Problem

VARIABLE = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::(?P<how>[-?])(?P<text>[^}]*))?\}|(?P<bad>\$\{)")
LINE = re.compile(r"""\s*(?:export\s+)?(?P<name>[A-Za-z_]\w*)\s*=\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'"""
                  r"""|(?P<bare>[^#\s]*(?:[^\S\n]+[^#\s]+)*))\s*(?:\s#.*)?""")  # fmt: skip


class _UnsetError(Exception):
    """A variable has no value; the text says what to tell."""


def expand(value: Any, environ: Mapping[str, str], problems: list[Problem], key: Key = ()) -> Any:
    """The value with its variables filled in, also inside lists and mappings; what fails is added to `problems`.

    `${NAME}`, `${NAME:-default}` and `${NAME:?message}`, where an empty variable counts as unset for the last two;
    `$${` stands for `${`.
    """
    if isinstance(value, dict):
        return {name: expand(item, environ, problems, (*key, name)) for name, item in value.items()}
    if isinstance(value, list):
        return [expand(item, environ, problems, (*key, i)) for i, item in enumerate(value)]
    if not isinstance(value, str) or "${" not in value:
        return value
    try:
        return VARIABLE.sub(lambda match: _value(match, environ), value)
    except _UnsetError as error:
        problems.append(Problem(key, str(error)))
        return ""


def _value(match: re.Match[str], environ: Mapping[str, str]) -> str:
    if match["bad"]:
        raise _UnsetError(
            "`${` begins no variable: write ${NAME}, ${NAME:-default}, ${NAME:?message}, or $${ for itself"
        )
    name, how, text = match["name"], match["how"], match["text"]
    if name is None:
        return "${"
    found = environ.get(name)
    if found or (found is not None and how is None):
        return found
    if how == "-":
        return str(text)
    raise _UnsetError(str(text) if how == "?" and text else f"the environment variable {name} is not set")


def dotenv(path: Path) -> tuple[dict[str, str], list[int]]:
    """The variables of a `.env` file, and the numbers of the lines that are none; empty where there is no file."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError, UnicodeDecodeError):
        return {}, []
    found = [LINE.fullmatch(line) for line in lines]
    values = {m["name"]: next(m[k] for k in ("double", "single", "bare") if m[k] is not None) for m in found if m}
    strange = (i for i, (line, match) in enumerate(zip(lines, found, strict=True), 1) if not match and line.strip())
    return values, [i for i in strange if not lines[i - 1].lstrip().startswith("#")]
