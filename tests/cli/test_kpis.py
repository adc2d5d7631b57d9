"""KPIs on the command line: rebuilt, compared, held against targets, taken apart, of one's own."""

import re
import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.test_reading import rows

OWN = """kpis:
  calendars: [gregorian, jalali]
  custom:
    big_wins: {kind: flow, fact: closed_deals, name: Big wins, unit: count, total: "sum(won) FILTER (WHERE won > 0)"}
"""


def configured(cli: Cli, kpis: str) -> None:
    """Put other settings of KPIs in the place of those that are there."""
    path = cli.folder / "dealmeter.yaml"
    kept = re.sub(r"^kpis:.*\n(?:[ ].*\n)*", "", path.read_text("utf-8"), flags=re.MULTILINE)
    path.write_text(kept + kpis, "utf-8")


def test_a_past_day_is_rebuilt_and_kept_apart(synced: Cli) -> None:
    before = synced.run("export", "snapshots", "--kpi", "revenue").out
    result = synced.run("kpi", "compute", "--at", "2026-03-31")
    assert (result.code, "rebuilt as at 2026-" in result.out) == (0, True)
    assert synced.run("export", "snapshots", "--kpi", "revenue").out == before
    choice = ("export", "snapshots", "--kpi", "revenue", "--grain", "month", "--dimension", "total")
    then = rows(synced.run(*choice, "--at", "2026-03-31").out)
    assert max(row["period_start"] for row in then) == "2026-04-01"
    assert {row["is_partial"] for row in then if row["period_start"] <= "2026-03-01"} == {"false"}
    both = rows(synced.run(*choice, "--at", "2026-03-31", "--as-of", "2020-01-01").out)
    assert both == []
    nothing = synced.run(*choice, "--at", "2026-02-28")
    assert "`dealmeter kpi compute --at 2026-02-28` rebuilds that day" in nothing.err


@pytest.mark.parametrize(("day", "says"), [("2099-01-01", "is not over yet"), ("march", "'march' is no time")])
def test_a_day_that_cannot_be_rebuilt(synced: Cli, day: str, says: str) -> None:
    result = synced.run("kpi", "compute", "--at", day)
    assert (result.code, says in result.err) == (2, True)


def test_a_value_is_compared_with_the_period_before_or_a_year_before(synced: Cli) -> None:
    for against, column in (("previous", "previous"), ("year", "year before")):
        result = synced.run("kpi", "show", "won_deals_count", "--compare", against, "--periods", "24")
        assert column in result.out
        values = synced.run(
            "kpi", "show", "won_deals_count", "--compare", against, "--periods", "24", "--json"
        ).document
        assert {value["comparison"]["against"] for value in values["values"]} == {against}
    by_start = {value["period_start"]: value for value in values["values"]}
    for start, value in by_start.items():
        year_ago = by_start.get(f"{int(start[:4]) - 1}{start[4:]}")
        if year_ago is not None and not value["is_partial"]:
            assert value["comparison"]["base"] == year_ago["value"]
            assert value["comparison"]["verdict"] in {"significant", "not significant", "too few to tell"}


def test_targets_stand_beside_the_values(synced: Cli) -> None:
    with sqlite3.connect(synced.folder / "dealmeter.db") as database:
        database.execute(
            "INSERT INTO targets (connection, id, kpi_key, period_start, period_end, value, first_seen_at, "
            "last_seen_at) VALUES ('plans', '1', 'won_deals_count', '2026-01-01', '2027-01-01', 1000, "
            "'2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000')"
        )
    database.close()
    assert synced.run("kpi", "compute").code == 0
    out = synced.run("kpi", "show", "won_deals_count", "--grain", "year", "--targets").out
    assert "attainment" in out
    assert "1,000" in out
    choice = ("kpi", "show", "won_deals_count", "--grain", "year", "--targets", "--json")
    document = synced.run(*choice).document
    [target] = [value["target"] for value in document["values"] if value["period_start"] == "2026-01-01"]
    [value] = [value["value"] for value in document["values"] if value["period_start"] == "2026-01-01"]
    assert target["target"] == 1000
    assert target["attainment"] == pytest.approx(value / 1000)
    assert target["gap"] == pytest.approx(1000 - value)
    assert target["pace"] > target["attainment"]


def test_the_records_behind_a_value_add_up_to_it(synced: Cli) -> None:
    [total] = rows(synced.run("export", "snapshots", "--kpi", "revenue", "--grain", "all", "--dimension", "total",
                              "--calendar", "gregorian").out)  # fmt: skip
    document = synced.run("kpi", "records", "revenue", "--grain", "all", "--json").document
    assert sum(float(record["numerator"]) for record in document["records"]) == pytest.approx(float(total["value"]))
    shown = synced.run("kpi", "records", "revenue", "--grain", "all", "--limit", "1").out
    assert "more: --limit" in shown
    whole = ("--grain", "all", "--calendar", "gregorian", "--dimension", "owner")
    owners = rows(synced.run("export", "snapshots", "--kpi", "won_deals_count", *whole).out)
    one = owners[0]
    mine = synced.run("kpi", "records", "won_deals_count", "--grain", "all", "--by", "owner", "--member", one["member"],
                      "--json").document  # fmt: skip
    assert len(mine["records"]) == int(one["value"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["sales_growth_mom"], "is made of other KPIs"),
        (["revenue", "--by", "owner"], "--by and --member go together"),
        (["revenue", "--period", "soon"], "'soon' is no period"),
        (["revenue", "--period", "soon"], "2026-Q"),
        (["revenue", "--period", "2026-13"], "'2026-13' is no period"),
        (["revenue", "--period", "2026-03", "--grain", "year"], "2026-03 is a month, not a year"),
        (["revenue", "--period", "1404-12"], "'1404-12' is no period"),
        (["revenue", "--period", "1980-01-01"], "there is no month with 1980-01-01"),
    ],
)
def test_records_that_cannot_be_listed(synced: Cli, arguments: list[str], says: str) -> None:
    result = synced.run("kpi", "records", *arguments)
    assert (result.code, says in result.err) == (2, True)


