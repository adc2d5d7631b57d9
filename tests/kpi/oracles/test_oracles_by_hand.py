"""The oracles against numbers worked out by hand, on a few rows each."""

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from store.schema import TABLES
from tests.kpi.oracles.book import Book
from tests.kpi.oracles.cells import Cell, Period, period_of, periods, quantile
from tests.kpi.oracles.registry import ORACLES, answers

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
JANUARY = period_of(date(2026, 1, 15), "month")
FEBRUARY = period_of(date(2026, 2, 15), "month")
MARCH = period_of(date(2026, 3, 15), "month")
COLUMNS: dict[str, list[str]] = {table.name: list(table.c.keys()) for table in TABLES.values()}


def at(text: str) -> datetime:
    """An instant in UTC, from `2026-01-31 21:30`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def book(now: datetime = NOW, settings: dict[str, Any] | None = None, **tables: list[dict[str, Any]]) -> Book:
    """A book of one connection, `c`, in euros and at Istanbul (three hours ahead of UTC)."""
    account: dict[str, Any] = {"id": "1", "base_currency": "EUR", "time_zone": "Europe/Istanbul"}
    stages: list[dict[str, Any]] = [
        {"pipeline_id": "p", "id": "new", "sort_order": 0},
        {"pipeline_id": "p", "id": "talk", "sort_order": 1, "is_closed": False},
        {"pipeline_id": "p", "id": "won", "sort_order": 2, "is_closed": True, "is_won": True},
        {"pipeline_id": "p", "id": "lost", "sort_order": 3, "is_closed": True, "is_won": False},
    ]
    given = {"accounts": [account], "stages": stages} | tables
    rows = {
        name: [dict.fromkeys(COLUMNS[name]) | {"connection": "c"} | row for row in table]
        for name, table in given.items()
    }
    return Book(rows, now=now, **(settings or {}))


def won(id_: str, amount: str | None = "100", day: str = "2026-02-10", **values: Any) -> dict[str, Any]:
    """A won deal, created on the first of January."""
    return {
        "id": id_,
        "amount": None if amount is None else Decimal(amount),
        "close_date": date.fromisoformat(day),
        "is_closed": True,
        "is_won": True,
        "created_at": at("2026-01-01 10:00"),
    } | values


def lost(id_: str, reason: str | None = None, **values: Any) -> dict[str, Any]:
    """A lost deal of the same day."""
    return won(id_) | {"is_won": False, "lost_reason": reason} | values


def open_deal(id_: str, created: str, **values: Any) -> dict[str, Any]:
    """A deal that is still open, worth 100."""
    return {"id": id_, "amount": Decimal(100), "is_closed": False, "created_at": at(created)} | values


def ask(key: str, of: Book, period: Period = FEBRUARY, dimension: str | None = None) -> dict[str, Cell]:
    """What an oracle says."""
    return ORACLES[key].ask(of, period, dimension)


def shown(cells: dict[str, Cell]) -> dict[str, tuple[Any, ...]]:
    """Value, numerator, denominator, n by member, with plain numbers; and the status where it isn't ok."""
    return {
        member: tuple(
            None if number is None else round(float(number), 6)
            for number in (cell.value, cell.numerator, cell.denominator, cell.n)
        )
        + (() if cell.status == "ok" else (cell.status,))
        for member, cell in cells.items()
    }


def test_revenue_adds_credits_and_counts_deals_without_an_amount() -> None:
    of = book(deals=[won("1", "100.25"), won("2", "-30"), won("3", None), lost("4"), won("5", day="2026-03-01")])
    assert shown(ask("revenue", of)) == {"": (70.25, 70.25, None, 3)}
    assert shown(ask("revenue", of, JANUARY)) == {"": (0, 0, None, 0)}
    assert shown(ask("regional_sales", of, dimension="region")) == {"__none__": (70.25, 70.25, None, 3)}


def test_deleted_merged_and_excluded_deals_are_out() -> None:
    pipelines: list[dict[str, Any]] = [{"id": "p", "include_in_kpis": None}, {"id": "x", "include_in_kpis": False}]
    of = book(
        pipelines=pipelines,
        deals=[
            won("1", pipeline_id="unknown"),
            won("2", deleted_at=NOW),
            won("3", merged_into_id="1"),
            won("4", pipeline_id="x"),
        ],
    )
    assert shown(ask("won_deals_count", of)) == {"": (1, 1, None, 1)}


