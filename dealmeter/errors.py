"""What a person can put right: a call, or a configuration. Light, so that the command line knows them at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

Key = tuple[str | int, ...]
"""Where a value stands: ("connections", 1, "name")."""


class UsageError(Exception):
    """The command was called with something that can't be."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to put right; `line` is its line in the file, 0 where that is unknown."""

    key: Key
    message: str
    line: int = 0

    def __str__(self) -> str:
        return f"{shown(self.key)}: {self.message}" if self.key else self.message


class ConfigError(Exception):
    """The configuration can't be used. `problems` are all of them, `hint` says what to do."""

    def __init__(self, message: str, *, hint: str, problems: Sequence[Problem] = (), path: Path | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.problems = tuple(problems)
        self.path = path


def shown(key: Key) -> str:
    """A key as people write it: `connections[1].name`."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
