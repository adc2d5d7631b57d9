"""Revenue and growth: what was booked, by whom it was bought, and how it moves."""

from kpi.catalogue.dimensions import D_CUST, D_DEAL
from kpi.metric import Card, Flow, Growth, Mean, Metric, Names, Percentile, Polarity, Unit

CREDITED_AMOUNT = {
    "amount": "round(credited(with_amount, share) / nullif(credited(won, share), 0), 10)",
    "fx_missing": "ceil(credited(fx_missing, share))",
}
AMOUNT = {"amount": "round(sum(with_amount) / nullif(sum(won), 0), 10)", "fx_missing": "sum(fx_missing)"}
HUBSPOT = "HubSpot: amount, deal_currency_code, hs_exchange_rate, closedate, hs_is_closed_won"
SALESFORCE = "Salesforce: Opportunity Amount, CurrencyIsoCode, CloseDate, IsWon, IsClosed"
CURRENCY_RULE = "A deal whose rate into the reporting currency is unknown adds nothing and is counted in fx_missing."
UNPRICED_ADD_NOTHING = "A deal without an amount adds 0 and lowers the coverage `amount`: flagged amount_missing."
UNPRICED_LEFT_OUT = "Deals without an amount are left out of both sides: flagged amount_missing."
CREDIT_RULE = "Credits (won with a negative amount) are left out of both sides."

REVENUE = Flow(
    card=Card(
        key="revenue",
        category="revenue",
        unit=Unit.MONEY,
        polarity=Polarity.UP,
        names=Names(en="Revenue", fa="درآمد (فروش کل)", tr="Hasılat", ru="Выручка"),
        formula="sum of the amounts of won deals in the reporting currency, credits with their sign",
        day="close day",
        edge_cases=(
            "No won deal: 0, a true zero.",
            UNPRICED_ADD_NOTHING,
            "Credits are shown apart in the coverage `credits`.",
            CURRENCY_RULE,
            "Credited to the owner at closing; with the setting `credit_mode: splits` by the deal's splits, scaled to "
            "the whole (flagged splits_scaled), overlays left out.",
            "With the setting `revenue_basis: order`: orders by their day, where there are any, else won deals.",
        ),
        sources=(HUBSPOT, SALESFORCE),
    ),
    fact="credited_deals",
    total="sum(revenue)",
    n="ceil(credited(booked, share))",
    coverage={**CREDITED_AMOUNT, "credits": "sum(credit)"},
    marks={"splits_scaled": "bool_or(is_scaled)"},
    dimensions=D_DEAL,
)


def _deal_size(key: str, names: Names, formula: str) -> Card:
    return Card(
        key=key,
        category="revenue",
        unit=Unit.MONEY,
        polarity=Polarity.UP,
        names=names,
        formula=formula,
        day="close day",
        edge_cases=(CREDIT_RULE, UNPRICED_LEFT_OUT, CURRENCY_RULE),
        sources=(HUBSPOT, SALESFORCE),
        flags_small=True,
    )


