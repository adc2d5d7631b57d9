"""A company's own KPIs: as able as the built-in ones, checked before they are used, and boxed in."""

from decimal import Decimal
from typing import Any

import duckdb
import pytest

from kpi.custom import CustomKpi
from kpi.custom_faults import faults
from kpi.settings import KpiSettings
from kpi.workshop import DEFAULT_LIMITS, workshop
from tests.kpi.engine.ledger import Ledger
from tests.kpi.engine.test_moment_values import visit


def own(**values: Any) -> CustomKpi:
    return CustomKpi.model_validate(
        {"kind": "flow", "fact": "closed_deals", "name": "Own", "unit": "count", "total": "sum(won)", **values}
    )


def says(**values: Any) -> list[tuple[str, str]]:
    return [(fault.setting, fault.says) for fault in faults({"mine": own(**values)})]


def test_every_kind_is_computed_sliced_and_stored(any_ledger: Ledger) -> None:
    plain = {"total": None, "dimensions": ("owner",)}
    any_ledger.settings = KpiSettings(
        include=("big_wins", "lost_share", "mean_win", "per_customer", "cycle_p75", "open_now"),
        custom={
            "big_wins": own(total="sum(won) FILTER (WHERE revenue >= 100)", dimensions=("owner",)),
            "lost_share": own(kind="ratio", unit="ratio", part="sum(lost)", whole="sum(won + lost)", **plain),
            "mean_win": own(
                kind="mean", unit="money", count="count(won_value)", **{**plain, "total": "sum(won_value)"}
            ),
            "per_customer": own(
                kind="quotient", unit="money", over="sum(revenue)", under="count(DISTINCT customer)", **plain
            ),
            "cycle_p75": own(kind="percentile", unit="duration", of="cycle", at=0.75, **plain),
            "open_now": own(kind="moment", fact="open_deals", **{**plain, "total": "count(*)"}),
        },
    )
    any_ledger.won("a", "2026-04-10", amount=Decimal(100), company_id="c")
    any_ledger.won("b", "2026-04-20", amount=Decimal(50), company_id="c", owner_id="bob")
    any_ledger.lost("d", "2026-04-21")
    any_ledger.deal("e")
    visit(any_ledger, "e", "new", "2026-03-01 09:00")
    any_ledger.compute()
    assert any_ledger.value("big_wins") == 1
    assert any_ledger.value("big_wins", owner="crm:bob") == 0
    row = any_ledger.row("lost_share", "2026-04-01")
    assert (row["value"], row["n"], row["ci_low"] is not None) == (Decimal("0.3333333333"), 3, True)
    assert (row["definition_version"], row["flags"]) == ("1.0", ["below_min_sample"])
    assert any_ledger.value("mean_win") == 75
    assert any_ledger.value("per_customer") == 150
    assert any_ledger.value("cycle_p75") == Decimal("47.5")
    assert any_ledger.value("open_now") == 1
    assert any_ledger.value("open_now", "2026-06-01", owner="crm:ann") == 1
    assert any_ledger.compute().written == 0


def test_words_may_be_cut_into_pieces(ledger: Ledger) -> None:
    total = "count(DISTINCT stage[1:7]) + count(*) FILTER (WHERE left(source, 1) = '_' AND country LIKE '%none%')"
    ledger.settings = KpiSettings(include=("pieces",), custom={"pieces": own(total=total)})
    ledger.won("a", "2026-04-10")
    ledger.compute()
    assert ledger.value("pieces") == 2


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("won", "is no aggregate"),
        ("sum(wonn)", "It has amount, bad_cycle"),
        ("(SELECT 1)", "a query of its own"),
        ("sum(won) FROM deals; DROP TABLE deals --", "a comment or a semicolon"),
        ("count(*) FROM deals --", "a comment or a semicolon"),
        ("sum(won) /* all */", "a comment or a semicolon"),
        ("sum(won) FROM deals", "is no expression"),
        ("sum(won)) FROM deals WHERE (1 = 1", "is no expression"),
        ("read_text('/etc/passwd')", "a function that is not allowed (read_text)"),
        ("sum(getenv('HOME'))", "a function that is not allowed (getenv)"),
        ("max(region)", "is no number"),
        ("sum(won) OVER ()", "not allowed (window)"),
        ("sum(won), 1", "a function that is not allowed (row)"),
        ("sum(", "is no expression"),
    ],
)
def test_an_expression_that_is_no_aggregate_of_the_fact_is_refused(expression: str, why: str) -> None:
    [(setting, said)] = says(total=expression)
    assert setting == "total"
    assert why in said


def test_a_fact_a_dimension_and_a_key_must_be_there_and_free() -> None:
    [(setting, said)] = says(fact="deal_wins")
    assert (setting, "closed_deals" in said) == ("fact", True)
    [(setting, said)] = says(dimensions=("owner", "age_band"))
    assert (setting, "closed_deals has no 'age_band'" in said) == ("dimensions", True)
    assert [fault.says for fault in faults({"revenue": own()})] == [
        "'revenue' is the key of a built-in KPI; choose another key"
    ]
    assert list(faults({"Mine!": own()}))
    assert list(faults({})) == []


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"kind": "ratio", "total": None, "part": "sum(won)"}, "a ratio needs whole"),
        ({"kind": "flow", "part": "sum(won)"}, "a flow has no part"),
        ({"kind": "percentile", "total": None, "of": "cycle", "at": 1.5}, "less than 1"),
    ],
)
def test_a_kind_takes_what_it_needs(values: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        own(**values)


def test_the_workshop_reaches_no_file_but_its_own() -> None:
    with workshop(DEFAULT_LIMITS) as (duck, _), pytest.raises(duckdb.Error, match=r"[Pp]ermission"):
        duck.execute("SELECT * FROM read_text('/etc/hostname')")
