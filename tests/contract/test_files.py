"""A folder of CSV as people really write them: every cell exact or refused by name, nothing lost, nothing wiped."""

import os
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from threading import Event

import pytest

from connectors.errors import ActionNeededError, ShrunkError, TryLaterError
from connectors.files.entities import ENTITIES
from store.database import Database
from store.records import ENTITIES as RECORDS
from store.records import (
    Account,
    Company,
    Deal,
    DealContact,
    DealStageChange,
    ExchangeRate,
    Spend,
    Stage,
    Statement,
    Target,
    TrainingEvent,
)
from sync.outcome import RunOutcome
from tests.contract.folder import Folder, stream

SPEND = "spent_on,category,source,amount,currency\n"


@pytest.fixture
def folder(tmp_path: Path, sqlite: Database) -> Folder:
    """A folder whose store is of the kind that is quickest."""
    return Folder(tmp_path / "files", sqlite)


@pytest.fixture
def either(tmp_path: Path, database: Database) -> Folder:
    """A folder whose store is of each kind in turn."""
    return Folder(tmp_path / "files", database)


def test_there_is_a_file_for_every_entity_of_the_store() -> None:
    assert {*ENTITIES, Account.table} == {record.table for record in RECORDS}


# --------------------------------------------------------------------------------------------------------- cells


def test_every_kind_of_cell_arrives_exactly(either: Folder) -> None:
    either.settings = {"time_zone": "Europe/Istanbul"}
    either.write(
        "deals.csv",
        "id,name,amount,currency,probability,close_date,created_at,next_activity_at,is_closed,is_won,term_months\n"
        'a,"Line one\nline two; and ""quotes""",1500.25,eur,0.4,2026-03-31,2026-01-02 10:00,'
        "2026-01-02T10:00:00.5Z,yes,FALSE,12\n",
    )
    outcome = either.sync()
    assert outcome.outcome == "ok", outcome.error
    (deal,) = either.rows(Deal)
    assert deal["name"] == 'Line one\nline two; and "quotes"'
    assert (deal["amount"], deal["currency"], deal["probability"]) == (Decimal("1500.25"), "EUR", Decimal("0.4"))
    assert deal["close_date"] == date(2026, 3, 31)
    assert deal["created_at"] == datetime(2026, 1, 2, 7, 0, tzinfo=UTC)
    assert deal["next_activity_at"] == datetime(2026, 1, 2, 10, 0, 0, 500_000, tzinfo=UTC)
    assert (deal["is_closed"], deal["is_won"], deal["term_months"]) == (True, False, 12)


@pytest.mark.parametrize(
    ("decimal", "cell", "value"),
    [
        ("point", "1500.25", "1500.25"),
        ("point", "1,500.25", "1500.25"),
        ("point", "-1,234,567", "-1234567"),
        ("point", "\u22125", "-5"),
        ("point", "1 500", "1500"),
        ("point", "1\u00a0500.5", "1500.5"),
        ("point", "۱٬۵۰۰٫۲۵", "1500.25"),
        ("point", "١٥٠٠٫٢٥", "1500.25"),
        ("point", "\u200e۱۵۰۰", "1500"),
        ("comma", "1.500,25", "1500.25"),
        ("comma", "1500,25", "1500.25"),
        ("comma", "۱٬۵۰۰٫۲۵", "1500.25"),
        ("comma", "1.500", "1500"),
        ("point", "12,5", None),
        ("point", "1,50,000", None),
        ("point", "1.500,25", None),
        ("comma", "1,500.25", None),
        ("point", "about 5", None),
        ("point", "1E+06", None),
        ("point", "12 €", None),
        ("point", "1234567890123456", None),
    ],
)
def test_a_number_is_exact_or_refused(folder: Folder, decimal: str, cell: str, value: str | None) -> None:
    folder.settings = {"decimal": decimal}
    folder.write("deals.csv", f'id,amount\n1,"{cell}"\n')
    outcome = folder.sync()
    (deal,) = folder.rows(Deal)
    assert deal["amount"] == (None if value is None else Decimal(value))
    assert outcome.outcome == ("ok" if value is not None else "partial")
    assert len(folder.refusals()) == (value is None)


