"""Expansion: what is sold to customers beside what is sold to new ones."""

from kpi.metric import Card, Metric, Names, Polarity, Quotient, Unit

DIMENSIONS = ("owner", "product", "country", "region", "industry", "size_band")
SOURCES = ("HubSpot: dealtype, line items", "Salesforce: Opportunity Type, OpportunityLineItem")
NAMES = Names(
    en="Upsell and cross-sell rate",
    fa="نرخ فروش مکمل و متقابل",
    tr="Ek satış ve çapraz satış oranı",
    ru="Процент допродаж и перекрестных продаж",
)
EDGE_CASES = (
    "Renewals and contractions are on neither side. It may be above 1.",
    "A deal without a type is an expansion where its company had won before, else new business.",
    "No new business: null. Credits are left out.",
)


def _card(key: str, names: Names, formula: str, *edge_cases: str) -> Card:
    return Card(
        key=key,
        category="customer",
        unit=Unit.RATIO,
        polarity=Polarity.UP,
        names=names,
        formula=formula,
        day="close day",
        edge_cases=(*edge_cases, *EDGE_CASES),
        sources=SOURCES,
        flags_small=True,
    )


EXPANSION_METRICS: tuple[Metric, ...] = (
    Quotient(
        card=_card(
            "upsell_cross_sell_rate",
            NAMES,
            "won expansion deals / won new-business deals, by count",
            "`upsell_n` are those whose products the customer had all bought before, `cross_sell_n` those with "
            "a new one; "
            "without lines nobody knows.",
        ),
        fact="sold_deals",
        over="sum(expansion)",
        under="sum(new_business)",
        n="sum(new_business)",
        rows="count(*)",
        coverage={"upsell_n": "sum(upsell)", "cross_sell_n": "sum(cross_sell)"},
        dimensions=DIMENSIONS,
    ),
    Quotient(
        card=_card(
            "upsell_cross_sell_rate_amount",
            Names(
                en=f"{NAMES.en}, by amount",
                fa=f"{NAMES.fa} (مبلغی)",
                tr=f"{NAMES.tr}, tutara göre",
                ru=f"{NAMES.ru}, по сумме",
            ),
            "amounts of won expansion deals / amounts of won new-business deals",
            "A deal without an amount adds nothing to either side: flagged amount_missing.",
        ),
        fact="sold_deals",
        over="sum(expansion * coalesce(won_value, 0))",
        under="sum(new_business * coalesce(won_value, 0))",
        n="sum(new_business)",
        rows="count(*)",
        coverage={
            "amount": "round(sum(with_amount) / nullif(count(*), 0), 10)",
            "fx_missing": "sum(fx_missing)",
        },
        dimensions=DIMENSIONS,
    ),
)
