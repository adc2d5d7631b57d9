"""The configuration: what it takes, and everything that it says about mistakes."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, SecretStr

from connectors.registry import load as connector
from dealmeter.config import Config, ConfigError, load
from dealmeter.config.dump import fingerprint, in_force
from dealmeter.config.problems import models_in

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"
TOKENS = {
    "HUBSPOT_TOKEN": "pat-1",
    "HUBSPOT_SUBSIDIARY_TOKEN": "pat-2",
    "SLACK_WEBHOOK": "https://hooks.example.com/T0/B0",
    "WEBHOOK_URL": "https://example.com/hook",
    "WEBHOOK_SECRET": "whisper-1",
    "TELEGRAM_TOKEN": "1:telegram",
    "MAIL_PASSWORD": "mail-1",
    "SALESFORCE_CONSUMER_KEY": "key",
    "SALESFORCE_CONSUMER_SECRET": "secret",
}


def written(folder: Path, text: str) -> Path:
    path = folder / "dealmeter.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def hubspot(settings: str) -> str:
    return f"version: 1\nconnections:\n  - {{name: main, crm: hubspot, settings: {settings}}}\n"


def problems(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(written(folder, text), environ or {})
    return [str(problem) for problem in caught.value.problems]


def test_the_example_loads() -> None:
    configured = load(EXAMPLE, TOKENS)
    assert configured.warnings == ()
    assert list(configured.settings) == ["hubspot-main", "hubspot-subsidiary", "salesforce-main", "plans"]


def test_the_example_holds_every_option_and_its_defaults_are_the_real_ones() -> None:
    example = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    configured = load(EXAMPLE, TOKENS)
    missing = set(fields(Config)) - set(keys(example))
    described = {
        name for name in missing if name.startswith(("kpis.calendars.", "kpis.custom.", "kpis.business_hours."))
    }
    assert sorted(missing - described) == []
    text = EXAMPLE.read_text(encoding="utf-8")
    assert [name for name in described if not re.search(rf"\b{name.rpartition('.')[2].rstrip('_')}\b", text)] == []
    for i, name in ((0, "hubspot"), (2, "salesforce"), (3, "files")):
        left_out = set(fields(connector(name).Settings)) - set(keys(example["connections"][i]["settings"]))
        assert [option for option in sorted(left_out) if f"# {option}: " not in text] == []
    bare = Config(version=1)
    assert configured.config.kpis == bare.kpis
    assert configured.config.log == bare.log
    assert configured.config.service == bare.service
    assert configured.config.retention == bare.retention
    token = {"access_token": "x"}
    left, right = configured.settings["hubspot-main"], connector("hubspot").Settings.model_validate(token)
    assert left.model_dump(exclude=set(token)) == right.model_dump(exclude=set(token))
    path = {"path": EXAMPLE.parent / "data"}
    assert configured.settings["plans"] == connector("files").Settings.model_validate(path)


def test_a_folder_lies_beside_the_configuration_wherever_the_command_is_run(tmp_path: Path) -> None:
    text = "version: 1\nconnections:\n  - {name: f, crm: files, settings: {path: data}}\n"
    configured = load(written(tmp_path, text), {})
    assert configured.settings["f"].model_dump()["path"] == tmp_path / "data"
    shown = in_force(configured)["connections"][0]["settings"]
    assert shown["path"] == str(tmp_path / "data")
    assert yaml.safe_load(yaml.safe_dump(shown)) == shown


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("{path: d, encoding: utf-9}", "settings.encoding: 'utf-9' is no encoding"),
        ("{path: d, time_zone: Teheran}", "settings.time_zone: 'Teheran' is not an IANA time zone"),
        ("{path: d, fields: {deal: {}}}", "settings.fields: there is no file 'deal'; did you mean 'deals'?"),
        (
            "{path: d, fields: {deals: {amuont: X}}}",
            "settings.fields: deals has no field 'amuont'; did you mean 'amount'?",
        ),
        ("{path: d, include: [target]}", "settings.include: there is no file 'target'; did you mean 'targets'?"),
        ("{path: d, currency: euro}", "settings.currency: should be a code of ISO 4217"),
        ("{}", "settings.path: missing"),
    ],
)
def test_a_mistake_in_the_settings_of_files_is_named(tmp_path: Path, settings: str, says: str) -> None:
    [told] = problems(tmp_path, f"version: 1\nconnections:\n  - {{name: f, crm: files, settings: {settings}}}\n")
    assert told.startswith(f"connections[0].{says}")


def test_the_example_holds_every_option_of_salesforce_with_its_default() -> None:
    text = re.sub(r"^( +)# (\w+: .*)$", r"\1\2", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    example = next(each for each in yaml.safe_load(text)["connections"] if each["crm"] == "salesforce")
    assert sorted(set(fields(connector("salesforce").Settings)) - set(keys(example["settings"]))) == []
    settings = load(EXAMPLE, TOKENS).settings["salesforce-main"]
    given = {"consumer_key": "key", "consumer_secret": "secret", "login_url": "https://acme.my.salesforce.com"}
    assert settings == connector("salesforce").Settings.model_validate(given)


def fields(model: type[BaseModel], above: str = "") -> Iterator[str]:
    """Every field of a model and of the models in it."""
    for name, field in model.model_fields.items():
        yield f"{above}{name}"
        for inner in models_in(field.annotation):
            yield from fields(inner, f"{above}{name}.")


def keys(data: Any, above: str = "") -> Iterator[str]:
    """Every key of nested data."""
    for item in data if isinstance(data, list) else []:
        yield from keys(item, above)
    for name, value in data.items() if isinstance(data, dict) else ():
        yield f"{above}{name}"
        yield from keys(value, f"{above}{name}.")


@pytest.mark.parametrize(
    ("text", "environ", "becomes"),
    [
        ("${A}", {"A": "x"}, "x"),
        ("${A}", {"A": ""}, ""),
        ("${A:-b}", {}, "b"),
        ("${A:-b}", {"A": ""}, "b"),
        ("${A:-}", {}, ""),
        ("p${A:-b}q${B}", {"B": "2"}, "pbq2"),
        ("$${A}", {"A": "x"}, "${A}"),
        ("$A {B}", {"A": "x"}, "$A {B}"),
        ("${A}", {"A": "{x: 1}"}, "{x: 1}"),
    ],
)
def test_variables_are_filled_in_after_yaml_was_read(
    tmp_path: Path, text: str, environ: dict[str, str], becomes: str
) -> None:
    path = written(tmp_path, hubspot(f"{{access_token: x, extra: {{deals: ['{text}']}}}}"))
    settings: Any = load(path, environ).settings["main"]
    assert settings.extra == {"deals": [becomes]}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("${A}", "the environment variable A is not set"),
        ("${A:?ask the admin}", "ask the admin"),
        ("${A:?}", "the environment variable A is not set"),
        ("${1}", "`${` begins no variable"),
        ("${A", "`${` begins no variable"),
    ],
)
def test_a_variable_without_a_value_is_named_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    [problem] = problems(tmp_path, hubspot(f"{{access_token: '{text}'}}"))
    assert problem.startswith(f"connections[0].settings.access_token: {says}")


def test_numbers_and_switches_may_come_from_variables(tmp_path: Path) -> None:
    text = "version: 1\ndatabase: {auto_migrate: '${AUTO}'}\nkpis: {min_sample: '${N:-5}'}\n"
    config = load(written(tmp_path, text), {"AUTO": "false"}).config
    assert (config.database.auto_migrate, config.kpis.min_sample) == (False, 5)


def test_dot_env_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# a comment\nexport A='one # two'\nB=three # four\nC=\"five\"\nnonsense\n")
    (tmp_path / ".env").chmod(0o600)
    path = written(tmp_path, hubspot("{access_token: x, extra: {deals: ['${A}', '${B}', '${C}']}}"))
    settings: Any = load(path, {"C": "six"}).settings["main"]
    assert settings.extra == {"deals": ["one # two", "three", "six"]}


def test_lines_of_dot_env_that_are_no_variables_get_a_warning(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# a comment\n\nTOKEN: x\nexport A=1\n")
    path = written(tmp_path, hubspot("{access_token: {env: T}, base_url: 'https://a.example:8/b'}"))
    [warning] = load(path, {"T": "x"}).warnings
    assert warning == f"{tmp_path / '.env'}, line 3: not NAME=value, so it is passed over"


@pytest.mark.parametrize("environ", [{"T": ""}, {"T": " "}])
def test_an_empty_token_is_a_mistake(tmp_path: Path, environ: dict[str, str]) -> None:
    [problem] = problems(tmp_path, hubspot("{access_token: '${T}'}"), environ)
    said = "the environment variable T is empty; put the token into .env"
    assert problem == f"connections[0].settings.access_token: {said}"
    [problem] = problems(tmp_path, hubspot("{access_token: {env: T}}"), environ)
    assert problem == "connections[0].settings.access_token.env: the environment variable T is empty"


def test_a_secret_comes_from_a_file_or_a_variable(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("pat-file\n")
    (tmp_path / "token").chmod(0o600)
    for source, environ, value in (("{file: token}", {}, "pat-file"), ("{env: T}", {"T": "pat-env"}, "pat-env")):
        configured = load(written(tmp_path, hubspot(f"{{access_token: {source}}}")), environ)
        settings: Any = configured.settings["main"]
        assert settings.access_token == SecretStr(value)
        assert configured.warnings == ()
        assert configured.secrets == {value}


def test_a_secret_file_that_others_may_read_gets_a_warning(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("pat-file")
    (tmp_path / "token").chmod(0o644)
    [warning] = load(written(tmp_path, hubspot("{access_token: {file: token}}")), {}).warnings
    assert "mode 0644: run `chmod 600" in warning
    assert "pat-file" not in warning


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{file: none}", "access_token.file: "),
        ("{env: NONE}", "access_token.env: the environment variable NONE is not set"),
        ("{vault: x}", "access_token: should be a text, {file: PATH} or {env: NAME}"),
    ],
)
def test_a_secret_that_is_not_there_is_named_with_its_place(tmp_path: Path, source: str, says: str) -> None:
    [problem] = problems(tmp_path, hubspot(f"{{access_token: {source}}}"))
    assert problem.startswith(f"connections[0].settings.{says}")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("version: 1\nversion: 1\n", "version: stands twice, in line 1 and here"),
        ("version: 2\n", "version: should be 1"),
        ("{}", "version: missing"),
        (hubspot("{}"), "connections[0].settings.access_token: missing"),
        (hubspot("{access_token: 5}"), "connections[0].settings.access_token: should be a valid string"),
        ("version: 1\nlog: {levle: info}\n", 'log.levle: unknown key; did you mean "level"?'),
        ("version: 1\nkpis: {include: [revenu]}\n", "kpis.include[0]: there is no KPI 'revenu'; did you mean"),
        ("version: 1\nkpis: {crossed: [[owner, stag]]}\n", "kpis.crossed[0][1]: there is no dimension 'stag'"),
        (hubspot("{access_token: ''}"), "connections[0].settings.access_token: is empty"),
        (hubspot("{access_token: x, base_url: nope}"), "connections[0].settings.base_url: should be https://HOST"),
        (hubspot("{access_token: x, base_url: 'http://'}"), "connections[0].settings.base_url: should be https://HOST"),
        ("version: 1\ndatabase: {url: dealmeter.db}\n", "database.url: is not an address that dealmeter can use"),
        ("version: 1\ndatabase: {url: 'mysql://me@db/x'}\n", "database.url: is not an address that dealmeter can use"),
        ("version: 1\nkpis: {currency: EURO}\n", "kpis.currency: should be a code of ISO 4217"),
        ("version: 1\nkpis: {time_zone: Mars}\n", "kpis.time_zone: 'Mars' is not an IANA time zone"),
        ("version: 1\nconnections: [{name: a, crm: hubspot, schedule: {cron: x}, settings: {access_token: '$${'}}]\n",
         "connections[0].schedule.cron: 'x' is no cron expression"),
    ],
)  # fmt: skip
def test_each_mistake_is_named_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    [problem] = problems(tmp_path, text)
    assert problem.startswith(says)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("version: 1\n  x: 2\n", "line 2, column 4"),
        ("a: [1\n", "line 2, column 1"),
        ("- 1\n", "holds no keys"),
        ("a: &a [*a]\n", "line 1"),
        ("a: 2026-13-45\n", "dealmeter.yaml"),
    ],
)
def test_what_is_not_yaml_is_named_with_line_and_column(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load(written(tmp_path, text), {})


def test_two_connections_with_one_name_are_a_mistake(tmp_path: Path) -> None:
    text = hubspot("{access_token: x}") + "  - {name: main, crm: hubspot, settings: {access_token: x}}\n"
    assert problems(tmp_path, text) == ["connections[1].name: 'main' is the name of connections[0] too"]


def test_who_only_reads_needs_no_token_but_a_right_file(tmp_path: Path) -> None:
    configured = load(written(tmp_path, hubspot("{access_token: '${NONE}'}")), {}, connections=False)
    assert configured.settings == {}
    with pytest.raises(ConfigError):
        load(written(tmp_path, "version: 1\nlogg: {}\n"), {}, connections=False)


def test_a_wrong_secret_is_never_repeated(tmp_path: Path) -> None:
    secret = "pat-eu1-very-secret"
    text = hubspot(f"{{access_token: [{secret}]}}")
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, text), {})
    assert secret not in str(caught.value) + repr(caught.value.problems) + repr(caught.value.__cause__)


def test_the_configuration_in_force_has_no_secret_and_the_fingerprint_changes_with_it(tmp_path: Path) -> None:
    path = written(tmp_path, hubspot("{access_token: '${T}'}"))
    one, two = load(path, {"T": "pat-one"}), load(path, {"T": "pat-two"})
    assert in_force(one) == in_force(two)
    assert "pat-one" not in repr(in_force(one)) + repr(one.config)
    prints = [fingerprint("hubspot", configured.settings["main"]) for configured in (one, two, one)]
    assert prints[0] == prints[2] != prints[1]


def test_the_file_is_found_by_option_variable_and_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"looked for .*dealmeter\.yaml"):
        load(None, {})
    path = written(tmp_path, "version: 1\n")
    assert load(None, {}).path == Path("dealmeter.yaml")
    other = tmp_path / "other.yaml"
    other.write_text("version: 1\n")
    assert load(None, {"DEALMETER_CONFIG": str(other)}).path == other
    assert load(path, {"DEALMETER_CONFIG": str(other)}).path == path
    with pytest.raises(ConfigError, match="from DEALMETER_CONFIG"):
        load(None, {"DEALMETER_CONFIG": "nowhere.yaml"})
