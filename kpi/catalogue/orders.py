"""Orders and list prices: what one order brings, what was sold before discounts, and where sales came from."""

from kpi.catalogue.dimensions import D_DEAL
from kpi.catalogue.revenue import AMOUNT, CURRENCY_RULE, HUBSPOT, SALESFORCE, UNPRICED_ADD_NOTHING
from kpi.metric import Against, Card, Flow, Growth, Mean, Metric, Names, Percentile, Polarity, Unit

LINES = (
    "HubSpot: line items quantity, price, discount, amount",
    "Salesforce: OpportunityLineItem Quantity, UnitPrice, ListPrice, Discount, TotalPrice",
)
ORDERS = (
    "HubSpot: orders hs_total_price, hs_processed_date; else deals amount, closedate",
    "Salesforce: Order TotalAmount, EffectiveDate; else Opportunity Amount, CloseDate",
)
SOURCES = (
    "HubSpot: hs_analytics_source of the deal or the contact, campaigns",
    "Salesforce: LeadSource, CampaignId",
)
ORDER_AMOUNT = {
    "amount": "round(sum(with_amount) / nullif(count(*), 0), 10)",
    "fx_missing": "sum(fx_missing)",
}


def _order_value(key: str, names: Names, formula: str) -> Card:
    return Card(
        key=key,
        category="revenue",
        unit=Unit.MONEY,
        polarity=Polarity.UP,
        names=names,
        formula=formula,
        day="day of the order, else close day",
        edge_cases=(
            "An order is an order record where the connection keeps them, else a won deal. Canceled ones and drafts "
            "are left out.",
            "Orders without an amount, and negative ones, are left out of both sides. An amount of 0 is an amount.",
            "An order's own currency and worth make its bands; the rest is its deal's, else its company's.",
            CURRENCY_RULE,
        ),
        sources=ORDERS,
        flags_small=True,
    )


AVERAGE_ORDER = Mean(
    card=_order_value(
        "average_order_value",
        Names(
            en="Average order value",
            fa="میانگین ارزش سفارش / میانگین تراکنش",
            tr="Ortalama sipariş değeri",
            ru="Средний чек",
        ),
        "sum of the amounts of orders / number of orders",
    ),
    fact="order_values",
    total="sum(worth)",
    count="count(worth)",
    coverage={**ORDER_AMOUNT, "standard_error": "standard_error(worth)"},
    dimensions=D_DEAL,
)


def _sourced(key: str, category: str, polarity: Polarity, names: Names) -> Flow:
    mine = f"FILTER (source_category = '{category}')"
    each = f"CAST(source_category = '{category}' AS INTEGER)"
    return Flow(
        card=Card(
            key=key,
            category="revenue",
            unit=Unit.MONEY,
            polarity=polarity,
            names=names,
            formula=f"sum of the amounts of won and credit deals whose source category is {category}",
            day="close day",
            edge_cases=(
                "The source is the deal's, else that of the lead it came from, else the primary contact's; the source "
                "map of the settings makes a category of it, else `unknown`. With the setting `attribution: latest` "
                "that of the newest lead that became it comes first.",
                "Marketing, sales, partner, other and unknown add up to revenue. The coverage `share` is that share.",
                UNPRICED_ADD_NOTHING,
                CURRENCY_RULE,
            ),
            sources=(HUBSPOT, SALESFORCE, *SOURCES),
        ),
        fact="credited_deals",
        total=f"coalesce(sum(revenue) {mine}, 0)",
        n=f"ceil(credited(booked * {each}, share))",
        coverage={
            "amount": f"round(credited(with_amount * {each}, share) / nullif(credited(won * {each}, share), 0), 10)",
            "fx_missing": f"coalesce(ceil(credited(fx_missing * {each}, share)), 0)",
            "credits": f"coalesce(sum(credit) {mine}, 0)",
            "share": f"round(coalesce(sum(revenue) {mine}, 0) / nullif(sum(revenue), 0), 10)",
        },
        marks={"splits_scaled": f"coalesce(bool_or(is_scaled) {mine}, false)"},
        dimensions=D_DEAL,
    )


ORDER_METRICS: tuple[Metric, ...] = (
    Flow(
        card=Card(
            key="gross_sales",
            category="revenue",
            unit=Unit.MONEY,
            polarity=Polarity.UP,
            names=Names(en="Gross sales", fa="فروش ناخالص (ماهانه)", tr="Brüt satışlar", ru="Валовые продажи"),
            formula="sum of quantity x the line's own list price (else its unit price) over the lines of won deals",
            day="close day",
            edge_cases=(
                "Credit deals and returned lines (negative quantity or amount) are left out.",
                "A deal without lines adds its amount.",
                "A line that tells no price before its discount adds its net amount: flagged list_price_missing.",
                "Never the product's present list price.",
                CURRENCY_RULE,
            ),
            sources=(HUBSPOT, SALESFORCE, *LINES),
        ),
        fact="gross_deals",
        total="sum(gross)",
        n="count(*)",
        coverage=AMOUNT,
        marks={"list_price_missing": "bool_or(unlisted)"},
        dimensions=D_DEAL,
    ),
    AVERAGE_ORDER,
    Percentile(
        card=_order_value(
            "average_order_value_median",
            Names(en="Median order value", fa="میانهٔ ارزش سفارش", tr="Medyan sipariş değeri", ru="Медианный чек"),
            "the median of the amounts of orders",
        ),
        fact="order_values",
        of="worth",
        at=0.5,
        coverage=ORDER_AMOUNT,
        dimensions=D_DEAL,
    ),
    Growth(
        card=Card(
            key="average_order_size_growth_yoy",
            category="revenue",
            unit=Unit.RATIO,
            polarity=Polarity.UP,
            names=Names(
                en="Average order size growth (year over year)",
                fa="میانگین رشد اندازه سفارش (نسبت به سال قبل)",
                tr="Ortalama sipariş büyüklüğü artışı (yıllık)",
                ru="Рост среднего размера заказа (год к году)",
            ),
            formula="(average order value - that of the same period a year before) / that of a year before",
            day="day of the order, else close day",
            edge_cases=(
                "The same-named period of the calendar's year before, never 365 days back.",
                "No order on either side: null. A running period is compared with as many days of the earlier one.",
                "Small where either side is.",
            ),
            sources=ORDERS,
            flags_small=True,
        ),
        of=AVERAGE_ORDER,
        against=Against.YEAR,
        grains=("month", "quarter", "year"),
        dimensions=D_DEAL,
    ),
    _sourced(
        "marketing_sourced_revenue",
        "marketing",
        Polarity.UP,
        Names(
            en="Revenue from marketing",
            fa="درآمد حاصل از بازاریابی",
            tr="Pazarlama kaynaklı gelir",
            ru="Выручка от маркетинга",
        ),
    ),
    _sourced(
        "sales_sourced_revenue",
        "sales",
        Polarity.CONTEXT,
        Names(
            en="Revenue from sales",
            fa="درآمد حاصل از فعالیت فروش",
            tr="Satış kaynaklı gelir",
            ru="Выручка от отдела продаж",
        ),
    ),
)
