"""The documents say what is so: tables, commands, words, links."""

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.main import get_command

from dealmeter.cli.app import app
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


ROOTS = [ROOT / name for name in ("store", "connectors", "kpi", "sync", "dealmeter", "deploy")]
SOURCES = [path for root in ROOTS for path in sorted(root.rglob("*")) if path.suffix in {".py", ".md", ".yaml"}]


def commands_in(words: str) -> set[str]:
    """The commands between backticks and those on lines of their own."""
    found = re.findall(r"`(dealmeter [a-z-][^`]*)`", words) + re.findall(
        r"^ {4,}(dealmeter [a-z-][^\n]*)", words, re.MULTILINE
    )
    return {re.split(r"[#>\n]|&&", each)[0].strip() for each in found}


def mistake_in(line: str) -> str:
    """The first word of a command that the program doesn't know; empty where it knows them all."""
    at: Any = get_command(app)
    for word in line.split()[1:]:
        options = {name for parameter in at.params for name in parameter.opts}
        if word.startswith("-") and word.partition("=")[0] not in options:
            return word
        inner = getattr(at, "commands", None)
        if inner is not None and not word.startswith("-"):
            if word not in inner:
                return word
            at = inner[word]
    return ""


def test_every_command_that_we_speak_of_exists() -> None:
    """In documents, in what errors say to do now, and in the files for operators."""
    assert mistake_in("dealmeter sync --wait 10m") == ""
    assert mistake_in("dealmeter sync --wiat 10m") == "--wiat"
    assert mistake_in("dealmeter db mend") == "mend"
    said = {line for path in (*PAGES, *SOURCES) for line in commands_in(path.read_text(encoding="utf-8"))}
    assert len(said) > 60
    assert {line: mistake for line in sorted(said) if (mistake := mistake_in(line))} == {}


def test_each_alert_of_the_runbook_says_what_to_do_by_a_command_or_an_address() -> None:
    book = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    runbook = re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", book, re.MULTILINE | re.DOTALL)
    assert len(runbook) > 7
    assert [name for name, words in runbook if not re.search(r"`dealmeter |`/readyz", words)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_test_that_a_page_names_is_there(page: Path) -> None:
    there = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8"))
    assert [name for name in named if f"def {name}(" not in there] == []
