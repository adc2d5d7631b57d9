"""What stands beside a value: the interval, the flags, the coverage; and which of it is wrong."""

from collections.abc import Iterator, Mapping
from math import isclose, sqrt
from pathlib import Path
from typing import Any

from sqlalchemy import select

from store.database import Database
from store.schema import KpiSnapshot, table_of
from tests.kpi.oracles.book import Book
from tests.kpi.oracles.cells import Period
from tests.kpi.oracles.closed_deals import slices, sold_in
from tests.kpi.oracles.growing import experience_growth

SNAPSHOTS = table_of(KpiSnapshot)
DECISIONS = Path(__file__).parents[2] / "docs/adr"
TOLD = "".join(page.read_text() for number in (6, 9, 14) for page in DECISIONS.glob(f"{number:04}-*.md"))
"""The pages that say what a flag or a key of the coverage means."""
Z = 1.959963984540054
SHARES = frozenset({
    "win_rate", "opportunity_conversion_rate", "stage_conversion_rate", "stage_drop_off_rate",
    "lead_qualification_rate", "leads_by_source", "lead_conversion_rate", "qualified_lead_conversion_rate",
    "lead_follow_up_rate", "meeting_acceptance_rate", "positive_response_rate", "negative_response_rate",
    "customer_acquisition_rate", "customer_retention_rate", "product_adoption_rate", "product_usage_rate",
    "repeat_purchase_rate", "repeat_purchase_rate_12m", "conversation_to_demo_cohort",
    "learners_share",
})  # fmt: skip
"""Ratios whose numerator is a count of a part of the denominator (R14)."""
WHOLE = frozenset({
    "revenue", "regional_sales", "product_revenue", "gross_sales", "marketing_sourced_revenue",
    "sales_sourced_revenue", "gross_profit", "won_deals_count", "lost_deals_count", "new_opportunities_count",
    "active_deals_count", "open_pipeline_value", "sales_activity_count", "leads_created", "qualified_leads_count",
    "deals_after_first_sale_count", "revenue_per_rep", "calls_per_rep", "calls_per_opportunity", "learning_rate",
    "quota_attainment_pct", "learning_hours_per_rep",
})  # fmt: skip
"""Sums, counts, and what is divided by heads or targets: as sure over three rows as over three hundred."""
MIN_SAMPLE = {"net_promoter_score": 30}


def wilson(part: float, whole: float) -> tuple[float, float]:
    """The 95 % interval of a share."""
    share, reach = part / whole, Z * Z / whole
    middle = (share + reach / 2) / (1 + reach)
    half = Z / (1 + reach) * sqrt(share * (1 - share) / whole + reach / whole / 4)
    return max(0.0, middle - half), min(1.0, middle + half)


def complaints(database: Database, book: Book) -> Iterator[str]:
    """What is wrong beside the values of the Gregorian calendar."""
    with database.read() as tx:
        rows = [
            dict(row) for row in tx.execute(select(SNAPSHOTS).where(SNAPSHOTS.c.calendar == "gregorian")).mappings()
        ]
    for row in rows:
        flags, coverage = row["flags"] or [], row["coverage"] or {}
        place = f"{row['kpi_key']} {row['grain']} {row['period_start']} {row['dimension']} {row['member']}"
        if not _has_its_interval(row):
            yield f"{place}: interval {row['ci_low']} to {row['ci_high']} of {row['numerator']} / {row['denominator']}"
        is_ok, least = row["status"] == "ok", MIN_SAMPLE.get(row["kpi_key"], 10)
        for flag, is_due in (
            ("below_min_sample", is_ok and row["kpi_key"] not in WHOLE and row["n"] < least),
            ("fx_missing", (coverage.get("fx_missing") or 0) > 0),
            ("amount_missing", coverage.get("amount") is not None and coverage["amount"] < 1),
        ):
            if is_due != (flag in flags):
                yield f"{place}: n {row['n']}, {row['status']}, coverage {coverage}, flags {flags}"
        yield from (f"{place}: nobody says what `{name}` is" for name in (*flags, *coverage) if f"`{name}`" not in TOLD)
    yield from _coverage_of_revenue(rows, book)
    yield from _growth_of_experience(rows, book)


def _has_its_interval(row: Mapping[str, Any]) -> bool:
    found = row["ci_low"], row["ci_high"]
    if row["kpi_key"] not in SHARES or row["value"] is None:
        return found == (None, None)
    due = wilson(float(row["numerator"]), float(row["denominator"]))
    return None not in found and all(isclose(a, b, abs_tol=1e-9) for a, b in zip(map(float, found), due, strict=True))


def _coverage_of_revenue(rows: list[dict[str, Any]], book: Book) -> Iterator[str]:
    """Deals without an amount, deals without a rate, and what the credits take away: totals and slices by owner."""
    for row in rows:
        if row["kpi_key"] != "revenue" or row["dimension"] not in ("", "owner") or row["grain"] == "day":
            continue
        period = Period(grain=row["grain"], start=row["period_start"], end=row["period_end"])
        sights = slices(book, sold_in(book, period), row["dimension"] or None).get(row["member"], [])
        won = [sight for sight in sights if book.is_won_deal(sight.deal)]
        credits = [book.worth(sight) or 0 for sight in sights if book.is_credit(sight.deal)]
        due = {
            "amount": sum(sight.amount is not None for sight in won) / len(won) if won else None,
            "fx_missing": sum(sight.amount is not None and book.worth(sight) is None for sight in sights),
            "credits": sum(credits),
        }
        for name, number in due.items():
            found = (row["coverage"] or {}).get(name)
            if not isclose(found or 0, number or 0, abs_tol=1e-6):
                yield f"revenue {period.grain} {period.start} {row['member']}: {name} {found}, not {number}"


def _growth_of_experience(rows: list[dict[str, Any]], book: Book) -> Iterator[str]:
    """The mean days since reps began, against those of the period before."""
    for row in rows:
        if row["kpi_key"] == "productivity_investment_gap":
            period = Period(grain=row["grain"], start=row["period_start"], end=row["period_end"])
            due, found = experience_growth(book, period, row["member"]), row["coverage"]["experience_growth"]
            if (due is None) != (found is None) or not isclose(found or 0, due or 0, abs_tol=1e-6):
                yield f"experience {period.grain} {period.start} {row['member']}: {found}, not {due}"