@pytest.mark.parametrize(
    ("calendar", "cell", "day"),
    [
        ("gregorian", "2026-03-21", date(2026, 3, 21)),
        ("gregorian", "2026/3/21", date(2026, 3, 21)),
        ("gregorian", "۲۰۲۶-۰۳-۲۱", date(2026, 3, 21)),
        ("gregorian", "2026-03-21 00:00:00", date(2026, 3, 21)),
        ("jalali", "1405-01-01", date(2026, 3, 21)),
        ("jalali", "۱۴۰۵/۰۱/۰۱", date(2026, 3, 21)),
        ("jalali", "1403-12-30", date(2025, 3, 20)),
        ("jalali", "1404/1/1", date(2025, 3, 21)),
        ("jalali", "1404-12-30", None),
        ("jalali", "2026-03-21", None),
        ("gregorian", "1405-01-01", None),
        ("gregorian", "2026-02-29", None),
        ("gregorian", "03/21/2026", None),
        ("gregorian", "soon", None),
    ],
)
def test_a_day_is_the_day_that_was_meant_or_refused(folder: Folder, calendar: str, cell: str, day: date | None) -> None:
    folder.settings = {"calendar": calendar}
    folder.write("deals.csv", f"id,close_date\n1,{cell}\n")
    folder.sync()
    (deal,) = folder.rows(Deal)
    assert deal["close_date"] == day
    assert len(folder.refusals()) == (day is None)


def test_a_refused_cell_names_file_line_column_and_value_and_what_to_do(folder: Folder) -> None:
    folder.write("deals.csv", 'id,name,amount,probability\n1,"two\nlines",5,0.5\n2,B,"1,5",40\n3,C,7,1\n')
    assert folder.sync().outcome == "partial"
    assert folder.refusals() == [
        "deals.csv, line 4, amount: '1,5' is not a number; if it is one, set `decimal: comma`",
        "deals.csv, line 4, probability: '40' is not between 0 and 1",
    ]
    assert [(row["id"], row["amount"]) for row in folder.rows(Deal)] == [("1", 5), ("2", None), ("3", 7)]
    folder.write("deals.csv", 'id,name,amount,probability\n1,"two\nlines",5,0.5\n2,B,1.5,0.4\n3,C,7,1\n')
    assert folder.sync().outcome == "ok"
    assert folder.refusals() == []


# ------------------------------------------------------------------------------------------------------ the file


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_marks_separators_and_line_ends_of_every_spreadsheet(
    folder: Folder, encoding: str, separator: str, newline: str
) -> None:
    lines = ["id{0}name{0}amount", "1{0}شرکت نمونه{0}۱۲", '2{0}"a,b;c"{0}3']
    folder.write("deals.csv", "".join(line.format(separator) + newline for line in lines), encoding)
    assert folder.sync().outcome == "ok"
    assert [(r["id"], r["name"], r["amount"]) for r in folder.rows(Deal)] == [
        ("1", "شرکت نمونه", 12),
        ("2", "a,b;c", 3),
    ]


def test_excels_line_with_the_separator_is_no_header(folder: Folder) -> None:
    folder.write("deals.csv", "sep=;\nid;name\n1;A\n")
    assert folder.sync().outcome == "ok"
    assert [row["name"] for row in folder.rows(Deal)] == ["A"]


def test_another_encoding_is_named_by_line_with_the_way_out_and_can_be_set(folder: Folder) -> None:
    folder.write("deals.csv", "id,name\n1,A\n2,قرارداد\n", "windows-1256")
    folder.write("spend.csv", SPEND + "2026-01-05,marketing,ads,100,EUR\n")
    outcome = folder.sync()
    error = stream(outcome, "deals").error
    assert outcome.outcome == "partial"
    assert str(error) == "deals.csv, line 3: this is not text in utf-8"
    assert isinstance(error, ActionNeededError)
    assert "`encoding: windows-1256`" in error.hint
    assert len(folder.rows(Spend)) == 1
    folder.settings = {"encoding": "windows-1256"}
    assert folder.sync().outcome == "ok"
    assert [row["name"] for row in folder.rows(Deal)] == ["A", "قرارداد"]


def test_a_missing_column_is_one_error_per_file_and_the_other_files_go_on(folder: Folder) -> None:
    folder.write("spend.csv", "spent_on,category\n2026-01-05,marketing\n")
    folder.write("deals.csv", "amount\n5\n")
    folder.write("companies.csv", "name\nOne\n")
    outcome = folder.sync()
    assert outcome.outcome == "partial"
    assert str(stream(outcome, "spend").error).startswith("spend.csv has no column amount")
    assert str(stream(outcome, "deals").error).startswith("deals.csv has no column id (or name)")
    assert [row["id"] for row in folder.rows(Company)] == ["One"]


