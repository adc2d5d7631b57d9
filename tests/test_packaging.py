"""The guards of ADR 1: every package is listed by name, and nobody else claims our names."""

import tomllib
from importlib.metadata import distributions, packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


def test_every_package_is_listed_by_name() -> None:
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert found == set(PACKAGES)


def test_no_other_distribution_claims_our_names() -> None:
    owners = packages_distributions()
    assert {name: set(owners.get(name, [])) - {"dealmeter"} for name in PACKAGES} == {name: set() for name in PACKAGES}
    for distribution in distributions():
        top = {file.parts[0] for file in distribution.files or ()}
        assert distribution.metadata["Name"] == "dealmeter" or not top & set(PACKAGES)


def test_every_package_says_that_it_is_typed() -> None:
    assert [name for name in PACKAGES if not (ROOT / name / "py.typed").exists()] == []


def test_the_floors_are_the_packages() -> None:
    layers = " | ".join(PROJECT["tool"]["importlinter"]["contracts"][0]["layers"])
    assert sorted(layers.split(" | ")) == sorted(PACKAGES)
