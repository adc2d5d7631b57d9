"""What no database can hold as text never blocks a stream: NUL characters, and halves of emojis."""

import json
from contextlib import suppress
from typing import Any

import pytest

from connectors.decode import decoded
from connectors.errors import ConnectorError
from store.database import Database
from store.records import Deal
from tests.contract.salesforce.rig import rig as salesforce
from tests.rig import rig as hubspot


def test_half_an_emoji_in_hubspot_blocks_no_stream(database: Database) -> None:
    with hubspot(database, deals=5, activities_per_deal=0, settings={"include": ["pipelines", "deals"]}) as it:
        it.sandbox.faults.next("half_emoji", times=10_000)
        outcome = it.sync()
        assert outcome.outcome == "ok", outcome.error
        assert any(str(row["name"]).startswith("\N{REPLACEMENT CHARACTER}") for row in it.rows(Deal))
        assert it.count_deals() == 5


def test_half_an_emoji_in_salesforce_blocks_no_stream(database: Database) -> None:
    with salesforce(database, deals=5, activities_per_deal=0, settings={"include": ["deals"]}) as it:
        it.sandbox.faults.next("half_emoji", times=10_000)
        outcome = it.sync()
        assert outcome.outcome == "ok", outcome.error
        assert any(str(row["name"]).startswith("\N{REPLACEMENT CHARACTER}") for row in it.rows(Deal))
        assert it.count_deals() == 5


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (rb'{"a": "\ud83d\ude00", "n": 1.5}', {"a": "\N{GRINNING FACE}", "n": 1.5}),
        (rb'{"a": "x\ud83d"}', {"a": "x\N{REPLACEMENT CHARACTER}"}),
        (rb'{"a\ude00": ["\ud83d", "\ud83d\ude00", null]}',
         {"a\N{REPLACEMENT CHARACTER}": ["\N{REPLACEMENT CHARACTER}", "\N{GRINNING FACE}", None]}),
        (rb'["x\u0000y\uD83D"]', ["xy\N{REPLACEMENT CHARACTER}"]),
        (rb'{"a\u0000": 1}', {"a": 1}),
    ],
)  # fmt: skip
def test_what_is_mended_and_what_is_left(data: bytes, value: Any) -> None:
    assert decoded(data) == value


@pytest.mark.parametrize("fault", ["deep", "bottomless"])
@pytest.mark.parametrize("crm", [hubspot, salesforce])
def test_json_of_any_depth_ends_no_run_in_a_crash(database: Database, crm: Any, fault: str) -> None:
    settings = {"include": ["deals"], "keep_payload": True}
    with crm(database, deals=5, activities_per_deal=0, settings=settings) as it:
        it.sandbox.faults.next(fault, times=10_000)
        outcome = it.sync()
        assert outcome.outcome in {"ok", "partial", "failed"}
        for stream in outcome.streams:
            assert stream.error is None or isinstance(stream.error, ConnectorError), stream.error
        if fault == "deep":
            assert outcome.outcome == "ok"
            assert any("nested too deeply to be kept" in json.dumps(row["payload"]) for row in it.rows(Deal))
        it.sandbox.faults.clear()
        assert it.sync(full=True).outcome == "ok"
        assert it.count_deals() == 5


@pytest.mark.parametrize("levels", [400, 900, 100_000])
@pytest.mark.parametrize("inside", [b"1", b'"\\u0000"', b'"\\ud83d"'])
def test_depth_is_read_or_refused(levels: int, inside: bytes) -> None:
    with suppress(ValueError):
        assert decoded(b"[" * levels + inside + b"]" * levels)


@pytest.mark.parametrize("data", [b"", b'{"a": "\\ud83d"', b'["\\ud83d", NaN]', b'["\\ud83d"] x', b'"\xff\\ud83d"'])
def test_what_is_no_json_stays_none(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # whatever the decoder says of it
        decoded(data)
