"""Profitability: what is left after costs, and what spend brings back."""

from dataclasses import replace

from kpi.catalogue.dimensions import D_COST, D_DEAL
from kpi.catalogue.orders import LINES
from kpi.catalogue.revenue import CURRENCY_RULE
from kpi.metric import Card, Combined, Flow, Mean, Metric, Names, Polarity, Quotient, Unit

COSTS = (
    *LINES,
    "HubSpot: hs_cost_of_goods_sold of the line or the product",
    "Salesforce: a custom field of Product2, or a file of unit costs",
)
NEEDS_COSTS = ("line_items.unit_cost|products.unit_cost|unit_costs",)
SPEND = ("files: spend (day or span, category, campaign, source, team)",)
COSTED = "sum(value) FILTER (has_cost)"
PROFIT = f"coalesce({COSTED} - sum(cost) FILTER (has_cost), 0)"
TOO_LITTLE = (
    f"CASE WHEN sum(value) <> 0 AND coalesce({COSTED}, 0) * sign(sum(value)) < 0.8 * abs(sum(value)) "
    "THEN 'insufficient_data' END"
)
COST_COVERAGE = {
    "cost": f"round(coalesce({COSTED}, 0) / nullif(sum(value), 0), 10)",
    "fx_missing": "coalesce(sum(fx_missing) FILTER (is_first), 0)",
}
COST_CASES = (
    "A unit costs what its line says, else its product, else the file of unit costs on the close day.",
    "Lines without a known cost are left out of both sides; the coverage `cost` is the revenue with a cost / revenue.",
    "Below 0.8 of it: null, insufficient_data.",
    "Credit deals count with their sign. Costs are converted on the same day as the revenue.",
)


def _part(key: str, total: str) -> Flow:
    """A sum over the parts of deals that marketing brought; no KPI of its own."""
    return Flow(
        card=Card(
            key=key,
            category="profitability",
            unit=Unit.MONEY,
            polarity=Polarity.UP,
            names=Names(en=key, fa=key, tr=key, ru=key),
            formula=total,
            day="close day",
            edge_cases=(),
            sources=(),
        ),
        fact="product_lines",
        total=f"coalesce({total} FILTER (source_category = 'marketing'), 0)",
        n="count_if(source_category = 'marketing')",
        dimensions=D_COST,
    )


def spent(*categories: str) -> Flow:
    """What was spent in some categories; no KPI of its own."""
    mine = f"cost_category IN ({', '.join(map(repr, categories))})"
    return Flow(
        card=Card(
            key="spend",
            category="cost",
            unit=Unit.MONEY,
            polarity=Polarity.CONTEXT,
            names=Names(en="Spend", fa="هزینه", tr="Harcama", ru="Расходы"),
            formula="what was spent",
            day="day of the spend",
            edge_cases=(),
            sources=SPEND,
        ),
        fact="spend_days",
        total=f"coalesce(sum(value) FILTER ({mine}), 0)",
        n=f"count_if({mine} AND fx_missing = 0)",
        coverage={"fx_missing": f"count(*) FILTER ({mine} AND fx_missing = 1)"},
        dimensions=(*D_COST, "cost_category"),
    )


