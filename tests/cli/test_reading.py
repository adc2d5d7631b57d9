"""What is read from the database: status, runs, KPIs, exports; none of it needs a token."""

import csv
import io
import json
import re
import sqlite3
from datetime import timedelta
from decimal import Decimal

import pytest

from dealmeter.sandbox.hubspot import HubSpotSandbox
from dealmeter.show.snapshots import COLUMNS
from dealmeter.show.sparkline import BARS
from sync.clock import Clock
from tests.cli.conftest import Cli
from tests.rig import NOW


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_status_tells_how_fresh_the_data_are_and_when_the_next_run_is_due(synced: Cli) -> None:
    result = synced.run("status")
    assert result.code == 0
    assert "hubspot-main" in result.out
    assert "KPIs: computed 0.0 s ago" in result.out
    document = synced.run("status", "--json").document
    assert document["schema"] == "dealmeter.status/1"
    [connection] = document["connections"]
    assert connection["trouble"] == ""
    assert connection["rows"]["deals"] == 30
    assert connection["due_at"] == "2026-11-21T12:15:00+00:00"
    assert synced.run("status", "--exit-code").code == 0


def test_reading_before_the_first_sync_says_what_to_run(synced: Cli) -> None:
    (synced.folder / "dealmeter.db").unlink()
    result = synced.run("status")
    assert result.code == 5
    assert "there is no database" in result.err
    assert "what to do: run `dealmeter sync`" in result.err
    assert not (synced.folder / "dealmeter.db").exists()


def test_a_connection_that_never_ran_says_so(synced: Cli) -> None:
    synced.write(synced.config.read_text() + "  - {name: new, crm: hubspot}\n")
    result = synced.run("status")
    assert "new: never synced: run `dealmeter sync new`" in result.out
    assert synced.run("status", "--exit-code").code == 1


def test_runs_are_listed_and_shown_with_their_streams(synced: Cli) -> None:
    assert "manual" in synced.run("runs", "list").out
    shown = synced.run("runs", "show", "1")
    assert shown.out.startswith("run 1 of hubspot-main (manual): ok")
    document = synced.run("runs", "show", "1", "--json").document
    assert document["schema"] == "dealmeter.run/1"
    assert next(s for s in document["streams"] if s["stream"] == "deals")["inserted"] == 30
    missing = synced.run("runs", "show", "99")
    assert missing.code == 2
    assert "there is no run 99" in missing.err


def test_the_kpis_are_listed_in_every_language(synced: Cli) -> None:
    from kpi.catalogue import METRICS

    for language in ("en", "fa", "tr", "ru"):
        out = synced.run("kpi", "list", "--language", language).out
        assert all(getattr(metric.card.names, language) in out for metric in METRICS.values())
    document = synced.run("kpi", "list", "--json").document
    assert sorted(kpi["kpi_key"] for kpi in document["kpis"]) == sorted(METRICS)
    categories = [kpi["category"] for kpi in document["kpis"]]
    blocks = [name for place, name in enumerate(categories) if place == 0 or categories[place - 1] != name]
    assert len(blocks) == len(set(blocks))


def test_a_kpi_is_explained_by_its_formula(synced: Cli) -> None:
    result = synced.run("kpi", "explain", "win_rate")
    assert "won deals / (won deals + lost deals)" in result.out
    assert "owner" in result.out


def test_a_kpi_is_shown_over_periods_with_the_one_before(synced: Cli) -> None:
    result = synced.run("kpi", "show", "won_deals_count", "--periods", "12")
    lines = result.out.splitlines()
    assert lines[1].split() == ["month", "value", "previous", "change", "n", "status"]
    assert [line.split()[0] for line in lines[3:14]] == [f"2026-{month:02}" for month in range(1, 12)]
    values = [line.split()[1] for line in lines[2:14]]
    assert [line.split()[2] for line in lines[3:14]] == values[:-1]
    assert lines[13].endswith("running")
    assert len(lines[14]) == 12, "the sparkline"


def test_a_kpi_is_shown_by_a_dimension(synced: Cli) -> None:
    result = synced.run("kpi", "show", "won_deals_count", "--by", "owner", "--grain", "year")
    assert result.code == 0
    assert "by owner" in result.out
    document = synced.run("kpi", "show", "won_deals_count", "--by", "owner", "--grain", "year", "--json").document
    assert {value["dimension"] for value in document["values"]} == {"owner"}


def test_a_null_is_shown_as_a_dash_with_its_reason(synced: Cli) -> None:
    out = synced.run("kpi", "show", "win_rate", "--grain", "day", "--periods", "400").out
    empty = next(line for line in out.splitlines() if "nothing to divide by" in line)
    assert empty.split()[1] == "—"