def test_a_foreign_deal_takes_its_own_rate_then_the_dated_one_then_none() -> None:
    rates = [
        {"id": "1", "from_currency": "USD", "to_currency": "EUR", "effective_from": day, "rate": Decimal(rate)}
        for day, rate in ((date(2026, 1, 1), "0.8"), (date(2026, 2, 10), "0.9"), (date(2026, 2, 11), "0.7"))
    ]
    deals = [
        won("1", currency="USD", fx_rate=Decimal("0.5")),
        won("2", currency="USD"),
        won("3", currency="TRY"),
        won("4", "0.000001", currency="TRY", fx_rate=Decimal("0.5")),
    ]
    of = book(deals=deals, exchange_rates=rates)
    assert shown(ask("revenue", of)) == {"": (140.000001, 140.000001, None, 4)}  # half a millionth goes up
    assert shown(ask("average_deal_size", of)) == {"": (46.666667, 140.000001, 3, 3)}
    assert shown(ask("revenue", of, dimension="currency"))["TRY"] == (0.000001, 0.000001, None, 2)


def test_without_the_accounts_currency_as_reporting_currency_the_deals_own_rate_is_no_help() -> None:
    of = book(settings={"currency": "USD"}, deals=[won("1", currency="TRY", fx_rate=Decimal(2)), won("2")])
    assert shown(ask("revenue", of)) == {"": (0, 0, None, 2)}


def test_win_rate_leaves_out_credits_and_excluded_losses() -> None:
    deals = [won("1"), won("2", None), won("3", "-5"), lost("4", "price"), lost("5", " Duplicate ")]
    of = book(deals=[*deals, lost("6", amount=Decimal(-1))])
    assert shown(ask("win_rate", of)) == {"": (0.666667, 2, 3, 3)}
    assert shown(ask("lost_deals_count", of, dimension="lost_reason")) == {"price": (1, 1, None, 1)}
    assert shown(ask("win_rate", of, JANUARY)) == {"": (None, 0, 0, 0, "zero_denominator")}


def test_what_a_deal_does_not_say_its_stage_says() -> None:
    silent: dict[str, Any] = {"is_closed": None, "is_won": None, "pipeline_id": "p"}
    deals = [won("1", stage_id="won", **silent), won("2", stage_id="lost", **silent), won("3", stage_id="?", **silent)]
    of = book(deals=deals)
    assert shown(ask("win_rate", of)) == {"": (0.5, 1, 2, 2)}
    assert shown(ask("active_deals_count", of, MARCH)) == {"": (1, 1, None, 1)}


def test_mean_and_median_deal_size() -> None:
    of = book(deals=[won("1", "0"), won("2", "10"), won("3", "50"), won("4", "100"), won("5", None), won("6", "-9")])
    assert shown(ask("average_deal_size", of)) == {"": (40, 160, 4, 4)}
    assert shown(ask("average_deal_size_median", of)) == {"": (30, None, 4, 4)}


def test_the_cycle_is_whole_days_between_local_days() -> None:
    deals = [
        won("1", created_at=at("2026-02-08 21:30")),  # the 9th in Istanbul: 1 day
        won("2", created_at=at("2026-02-10 08:00")),  # the same day: 0
        won("3", created_at=at("2026-02-11 08:00")),  # negative
        won("4", created_at=at("2026-01-31 08:00")),  # 10
        won("5", None, close_date=None, closed_at=at("2026-02-20 21:00"), created_at=at("2026-02-01 08:00")),  # 20
    ]
    of = book(deals=deals)
    assert shown(ask("sales_cycle_length", of)) == {"": (7.75, 31, 4, 4)}
    assert shown(ask("sales_cycle_length_median", of)) == {"": (5.5, None, 4, 4)}
    assert shown(ask("sales_cycle_length_p90", of)) == {"": (17, None, 4, 4)}


def test_percentiles_lie_between_their_neighbours() -> None:
    assert quantile([Decimal(n) for n in range(1, 12)], Decimal("0.9")).value == 10
    assert quantile([Decimal(4)], Decimal("0.9")).value == 4


