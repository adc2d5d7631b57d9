"""How numbers look: units, changes, sparklines, cells."""

import io
import json
from datetime import timedelta
from decimal import Decimal

import pytest

from dealmeter.logs import logger, masked
from dealmeter.show.number import change, number, plain, reason
from dealmeter.show.snapshots import COLUMNS, write_csv
from dealmeter.show.sparkline import sparkline
from dealmeter.show.time import apart


@pytest.mark.parametrize(
    ("value", "unit", "currency", "shown"),
    [
        ("1234567.5", "money", "EUR", "1,234,567.50 EUR"),
        ("1234567.5", "money", "IRR", "1,234,568 IRR"),
        ("1234.5", "money", None, "1,234.50"),
        ("0.4215", "ratio", None, "42.2 %"),
        ("34.25", "duration", None, "34.2 days"),
        ("1234", "count", None, "1,234"),
        ("2.5", "count", None, "2.50"),
        ("0.4815", "count", None, "0.48"),
        ("15.04", "count", None, "15.0"),
        ("15", "count", None, "15"),
        (None, "ratio", None, "—"),
    ],
)
def test_a_number_is_shown_in_its_unit(value: str | None, unit: str, currency: str | None, shown: str) -> None:
    assert number(None if value is None else Decimal(value), unit, currency) == shown


@pytest.mark.parametrize(
    ("value", "before", "unit", "shown"),
    [
        ("0.4", "0.25", "ratio", "+15.0 pp"),
        ("150", "100", "money", "+50.0 %"),
        ("50", "-100", "money", "+150.0 %"),
        ("33.3", "-20", "score", "+53.3 points"),
        ("5", "0", "count", "new"),
        ("0", "0", "count", "0 %"),
        (None, "1", "count", "—"),
        ("1", None, "count", "—"),
    ],
)
def test_a_change_is_shown_as_people_say_it(value: str | None, before: str | None, unit: str, shown: str) -> None:
    now, then = (None if text is None else Decimal(text) for text in (value, before))
    assert change(now, then, unit) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("1E+3", "1000"),
        ("1500.250000", "1500.25"),
        ("0E-10", "0"),
        ("-0.0", "0"),
        ("0.0000001", "0.0000001"),
        ("100", "100"),
    ],
)
def test_a_decimal_is_plain(value: str, shown: str) -> None:
    assert plain(Decimal(value)) == shown


@pytest.mark.parametrize(
    ("time", "shown"),
    [
        (timedelta(seconds=-40), "40 s"),
        (timedelta(minutes=7), "7.0 min"),
        (timedelta(days=3), "3.0 days"),
        (timedelta(days=-3214), "8.8 years"),
    ],
)
def test_clocks_are_apart_in_the_largest_unit(time: timedelta, shown: str) -> None:
    assert apart(time) == shown


def test_the_placeholder_of_a_password_is_no_secret() -> None:
    hint = "use sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
    assert masked(hint) == hint


def test_a_reason_is_said_in_words() -> None:
    assert reason("source_missing", "spend") == "no source for it is connected (spend)"


def test_a_sparkline_has_a_bar_per_value_and_a_gap_for_none() -> None:
    assert sparkline([Decimal(0), Decimal(50), None, Decimal(100)]) == "▁▅·█"
    assert sparkline([None, None]) == "··"
    assert sparkline([Decimal(0)]) == "▁"
    assert sparkline([Decimal(-5), Decimal(5)]) == "▁█"


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_text_that_a_spreadsheet_would_execute_is_quoted_and_numbers_are_not(evil: str) -> None:
    row = dict.fromkeys(COLUMNS) | {"member_label": evil, "value": Decimal("-5.5")}
    out = io.StringIO()
    write_csv([row], out)
    cells = out.getvalue().splitlines()[1].split(",")
    assert cells[COLUMNS.index("member_label")].strip('"') == f"'{evil}"
    assert cells[COLUMNS.index("value")] == "-5.5"


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer s3cr3t-value",
        "pat-eu1-s3cr3t-value",
        "postgresql://me:s3cr3t-value@db/sales",
        '{"access_token": "s3cr3t-value"}',
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    assert "s3cr3t" not in masked(text)
    assert "***" in masked(text)


def test_logs_are_json_lines_with_their_keys_in_order_and_without_secrets() -> None:
    out = io.StringIO()
    log = logger(level="info", format_="auto", secrets=["hunter2"], stream=out)
    log.debug("unseen")
    log.info("with hunter2 inside", connection="main", run_id=3, nothing=None)
    told = json.loads(out.getvalue())
    assert list(told) == ["ts", "level", "event", "connection", "run_id"]
    assert told["event"] == "with *** inside"


def test_logs_for_people_are_one_line_of_text() -> None:
    out = io.StringIO()
    logger(level="info", format_="text", stream=out).warning("a page was late", stream="deals")
    assert "a page was late" in out.getvalue()
    assert "stream=deals" in out.getvalue()
    assert out.getvalue().count("\n") == 1
