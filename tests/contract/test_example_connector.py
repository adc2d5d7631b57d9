"""The connector of docs/add-a-connector.md keeps the contract, as it stands on that page."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.suite.contract import Contract
from tests.contract.suite.twin import Twin
from tests.contract.suite.twins import TWINS
from tests.contract.suite.twins.tiny import TinyTwin

PAGE = Path(__file__).resolve().parents[2] / "docs/add-a-connector.md"
MODULE = "tiny_crm"


def code() -> str:
    """The module on the page: its longest piece of Python."""
    pieces: list[str] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return max(pieces, key=len)


@pytest.fixture(scope="module", autouse=True)
def _installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The module with its entry point, where Python looks for installed packages."""
    folder = tmp_path_factory.mktemp("site")
    (folder / f"{MODULE}.py").write_text(code(), encoding="utf-8")
    about = folder / f"{MODULE}-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {MODULE}\nVersion: 1\n")
    (about / "entry_points.txt").write_text(f"[dealmeter.connectors]\ntiny = {MODULE}:TinyConnector\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield
    sys.modules.pop(MODULE, None)


class TestTiny(Contract):
    twin = TinyTwin


def test_the_page_says_what_each_twin_cannot_do() -> None:
    rows = re.findall(r"^\| (\w+) \| (\w+) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    said = [row for row in rows if row[0] != "Connector"]
    twins: list[type[Twin]] = [*TWINS.values(), TinyTwin]
    assert sorted(said) == sorted((twin.crm, what, why) for twin in twins for what, why in twin.cannot.items())


def test_the_module_on_the_page_is_checked_as_our_own_is(tmp_path: Path) -> None:
    written = tmp_path / f"{MODULE}.py"
    written.write_text(code(), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--config", str(PAGE.parents[1] / "pyproject.toml"), str(written)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
