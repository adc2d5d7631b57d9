"""What strangers can put into a CRM or a file is data: stored or refused, never executed, never the end of a run."""

import csv
import io
import json
import re
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from connectors.salesforce.settings import SalesforceSettings
from dealmeter.sandbox.hubspot import HubSpotSandbox
from dealmeter.sandbox.record import Kind
from store.database import Database
from store.records import Deal
from store.schema import TABLES
from tests.cli.conftest import Cli, cli, lonely, sandbox  # noqa: F401  # fixtures
from tests.contract.salesforce.rig import SIGN_IN
from tests.contract.salesforce.rig import rig as salesforce
from tests.rig import HOUR, rig

DEALS = TABLES[Deal]
HOSTILE = {
    "script": "<script>alert(1)</script>",
    "sql": "'; DROP TABLE deals; --",
    "template": "{{7*7}} ${HUBSPOT_TOKEN} %s {0}",
    "formula": '=HYPERLINK("http://example.com","x")',
    "bidi": "abc\u202egpj.exe\u202c",
    "control": "a\x1b[2Jb\x07c\x00d",
    "newlines": "a\r\nb\nc",
    "combining": "z" + "\u0301" * 500,
    "long": "x" * 1_000_000,
    "lone": "\ud83d",
    "deep": "[" * 5000 + "]" * 5000,
    "number": "1e999999",
    "formula number": "=1+1",
}


def stored(cli: Cli) -> dict[str, Any]:  # noqa: F811
    """The names of the deals as the store has them."""
    with Database(f"sqlite:///{cli.folder / 'dealmeter.db'}") as database, database.read() as tx:
        return {row["id"]: row["name"] for row in tx.execute(select(DEALS)).mappings()}


def test_hostile_names_and_amounts_are_data(cli: Cli, sandbox: HubSpotSandbox) -> None:  # noqa: F811
    made = {
        name: sandbox.edits.create("deals", {"dealname": text, "amount": text, "closedate": text})
        for name, text in HOSTILE.items()
        if name != "lone"  # no JSON in UTF-8 can hold one
    }
    result = cli.run("sync")
    assert result.code in {0, 1}, result.err
    assert "Traceback" not in result.err
    names = stored(cli)
    assert set(made.values()) <= set(names)
    assert names[made["script"]] == HOSTILE["script"]
    assert names[made["sql"]] == HOSTILE["sql"]
    assert names[made["template"]] == HOSTILE["template"]
    assert names[made["long"]] == HOSTILE["long"]
    assert "sandbox-token" not in "".join(str(name) for name in names.values())
    assert len(names) == 30 + len(made)
    again = cli.run("sync")
    assert "nothing changed" in again.out or "0 rows written" in again.out


def test_a_hostile_owner_can_spoof_no_terminal_and_no_spreadsheet(cli: Cli, sandbox: HubSpotSandbox) -> None:  # noqa: F811
    """Names of owners become members of KPIs, and so stand in tables, logs and exports."""
    for owner in list(sandbox.world.owners.values()):
        sandbox.world.put_owner(replace(owner, first_name='=cmd|"/c calc"!A1', last_name="\x1b[31mred\u202e"))
    assert cli.run("sync").code == 0
    shown = cli.run("kpi", "show", "won_deals_count", "--by", "owner", "--grain", "year")
    assert shown.code == 0
    assert not {"\x1b", "\u202e"} & set(shown.out + shown.err)
    exported = cli.run("export", "snapshots", "--kpi", "won_deals_count", "--dimension", "owner").out
    cells = [cell for row in csv.reader(io.StringIO(exported)) for cell in row]
    assert any("cmd|" in cell for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "@", "+", "\t"))]


def test_ten_thousand_custom_fields_and_deep_json_are_kept_or_refused(cli: Cli, sandbox: HubSpotSandbox) -> None:  # noqa: F811
    wanted = [f"custom_{number}" for number in range(10_000)]
    extra = f"      extra: {{deals: {json.dumps(wanted)}}}\n      budget:"
    cli.write(cli.config.read_text().replace("      budget:", extra))
    result = cli.run("sync", "--no-kpis")
    assert result.code in {0, 1}, result.err
    assert "Traceback" not in result.err
    assert len(stored(cli)) == 30


