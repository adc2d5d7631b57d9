"""Which oracle answers for which KPI, by which dimensions."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from tests.kpi.oracles import (
    activities,
    closed_deals,
    customers,
    deals_over_time,
    growing,
    leads,
    lifetime,
    orders,
    profit,
    service,
    spending,
    stages,
    staying,
    targets,
)  # fmt: skip
from tests.kpi.oracles.book import Book
from tests.kpi.oracles.cells import MISSING, SLICE_GRAINS, TOTAL_GRAINS, Cell, Period, periods

Question = Callable[[Book, Period, str | None], dict[str, Cell]]

D_DEAL = (
    "owner", "team", "pipeline", "stage", "country", "region", "industry", "size_band", "source",
    "source_category", "campaign", "channel", "product", "deal_type", "currency", "deal_size_band",
)  # fmt: skip
D_OPEN = (*D_DEAL, "forecast_category", "close_date_bucket", "age_band")
D_ACT = ("owner", "team", "activity_type", "direction", "outcome")
D_CUST = ("country", "region", "industry", "size_band", "product", "currency", "owner", "team")
D_LEAD = (
    "owner", "team", "source", "source_category", "campaign", "channel", "country", "region", "industry", "size_band",
    "lead_status", "lead_stage",
)  # fmt: skip
D_COST = ("source", "campaign", "channel", "team")
OF_COMPANY = ("country", "region", "industry", "size_band")
D_CUSTOMER = (*OF_COMPANY, "product", "currency", "source", "cohort", "owner", "team")
FROM_WEEK = ("week", "month", "quarter", "year")
OF_STAY = ("stage", "pipeline", "owner", "industry", "size_band", "deal_outcome")
ONLY_MONTHS = ("month",)
LONGER = ("month", "quarter", "year")


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
    "revenue_per_rep": Oracle(ask=closed_deals.revenue_per_rep, dimensions=("team", "owner", "role", "tenure_band")),
    "revenue_per_customer": Oracle(
        ask=closed_deals.revenue_per_customer, dimensions=(*D_CUST, "acquisition_source", "cohort")
    ),
    "regional_sales": Oracle(ask=closed_deals.regional_sales, dimensions=("region",)),
    "product_revenue": Oracle(ask=closed_deals.product_revenue, dimensions=("product",)),
    "sales_growth_mom": Oracle(
        ask=closed_deals.sales_growth_mom,
        dimensions=D_DEAL,
        total_grains=ONLY_MONTHS,
        slice_grains=ONLY_MONTHS,
    ),
    "sales_activity_count": Oracle(
        ask=activities.sales_activity_count, dimensions=(*D_ACT, "channel", *activities.OF_DEAL)
    ),
    "calls_per_rep": Oracle(ask=activities.calls_per_rep, dimensions=("team", "owner", "role", "outcome", "hour")),
    "calls_per_opportunity": Oracle(
        ask=activities.calls_per_opportunity,
        dimensions=("owner", "team", "pipeline", "region", "outcome", "call_stage"),
    ),
    "stage_conversion_rate": Oracle(ask=stages.stage_conversion_rate, dimensions=("stage",), has_total=False),
    "deal_stage_cycle_time": Oracle(ask=stages.deal_stage_cycle_time, dimensions=OF_STAY),
    "deal_stage_cycle_time_median": Oracle(ask=stages.deal_stage_cycle_time_median, dimensions=OF_STAY),
    "deal_stage_cycle_time_p90": Oracle(ask=stages.deal_stage_cycle_time_p90, dimensions=OF_STAY),
}


def _table(
    asked: dict[str, Question], dimensions: tuple[str, ...], has_total: bool = True, grains: tuple[str, ...] = ()
) -> None:
    """Oracles that are asked by the same dimensions."""
    for key, ask in asked.items():
        ORACLES[key] = Oracle(
            ask=ask,
            dimensions=dimensions,
            has_total=has_total,
            total_grains=grains or TOTAL_GRAINS,
            slice_grains=tuple(grain for grain in grains or SLICE_GRAINS if grain in SLICE_GRAINS),
        )


def with_needs(ask: Question, *tables: str) -> Question:
    """Unknown, and in the total only, where a table that it needs never had a row (R1)."""

    def question(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
        if all(any(book.has_rows(one) for one in table.split("|")) for table in tables):
            return ask(book, period, dimension)
        return {"": MISSING} if dimension is None else {}

    return question


def of_leads(ask: Question) -> Question:
    """The same, of leads."""
    return with_needs(ask, "leads")


def of_answers(ask: Question) -> Question:
    """The same, of answers to surveys."""
    return with_needs(ask, "survey_responses")


_table(
    {
        "gross_sales": profit.gross_sales,
        "average_order_value": orders.average_order_value,
        "average_order_value_median": orders.average_order_value_median,
        "marketing_sourced_revenue": closed_deals.marketing_sourced_revenue,
        "sales_sourced_revenue": closed_deals.sales_sourced_revenue,
        "gross_profit": profit.gross_profit,
        "gross_margin_pct": profit.gross_margin_pct,
        "win_loss_ratio": closed_deals.win_loss_ratio,
        "expansion_revenue_rate": customers.expansion_revenue_rate,
        "first_contact_to_close_time": leads.first_contact_to_close_time,
        "first_contact_to_close_time_median": leads.first_contact_to_close_time_median,
        "first_contact_to_close_time_p90": leads.first_contact_to_close_time_p90,
    },
    D_DEAL,
)
_table({"average_order_size_growth_yoy": growing.average_order_size_growth_yoy}, D_DEAL, grains=LONGER)
_table(
    {
        "productivity_investment_gap": growing.productivity_investment_gap,
    },
    ("team",),
    grains=LONGER,
)
_table({"revenue_per_rep_growth": growing.revenue_per_rep_growth}, ("team", "role"), grains=LONGER)
_table({"marketing_roi": spending.marketing_roi}, D_COST)
_table({"marketing_roi_cohort": spending.marketing_roi_cohort}, ("source", "campaign"))
_table(
    {
        "cost_per_acquisition": spending.cost_per_acquisition,
        "cost_per_lead": spending.cost_per_lead,
    },
    D_COST,
)
_table({"customer_acquisition_cost": spending.customer_acquisition_cost}, (*D_COST, "cost_category"))
_table(
    {
        "quota_attainment_pct": targets.quota_attainment_pct,
    },
    ("owner", "team", "pipeline", "product", "region"),
    grains=FROM_WEEK,
)
_table(
    {"customers_needed_for_target": targets.customers_needed_for_target},
    ("owner", "team", "pipeline", "product", "region", "industry", "size_band"),
    grains=FROM_WEEK,
)
_table({"learning_hours_per_rep": targets.learning_hours_per_rep, "learners_share": targets.learners_share}, ("team",))
_table({"gross_margin_pct_mean_of_deals": profit.gross_margin_pct_mean_of_deals}, ("owner", "team", "pipeline"))
_table({"revenue_per_rep_growth_yoy": growing.revenue_per_rep_growth_yoy}, ("team",), grains=LONGER)
_table({"deal_stage_cycle_time_cumulative": stages.deal_stage_cycle_time_cumulative}, ("stage",), False)
_table({"learning_rate": targets.learning_rate}, ("team", "owner", "role", "skill"))
_table(
    {
        "leads_created": of_leads(leads.leads_created),
        "lead_qualification_rate": of_leads(leads.lead_qualification_rate),
        "lead_conversion_rate": of_leads(leads.lead_conversion_rate),
        "qualified_lead_conversion_rate": of_leads(leads.qualified_lead_conversion_rate),
        "lead_follow_up_rate": of_leads(leads.lead_follow_up_rate),
    },
    D_LEAD,
)
_table({"qualified_leads_count": of_leads(leads.qualified_leads_count)}, (*D_LEAD, "level"))
_table(
    {
        "lead_stage_cycle_time": of_leads(leads.lead_stage_cycle_time),
        "lead_stage_cycle_time_median": of_leads(leads.lead_stage_cycle_time_median),
        "lead_stage_cycle_time_p90": of_leads(leads.lead_stage_cycle_time_p90),
    },
    (*D_LEAD, "stage_pair"),
)
_table({"leads_by_source": leads.leads_by_source}, ("source", "campaign", "channel", "owner", "region"), False)
_table({"lead_to_close_ratio": of_leads(leads.lead_to_close_ratio)}, ("owner", "team", "source", *OF_COMPANY))
_table({"customer_acquisition_rate": customers.customer_acquisition_rate}, (*OF_COMPANY, "owner", "source"))
_table({"conversation_to_demo_ratio": service.conversation_to_demo_ratio}, (*D_ACT, *activities.OF_DEAL))
_table(
    {"meeting_acceptance_rate": service.meeting_acceptance_rate},
    ("owner", "team", "meeting_type", "source", "country", "region"),
)
_table(
    {
        "positive_response_rate": of_answers(service.positive_response_rate),
        "negative_response_rate": of_answers(service.negative_response_rate),
    },
    ("survey_type", *OF_COMPANY, "owner"),
)
_table({"net_promoter_score": of_answers(service.net_promoter_score)}, ("survey", *OF_COMPANY, "owner", "product"))
_table(
    {"touchpoints_per_customer": service.touchpoints_per_customer},
    ("owner", "team", "activity_type", "direction", *OF_COMPANY, "source", "stage"),
)
_table({"conversation_to_demo_cohort": service.conversation_to_demo_cohort}, ("owner", "team"))
_table({"touchpoints_until_win": service.touchpoints_until_win}, ("owner", "team", "pipeline"))
_table({"stage_drop_off_rate": stages.stage_drop_off_rate}, ("stage",), False)
_table(
    {
        "average_deal_size_lost": closed_deals.average_deal_size_lost,
        "sales_cycle_length_lost": closed_deals.sales_cycle_length_lost,
    },
    ("owner", "team", "pipeline"),
)
_table(
    {"average_deal_size_open": deals_over_time.average_deal_size_open},
    ("owner", "team", "pipeline"),
    grains=SLICE_GRAINS,
)
_table(
    {"deal_stage_cycle_time_open_visits": stages.deal_stage_cycle_time_open_visits},
    ("stage", "pipeline", "owner", "industry", "size_band"),
    grains=SLICE_GRAINS,
)
_table(
    {
        "deals_after_first_sale_count": customers.deals_after_first_sale_count,
        "products_per_customer": customers.products_per_customer,
        "repeat_purchase_rate_12m": customers.repeat_purchase_rate_12m,
    },
    D_CUSTOMER,
)
_table(
    {"upsell_cross_sell_rate_amount": customers.upsell_cross_sell_rate_amount},
    ("owner", "product", *OF_COMPANY),
)
_table({"customer_lifetime_value": lifetime.customer_lifetime_value}, D_CUSTOMER, grains=LONGER)
_table({"ltv_cac_ratio": lifetime.ltv_cac_ratio}, ("source",), grains=LONGER)
_table({"average_customer_lifetime": staying.average_customer_lifetime}, D_CUSTOMER, grains=LONGER)
_table(
    {
        "customer_retention_rate": staying.customer_retention_rate,
        "average_customer_lifetime_observed": staying.average_customer_lifetime_observed,
    },
    D_CUSTOMER,
)
_table(
    {"product_usage_rate": with_needs(staying.product_usage_rate, "product_usage")},
    D_CUSTOMER,
    grains=SLICE_GRAINS,
)
_table(
    {
        "deals_after_first_sale": customers.deals_after_first_sale,
        "repeat_purchase_rate": customers.repeat_purchase_rate,
        "product_adoption_rate": customers.product_adoption_rate,
        "customer_engagement_score": service.customer_engagement_score,
    },
    D_CUSTOMER,
)
_table(
    {"upsell_cross_sell_rate": customers.upsell_cross_sell_rate},
    ("owner", "product", "country", "region", "industry", "size_band"),
)
_table(
    {
        "response_time": with_needs(service.response_time, "tickets"),
        "response_time_median": with_needs(service.response_time_median, "tickets"),
        "response_time_p90": with_needs(service.response_time_p90, "tickets"),
    },
    ("owner", "team", "priority", "country", "region", "channel"),
)
_table(
    {"competitor_price_index": service.competitor_price_index},
    ("product", "competitor", "region", "currency"),
    grains=SLICE_GRAINS,
)

NEEDS = {
    "activities": (
        "sales_activity_count", "calls_per_rep", "calls_per_opportunity", "conversation_to_demo_ratio",
        "touchpoints_per_customer", "touchpoints_until_win", "conversation_to_demo_cohort",
    ),
    "deal_stage_changes": (
        "deal_stage_cycle_time", "deal_stage_cycle_time_median", "deal_stage_cycle_time_p90",
        "deal_stage_cycle_time_open_visits", "deal_stage_cycle_time_cumulative",
    ),
    "users": ("revenue_per_rep", "revenue_per_rep_growth", "revenue_per_rep_growth_yoy"),
    "deals|subscriptions": (
        "average_customer_lifetime", "average_customer_lifetime_observed", "customer_lifetime_value",
        "customer_retention_rate", "customer_engagement_score", "product_adoption_rate", "products_per_customer",
    ),
    "deals|leads": ("customer_acquisition_rate",),
    "activities|leads": (
        "first_contact_to_close_time", "first_contact_to_close_time_median", "first_contact_to_close_time_p90",
    ),
    "activities|survey_responses|tickets|product_usage": ("customer_engagement_score",),
    "deals": (
        "deals_after_first_sale", "repeat_purchase_rate", "repeat_purchase_rate_12m", "first_contact_to_close_time",
        "first_contact_to_close_time_median", "first_contact_to_close_time_p90",
    ),
}  # fmt: skip
"""Tables (either of two) without which a KPI is unknown."""

for _need, _keys in NEEDS.items():
    for _key in _keys:
        ORACLES[_key] = replace(ORACLES[_key], ask=with_needs(ORACLES[_key].ask, _need))

Place = tuple[str, Period, str, str]
"""KPI, period, dimension (empty for totals), member."""


def answers(
    book: Book,
    *,
    week_start: str = "monday",
    grains: Collection[str] = TOTAL_GRAINS,
    keys: Collection[str] = ORACLES.keys(),
    sliced: Collection[str] = ORACLES.keys(),
) -> dict[Place, Cell]:
    """Everything that a snapshot of these rows must hold; of some KPIs, by some grains, with the slices of some."""
    first = book.first_day()
    found: dict[Place, Cell] = {}
    for key, oracle in ORACLES.items():
        dimensions = oracle.dimensions if key in sliced else ()
        for grain in grains if key in keys else ():
            for period in periods(grain, first, book.today, week_start=week_start):
                if oracle.has_total and grain in oracle.total_grains:
                    for member, cell in oracle.ask(book, period, None).items():
                        found[key, period, "", member] = cell
                for dimension in dimensions if grain in oracle.slice_grains else ():
                    for member, cell in oracle.ask(book, period, dimension).items():
                        found[key, period, dimension, member] = cell
    return found