def test_the_owner_at_closing_is_who_owned_it_then() -> None:
    changes = [
        {"deal_id": "1", "field": "owner_id", "changed_at": at("2026-01-02 00:00"), "new_value": "a"},
        {"deal_id": "1", "field": "owner_id", "changed_at": at("2026-02-11 00:00"), "new_value": "b"},
        {"deal_id": "2", "field": "owner_id", "changed_at": at("2026-02-10 20:59"), "new_value": "b"},
        {"deal_id": "2", "field": "owner_id", "changed_at": at("2026-02-10 21:00"), "new_value": "c"},  # the 11th
        {"deal_id": "3", "field": "owner_id", "changed_at": at("2026-03-01 00:00"), "new_value": "d"},
    ]
    deals = [won("1", owner_id="b", closed_at=at("2026-02-10 09:00")), won("2", owner_id="c"), won("3", owner_id="e")]
    of = book(deals=[*deals, won("4")], deal_field_changes=changes)
    counts = {member: cell.n for member, cell in ask("won_deals_count", of, dimension="owner").items()}
    assert counts == {"c:a": 1, "c:b": 1, "c:d": 1, "__none__": 1}


def test_the_team_is_the_primary_one_of_the_time() -> None:
    memberships: list[dict[str, Any]] = [
        {"user_id": "a", "team_id": "t10"},
        {"user_id": "a", "team_id": "t2", "is_primary": True, "valid_from": at("2026-02-01 00:00")},
        {"user_id": "a", "team_id": "t1", "valid_to": at("2026-01-20 00:00")},
    ]
    deals = [won(day, day=day, owner_id="a") for day in ("2026-01-10", "2026-01-25", "2026-02-01")]
    of = book(deals=deals, team_memberships=memberships)
    assert list(ask("won_deals_count", of, JANUARY, "team")) == ["c:t1", "c:t10"]
    assert list(ask("won_deals_count", of, FEBRUARY, "team")) == ["c:t2"]


def test_slices_by_what_deal_company_and_contact_say() -> None:
    of = book(
        settings={"region_map": {"TR": "Anadolu"}, "source_map": {"web": "marketing"}},
        companies=[{"id": "1", "country": "TR", "employees": 51}],
        contacts=[{"id": "9", "source": "web"}],
        line_items=[
            {"id": "10", "deal_id": "1", "net_amount": Decimal(5), "product_id": "x"},
            {"id": "2", "deal_id": "1", "net_amount": Decimal(5), "product_id": "y"},
            {"id": "1", "deal_id": "1", "net_amount": None, "product_id": "z"},
        ],
        deals=[won("1", "5000", company_id="1", primary_contact_id="9", pipeline_id="p", stage_id="won")],
    )
    members = {dimension: list(ask("revenue", of, FEBRUARY, dimension)) for dimension in ORACLES["revenue"].dimensions}
    assert members == {
        "owner": ["__none__"],
        "team": ["__none__"],
        "pipeline": ["c:p"],
        "stage": ["c:p/won"],
        "country": ["TR"],
        "region": ["Anadolu"],
        "industry": ["__none__"],
        "size_band": ["51-200"],
        "source": ["web"],
        "source_category": ["marketing"],
        "campaign": ["__none__"],
        "channel": ["__none__"],
        "product": ["c:x"],  # tied with "2", but "10" comes first as text
        "deal_type": ["new_business"],
        "currency": ["EUR"],
        "deal_size_band": ["5k - 20k"],
    }


def test_a_deal_of_a_company_that_had_bought_before_is_expansion() -> None:
    later: dict[str, Any] = {"company_id": "1", "created_at": at("2026-02-10 08:00")}
    deals = [
        won("1", company_id="1", day="2026-02-09"),
        won("2", **later),
        won("3", **(later | {"created_at": at("2026-02-09 08:00")})),
        won("4", **(later | {"company_id": "2"})),
        won("5", **(later | {"deal_type": "renewal"})),
    ]
    counts = {m: c.n for m, c in ask("won_deals_count", book(deals=deals), dimension="deal_type").items()}
    assert counts == {"new_business": 3, "expansion": 1, "renewal": 1}


