"""The files in `deploy/` name only what is there."""

import configparser
import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from dealmeter.cli.app import app
from dealmeter.config import load
from dealmeter.service.metrics import Metrics
from store import migrate
from store.database import Database

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
METRIC = re.compile(r"\bdealmeter_[a-z_]+")
SUFFIXES = re.compile(r"_(bucket|sum|count|created)$")


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of our metrics."""
    with Database(f"sqlite:///{tmp_path_factory.mktemp('metrics') / 'store.db'}") as database:
        migrate.upgrade(database)
        text = Metrics(database, version="test").text().decode()
    return {line.split()[2] for line in text.splitlines() if line.startswith("# HELP")}


def named(text: str) -> set[str]:
    return {SUFFIXES.sub("", name) for name in METRIC.findall(text)}


def test_alerts_and_dashboard_ask_for_metrics_that_there_are(metrics: set[str]) -> None:
    alerts = (DEPLOY / "prometheus" / "alerts.yaml").read_text()
    dashboard = (DEPLOY / "grafana" / "dashboard.json").read_text()
    expressions = [panel["targets"][0]["expr"] for panel in json.loads(dashboard)["panels"]]
    rules = yaml.safe_load(alerts)["groups"][0]["rules"]
    asked = named(" ".join([*expressions, *(rule["expr"] for rule in rules)]))
    assert len(asked) > 10
    assert asked <= metrics
    assert {"dealmeter_reconcile_difference_records", "dealmeter_schema_events_total"} <= named(" ".join(expressions))


def test_no_panel_of_the_dashboard_hides_another() -> None:
    panels = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text())["panels"]
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(places) == len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) > 10


def test_the_runbook_has_every_alert_and_every_metric(metrics: set[str]) -> None:
    book = (ROOT / "docs" / "operations.md").read_text()
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())["groups"][0]["rules"]
    headings = {line.removeprefix("### ").lower() for line in book.splitlines() if line.startswith("### ")}
    assert {rule["annotations"]["runbook"].partition("#")[2] for rule in rules} == headings
    assert named(book) == metrics


def service_of(unit: Path) -> Mapping[str, str]:
    """What a unit says of its service."""
    parsed = configparser.RawConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment, method-assign]  # keys of systemd have capitals
    parsed.read(unit)
    return dict(parsed["Service"])


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_runs_commands_that_there_are(unit: Path) -> None:
    service = service_of(unit)
    assert service["Type"] == "notify"
    known = {command.name for command in app.registered_commands} | {group.name for group in app.registered_groups}
    for key in ("ExecStart", "ExecStartPre"):
        words = service[key].split()
        assert words[0].endswith("/dealmeter")
        assert words[3] in known


def test_a_worker_is_confined_as_the_daemon_is() -> None:
    daemon, worker = (
        service_of(DEPLOY / "systemd" / name) for name in ("dealmeter.service", "dealmeter-worker.service")
    )
    assert " worker " in worker["ExecStart"]
    assert "WatchdogSec" in daemon
    assert "WatchdogSec" not in worker
    own = {"ExecStart", "User", "EnvironmentFile"}
    assert {key: value for key, value in worker.items() if key not in own} == {
        key: value for key, value in daemon.items() if key not in own | {"WatchdogSec"}
    }


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_finds_no_fault_with_a_unit(tmp_path: Path, unit: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed: the unit was only parsed")
    (tmp_path / unit.name).write_text(unit.read_text().replace("/opt/dealmeter/bin/dealmeter", "/bin/true"))
    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit.name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert f"{unit.name}:" not in done.stderr, done.stderr


def test_the_manifests_parse_and_their_configuration_loads(tmp_path: Path) -> None:
    resources = yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text())["resources"]
    kinds: dict[str, Any] = {}
    for name in resources:
        for document in yaml.safe_load_all((DEPLOY / "kubernetes" / name).read_text()):
            kinds[document["kind"]] = document
    assert sorted(kinds) == ["Deployment", "Job", "PodDisruptionBudget"]
    environ = {"DEALMETER_DATABASE_URL": "postgresql://u:p@db/dealmeter", "HUBSPOT_TOKEN": "pat-1"}
    settings = load(DEPLOY / "kubernetes" / "dealmeter.yaml", environ)
    [container] = kinds["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert str(settings.config.service.listen).endswith(f":{container['ports'][0]['containerPort']}")
    compose = yaml.safe_load((DEPLOY / "docker" / "compose.yaml").read_text())
    assert (DEPLOY / "docker" / compose["services"]["dealmeter"]["build"]["dockerfile"]).name == "Dockerfile"
    assert (ROOT / compose["services"]["dealmeter"]["build"]["dockerfile"]).is_file()