REVENUE_PER_CUSTOMER = Mean(
    card=Card(
        key="revenue_per_customer",
        category="revenue",
        unit=Unit.MONEY,
        polarity=Polarity.UP,
        names=Names(
            en="Revenue per customer",
            fa="میانگین ارزش خرید (هر مشتری)",
            tr="Müşteri başına ortalama sepet",
            ru="Доход на клиента",
        ),
        formula="revenue / number of distinct customers with a won deal",
        day="close day",
        edge_cases=(
            "A customer is the company, else the primary contact, else the deal itself; merged ones are one.",
            "Deals without a company are flagged company_missing.",
            "Customers are distinct: never add them up over slices.",
            UNPRICED_ADD_NOTHING,
            CURRENCY_RULE,
        ),
        sources=(HUBSPOT, SALESFORCE),
        flags_small=True,
    ),
    fact="customer_deals",
    total="sum(revenue)",
    count="count(DISTINCT customer)",
    rows="sum(booked)",
    coverage=AMOUNT,
    marks={"company_missing": "sum(homeless) > 0"},
    dimensions=(*D_CUST, "acquisition_source", "cohort"),
)
REVENUE_METRICS: tuple[Metric, ...] = (
    REVENUE,
    Mean(
        card=_deal_size(
            "average_deal_size",
            Names(
                en="Average deal size",
                fa="میانگین اندازه معامله",
                tr="Ortalama anlaşma büyüklüğü",
                ru="Средний размер сделки",
            ),
            "sum of the amounts of won deals / number of won deals, over deals with a known amount",
        ),
        fact="closed_deals",
        total="sum(won_value)",
        count="count(won_value)",
        coverage={**AMOUNT, "standard_error": "standard_error(won_value)"},
        dimensions=D_DEAL,
    ),
    Percentile(
        card=_deal_size(
            "average_deal_size_median",
            Names(
                en="Median deal size",
                fa="میانهٔ اندازه معامله",
                tr="Medyan anlaşma büyüklüğü",
                ru="Медианный размер сделки",
            ),
            "the median of the amounts of won deals, over deals with a known amount",
        ),
        fact="closed_deals",
        of="won_value",
        at=0.5,
        coverage=AMOUNT,
        dimensions=D_DEAL,
    ),
    REVENUE_PER_CUSTOMER,
    Flow(
        card=Card(
            key="regional_sales",
            category="revenue",
            unit=Unit.MONEY,
            polarity=Polarity.UP,
            names=Names(
                en="Sales by region",
                fa="حجم فروش به تفکیک منطقه",
                tr="Bölgelere göre satış hacmi",
                ru="Объем продаж по регионам",
            ),
            formula="revenue by region",
            day="close day",
            edge_cases=(
                "The region is the deal's, else the company's, else the country's by the region map.",
                UNPRICED_ADD_NOTHING,
                "The coverage `share` is the region's share of all revenue, `rank` its place by revenue.",
            ),
            sources=(HUBSPOT, SALESFORCE),
        ),
        fact="closed_deals",
        total="sum(revenue)",
        n="sum(booked)",
        coverage={**AMOUNT, "credits": "sum(credit)"},
        dimensions=("region", *(name for name in D_DEAL if name != "region")),
        stored=("region",),
        is_ranked=True,
    ),
    Flow(
        card=Card(
            key="product_revenue",
            category="revenue",
            unit=Unit.MONEY,
            polarity=Polarity.UP,
            names=Names(
                en="Revenue by product",
                fa="درآمد به تفکیک محصول",
                tr="Ürün bazında gelir",
                ru="Доход от продукта",
            ),
            formula="sum of the net amounts of the line items of won and credit deals, by product",
            day="close day of the deal",
            edge_cases=(
                "Lines without a product: __none__. What lines don't explain of a deal's amount: __unallocated__.",
                "So the products add up to revenue.",
                "The coverage `line_gap` is by how much the amounts of deals with lines differ from their lines.",
            ),
            sources=("HubSpot: line items", "Salesforce: OpportunityLineItem"),
        ),
        fact="product_lines",
        total="sum(value)",
        n="count(*)",
        whole_n="count_if(is_first)",
        coverage={
            "fx_missing": "sum(fx_missing) FILTER (is_first)",
            "line_gap": "coalesce(sum(value) FILTER (line IS NULL AND NOT is_first), 0)",
        },
        dimensions=("product", *(name for name in D_DEAL if name != "product")),
        stored=("product",),
    ),
    Growth(
        card=Card(
            key="sales_growth_mom",
            category="revenue",
            unit=Unit.RATIO,
            polarity=Polarity.UP,
            names=Names(
                en="Monthly sales growth",
                fa="رشد فروش ماهیانه",
                tr="Aylık satış büyümesi",
                ru="Ежемесячный рост продаж",
            ),
            formula="(revenue of the month - revenue of the month before) / revenue of the month before",
            day="close day, months only",
            edge_cases=(
                "The month before had no revenue: null, zero_denominator. More credits than sales: negative_base.",
                "The running month is compared with the same number of days of the month before.",
                "With the setting `growth_per_day` means per day are compared: months have unequal lengths.",
            ),
            sources=(HUBSPOT, SALESFORCE),
            flags_small=True,
        ),
        of=REVENUE,
        may_be_per_day=True,
        dimensions=D_DEAL,
    ),
)