def test_a_new_database_is_its_owner_s_alone(cli: Cli) -> None:  # noqa: F811
    assert cli.run("sync", "--no-kpis").code == 0
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in cli.folder.glob("dealmeter.db*")}
    assert modes
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize("text", sorted(HOSTILE))
def test_hostile_cells_in_files_are_data(lonely: Cli, tmp_path: Path, text: str) -> None:  # noqa: F811
    folder = tmp_path / "data"
    folder.mkdir()
    with (folder / "deals.csv").open("w", newline="", encoding="utf-8", errors="surrogatepass") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "name", "amount", "close_date", "is_closed", "is_won", HOSTILE["script"]])
        writer.writerow(["fine", "Fine", "10", "2026-01-02", "true", "true", "x"])
        writer.writerow(["bad", HOSTILE[text], HOSTILE[text], HOSTILE[text], "true", "true", HOSTILE[text]])
    lonely.write(f"version: 1\nconnections:\n  - {{name: csv, crm: files, settings: {{path: {folder}}}}}\n")
    result = lonely.run("sync", "--no-kpis")
    assert "Traceback" not in result.err
    if text == "lone":  # a file that is not text: nothing of it can be trusted
        assert result.code == 3
        assert "save it as `CSV UTF-8`" in result.err
    else:
        assert result.code in {0, 1}, result.err
        assert "fine" in stored(lonely)


INJECTED = ["NextStep FROM Opportunity WHERE Name != '' --", "x') OR ('1'='1", "a,b&c=d", "a/../b?c"]


def test_a_configured_name_is_only_ever_a_name_to_hubspot(sqlite: Database) -> None:
    settings = {"include": ["deals"], "fields": {"deals": {"next_step": INJECTED[0]}}, "extra": {"deals": INJECTED}}
    with rig(sqlite, deals=5, activities_per_deal=0, settings=settings) as it:
        for _ in range(2):
            outcome = it.sync(deep=True)
            assert outcome.outcome == "ok", outcome.error
            it.later(HOUR)
        assert it.count_deals() == 5
        assert {row["next_step"] for row in it.rows(Deal)} == {None}
        assert any("FROM Opportunity WHERE" in note for note in outcome.notes)


@pytest.mark.parametrize("name", INJECTED)
def test_a_configured_name_that_could_be_a_query_is_refused_by_salesforce_s_settings(name: str) -> None:
    for where in ({"fields": {"deals": {"next_step": name}}}, {"extra": {"deals": [name]}}):
        with pytest.raises(ValidationError, match="is no name of a Salesforce field"):
            SalesforceSettings.model_validate({**SIGN_IN, **where})


def test_ten_thousand_fields_of_an_account_are_read(sqlite: Database) -> None:
    wanted = [f"custom_{number}" for number in range(10_000)]
    with rig(sqlite, deals=3, activities_per_deal=0, settings={"include": ["deals"], "extra": {"deals": wanted}}) as it:
        it.sandbox.world.custom_fields[Kind.DEAL] = {name: name for name in wanted}
        it.sandbox.world.put_pipelines(it.sandbox.world.pipelines)
        it.edits.update("deals", next(iter(it.edits.truth("deals")["deals"]["live"])), {"custom_9999": "the last one"})
        assert it.sync().outcome == "ok"
        kept = [row["extra"] for row in it.rows(Deal)]
        assert {len(extra) for extra in kept} == {10_000}
        assert "the last one" in {extra["custom_9999"] for extra in kept}


def test_hostile_names_in_salesforce_are_data(sqlite: Database) -> None:
    with salesforce(sqlite, deals=5, activities_per_deal=0, settings={"include": ["deals"]}) as it:
        made = {
            name: it.edits.create("Opportunity", {"Name": hostile, "NextStep": hostile})
            for name, hostile in HOSTILE.items()
            if name != "lone"
        }
        assert it.sync().outcome in {"ok", "partial"}
        rows = {row["id"]: row for row in it.rows(Deal)}
        assert set(made.values()) <= set(rows)
        for name in ("script", "sql", "template", "formula", "bidi", "newlines"):
            assert rows[made[name]]["next_step"] == HOSTILE[name]


READING = re.compile(r".*/(search|batch/read|jobs/query|composite|composite/sobjects|token|graphql)/?$")


@pytest.mark.parametrize("crm", [rig, salesforce])
def test_nothing_is_ever_written_to_a_crm(sqlite: Database, crm: Any) -> None:
    with crm(sqlite, deals=10, activities_per_deal=1) as it:
        it.sync()
        it.later(HOUR)
        it.sync(deep=True, full=True)
        sent = {(entry.method, entry.path.partition("?")[0]) for entry in it.sandbox.requests.entries}
        assert len(sent) > 10
        assert {(method, path) for method, path in sent if method != "GET" and not READING.match(path)} == set()