def test_opportunities_are_placed_by_the_local_day_of_creation() -> None:
    deals = [
        open_deal("1", "2026-01-31 21:00", probability=Decimal("0.25")),  # February in Istanbul
        open_deal("2", "2026-01-31 20:59", probability=Decimal(1)),
        won("3", created_at=at("2026-02-05 00:00")),
        won("4", "-1", created_at=at("2026-02-05 00:00")),
        lost("5", created_at=at("2026-02-05 00:00")),
    ]
    of = book(deals=deals)
    assert shown(ask("new_opportunities_count", of)) == {"": (3, 3, None, 3)}
    bands = {m: c.n for m, c in ask("new_opportunities_count", of, dimension="probability_band").items()}
    assert bands == {"25 - 50 %": 1, "__none__": 2}
    assert shown(ask("opportunity_conversion_rate", of)) == {"": (0.333333, 1, 3, 3)}


def test_open_deals_follow_their_visits() -> None:
    visits = [
        {"deal_id": "1", "stage_id": "new", "entered_at": at("2026-01-05 00:00"), "exited_at": at("2026-01-20 00:00")},
        {"deal_id": "1", "stage_id": "lost", "entered_at": at("2026-01-20 00:00"), "exited_at": at("2026-02-20 00:00")},
        {"deal_id": "1", "stage_id": "talk", "entered_at": at("2026-02-20 00:00")},
    ]
    deal = open_deal("1", "2026-01-01 00:00", pipeline_id="p", stage_id="talk")
    of = book(deals=[deal], deal_stage_changes=[{"pipeline_id": "p"} | visit for visit in visits])
    days = {
        day: shown(ask("active_deals_count", of, period_of(date.fromisoformat(day), "day")))[""][0]
        for day in ("2026-01-04", "2026-01-05", "2026-01-19", "2026-01-20", "2026-02-19", "2026-02-20")
    }
    assert days == {
        "2026-01-04": 0, "2026-01-05": 1, "2026-01-19": 1, "2026-01-20": 0, "2026-02-19": 0, "2026-02-20": 1,
    }  # fmt: skip
    assert list(ask("active_deals_count", of, FEBRUARY, "stage")) == ["c:p/talk"]


def test_open_deals_without_visits_last_from_creation_to_the_close_day() -> None:
    deals = [won("1", day="2026-01-20"), open_deal("2", "2026-02-10 00:00"), open_deal("3", "2026-01-01 00:00")]
    of = book(deals=[*deals[:2], deals[2] | {"amount": Decimal(-1)}])
    for day, number in (("2025-12-31", 0), ("2026-01-19", 1), ("2026-01-20", 0), ("2026-02-10", 1), ("2026-03-20", 1)):
        assert ask("active_deals_count", of, period_of(date.fromisoformat(day), "day"))[""].n == number


def test_the_pipeline_is_worth_what_it_was_worth_then() -> None:
    changes = [
        {"deal_id": "1", "field": "amount", "changed_at": at("2026-02-15 00:00"), "new_value": "2000.5"},
        {"deal_id": "1", "field": "amount", "changed_at": at("2026-03-02 00:00"), "new_value": None},
        {"deal_id": "1", "field": "close_date", "changed_at": at("2026-01-02 00:00"), "new_value": "2026-02-27"},
    ]
    deal = open_deal("1", "2026-01-01 00:00", amount=Decimal(7), close_date=date(2026, 4, 1))
    of = book(deals=[deal, open_deal("2", "2026-02-28 12:00")], deal_field_changes=changes)
    assert shown(ask("open_pipeline_value", of)) == {"": (2100.5, 2100.5, None, 2)}
    assert shown(ask("open_pipeline_value", of, MARCH)) == {"": (107, 107, None, 2)}
    buckets = ask("open_pipeline_value", of, FEBRUARY, "close_date_bucket")
    assert {member: float(cell.value or 0) for member, cell in buckets.items()} == {"past due": 2000.5, "__none__": 100}
    assert list(ask("active_deals_count", of, MARCH, "close_date_bucket")) == ["next month", "__none__"]
    assert list(ask("active_deals_count", of, FEBRUARY, "age_band")) == ["31 - 90", "0 - 30"]


