"""Which oracle answers for which KPI, by which dimensions."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.kpi.oracles import activities, closed_deals, deals_over_time, stages
from tests.kpi.oracles.book import Book
from tests.kpi.oracles.cells import SLICE_GRAINS, TOTAL_GRAINS, Cell, Period, periods

Question = Callable[[Book, Period, str | None], dict[str, Cell]]

D_DEAL = (
    "owner", "team", "pipeline", "stage", "country", "region", "industry", "size_band", "source",
    "source_category", "campaign", "channel", "product", "deal_type", "currency", "deal_size_band",
)  # fmt: skip
D_OPEN = (*D_DEAL, "forecast_category", "close_date_bucket", "age_band")
D_ACT = ("owner", "team", "activity_type", "direction", "outcome")
D_CUST = ("country", "region", "industry", "size_band", "product", "currency", "owner", "team")
ONLY_MONTHS = ("month",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Oracle:
    """A function that answers for a KPI, and what it may be asked."""

    ask: Question
    dimensions: tuple[str, ...]
    has_total: bool = True
    total_grains: tuple[str, ...] = TOTAL_GRAINS
    slice_grains: tuple[str, ...] = SLICE_GRAINS


ORACLES: dict[str, Oracle] = {
    "revenue": Oracle(ask=closed_deals.revenue, dimensions=D_DEAL),
    "won_deals_count": Oracle(ask=closed_deals.won_deals_count, dimensions=D_DEAL),
    "lost_deals_count": Oracle(ask=closed_deals.lost_deals_count, dimensions=(*D_DEAL, "lost_reason")),
    "win_rate": Oracle(ask=closed_deals.win_rate, dimensions=D_DEAL),
    "average_deal_size": Oracle(ask=closed_deals.average_deal_size, dimensions=D_DEAL),
    "average_deal_size_median": Oracle(ask=closed_deals.average_deal_size_median, dimensions=D_DEAL),
    "sales_cycle_length": Oracle(ask=closed_deals.sales_cycle_length, dimensions=D_DEAL),
    "sales_cycle_length_median": Oracle(ask=closed_deals.sales_cycle_length_median, dimensions=D_DEAL),
    "sales_cycle_length_p90": Oracle(ask=closed_deals.sales_cycle_length_p90, dimensions=D_DEAL),
    "active_deals_count": Oracle(ask=deals_over_time.active_deals_count, dimensions=D_OPEN),
    "open_pipeline_value": Oracle(ask=deals_over_time.open_pipeline_value, dimensions=D_OPEN),
    "new_opportunities_count": Oracle(
        ask=deals_over_time.new_opportunities_count, dimensions=(*D_DEAL, "probability_band")
    ),
    "opportunity_conversion_rate": Oracle(ask=deals_over_time.opportunity_conversion_rate, dimensions=D_DEAL),
    "revenue_per_rep": Oracle(ask=closed_deals.revenue_per_rep, dimensions=("team", "owner")),
    "revenue_per_customer": Oracle(ask=closed_deals.revenue_per_customer, dimensions=D_CUST),
    "regional_sales": Oracle(ask=closed_deals.regional_sales, dimensions=("region",)),
    "product_revenue": Oracle(ask=closed_deals.product_revenue, dimensions=("product",)),
    "sales_growth_mom": Oracle(
        ask=closed_deals.sales_growth_mom,
        dimensions=D_DEAL,
        total_grains=ONLY_MONTHS,
        slice_grains=ONLY_MONTHS,
    ),
    "sales_activity_count": Oracle(ask=activities.sales_activity_count, dimensions=D_ACT),
    "calls_per_rep": Oracle(ask=activities.calls_per_rep, dimensions=("team", "owner")),
    "calls_per_opportunity": Oracle(ask=activities.calls_per_opportunity, dimensions=("owner", "team", "pipeline")),
    "stage_conversion_rate": Oracle(ask=stages.stage_conversion_rate, dimensions=("stage",), has_total=False),
    "deal_stage_cycle_time": Oracle(ask=stages.deal_stage_cycle_time, dimensions=("stage", "pipeline", "owner")),
    "deal_stage_cycle_time_median": Oracle(
        ask=stages.deal_stage_cycle_time_median, dimensions=("stage", "pipeline", "owner")
    ),
    "deal_stage_cycle_time_p90": Oracle(
        ask=stages.deal_stage_cycle_time_p90, dimensions=("stage", "pipeline", "owner")
    ),
}

Place = tuple[str, Period, str, str]
"""KPI, period, dimension (empty for totals), member."""


def answers(book: Book, *, week_start: str = "monday") -> dict[Place, Cell]:
    """Everything that a snapshot of these rows must hold."""
    first = book.first_day()
    found: dict[Place, Cell] = {}
    for key, oracle in ORACLES.items():
        for grain in oracle.total_grains if oracle.has_total else ():
            for period in periods(grain, first, book.today, week_start=week_start):
                for member, cell in oracle.ask(book, period, None).items():
                    found[key, period, "", member] = cell
        for grain in oracle.slice_grains:
            for period in periods(grain, first, book.today, week_start=week_start):
                for dimension in oracle.dimensions:
                    for member, cell in oracle.ask(book, period, dimension).items():
                        found[key, period, dimension, member] = cell
    return found