@pytest.mark.parametrize(
    ("arguments", "says", "hint"),
    [
        (["kpi", "show", "winrate"], "there is no KPI 'winrate'", "did you mean win_rate?"),
        (["kpi", "explain", "qqqq"], "there is no KPI 'qqqq'", "`dealmeter kpi list`"),
        (["kpi", "show", "win_rate", "--by", "colour"], "win_rate has no dimension 'colour'", "it has: owner"),
        (["export", "snapshots", "--dimension", "onwer"], "there is no dimension 'onwer'", 'did you mean "owner"?'),
        (["export", "snapshots", "--dimension", "owner,stag"], "there is no dimension 'stag'", 'did you mean "stage"?'),
        (["export", "snapshots", "--grain", "mont"], "invalid value for '--grain': 'mont' is not one of", "'month'"),
        (["export", "snapshots", "--calendar", "lunar"], "invalid value for '--calendar'", "'fiscal'"),
        (["kpi", "list", "--category", "x"], "there is no category 'x'", "there are: "),
        (["export", "snapshots", "--kpi", "winrate"], "there is no KPI 'winrate'", "did you mean win_rate?"),
        (["export", "snapshots", "--as-of", "yesterday"], "'yesterday' is no time", "2026-03-31"),
        (["runs", "list", "nope"], "there is no connection 'nope'", "there are: hubspot-main"),
    ],
)
def test_what_is_not_there_leaves_with_2_and_a_suggestion(
    synced: Cli, arguments: list[str], says: str, hint: str
) -> None:
    result = synced.run(*arguments)
    assert result.code == 2
    assert f"error: {says}" in result.err
    assert hint in result.err


def test_an_export_is_csv_with_one_row_per_newest_value(synced: Cli) -> None:
    result = synced.run("export", "snapshots", "--kpi", "revenue", "--grain", "month", "--dimension", "total")
    found = rows(result.out)
    assert list(found[0]) == list(COLUMNS)
    assert {row["kpi_key"] for row in found} == {"revenue"}
    assert {row["dimension"] for row in found} == {""}
    periods = [(row["calendar"], row["period_start"]) for row in found]
    assert len(periods) == len(set(periods))
    assert all("E" not in row["value"].upper() for row in found)


def test_an_export_as_json_says_the_same_as_csv(synced: Cli) -> None:
    choice = ("export", "snapshots", "--kpi", "win_rate", "--dimension", "owner")
    as_csv = rows(synced.run(*choice).out)
    as_json = json.loads(synced.run(*choice, "--format", "json").out, parse_float=Decimal)
    assert as_json["schema"] == "dealmeter.snapshots/1"
    assert [row["member"] for row in as_csv] == [row["member"] for row in as_json["values"]]
    for left, right in zip(as_csv, as_json["values"], strict=True):
        assert (Decimal(left["value"]) if left["value"] else None) == right["value"]


def test_the_history_holds_what_the_newest_values_are_drawn_from(synced: Cli) -> None:
    newest = synced.run("export", "snapshots", "--kpi", "revenue").out
    history = synced.run("export", "snapshots", "--kpi", "revenue", "--history").out
    assert [row.keys() - COLUMNS for row in rows(history)] == [{"change_reason", "run_id"}] * len(rows(history))
    as_newest = [{name: row[name] for name in COLUMNS} for row in rows(history)]
    assert sorted(map(str, as_newest)) == sorted(map(str, rows(newest)))


def test_an_export_as_of_a_time_before_the_first_run_is_empty(synced: Cli) -> None:
    for more in ([], ["--history"]):
        assert rows(synced.run("export", "snapshots", "--as-of", "2020-01-01", *more).out) == []
    assert len(rows(synced.run("export", "snapshots", "--as-of", "2026-11-21", "--kpi", "revenue").out)) > 10


def test_an_export_tells_flags_and_coverage(synced: Cli) -> None:
    choice = ("export", "snapshots", "--kpi", "revenue", "--grain", "all", "--dimension", "total")
    [as_csv], [as_json] = rows(synced.run(*choice).out), json.loads(synced.run(*choice, "--json").out)["values"]
    assert json.loads(as_csv["coverage"]) == as_json["coverage"]
    assert as_csv["flags"].split() == (as_json["flags"] or [])


def test_an_export_without_values_says_so_on_standard_error(synced: Cli) -> None:
    result = synced.run("export", "snapshots", "--calendar", "fiscal")
    assert (result.code, len(result.out.splitlines())) == (0, 1)
    assert "no values are stored for this choice" in result.err


def test_all_time_is_one_period_without_a_line(synced: Cli) -> None:
    out = synced.run("kpi", "show", "revenue", "--grain", "all").out
    line = next(line for line in out.splitlines() if line.startswith("all time  "))
    assert "running" not in line
    assert not set(BARS) & set(out)
    by_owner = synced.run("kpi", "show", "revenue", "--grain", "all", "--by", "owner").out
    assert "all time, by owner" in by_owner.splitlines()
    assert not set(BARS) & set(by_owner)