def test_revenue_per_rep_counts_reps_active_in_the_period() -> None:
    users: list[dict[str, Any]] = [
        {"id": "a"},  # owned a deal once
        {"id": "b", "role": "rep", "active_from": at("2026-02-28 20:59")},
        {"id": "c", "role": "rep", "active_from": at("2026-02-28 21:00")},  # March in Istanbul
        {"id": "d", "role": "rep", "is_active": False, "updated_at": at("2026-01-31 21:00")},
        {"id": "e", "role": "rep", "active_to": at("2026-01-31 20:00")},
        {"id": "f"},
        {"id": "g", "role": "rep", "deleted_at": at("2026-01-31 20:00")},
    ]
    changes = [{"deal_id": "1", "field": "owner_id", "changed_at": at("2026-01-01 00:00"), "new_value": "a"}]
    deals = [won("1", "90"), won("2", "5", owner_id="stranger"), won("3", "-30", owner_id="d")]
    teams = [{"user_id": "a", "team_id": "t"}, {"user_id": "f", "team_id": "t"}]
    of = book(users=users, deals=deals, deal_field_changes=changes, team_memberships=teams)
    assert shown(ask("revenue_per_rep", of)) == {"": (20, 60, 3, 3)}  # a, b, d
    assert shown(ask("revenue_per_rep", of, dimension="owner")) == {"c:a": (90, 90, 1, 1), "c:d": (-30, -30, 1, 1)}
    assert shown(ask("revenue_per_rep", of, dimension="team")) == {"c:t": (90, 90, 1, 1), "__none__": (-15, -30, 2, 2)}


def test_a_rep_who_changes_teams_is_a_head_in_both() -> None:
    memberships: list[dict[str, Any]] = [
        {"user_id": "a", "team_id": "t1", "valid_to": at("2026-02-10 00:00")},
        {"user_id": "a", "team_id": "t2", "valid_from": at("2026-02-10 00:00")},
    ]
    of = book(users=[{"id": "a"}], deals=[won("1", "80", owner_id="a")], team_memberships=memberships)
    assert shown(ask("revenue_per_rep", of, dimension="team")) == {"c:t1": (0, 0, 1, 1), "c:t2": (80, 80, 1, 1)}
    assert shown(ask("revenue_per_rep", of, MARCH, "team")) == {"c:t2": (0, 0, 1, 1)}
    assert shown(ask("revenue_per_rep", of)) == {"": (80, 80, 1, 1)}


def test_revenue_per_customer_counts_companies_then_people_then_deals() -> None:
    deals = [
        won("1", "10", company_id="1"),
        won("2", "20", company_id="1", currency="USD"),
        won("3", "30", primary_contact_id="1"),
        won("4", "40"),
        won("5", "-50", company_id="2"),
    ]
    of = book(deals=deals)
    assert shown(ask("revenue_per_customer", of)) == {"": (10, 30, 3, 3)}
    assert shown(ask("revenue_per_customer", of, dimension="currency"))["USD"] == (0, 0, 1, 1)
    alone = book(deals=deals[4:])
    assert shown(ask("revenue_per_customer", alone)) == {"": (None, -50, 0, 0, "zero_denominator")}


def test_product_revenue_adds_up_to_revenue() -> None:
    lines = [
        {"id": "1", "deal_id": "1", "product_id": "x", "net_amount": Decimal(60)},
        {"id": "2", "deal_id": "1", "product_id": "x", "net_amount": Decimal(-10)},
        {"id": "3", "deal_id": "1", "net_amount": Decimal(20)},
        {"id": "4", "deal_id": "1", "product_id": "y", "net_amount": Decimal(1000), "deleted_at": NOW},
    ]
    of = book(deals=[won("1", "100"), won("2", "7")], line_items=lines)
    assert shown(ask("product_revenue", of)) == {"": (107, 107, None, 2)}
    assert shown(ask("product_revenue", of, dimension="product")) == {
        "c:x": (50, 50, None, 2), "__none__": (20, 20, None, 1), "__unallocated__": (37, 37, None, 2),
    }  # fmt: skip


