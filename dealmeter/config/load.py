"""Loads the configuration: file, variables, secrets, models; all that is wrong is told at once."""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ValidationError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from dealmeter.config.channels import CHANNELS
from dealmeter.config.expand import dotenv, expand
from dealmeter.config.models import Config, ConnectionSettings, ExecutorSettings
from dealmeter.config.problems import from_validation, suggestion
from dealmeter.config.secrets import Secrets
from dealmeter.config.yaml_file import Parsed, read
from dealmeter.errors import ConfigError, Key, Problem

NAMES = ("dealmeter.yaml", "dealmeter.yml")
VARIABLE = "DEALMETER_CONFIG"
CURRENCY = re.compile("[A-Z]{3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """A configuration that can be used: `settings` are each connection's own (empty for those who only read)."""

    config: Config
    path: Path
    settings: Mapping[str, BaseModel]
    warnings: Sequence[str]
    secrets: frozenset[str]

    def connection(self, name: str) -> ConnectionSettings:
        """A connection by its name."""
        return next(connection for connection in self.config.connections if connection.name == name)


def find(chosen: Path | None, environ: Mapping[str, str]) -> Path:
    """The file: the chosen one, else the one that DEALMETER_CONFIG names, else the one in the working folder."""
    named = chosen or (Path(environ[VARIABLE]) if environ.get(VARIABLE) else None)
    if named is not None:
        if named.is_file():
            return named
        by = "--config" if chosen else VARIABLE
        raise ConfigError(
            f"there is no file {named} (from {by})", hint="check the path; `dealmeter init` writes a file"
        )
    for name in NAMES:
        if Path(name).is_file():
            return Path(name)
    raise ConfigError(
        f"no configuration found: looked for {Path.cwd() / NAMES[0]}; neither --config nor {VARIABLE} is given",
        hint="run `dealmeter init` here, or name the file with --config FILE",
    )


def load(chosen: Path | None, environ: Mapping[str, str], *, connections: bool = True) -> Configured:
    """The configuration. Raises ConfigError with every problem.

    Without `connections` their settings are neither looked at nor needed: who reads the database needs no token.
    """
    path = find(chosen, environ)
    parsed = read(path)
    dot_env = path.parent / ".env"
    beside, strange = dotenv(dot_env)
    odd = [f"{dot_env}, line {line}: not NAME=value, so it is passed over" for line in strange]
    environ = {**beside, **environ}
    problems = list(parsed.problems)
    values = expand(parsed.data, environ, problems)
    secrets = Secrets(path.parent, environ)
    _notifications(values, parsed, secrets, wanted=connections)
    _executor(values, parsed, secrets, wanted=connections)
    config, found = _model(values)
    problems += found
    settings = _connectors(values, parsed, secrets, problems) if connections else {}
    problems = _told_once([*problems, *secrets.problems], connections=connections)
    if problems or config is None:
        raise _error(path, parsed, problems, odd)
    if connections and secrets.values & set(beside.values()):
        secrets.look_at_mode(dot_env)
    secrets.warnings += odd
    _look_at_database(parsed, config, secrets)
    return Configured(
        config=_beside(config, path),
        path=path,
        settings=settings,
        warnings=tuple(secrets.warnings),
        secrets=frozenset(secrets.values),
    )


def _notifications(values: dict[str, Any], parsed: Parsed, secrets: Secrets, *, wanted: bool) -> None:
    """Put the secrets of the channels in; who only reads the database needs no channels."""
    if not wanted:
        values.pop("notifications", None)
        return
    found, written = values.get("notifications"), parsed.data.get("notifications")
    for i, channel in enumerate(found if isinstance(found, list) else []):
        model = CHANNELS.get(str(channel.get("type"))) if isinstance(channel, dict) else None
        if model is not None and isinstance(written, list):
            secrets.fill(model, channel, written[i], ("notifications", i))


def _executor(values: dict[str, Any], parsed: Parsed, secrets: Secrets, *, wanted: bool) -> None:
    """Put the broker's address in; who only reads the database needs no broker."""
    if not wanted:
        values.pop("executor", None)
        return
    found = values.get("executor")
    if isinstance(found, dict):
        secrets.fill(ExecutorSettings, found, parsed.data.get("executor"), ("executor",))
        broker = found.get("broker")
        with suppress(ValueError):  # the model says what is wrong with it
            if isinstance(broker, str) and (password := urlsplit(broker).password):
                secrets.values |= {password, unquote(password)}


def _model(values: Any) -> tuple[Config | None, list[Problem]]:
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        return None, [*from_validation(error, Config), *_beyond_models(values)]
    return config, [*_beyond_models(values), *_own_kpis(config)]


def _own_kpis(config: Config) -> Iterable[Problem]:
    """What the facts say against the company's own KPIs."""
    from kpi.custom_faults import faults

    for fault in faults(config.kpis.custom):
        place = ("kpis", "custom", fault.key)
        yield Problem((*place, fault.setting) if fault.setting else place, fault.says)


def _beyond_models(values: Mapping[str, Any]) -> Iterable[Problem]:
    """What no single model sees."""
    yield from _doubles(values)
    yield from _unknown_kpis(values)
    yield from _misshapen(values)


def _misshapen(values: Mapping[str, Any]) -> Iterable[Problem]:
    """A currency that is no code."""
    kpis = values.get("kpis")
    currency = kpis.get("currency") if isinstance(kpis, dict) else None
    if isinstance(currency, str) and not CURRENCY.fullmatch(currency):
        yield Problem(("kpis", "currency"), "should be a code of ISO 4217 in capital letters, such as EUR")


def _doubles(values: Mapping[str, Any]) -> Iterable[Problem]:
    seen: dict[str, int] = {}
    for i, connection in enumerate(_connections(values)):
        name = connection.get("name")
        if isinstance(name, str):
            if name in seen:
                yield Problem(("connections", i, "name"), f"{name!r} is the name of connections[{seen[name]}] too")
            seen.setdefault(name, i)


def _unknown_kpis(values: Mapping[str, Any]) -> Iterable[Problem]:
    """KPIs and dimensions that the catalogue doesn't have."""
    kpis = values.get("kpis")
    words = list(_words(kpis)) if isinstance(kpis, dict) else []
    if not isinstance(kpis, dict) or not words:
        return
    from kpi.catalogue import DIMENSIONS, METRICS

    custom = kpis.get("custom")
    own = list(custom) if isinstance(custom, dict) else []
    for key, word in words:
        is_kpi = key[1] in {"include", "exclude"}
        known = [*METRICS, *own] if is_kpi else list(DIMENSIONS)
        if word not in known:
            hint = suggestion(word, known)
            if is_kpi and not hint.startswith("; did"):
                hint = "; `dealmeter kpi list` shows them all"
            yield Problem(key, f"there is no {'KPI' if is_kpi else 'dimension'} {word!r}{hint}")


def _words(kpis: Mapping[str, Any]) -> Iterable[tuple[Key, str]]:
    """Each word in the lists of KPIs and dimensions, with its place."""
    for name in ("include", "exclude", "dimensions_off", "dimensions_on", "crossed"):
        found = kpis.get(name)
        for i, item in enumerate(found if isinstance(found, list) else []):
            if isinstance(item, str):
                yield ("kpis", name, i), item
            elif isinstance(item, list):
                yield from ((("kpis", name, i, k), word) for k, word in enumerate(item) if isinstance(word, str))


def _connectors(
    values: dict[str, Any], parsed: Parsed, secrets: Secrets, problems: list[Problem]
) -> dict[str, BaseModel]:
    """Each connection's settings by its connector's own model."""
    from connectors.registry import names

    known, settings = names(), {}
    written = _connections(parsed.data)
    for i, connection in enumerate(_connections(values)):
        crm, key = connection.get("crm"), ("connections", i)
        if not isinstance(crm, str):
            continue
        if crm not in known:
            problems.append(Problem((*key, "crm"), f"there is no connector {crm!r}{suggestion(crm, known)}"))
            continue
        own = deepcopy(connection.get("settings") or {})
        if isinstance(own, dict):
            found = _own(crm, own, (written[i].get("settings") or {}), secrets, problems, (*key, "settings"))
            if found is not None:
                settings[str(connection.get("name"))] = found
    return settings


def _own(
    crm: str, own: dict[str, Any], written: Any, secrets: Secrets, problems: list[Problem], key: Key
) -> BaseModel | None:
    from connectors.registry import load as connector

    model = connector(crm).Settings
    secrets.fill(model, own, written, key)
    try:
        return model.model_validate(own, context={"folder": secrets.folder})
    except ValidationError as error:
        problems += from_validation(error, model, key)
        return None


def _connections(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = values.get("connections")
    return [item if isinstance(item, dict) else {} for item in found] if isinstance(found, list) else []


def _told_once(problems: Sequence[Problem], *, connections: bool) -> list[Problem]:
    """One problem per place, the first that was found: an unset variable is not also a value that is too short."""
    first: dict[Key, Problem] = {}
    for problem in problems:
        first.setdefault(problem.key, problem)
    return [p for p in first.values() if connections or not _is_left_out(p.key)]


def _is_left_out(key: Key) -> bool:
    """Whether who only reads the database need not have what stands there."""
    return key[:1] in {("notifications",), ("executor",)} or (key[:1] == ("connections",) and "settings" in key)


def _error(path: Path, parsed: Parsed, problems: Sequence[Problem], odd: Sequence[str]) -> ConfigError:
    placed = [replace(p, line=p.line or _line(parsed, p.key)) for p in problems]
    placed.sort(key=lambda p: p.line)
    count = "1 problem" if len(placed) == 1 else f"{len(placed)} problems"
    return ConfigError(
        f"{path} has {count}",
        hint="put them right, then run `dealmeter config check`; config.example.yaml explains every option",
        problems=[*placed, *(Problem((), said) for said in odd)],
        path=path,
    )


def _line(parsed: Parsed, key: Key) -> int:
    """The line of a key, or of the nearest one above it that stands in the file."""
    while key and key not in parsed.lines:
        key = key[:-1]
    return parsed.lines.get(key, 1)


def _look_at_database(parsed: Parsed, config: Config, secrets: Secrets) -> None:
    database = parsed.data.get("database")
    written = database.get("url") if isinstance(database, dict) else None
    try:
        password, open_ = make_url(config.database.url).password, make_url(str(written)).password
    except (ArgumentError, ValueError):
        return
    if password:
        secrets.values.add(str(password))
    if open_ and "${" not in str(written):
        secrets.warnings.append(
            "database.url has a password written plainly in the file; better: `url: ${DEALMETER_DATABASE_URL}`"
        )


def _beside(config: Config, path: Path) -> Config:
    """A SQLite file with a relative name lies beside the configuration, wherever the command is run."""
    head, _, name = config.database.url.partition(":///")
    if head.partition("+")[0] != "sqlite" or not name or name.startswith((":memory:", "/", "file:")):
        return config
    folder = path.parent
    url = config.database.url if folder == Path() else f"{head}:///{folder / name}"
    return config.model_copy(update={"database": config.database.model_copy(update={"url": url})})
