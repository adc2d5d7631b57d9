"""What must hold between values is looked at on each run, and told where it doesn't."""

import re
from dataclasses import replace
from typing import Any

import pytest

from kpi.catalogue import METRICS
from kpi.engine import compute
from kpi.metric import Flow, Metric, Ratio
from store.records import Company, Deal
from store.schema import RecordAlias, table_of
from store.snapshots import last_run
from tests.kpi.engine.ledger import NOW, Ledger, at
from tests.kpi.engine.test_moment_values import visit


def broken(ledger: Ledger, **changed: Metric) -> Any:
    chosen = {key: METRICS[key] for key in ("revenue", "won_deals_count", "lost_deals_count", "win_rate")}
    done = compute(ledger.database, ledger.settings, now=NOW, metrics={**chosen, **changed})
    with ledger.database.read() as tx:
        run = last_run(tx)
    assert run is not None
    assert tuple(run["broken"] or ()) == tuple(done.broken)
    assert run["status"] == "complete"
    return list(done.broken)


def sold(ledger: Ledger) -> Flow:
    ledger.won("a", "2026-04-10")
    ledger.won("b", "2026-04-20", owner_id="bob")
    ledger.lost("c", "2026-04-21")
    metric = METRICS["won_deals_count"]
    assert isinstance(metric, Flow)
    return metric


def test_nothing_is_said_where_all_holds(any_ledger: Ledger) -> None:
    sold(any_ledger)
    assert broken(any_ledger) == []


@pytest.mark.parametrize(
    ("total", "says"),
    [
        ("max(won)", "by owner adds up to"),
        ("count(*)", "won and lost deals are not the closed deals of the win rate"),
    ],
)
def test_slices_and_outcomes_must_add_up(any_ledger: Ledger, total: str, says: str) -> None:
    found = broken(any_ledger, won_deals_count=replace(sold(any_ledger), total=total))
    assert any(says in sentence for sentence in found)


def test_days_must_add_up(ledger: Ledger) -> None:
    found = broken(ledger, won_deals_count=replace(sold(ledger), total="max(won)", dimensions=()))
    assert any(re.search(r"by day adds up to 2[.0]* instead of 1[.0]* in the month", one) for one in found), found


def test_a_merged_away_id_must_lead_somewhere(any_ledger: Ledger) -> None:
    sold(any_ledger)
    any_ledger.add(Company, id="x", deleted_at=at("2026-05-01 00:00"), merged_into_id="y")
    with any_ledger.database.write() as tx:
        tx.execute(table_of(RecordAlias).insert().values(connection="crm", entity="companies", old_id="x", id="y"))
        tx.execute(table_of(RecordAlias).insert().values(connection="crm", entity="deals", old_id="z", id="a"))
    assert broken(any_ledger) == ["companies x of crm was merged into y, which is not there"]
    any_ledger.add(Company, id="y")
    assert broken(any_ledger) == []
    any_ledger.add(Deal, id="a", merged_into_id="b", deleted_at=at("2026-05-01 00:00"))
    assert broken(any_ledger) == ["deals z of crm was merged into a, which is not there"]


def test_the_fates_of_a_stage_must_add_up(ledger: Ledger) -> None:
    sold(ledger)
    visit(ledger, "a", "new", "2026-03-02 09:00", "2026-04-10 12:00")
    visit(ledger, "a", "won", "2026-04-10 12:00")
    funnel = {key: METRICS[key] for key in ("stage_conversion_rate", "stage_drop_off_rate")}
    assert not compute(ledger.database, ledger.settings, now=NOW, metrics=funnel).broken
    conversion = funnel["stage_conversion_rate"]
    assert isinstance(conversion, Ratio)
    found = compute(
        ledger.database,
        ledger.settings,
        now=NOW,
        metrics={**funnel, "stage_conversion_rate": replace(conversion, part="0")},
    ).broken
    assert any("crm:p/new: who went on, dropped out, stayed and moved add up to 0" in one for one in found), found