def test_won_without_closed_is_refused_because_a_win_rate_from_it_would_be_wrong(folder: Folder) -> None:
    folder.write("deals.csv", "id,is_won\n1,true\n2,false\n")
    error = stream(folder.sync(), "deals").error
    assert "not which are closed" in str(error)
    folder.write("deals.csv", "id,is_won,closed_at\n1,true,\n2,false,2026-01-05\n3,false,\n")
    assert folder.sync().outcome == "ok"
    assert [(row["is_closed"], row["is_won"]) for row in folder.rows(Deal)] == [
        (True, True), (True, False), (None, False),
    ]  # fmt: skip


def test_unknown_columns_are_kept_with_a_word_and_columns_of_yours_can_be_mapped(folder: Folder) -> None:
    folder.write("deals.csv", "id,Betrag,amuont,note\n1,5,6,hello\n")
    outcome = folder.sync()
    assert "deals.csv: the column 'amuont' is none of ours and is kept in `extra`; did you mean 'amount'?" in (
        outcome.notes
    )
    assert folder.rows(Deal)[0]["extra"] == {"Betrag": "5", "amuont": "6", "note": "hello"}
    folder.settings = {"fields": {"deals": {"amount": "Betrag"}}}
    folder.sync()
    assert folder.rows(Deal)[0]["amount"] == 5


def test_a_row_with_too_many_or_too_few_cells_is_refused_and_wipes_nothing(folder: Folder) -> None:
    folder.write("deals.csv", "id,name,amount\n1,A,5\n2,B,6\n")
    folder.sync()
    folder.write("deals.csv", "id,name,amount\n1,A,5\n2,B\n3,C,1,5\n4,D,7,\n")
    outcome = folder.sync()
    assert outcome.outcome == "partial"
    assert len(folder.refusals()) == 2
    assert [row["id"] for row in folder.rows(Deal)] == ["1", "2", "4"]
    assert "deals.csv: some rows can't be told apart, so none was taken to be gone" in outcome.notes


def test_an_open_quote_stops_its_file_by_line(folder: Folder) -> None:
    folder.write("deals.csv", 'id,name\n1,A\n2,"B\n3,C\n')
    folder.write("companies.csv", "name\nOne\n")
    outcome = folder.sync()
    assert str(stream(outcome, "deals").error).startswith("deals.csv, below line 2:")
    assert len(folder.rows(Company)) == 1


def test_a_column_that_stands_twice_is_refused(folder: Folder) -> None:
    folder.write("deals.csv", "id,amount,Amount\n1,2,3\n")
    assert "the column amount stands twice" in str(stream(folder.sync(), "deals").error)


def test_an_account_file_and_settings_say_what_the_company_is(folder: Folder) -> None:
    folder.write("accounts.csv", "name,base_currency,time_zone,fiscal_year_start\nAcme,TRY,Asia/Tehran,4\n")
    folder.write("deals.csv", "id,amount,created_at\n1,5,2026-01-02\n")
    folder.settings = {"week_start": "saturday"}
    assert folder.sync().outcome == "ok"
    (account,) = folder.rows(Account)
    assert (account["name"], account["base_currency"], account["time_zone"]) == ("Acme", "TRY", "Asia/Tehran")
    assert (account["fiscal_year_start"], account["week_start"], account["kind"]) == (4, "saturday", "files")
    (deal,) = folder.rows(Deal)
    assert deal["currency"] == "TRY"
    assert deal["created_at"] == datetime(2026, 1, 1, 20, 30, tzinfo=UTC)
    folder.write("accounts.csv", "name,fiscal_year_start\nAcme,13\n")
    outcome = folder.sync()
    assert outcome.outcome == "failed"
    assert "'13' is not between 1 and 12" in str(outcome.error)


def test_a_folder_that_is_not_there_fails_the_run_and_wipes_nothing(folder: Folder) -> None:
    folder.write("deals.csv", "id\n1\n")
    folder.sync()
    folder.path.rename(folder.path.with_name("elsewhere"))
    outcome = folder.sync()
    assert outcome.outcome == "failed"
    assert "no such file or directory" in str(outcome.error)
    assert len(folder.rows(Deal)) == 1