def test_growth_compares_as_many_days_of_the_month_before() -> None:
    days = {"2026-01-31": "50", "2026-02-20": "100", "2026-02-21": "400", "2026-03-05": "150"}
    of = book(deals=[won(day, amount, day=day) for day, amount in days.items()])
    assert shown(ask("sales_growth_mom", of)) == {"": (9, 450, 50, 1)}
    assert shown(ask("sales_growth_mom", of, MARCH)) == {"": (0.5, 50, 100, 1)}
    assert shown(ask("sales_growth_mom", of, JANUARY)) == {"": (None, 50, 0, 0, "zero_denominator")}
    credit = book(deals=[won("1", "-50", day="2026-01-05"), won("2")])
    assert shown(ask("sales_growth_mom", credit)) == {"": (None, 150, -50, 1, "negative_base")}
    assert ask("sales_growth_mom", of, period_of(date(2026, 2, 1), "year")) == {}


def test_activities_that_count() -> None:
    kinds: list[tuple[str, str | None, str | None]] = [
        ("call", "outbound", "no_answer"), ("call", None, None), ("call", "inbound", "connected"),
        ("call", "outbound", "canceled"), ("email", "outbound", "sent"), ("email", "outbound", "bounced"),
        ("message", None, "failed"), ("meeting", "inbound", "no_show"), ("meeting", None, "scheduled"),
        ("task", None, "completed"), ("task", None, "open"), ("note", None, None),
    ]  # fmt: skip
    rows: list[dict[str, Any]] = [
        {"id": str(i), "type": kind, "direction": direction, "outcome": outcome, "occurred_at": at("2026-02-10 00:00")}
        for i, (kind, direction, outcome) in enumerate(kinds)
    ]
    rows += [rows[0] | {"id": "a", "is_automated": True}, rows[9] | {"id": "b", "completed_at": at("2026-03-01 00:00")}]
    of = book(activities=rows)
    assert shown(ask("sales_activity_count", of)) == {"": (5, 5, None, 5)}
    types = {m: c.n for m, c in ask("sales_activity_count", of, dimension="activity_type").items()}
    assert types == {"call": 2, "email": 1, "meeting": 1, "task": 1}
    assert shown(ask("sales_activity_count", of, MARCH)) == {"": (1, 1, None, 1)}


def test_calls_per_rep() -> None:
    calls = [
        {"id": id_, "type": "call", "owner_id": owner, "occurred_at": at("2026-02-10 00:00")}
        for id_, owner in (("1", "a"), ("2", "a"), ("3", "clerk"), ("4", None))
    ]
    users = [{"id": "a", "role": "rep"}, {"id": "b", "role": "rep"}, {"id": "clerk"}]
    of = book(users=users, activities=calls)
    assert shown(ask("calls_per_rep", of)) == {"": (1, 2, 2, 2)}
    assert shown(ask("calls_per_rep", of, dimension="owner")) == {"c:a": (2, 2, 1, 1)}
    assert shown(ask("calls_per_rep", book(activities=calls))) == {"": (None, 0, 0, 0, "zero_denominator")}


def test_calls_are_tied_to_one_deal_each() -> None:
    deals = [
        open_deal("1", "2026-01-01 00:00", pipeline_id="p", primary_contact_id="7"),
        open_deal("2", "2026-01-01 00:00", pipeline_id="q", company_id="8"),
        won("3", day="2026-02-09", pipeline_id="p", company_id="8"),
        won("4", day="2026-01-31", pipeline_id="p"),
        won("5", "-1", pipeline_id="p"),
    ]
    visits = [
        {"deal_id": "1", "stage_id": "new", "entered_at": at("2026-02-01 00:00")},
        {"deal_id": "2", "stage_id": "new", "entered_at": at("2026-02-05 00:00")},
    ]
    call = {"type": "call", "occurred_at": at("2026-02-10 00:00")}
    links = {
        "a": [("deals", "4")],  # a closed deal, linked
        "b": [("deals", "1"), ("deals", "2")],  # counted for 2, once
        "c": [("contacts", "7"), ("companies", "8")],  # 2 again; 3 had closed
        "d": [("contacts", "9")],  # nobody's
        "e": [("contacts", "5")],  # of deal 1, by its part in it
        "f": [("deals", "5")],  # a credit
    }
    of = book(
        deals=deals,
        deal_stage_changes=[visit | {"pipeline_id": "p"} for visit in visits],
        deal_contacts=[{"deal_id": "1", "contact_id": "5"}],
        activities=[call | {"id": id_} for id_ in links],
        activity_links=[
            {"activity_id": id_, "entity": entity, "entity_id": target}
            for id_, targets in links.items()
            for entity, target in targets
        ],
    )
    assert shown(ask("calls_per_opportunity", of)) == {"": (1.333333, 4, 3, 3)}
    assert shown(ask("calls_per_opportunity", of, dimension="pipeline")) == {"c:p": (1, 2, 2, 2), "c:q": (2, 2, 1, 1)}
    assert shown(ask("calls_per_opportunity", of, JANUARY)) == {"": (0, 0, 4, 4)}


