"""What no database can hold as text never blocks a stream: NUL characters, and halves of emojis."""

from typing import Any

import pytest

from connectors.decode import decoded
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


@pytest.mark.parametrize("data", [b"", b'{"a": "\\ud83d"', b'["\\ud83d", NaN]', b'["\\ud83d"] x', b'"\xff\\ud83d"'])
def test_what_is_no_json_stays_none(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # whatever the decoder says of it
        decoded(data)