# ---------------------------------------------------------------------------------------------------- identity


def test_rows_without_an_id_keep_theirs_whatever_their_order(either: Folder) -> None:
    rows = ["2026-01-05,marketing,ads,100,EUR\n", "2026-01-05,marketing,fair,250,EUR\n", "2026-01-06,sales,,80,EUR\n"]
    either.write("spend.csv", SPEND + "".join(rows))
    assert either.sync().outcome == "ok"
    before = either.rows(Spend)
    either.write("spend.csv", SPEND + "".join(reversed(rows)))
    outcome = either.sync()
    assert (outcome.outcome, outcome.counts.written) == ("ok", 0)
    assert either.rows(Spend) == before
    either.write("spend.csv", SPEND + "".join(rows).replace("250", "260"))
    outcome = either.sync()
    assert (outcome.counts.updated, outcome.counts.inserted, outcome.counts.deleted) == (1, 0, 0)


def test_doubles_are_refused_with_both_lines(folder: Folder) -> None:
    folder.write("deals.csv", "id,amount\n7,1\n8,2\n7,3\n")
    row = "2026-01-05,marketing,ads,100,EUR\n"
    folder.write("spend.csv", SPEND + row + row)
    assert folder.sync().outcome == "partial"
    assert folder.refusals()[0] == "deals.csv, line 4: the same id as line 2; the first one counts"
    assert folder.refusals()[1].startswith("spend.csv, line 3: the same category, spent_on, source, currency as line 2")
    assert folder.refusals()[1].endswith("where both are meant, give the file a column id")
    assert [(r["id"], r["amount"]) for r in folder.rows(Deal)] == [("7", 1), ("8", 2)]
    folder.write("deals.csv", "id,amount\n7,1\n8,2\n9,3\n")
    folder.write("spend.csv", SPEND + row)
    assert folder.sync().outcome == "ok"
    assert folder.refusals() == []


def test_doubles_are_found_across_pages_and_after_a_stop(folder: Folder) -> None:
    lines = [f"{i},{i}\n" for i in range(2500)]
    folder.write("deals.csv", "id,amount\n" + "".join(lines) + "3,99\n")
    stop = Event()
    assert folder.sync(stop=stop, progress=lambda name, read: stop.set() if read else None).outcome == "stopped"
    assert folder.sync().outcome == "partial"
    assert folder.refusals() == ["deals.csv, line 2502: the same id as line 5; the first one counts"]
    assert len(folder.rows(Deal)) == 2500


def test_stages_of_the_same_name_in_two_pipelines_are_two(folder: Folder) -> None:
    header = "pipeline_id,name,sort_order,is_closed,is_won\n"
    folder.write("stages.csv", header + "a,New,1,no,no\nb,New,1,no,no\nb,Won,2,yes,yes\nb,Lost,3,yes,no\n")
    assert folder.sync().outcome == "ok"
    assert [(r["pipeline_id"], r["id"]) for r in folder.rows(Stage)] == [
        ("a", "New"), ("b", "Lost"), ("b", "New"), ("b", "Won"),
    ]  # fmt: skip
    folder.write("stages.csv", header + "b,New,1,no,no\nb,Won,2,yes,yes\nb,Lost,3,yes,no\n")
    folder.sync()
    assert [(r["pipeline_id"], r["id"]) for r in folder.rows(Stage)] == [("b", "Lost"), ("b", "New"), ("b", "Won")]


# ------------------------------------------------------------------------------------------------ what goes away


def test_a_row_that_disappears_is_a_deletion_and_comes_back(either: Folder) -> None:
    either.write("deals.csv", "id,name\n" + "".join(f"{i},D{i}\n" for i in range(20)))
    either.sync()
    either.write("deals.csv", "id,name\n" + "".join(f"{i},D{i}\n" for i in range(18)))
    outcome = either.sync()
    assert (outcome.outcome, outcome.counts.deleted) == ("ok", 2)
    assert "deals.csv: 2 rows are no longer in the file; marked deleted" in outcome.notes
    gone = [row for row in either.rows(Deal, deleted=True) if row["deleted_at"] is not None]
    assert [row["name"] for row in gone] == ["D18", "D19"]
    either.write("deals.csv", "id,name\n" + "".join(f"{i},D{i}\n" for i in range(20)))
    either.sync()
    assert len(either.rows(Deal)) == 20