def test_where_nothing_was_counted_lately_the_last_periods_with_data_are_shown(synced: Cli) -> None:
    later = Cli(synced.folder, Clock(now=lambda: NOW + timedelta(days=3000)), environ={})
    assert later.run("kpi", "compute").code == 0
    ends = []
    for by in ([], ["--by", "owner"]):
        out = later.run("kpi", "show", "won_deals_count", *by).out
        [remark] = [line for line in out.splitlines() if line.startswith("no data after 2026-")]
        document = later.run("kpi", "show", "won_deals_count", *by, "--json").document
        ends.append((remark, max(value["period_start"] for value in document["values"])))
    assert ends[0] == ends[1]


def test_a_dimension_that_is_not_stored_is_computed_when_asked_for(synced: Cli) -> None:
    result = synced.run("kpi", "show", "revenue", "--by", "company", "--grain", "year")
    assert result.code == 0
    assert "computed now, not stored" in result.out
    document = synced.run("kpi", "show", "revenue", "--by", "company", "--grain", "year", "--json").document
    total = synced.run("kpi", "show", "revenue", "--grain", "year", "--json").document
    assert document["is_stored"] is False
    assert sum(row["value"] for row in document["values"]) == pytest.approx(sum(r["value"] for r in total["values"]))


def test_a_fiscal_year_that_starts_in_january_is_the_calendar_year(synced: Cli) -> None:
    for by in ([], ["--by", "owner"], ["--by", "company"]):
        result = synced.run("kpi", "show", "revenue", "--calendar", "fiscal", *by)
        assert result.code == 0, result.err
        assert "the fiscal year starts in January: its periods are those of --calendar gregorian" in result.out


def test_the_share_of_known_amounts_is_told(cli: Cli, sandbox: HubSpotSandbox) -> None:
    cli.run("sync", "--no-kpis")
    with sqlite3.connect(cli.folder / "dealmeter.db") as database:
        [(deal,)] = database.execute("SELECT id FROM deals WHERE is_won AND amount IS NOT NULL LIMIT 1").fetchall()
    database.close()
    sandbox.world.clock.advance(timedelta(minutes=1))
    sandbox.edits.update("deals", deal, {"amount": ""})
    sandbox.world.clock.advance(timedelta(minutes=1))
    assert cli.run("sync").code == 0
    out = cli.run("kpi", "show", "revenue", "--grain", "all").out
    assert re.search(r"^amounts known for \d+ % of the deals$", out, re.MULTILINE)
    assert "amount missing" in out
    [value] = cli.run("kpi", "show", "revenue", "--grain", "all", "--json").document["values"]
    assert value["coverage"]["amount"] < 1
    assert value["flags"] == ["amount_missing"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["kpi", "show", "revenue", "--periods", "3"],
        ["kpi", "show", "revenue", "--by", "owner", "--grain", "year"],
        ["runs", "list"],
        ["status"],
    ],
)
def test_a_narrow_terminal_gets_fewer_columns_and_whole_words(synced: Cli, arguments: list[str]) -> None:
    wide, narrow = (synced.run(*arguments, environ={"COLUMNS": width}).out.splitlines() for width in ("200", "60"))
    assert len(wide) == len(narrow), "nothing wraps"
    assert {word for line in narrow for word in line.split()} <= {word for line in wide for word in line.split()}


def test_a_long_message_leaves_a_run_one_line(cli: Cli, sandbox: HubSpotSandbox) -> None:
    cli.run("sync", environ={"HUBSPOT_TOKEN": "wrong"})
    for width in ("60", "80"):
        heading, line = cli.run("runs", "list", environ={"COLUMNS": width}).out.splitlines()
        assert heading.split()[-2:] == ["outcome", "error"]
        assert line.endswith("…")
        assert len(line) <= int(width)


def test_a_category_is_found_however_it_is_written(synced: Cli) -> None:
    assert synced.run("kpi", "list", "--category", "Revenue").out == (
        synced.run("kpi", "list", "--category", "revenue").out
    )


def test_computing_again_without_a_change_writes_nothing(synced: Cli) -> None:
    document = synced.run("kpi", "compute", "--json").document
    assert document["schema"] == "dealmeter.kpi-compute/1"
    assert (document["written"], document["broken"]) == (0, [])


def test_the_database_tells_its_revision(synced: Cli) -> None:
    from store.migrate import head

    assert f"at {head()}, up to date" in synced.run("db", "current").out
    assert "nothing to do" in synced.run("db", "upgrade").out


def test_an_old_database_is_refused_with_the_command_that_helps(synced: Cli) -> None:
    from store import migrate
    from store.database import Database

    with Database(f"sqlite:///{synced.folder / 'dealmeter.db'}") as database:
        migrate.downgrade(database, "base")
    assert synced.run("db", "current").code == 5
    result = synced.run("kpi", "show", "win_rate")
    assert result.code == 5
    assert "what to do: run `dealmeter db upgrade`" in result.err
    assert synced.run("db", "upgrade").code == 0
    assert synced.run("kpi", "show", "win_rate").code == 0
