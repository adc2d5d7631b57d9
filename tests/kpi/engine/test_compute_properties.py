"""Whatever the deals: slices add up, and neither the order of arrival nor duplicates matter."""

from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from store.database import Database
from store.schema import metadata
from tests.kpi.engine.ledger import Ledger, at
from tests.kpi.engine.test_moment_values import visit

KPIS = (
    "revenue", "won_deals_count", "lost_deals_count", "win_rate", "average_deal_size_median", "sales_cycle_length",
    "sales_growth_mom", "open_pipeline_value", "revenue_per_customer", "stage_conversion_rate", "deal_stage_cycle_time",
)  # fmt: skip
DEALS = st.lists(
    st.fixed_dictionaries(
        {
            "outcome": st.sampled_from(["open", "won", "lost"]),
            "day": st.integers(1, 60),
            "created": st.integers(1, 60),
            "amount": st.one_of(st.none(), st.decimals(-1000, 100_000, places=2)),
            "currency": st.sampled_from(["EUR", "USD", None]),
            "owner_id": st.sampled_from(["ann", "bob", None]),
            "source": st.sampled_from(["web, or so", 'say "hi"', None]),
            "lost_reason": st.sampled_from(["price", "test", None]),
            "visited": st.booleans(),
        }
    ),
    min_size=1,
    max_size=8,
)


def day(number: int) -> str:
    return f"2026-{3 + (number - 1) // 30:02d}-{(number - 1) % 30 + 1:02d}"


def put(ledger: Ledger, id: str, one: dict[str, Any]) -> None:
    fields = {name: one[name] for name in ("amount", "currency", "owner_id", "source", "lost_reason")}
    if fields["amount"] is not None:
        fields["amount"] = Decimal(fields["amount"])
    fields["created_at"] = at(f"{day(one['created'])} 09:00")
    if one["outcome"] == "open":
        ledger.deal(id, **fields)
    else:
        (ledger.won if one["outcome"] == "won" else ledger.lost)(id, day(one["day"]), **fields)
    if one["visited"]:
        visit(ledger, id, "new", f"{day(one['created'])} 09:00")


@settings(max_examples=6, deadline=None)
@given(DEALS, st.randoms(use_true_random=False))
def test_order_and_duplicates_of_arrival_do_not_matter(deals: list[dict[str, Any]], random: Any) -> None:
    numbered = [(f"d{number}", one) for number, one in enumerate(deals)]
    shuffled = [*numbered, *numbered[:3]]
    random.shuffle(shuffled)
    found = []
    with TemporaryDirectory() as folder:
        for number, arrivals in enumerate((numbered, shuffled)):
            with Database(f"sqlite:///{Path(folder) / str(number)}.db") as database:
                metadata.create_all(database.engine)
                ledger = Ledger(database, only=KPIS)
                for id, one in arrivals:
                    put(ledger, id, one)
                ledger.compute()  # which holds the invariants: slices add up, days add up, shares are shares
                found.append(ledger.everything())
    assert found[0] == found[1]