DETAILS: list[tuple[type[Statement], str, list[str]]] = [
    (DealContact, "deal_id,contact_id,role", ["d1,c1,buyer", "d1,c2,user", "d2,c1,buyer", "d3,c9,x"]),
    (
        DealStageChange,
        "deal_id,entered_at,stage_id,exited_at",
        [
            "d1,2026-01-01 10:00,new,2026-01-05",
            "d1,2026-01-05,won,",
            "d2,2026-01-02T00:00:00.25Z,new,",
            "d3,2026-01-02,new,",
        ],
    ),
]


@pytest.mark.parametrize(("record", "header", "rows"), DETAILS, ids=lambda each: getattr(each, "table", ""))
def test_links_and_histories_that_disappear_are_deletions_too(
    either: Folder, record: type[Statement], header: str, rows: list[str]
) -> None:
    name = f"{record.table}.csv"
    either.write(name, "\n".join([header, *rows]) + "\n")
    assert either.sync().outcome == "ok"
    assert len(either.rows(record)) == 4
    either.write(name, "\n".join([header, *rows[1:]]) + "\n")
    assert either.sync().outcome == "ok"
    assert len(either.rows(record)) == 3
    tombstone = next(row for row in either.rows(record, deleted=True) if row["deleted_at"] is not None)
    assert tombstone[header.split(",")[2]] == rows[0].split(",")[2]
    assert either.sync().counts.written == 0


def test_visits_that_say_only_when_they_began_end_when_the_next_one_begins(folder: Folder) -> None:
    folder.write(
        "deal_stage_changes.csv",
        "deal_id,entered_at,stage_id\nd1,2026-01-09,won\nd2,2026-01-02,new\nd1,2026-01-01,new\n"
        "d1,2026-01-05 10:30:00.25,offer\n",
    )
    assert folder.sync().outcome == "ok"
    visits = [(r["deal_id"], r["stage_id"], r["exited_at"]) for r in folder.rows(DealStageChange)]
    assert visits == [
        ("d1", "new", datetime(2026, 1, 5, 10, 30, 0, 250_000, tzinfo=UTC)),
        ("d1", "offer", datetime(2026, 1, 9, tzinfo=UTC)),
        ("d1", "won", None),
        ("d2", "new", None),
    ]


def _shrunk(outcome: RunOutcome, name: str) -> ShrunkError:
    error = stream(outcome, name).error
    assert outcome.outcome in {"partial", "failed"}
    assert isinstance(error, ShrunkError)
    assert "--allow-shrink" in error.hint
    return error


@pytest.mark.parametrize("left", [0, 4])
def test_a_file_that_shrinks_too_much_wipes_nothing_until_that_is_allowed(folder: Folder, left: int) -> None:
    folder.write("companies.csv", "name\nOne\n")
    folder.write("deals.csv", "id\n" + "".join(f"{i}\n" for i in range(20)))
    folder.sync()
    folder.write("deals.csv", "id\n" + "".join(f"{i}\n" for i in range(left)))
    error = _shrunk(folder.sync(), "deals")
    assert str(error) == "deals.csv lacks more than 20% of the 20 rows that it had; nothing was deleted"
    assert len(folder.rows(Deal)) == 20
    assert folder.sync().outcome == "partial", "it stays loud"
    assert folder.sync(allow_shrink=True).outcome == "ok"
    assert len(folder.rows(Deal)) == left


def test_a_file_that_disappears_wipes_nothing_until_that_is_allowed(folder: Folder) -> None:
    folder.write("companies.csv", "name\nOne\n")
    folder.write("deals.csv", "id\n1\n2\n")
    folder.sync()
    (folder.path / "deals.csv").unlink()
    assert "deals.csv is no longer in " in str(_shrunk(folder.sync(), "deals"))
    assert len(folder.rows(Deal)) == 2
    assert folder.sync(allow_shrink=True).outcome == "ok"
    assert len(folder.rows(Deal)) == 0
    assert folder.sync().outcome == "ok"


# ------------------------------------------------------------------------------------------ while it is written


