"""The generated world is repeatable, consistent and believable."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from dealmeter.sandbox.clock import Clock, milliseconds
from dealmeter.sandbox.generate import generate
from dealmeter.sandbox.life import live
from dealmeter.sandbox.record import ACTIVITIES, Kind
from dealmeter.sandbox.world import World

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def _everything(world: World) -> str:
    tables = {kind: [repr(record) for record in table.live] for kind, table in world.tables.items()}
    return repr((tables, world.owners, world.pipelines, world.links._ends, world.links._primary))


@pytest.fixture(scope="module")
def large() -> World:
    return generate(11, 3000, activities_per_deal=1, now=NOW, frozen=True)


def test_the_same_seed_makes_the_same_world() -> None:
    assert _everything(generate(3, 80, now=NOW)) == _everything(generate(3, 80, now=NOW))


def test_another_seed_makes_another_world() -> None:
    assert _everything(generate(3, 80, now=NOW)) != _everything(generate(4, 80, now=NOW))


def test_the_same_life_is_lived_twice() -> None:
    one, two = generate(3, 80, now=NOW, frozen=True), generate(3, 80, now=NOW, frozen=True)
    assert live(one, timedelta(days=2)) == live(two, timedelta(days=2))
    assert _everything(one) == _everything(two)
    assert one.clock.now() == NOW + timedelta(days=2)


def test_fewer_activities_do_not_change_the_deals() -> None:
    deals = [list(generate(3, 80, now=NOW, activities_per_deal=n).tables[Kind.DEAL].live) for n in (0, 4)]
    assert deals[0] == deals[1]


def test_stage_histories_only_go_forward_in_time_and_end_at_the_present_stage(large: World) -> None:
    now = milliseconds(NOW)
    for deal in large.tables[Kind.DEAL].live:
        times = [change.at for change in deal.changes("stage")]
        assert times == sorted(set(times))
        assert deal.changes("stage")[-1].value == deal.fields["stage"]
        assert deal.created <= times[0]
        assert times[-1] <= deal.modified < now


def test_the_win_rate_is_believable(large: World) -> None:
    stages = [large.stage(deal.fields["stage"]) for deal in large.tables[Kind.DEAL].live]
    won = sum(stage is not None and stage.won for stage in stages)
    lost = sum(stage is not None and stage.lost for stage in stages)
    assert 0.25 < won / (won + lost) < 0.35
    assert len(stages) - won - lost > 100


def test_the_world_is_odd_on_purpose_but_has_no_malformed_amounts(large: World) -> None:
    deals = list(large.tables[Kind.DEAL].live)
    amounts = [str(deal.fields["amount"]) for deal in deals if "amount" in deal.fields]
    assert [Decimal(amount) for amount in amounts]
    assert any("E" in amount for amount in amounts)
    assert any(Decimal(amount) < 0 for amount in amounts)
    assert len(amounts) < len(deals)
    seen = Counter[str]()
    for deal in deals:
        owner = deal.fields.get("owner")
        seen["no owner"] += owner is None
        seen["left owner"] += owner is not None and large.owners[int(owner)].archived
        seen["no currency"] += "currency" not in deal.fields
        seen["cleared"] += "" in deal.fields.values()
        seen["long id"] += len(str(deal.id)) == 12
        stage = large.stage(deal.fields["stage"])
        seen["deleted stage"] += stage is not None and stage.deleted
        companies = large.links.of(Kind.DEAL, deal.id, Kind.COMPANY)
        seen["no company"] += not companies
        seen["several companies"] += len(companies) > 1
        primary = large.links.primary(Kind.DEAL, deal.id, Kind.COMPANY)
        seen["no primary"] += bool(companies) and primary is None
    assert all(seen.values()), seen


def test_a_frozen_clock_moves_only_when_told() -> None:
    clock = Clock(NOW)
    assert clock.now() == clock.now() == NOW
    clock.advance(timedelta(minutes=5))
    assert clock.now() == NOW + timedelta(minutes=5)
    with pytest.raises(ValueError, match="forward"):
        clock.advance(timedelta(seconds=-1))


def test_a_running_clock_keeps_the_pace_of_real_time() -> None:
    real = iter((100.0, 100.0, 107.5))
    clock = Clock(NOW, frozen=False, monotonic=lambda: next(real))
    assert clock.now() == NOW
    assert clock.now() == NOW + timedelta(seconds=7.5)


BEFORE = (Kind.DEAL, Kind.CONTACT, Kind.COMPANY, Kind.PRODUCT, Kind.LINE_ITEM, *ACTIVITIES)
"""What a world has with or without all that surrounds its deals."""


def test_what_surrounds_the_deals_does_not_change_them_nor_their_life() -> None:
    with_all, without = (generate(3, 80, now=NOW, frozen=True, extras=extras) for extras in (True, False))
    for _ in range(2):
        for kind in BEFORE:
            assert list(with_all.tables[kind].live) == list(without.tables[kind].live), kind
        live(with_all, timedelta(days=2), changes=100)
        live(without, timedelta(days=2), changes=100)


def test_every_kind_is_there_and_what_surrounds_the_deals_lies_in_the_past(large: World) -> None:
    now = milliseconds(NOW)
    assert [kind for kind, table in large.tables.items() if not len(table.live)] == []
    for kind in set(Kind) - set(BEFORE):
        for record in large.tables[kind].live:
            times = [change.at for changes in record.history.values() for change in changes]
            assert record.created <= record.modified < now, record
            assert all(record.created <= at <= record.modified for at in times), record
            for field, changes in record.history.items():
                assert changes[-1].value == record.fields[field], record


def test_a_converted_lead_ends_where_its_deal_begins(large: World) -> None:
    converted = [lead for lead in large.tables[Kind.LEAD].live if "deal" in lead.fields]
    assert len(converted) > 500
    for lead in converted:
        deal = large.find(Kind.DEAL, int(str(lead.fields["deal"])))
        assert deal is not None
        assert lead.fields["converted_at"] == deal.created == lead.changes("stage")[-1].at
        assert large.linked(Kind.LEAD, lead.id, Kind.DEAL) == [deal.id]
        assert lead.created < deal.created


def test_a_leads_first_touch_is_an_activity_with_its_contact(large: World) -> None:
    touched = [lead for lead in large.tables[Kind.LEAD].live if "first_touch" in lead.fields]
    assert len(touched) > 300
    for lead in touched:
        kind, _, id = str(lead.fields["first_touch"]).partition(":")
        activity = large.find(Kind(kind), int(id))
        assert activity is not None
        assert activity.fields["at"] == lead.fields["first_touch_at"]
        assert set(large.linked(Kind.LEAD, lead.id, Kind.CONTACT)) <= set(
            large.linked(Kind(kind), int(id), Kind.CONTACT)
        )


def test_a_campaign_has_spent_what_its_items_cost(large: World) -> None:
    for campaign in large.tables[Kind.CAMPAIGN].live:
        items = [large.find(Kind.SPEND_ITEM, id) for id in large.linked(Kind.CAMPAIGN, campaign.id, Kind.SPEND_ITEM)]
        total = sum((Decimal(str(item.fields["amount"])) for item in items if item), Decimal(0))
        assert f"{total:.2f}" == campaign.fields["spent"]


def test_rates_have_no_gaps_and_end_at_the_present_ones(large: World) -> None:
    for currency in ("TRY", "USD"):
        rates = [rate for rate in large.rates if rate.currency == currency]
        assert [rate.until for rate in rates] == [*(rate.since for rate in rates[1:]), None]
        assert rates[-1].worth == large.account.rates[currency]


def test_goals_cover_months_and_quarters_without_overlap(large: World) -> None:
    groups: dict[object, list[tuple[int, int]]] = {}
    for goal in large.tables[Kind.GOAL].live:
        period = (int(str(goal.fields["starts_at"])), int(str(goal.fields["ends_at"])))
        groups.setdefault(goal.fields["group"], []).append(period)
    for periods in groups.values():
        periods.sort()
        assert all(earlier[1] <= later[0] for earlier, later in pairwise(periods))


def test_revenue_shares_of_a_split_deal_add_up(large: World) -> None:
    sums = Counter[str]()
    for share in large.tables[Kind.DEAL_SPLIT].live:
        if share.fields["kind"] == "revenue":
            sums[str(share.fields["deal"])] += int(str(share.fields["percent"]))
    assert set(sums.values()) == {100}