SPENT = spent("marketing")
SPEND_COVERAGE = {"fx_missing": "coalesce(CAST(json_extract(spend_coverage, '$.fx_missing') AS BIGINT), 0)"}
SPEND_CASES = (
    "A day's spend falls on its day; spend over a span is spread evenly over its days.",
    "Spend in another currency is converted on its (first) day; without a rate it is left out and counted.",
    "With the setting `campaign_costs` a campaign that no spend names brings its own cost (or budget), spread over its "
    "days; not where some marketing spend names no campaign, which may hold it already.",
)
BROUGHT = Flow(
    card=Card(
        key="later_revenue",
        category="profitability",
        unit=Unit.MONEY,
        polarity=Polarity.UP,
        names=Names(en="Revenue of leads", fa="درآمد سرنخ", tr="Lead geliri", ru="Выручка лидов"),
        formula="what the leads brought by now",
        day="created day of the lead",
        edge_cases=(),
        sources=(),
    ),
    fact="lead_revenue",
    total="coalesce(sum(revenue), 0)",
    n="count(*)",
    coverage={"young_n": "count_if(is_young)", "won_n": "sum(brought_win)"},
    dimensions=D_COST,
)
ENOUGH = "(revenue = 0 OR costed * sign(revenue) >= 0.8 * abs(revenue))"
PROFIT_METRICS: tuple[Metric, ...] = (
    Flow(
        card=Card(
            key="gross_profit",
            category="profitability",
            unit=Unit.MONEY,
            polarity=Polarity.UP,
            names=Names(en="Gross profit", fa="سود ناخالص", tr="Brüt kâr", ru="Валовая прибыль"),
            formula="sum of the net amounts of lines with a known cost - sum of their quantity x unit cost",
            day="close day of the deal",
            edge_cases=(*COST_CASES, CURRENCY_RULE),
            sources=COSTS,
            needs=NEEDS_COSTS,
        ),
        fact="product_lines",
        total=PROFIT,
        n="count_if(has_cost)",
        coverage=COST_COVERAGE,
        status=TOO_LITTLE,
        dimensions=D_DEAL,
    ),
    Quotient(
        card=Card(
            key="gross_margin_pct",
            category="profitability",
            unit=Unit.RATIO,
            polarity=Polarity.UP,
            names=Names(
                en="Profit margin",
                fa="حاشیه سود (متوسط)",
                tr="Kâr marjı (ortalama)",
                ru="Маржа прибыли (средняя)",
            ),
            formula="gross profit / sum of the net amounts of the same lines",
            day="close day of the deal",
            edge_cases=(
                "A ratio of sums: a mean of ratios would let a tiny deal count as much as a huge one.",
                "Nothing, or less, sold: null. Losses make it negative.",
                *COST_CASES,
            ),
            sources=COSTS,
            needs=NEEDS_COSTS,
            flags_small=True,
        ),
        fact="product_lines",
        over=PROFIT,
        under=f"coalesce({COSTED}, 0)",
        n="count_if(has_cost)",
        coverage=COST_COVERAGE,
        status=TOO_LITTLE,
        dimensions=D_DEAL,
    ),
    Mean(
        card=Card(
            key="gross_margin_pct_mean_of_deals",
            category="profitability",
            unit=Unit.RATIO,
            polarity=Polarity.UP,
            names=Names(
                en="Profit margin, mean of deals",
                fa="حاشیه سود، میانگین معاملات",
                tr="Kâr marjı, anlaşmaların ortalaması",
                ru="Маржа прибыли, среднее по сделкам",
            ),
            formula="unweighted mean over won deals of (net amounts - costs) / net amounts of their lines with a cost",
            day="close day of the deal",
            edge_cases=(
                "A tiny deal counts as much as a huge one: it tells of the discipline of prices, not of profit.",
                "Deals that brought nothing, or with a known cost for less than 0.8 of their worth, are left out and "
                "counted in `unknown_n`. Credits are left out.",
            ),
            sources=COSTS,
            needs=NEEDS_COSTS,
            flags_small=True,
        ),
        fact="deal_margins",
        total="sum(margin)",
        count="count(margin)",
        coverage={"unknown_n": "count(*) - count(margin)", "standard_error": "standard_error(margin)"},
        dimensions=D_DEAL,
        stored=("owner", "team", "pipeline"),
    ),
    Combined(
        card=Card(
            key="marketing_roi",
            category="profitability",
            unit=Unit.RATIO,
            polarity=Polarity.UP,
            names=Names(
                en="Return on investment (marketing)",
                fa="نرخ بازگشت سرمایه (ROI)",
                tr="Yatırım getirisi (ROI)",
                ru="Окупаемость инвестиций (ROI)",
            ),
            formula="(gross profit of deals that marketing brought - marketing spend) / marketing spend",
            day="close day for deals, day of the spend for spend",
            edge_cases=(
                "Where less than 0.8 of the deals' revenue has a known cost, revenue stands in for gross profit: "
                "flagged revenue_basis.",
                "No spend: null. Spend that brought nothing: -1.",
                *SPEND_CASES,
            ),
            sources=(*SPEND, *COSTS),
            needs=("spend.category=marketing",),
            flags_small=True,
        ),
        parts={
            "spend": replace(SPENT, n=SPENT.n.replace("count_if(", "count(DISTINCT spend) FILTER (")),
            "profit": _part("profit", "sum(CASE WHEN has_cost THEN value - cost END)"),
            "costed": _part("costed", "sum(CASE WHEN has_cost THEN value END)"),
            "revenue": _part("revenue", "sum(value)"),
        },
        numerator=f"CASE WHEN {ENOUGH} THEN profit ELSE revenue END - spend",
        denominator="spend",
        n="spend_n",
        coverage={**SPEND_COVERAGE, "cost": "round(costed / nullif(revenue, 0), 10)"},
        marks={"revenue_basis": f"NOT {ENOUGH}"},
        dimensions=D_COST,
    ),
    Combined(
        card=Card(
            key="marketing_roi_cohort",
            category="profitability",
            unit=Unit.RATIO,
            polarity=Polarity.UP,
            names=Names(
                en="Return on investment (marketing), by leads",
                fa="نرخ بازگشت سرمایه (بر اساس سرنخ‌ها)",
                tr="Yatırım getirisi (lead kohortuna göre)",
                ru="Окупаемость инвестиций (по когорте лидов)",
            ),
            formula="(revenue by now of the deals of the marketing leads created in the period - marketing spend) "
            "/ marketing spend",
            day="day of the spend; created day of the lead",
            edge_cases=(
                "Spend is set against all that its leads brought later, whenever they were won.",
                "Revenue, not profit; credits take away. A deal of several leads is the earliest one's, whatever its "
                "category. Without a deal a lead brings nothing.",
                "`immature` while a lead is younger than leads take to be won (as lead_conversion_rate).",
                "No spend: null.",
                *SPEND_CASES,
            ),
            sources=(*SPEND, "leads and their deals"),
            needs=("spend.category=marketing", "leads"),
            flags_small=True,
        ),
        parts={"spend": SPENT, "brought": BROUGHT},
        numerator="brought - spend",
        denominator="spend",
        n="brought_n",
        coverage={**SPEND_COVERAGE, "won_n": "coalesce(CAST(json_extract(brought_coverage, '$.won_n') AS BIGINT), 0)"},
        marks={"immature": "coalesce(CAST(json_extract(brought_coverage, '$.young_n') AS BIGINT), 0) > 0"},
        dimensions=D_COST,
        stored=("source", "campaign"),
    ),
)