def test_a_file_that_is_written_while_it_is_read_is_left_to_the_next_run(folder: Folder) -> None:
    whole = "id,amount\n" + "".join(f"{i},{i}\n" for i in range(5000))
    folder.write("deals.csv", whole)
    touched: list[int] = []

    def write(name: str, read: int) -> None:
        if name == "deals" and not touched:
            touched.append(read)
            folder.write("deals.csv", whole + "5000,1\n")

    outcome = folder.sync(progress=write)
    error = stream(outcome, "deals").error
    assert isinstance(error, TryLaterError)
    assert str(error) == "deals.csv was written to while it was read"
    assert folder.sync().outcome == "ok"
    assert len(folder.rows(Deal)) == 5001


def test_a_file_that_ends_within_a_row_is_left_to_the_next_run(folder: Folder) -> None:
    folder.write("deals.csv", "id,name,amount\n1,A,5\n2,B")
    error = stream(folder.sync(), "deals").error
    assert isinstance(error, TryLaterError)
    assert "ends in the middle of line 3" in str(error)
    folder.write("deals.csv", "id,name,amount\n1,A,5\n2,B,6")
    assert folder.sync().outcome == "ok"
    assert len(folder.rows(Deal)) == 2


def test_only_content_counts_not_the_time_of_the_file(folder: Folder) -> None:
    folder.write("deals.csv", "id,amount\n1,5\n")
    folder.sync()
    stamp = (folder.path / "deals.csv").stat().st_mtime_ns
    os.utime(folder.path / "deals.csv", ns=(stamp + 10**9, stamp + 10**9))
    assert stream(folder.sync(), "deals").counts.read == 0
    folder.write("deals.csv", "id,amount\n1,6\n")
    os.utime(folder.path / "deals.csv", ns=(stamp, stamp))
    folder.sync()
    assert folder.rows(Deal)[0]["amount"] == 6


def test_other_settings_read_the_same_file_again(folder: Folder) -> None:
    folder.write("deals.csv", "id,amount\n1,1.500\n")
    folder.sync()
    assert folder.rows(Deal)[0]["amount"] == Decimal("1.5")
    folder.settings = {"decimal": "comma"}
    folder.sync()
    assert folder.rows(Deal)[0]["amount"] == 1500


# ------------------------------------------------------------------------------------------- what only files have


def test_plans_costs_and_rates_arrive(folder: Folder) -> None:
    folder.write(
        "targets.csv",
        "kpi_key,scope_type,scope_id,period_start,period_end,value,currency\n"
        "revenue,company,,2026-01-01,2026-04-01,100000,EUR\nrevenue,user,u1,2026-01-01,2026-04-01,50000,EUR\n",
    )
    folder.write("exchange_rates.csv", "from_currency,to_currency,effective_from,rate\nUSD,EUR,2026-01-01,0.0000234\n")
    folder.write("training_events.csv", "user_id,title,hours,completed_on\nu1,Negotiation,7.5,2026-02-01\n")
    folder.write("Competitor_Prices.CSV", "competitor,product_id,price\nOther,p1,10\n")
    assert folder.sync().outcome == "ok"
    assert [(r["scope_id"], r["value"]) for r in folder.rows(Target)] != []
    assert folder.rows(ExchangeRate)[0]["rate"] == Decimal("0.0000234")
    assert folder.rows(TrainingEvent)[0]["hours"] == Decimal("7.5")
    with folder.database.read() as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM competitor_prices").scalar() == 1


def test_a_file_that_nothing_is_named_after_is_told_of(folder: Folder) -> None:
    folder.write("deal.csv", "id\n1\n")
    folder.write("deals.csv", "id\n1\n")
    told: list[str] = []
    folder.sync(notice=told.append)
    assert told == ["deal: no kind of record has this name; did you mean deals.csv?"]


def test_two_files_of_one_name_in_other_letters_are_refused(folder: Folder) -> None:
    folder.write("deals.csv", "id\n1\n")
    folder.write("Deals.csv", "id\n2\n")
    outcome = folder.sync()
    assert outcome.outcome == "failed"
    assert "Deals.csv twice, in other letters" in str(outcome.error)


def test_one_file_alone_can_be_the_connection(folder: Folder) -> None:
    folder.write("spend.csv", SPEND + "2026-01-05,marketing,ads,100,EUR\n")
    folder.write("deals.csv", "id\n1\n")
    folder.path = folder.path / "spend.csv"
    assert folder.sync().outcome == "ok"
    assert (len(folder.rows(Spend)), len(folder.rows(Deal))) == (1, 0)
