"""The documents say what is so: tables, commands, words, links."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from kpi.catalogue import METRICS
from store.database import Database
from store.describe import markdown
from store.views import PURPOSES, VIEWS

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")])


def test_tables_md_is_what_the_program_says() -> None:
    written = (ROOT / "docs/tables.md").read_text(encoding="utf-8")
    assert written == "\n".join(markdown()) + "\n", "run: dealmeter db describe > docs/tables.md"


def test_every_view_has_a_purpose() -> None:
    assert list(PURPOSES) == list(VIEWS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_paths_lead_somewhere(page: Path) -> None:
    words = page.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", words) if "://" not in link]
    paths = re.findall(r"`((?:store|connectors|kpi|sync|dealmeter|docs|tests|benchmarks)/[\w./-]+)`", words)
    missing = [link for link in links if not (page.parent / link).exists()]
    missing += [path for path in paths if not (ROOT / path).exists()]
    assert missing == []


def test_every_query_of_the_cookbook_runs(database: Database) -> None:
    queries = re.findall(r"```sql\n(.*?)```", (ROOT / "docs/sql-cookbook.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(queries) >= 6
    for query in queries:
        for statement in filter(str.strip, query.split(";")):
            with database.read() as tx:
                tx.execute(text(statement)).all()


def test_every_command_of_the_readme_exists() -> None:
    words = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = {
        tuple(part for part in line.split()[1:3] if re.fullmatch(r"[a-z]+", part))
        for line in re.findall(r"^ {4,}(dealmeter [^#>\n]+)", words, re.MULTILINE)
    }
    assert ("sync",) in commands
    for command in sorted(commands):
        done = subprocess.run(
            [sys.executable, "-m", "dealmeter", *command, "--help"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0 or command[-1] in METRICS, (command, done.stderr)
