"""Secrets in the configuration: where they may come from, and a word about those that lie open."""

import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, SecretStr

from dealmeter.config.expand import VARIABLE
from dealmeter.config.problems import models_in
from dealmeter.errors import Key, Problem, shown

MASK = "***"


@dataclass(slots=True)
class Secrets:
    """Collects the secrets of one load: their values (to mask them), problems and warnings."""

    folder: Path
    environ: Mapping[str, str]
    values: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def fill(self, model: type[BaseModel], settings: dict[str, Any], written: Any, key: Key) -> None:
        """Put the secrets of a model into its `settings`; `written` are the same as they stand in the file."""
        for path in secret_fields(model):
            holder, raw = _at(settings, path[:-1]), _at(written, path)
            if not isinstance(holder, dict) or path[-1] not in holder:
                continue
            found = self._resolve(holder[path[-1]], raw, (*key, *path))
            holder[path[-1]] = found
            if isinstance(found, str) and found:
                self.values.add(found)

    def _resolve(self, value: Any, raw: Any, key: Key) -> Any:
        if isinstance(value, dict):
            return self._elsewhere(value, key)
        if isinstance(value, str) and not value.strip():
            self.problems.append(Problem(key, self._why_empty(raw, key)))
        elif isinstance(raw, str) and "${" not in raw:
            self.warnings.append(
                f"{shown(key)} is written plainly in the file; better: `{key[-1]}: ${{NAME}}` with the value in the "
                f"environment or in .env, or `{key[-1]}: {{file: PATH}}`"
            )
        return value

    def _why_empty(self, raw: Any, key: Key) -> str:
        names = [match["name"] for match in VARIABLE.finditer(str(raw)) if match["name"]]
        if not names:
            return "is empty"
        what = str(key[-1]).rpartition("_")[2]
        return f"the environment variable {names[0]} is empty; put the {what} into .env"

    def _elsewhere(self, source: Mapping[str, Any], key: Key) -> str:
        match source:
            case {"file": str(name), **rest} if not rest:
                return self._from_file(self.folder / Path(name).expanduser(), key)
            case {"env": str(name), **rest} if not rest:
                found = self.environ.get(name, "")
                if not found.strip():
                    how = "empty" if name in self.environ else "not set"
                    self.problems.append(Problem((*key, "env"), f"the environment variable {name} is {how}"))
                return found
        self.problems.append(Problem(key, "should be a text, {file: PATH} or {env: NAME}"))
        return ""

    def _from_file(self, path: Path, key: Key) -> str:
        try:
            text = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            self.problems.append(Problem((*key, "file"), f"{path} can't be read: {reason}"))
            return ""
        if not text:
            self.problems.append(Problem((*key, "file"), f"{path} is empty"))
        self.look_at_mode(path)
        return text

    def look_at_mode(self, path: Path) -> None:
        """Warn where others than its owner may read a file with a secret in it."""
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            self.warnings.append(f"{path} has a secret in it and mode {mode:04o}: run `chmod 600 {path}`")


def secret_fields(model: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    """The paths of a model's secrets."""
    for name, field_ in model.model_fields.items():
        if field_.annotation is SecretStr or SecretStr in get_args(field_.annotation):
            yield (name,)
        for inner in models_in(field_.annotation):
            yield from ((name, *path) for path in secret_fields(inner))


def _at(value: Any, path: Key) -> Any:
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value
