"""What is added up by groups first is what the rows themselves give; and what can't be isn't tried."""

import duckdb
import pytest

from kpi.cells import MACROS
from kpi.rollup import roll

ROWS = """CREATE TABLE rows AS SELECT i % 7 AS part, CAST(i * 1.234 AS DECIMAL(18, 3)) AS worth, i % 3 = 0 AS known,
    CASE WHEN i % 5 > 0 THEN i END AS cycle FROM range(200) t(i)"""


@pytest.mark.parametrize(
    "expression",
    [
        "sum(worth)",
        "coalesce(sum(worth) FILTER (known), 0) - sum(worth) FILTER (NOT known)",
        "round(sum(cycle) / nullif(count(cycle), 0), 10)",
        "count(*) FILTER (cycle > 3 AND known)",
        "count_if(known)",
        "CASE WHEN bool_or(known) AND min(cycle) < 90 THEN 'a (young) one' END",
        "CAST(to_json({'known_n': CAST(sum(CASE WHEN known THEN 1 ELSE 0 END) AS BIGINT)}) AS VARCHAR)",
        "days(sum(cycle))",
    ],
)
def test_groups_give_what_rows_give(expression: str) -> None:
    parts: dict[str, str] = {}
    rolled = roll(expression, parts)
    assert rolled is not None
    found = ", ".join(f"{aggregate} AS {name}" for aggregate, name in parts.items())
    with duckdb.connect(":memory:") as duck:
        duck.execute(MACROS)
        duck.execute(ROWS)
        grouped = duck.execute(f"SELECT {rolled} FROM (SELECT part, {found} FROM rows GROUP BY part)").fetchall()
        assert grouped == duck.execute(f"SELECT {expression} FROM rows").fetchall()


def test_an_aggregate_that_two_expressions_share_is_kept_once() -> None:
    parts: dict[str, str] = {}
    assert roll("sum(worth)", parts) == "sum(part_0)"
    assert roll("sum(worth) / count(*)", parts) == "sum(part_0) / CAST(sum(part_1) AS BIGINT)"


@pytest.mark.parametrize("expression", ["count(DISTINCT deal)", "avg(cycle)", "sum(worth) + median(worth)"])
def test_what_needs_the_rows_is_left_alone(expression: str) -> None:
    parts: dict[str, str] = {}
    assert roll(expression, parts) is None
    assert parts == {}