PERIODS = (
    (("--period", "2026-03"), "month", "2026-03-01"),
    (("--period", "2026q1"), "quarter", "2026-01-01"),
    (("--period", "2026"), "year", "2026-01-01"),
    (("--period", "2026-03-31"), "month", "2026-03-01"),
    (("--period", "2026-03-31", "--grain", "quarter"), "quarter", "2026-01-01"),
    (("--period", "2026-W13"), "week", "2026-03-23"),
    (("--period", "1404-12", "--calendar", "solar_hijri"), "month", "2026-02-20"),
    (("--period", "۱۴۰۴-Q4", "--calendar", "jalali"), "quarter", "2025-12-22"),
    (("--period", "1404-12-29", "--calendar", "jalali", "--grain", "year"), "year", "2025-03-21"),
)


def test_a_period_is_named_as_people_name_it(synced: Cli) -> None:
    configured(synced, "kpis: {calendars: [gregorian, jalali], include: [won_deals_count]}\n")
    assert synced.run("kpi", "compute").code == 0
    stored = rows(synced.run("export", "snapshots", "--kpi", "won_deals_count", "--dimension", "total").out)
    values = {(row["calendar"], row["grain"], row["period_start"]): row["value"] for row in stored}
    for arguments, grain, start in PERIODS:
        document = synced.run("kpi", "records", "won_deals_count", *arguments, "--json").document
        found = len(document["records"])
        assert (document["grain"], found) == (grain, int(values[document["calendar"], grain, start])), arguments


def test_a_kpi_tells_how_it_stands(synced: Cli) -> None:
    document = synced.run("kpi", "explain", "win_rate", "--json").document
    assert document["just_now"]["status"] in {"ok", "zero_denominator"}
    assert [one["grain"] for one in document["newest"]] == ["day", "week", "month", "quarter", "year", "all"]
    assert all(one["is_partial"] for one in document["newest"])
    assert "deals" in document["tables"]
    configured(synced, "kpis: {include: [competitor_price_index]}\n")
    synced.run("kpi", "compute")
    out = synced.run("kpi", "explain", "competitor_price_index").out
    assert "just now:" in out
    assert "newest:      year from 2026-01-01, to date: source_missing" in out
    assert "no source for it is connected" in out


def test_a_kpi_and_a_calendar_of_ones_own(synced: Cli) -> None:
    configured(synced, OWN)
    assert synced.run("kpi", "compute").code == 0
    own = synced.run("kpi", "show", "big_wins", "--grain", "year", "--json").document
    won = synced.run("kpi", "show", "won_deals_count", "--grain", "year", "--json").document
    assert [value["value"] for value in own["values"]] == [value["value"] for value in won["values"]]
    assert "Big wins" in synced.run("kpi", "list").out
    assert "1405-" in synced.run("kpi", "show", "revenue", "--calendar", "jalali").out
    by = synced.run("kpi", "show", "big_wins", "--by", "connection", "--grain", "year", "--json").document
    assert {value["member"] for value in by["values"]} == {"hubspot-main"}


def test_an_own_kpi_that_cannot_be_is_told_with_its_place(synced: Cli) -> None:
    configured(synced, OWN.replace("sum(won)", "sum(wonn)"))
    result = synced.run("config", "check")
    assert result.code == 2
    assert "kpis.custom.big_wins.total" in result.err
    assert 'column "wonn" not found' in result.err


def test_facts_are_listed_for_those_who_count_over_them(synced: Cli) -> None:
    assert "closed_deals: " in synced.run("kpi", "facts").out
    facts = synced.run("kpi", "facts", "--json").document["facts"]
    assert "revenue" in next(fact["columns"] for fact in facts if fact["fact"] == "closed_deals")


def test_what_contradicts_itself_is_no_green_run(synced: Cli) -> None:
    with sqlite3.connect(synced.folder / "dealmeter.db") as database:
        database.execute(
            "INSERT INTO record_aliases (connection, entity, old_id, id) VALUES ('hubspot-main', 'deals', 'x', 'y')"
        )
    database.close()
    result = synced.run("kpi", "compute")
    assert (result.code, "the KPIs contradict each other: deals x" in result.err) == (1, True)
    status = synced.run("status")
    assert "deals x of hubspot-main was merged into y" in status.out
    assert synced.run("status", "--exit-code").code == 1
    assert synced.run("status", "--json").document["kpis_trouble"] == "contradictory"


def test_the_pages_are_written_where_one_says(synced: Cli, tmp_path: Path) -> None:
    assert synced.run("kpi", "docs", str(tmp_path / "pages")).code == 0
    assert "`win_rate`" in (tmp_path / "pages" / "README.md").read_text("utf-8")
    assert len(list((tmp_path / "pages").glob("*.md"))) > 5


def test_a_slice_that_means_nothing_is_refused(synced: Cli) -> None:
    result = synced.run("kpi", "show", "stage_conversion_rate", "--by", "owner")
    assert (result.code, "stage_conversion_rate means something only by stage" in result.err) == (2, True)