def test_skipped_stages_count_as_passed() -> None:
    def visit(deal: str, stage: str, day: str) -> dict[str, Any]:
        return {"deal_id": deal, "pipeline_id": "p", "stage_id": stage, "entered_at": at(f"{day} 08:00")}

    visits = [
        visit("1", "new", "2026-02-01"), visit("1", "talk", "2026-02-03"), visit("1", "new", "2026-02-05"),
        visit("2", "talk", "2026-02-04"),  # skipped the first
        visit("3", "new", "2026-02-04"), visit("3", "lost", "2026-02-06"),
    ]  # fmt: skip
    deals = [open_deal(id_, "2026-02-01 00:00", pipeline_id="p") for id_ in ("1", "2", "3")]
    of = book(deals=[*deals, won("4", pipeline_id="p"), won("5", "-1", pipeline_id="p")], deal_stage_changes=visits)
    assert shown(ask("stage_conversion_rate", of, dimension="stage")) == {
        "c:p/new": (0.75, 3, 4, 4),  # 1, 2 and the won 4, without any visit; 3 did not go on
        "c:p/talk": (0.333333, 1, 3, 3),
    }
    assert ask("stage_conversion_rate", of) == {}


def test_stays_in_open_stages_end_in_the_period() -> None:
    def visit(stage: str, entered: str, exited: str | None) -> dict[str, Any]:
        left = None if exited is None else at(exited)
        return {"deal_id": "1", "pipeline_id": "p", "stage_id": stage, "entered_at": at(entered), "exited_at": left}

    visits = [
        visit("new", "2026-01-30 12:00", "2026-02-01 00:00"),  # 1.5 days
        visit("talk", "2026-02-01 00:00", "2026-02-01 06:00"),  # 0.25
        visit("lost", "2026-02-01 06:00", "2026-02-10 00:00"),
        visit("talk", "2026-02-10 00:00", "2026-02-09 00:00"),  # negative
        visit("new", "2026-02-10 06:00", "2026-02-14 06:00"),  # 4
        visit("talk", "2026-02-14 06:00", None),
    ]
    of = book(deals=[open_deal("1", "2026-01-30 12:00", pipeline_id="p")], deal_stage_changes=visits)
    assert shown(ask("deal_stage_cycle_time", of)) == {"": (1.916667, 5.75, 3, 3)}
    assert shown(ask("deal_stage_cycle_time_median", of)) == {"": (1.5, None, 3, 3)}
    assert shown(ask("deal_stage_cycle_time_p90", of)) == {"": (3.5, None, 3, 3)}
    assert shown(ask("deal_stage_cycle_time", of, dimension="stage")) == {
        "c:p/new": (2.75, 5.5, 2, 2), "c:p/talk": (0.25, 0.25, 1, 1),
    }  # fmt: skip


def test_periods_touch_and_hold_the_first_event_and_today() -> None:
    first, today = date(2025, 11, 30), date(2026, 3, 20)
    for grain in ("day", "week", "month", "quarter", "year", "all"):
        found = periods(grain, first, today)
        assert found[0].has(first)
        assert found[-1].has(today)
        assert all(one.end == other.start for one, other in pairwise(found))
    assert periods("week", first, today)[0].start == date(2025, 11, 24)
    assert periods("week", first, today, week_start="sunday")[0].start == first
    assert periods("quarter", first, today)[-1] == Period(grain="quarter", start=date(2026, 1, 1), end=date(2026, 4, 1))


def test_answers_hold_a_total_for_each_day_and_no_empty_slices() -> None:
    found = answers(book(deals=[won("1", created_at=at("2026-02-01 09:00"))]))
    days = [place for place in found if place[0] == "revenue" and place[1].grain == "day"]
    assert len(days) == 48  # from 1 February to 20 March
    assert {place[1].start.month for place in found if place[0] == "revenue" and place[2] == "owner"} == {1, 2}
