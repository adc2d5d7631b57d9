"""Market: our prices against those of competitors."""

from kpi.metric import Card, Metric, Moment, Names, Polarity, Unit

MARKET_METRICS: tuple[Metric, ...] = (
    Moment(
        card=Card(
            key="competitor_price_index",
            category="market",
            unit=Unit.RATIO,
            polarity=Polarity.CONTEXT,
            names=Names(
                en="Competitor price index",
                fa="سیاست قیمت گذاری رقبا",
                tr="Rakip fiyat endeksi",
                ru="Ценовая политика конкурентов",
            ),
            formula="mean over products of own list price / mean of the competitors' prices; above 1 is dearer",
            day="moment: the end of the period's last day",
            edge_cases=(
                "Of each competitor the latest price within ninety days. Products without one are left out.",
                "By competitor: against that one's price. By region: against the prices seen there.",
                "The coverage `weighted` is the mean weighted by what each product sold in the 365 days before.",
                "Their prices are converted on the day they were seen, ours on the day looked at.",
            ),
            sources=("files: competitor_prices", "HubSpot: products price", "Salesforce: PricebookEntry UnitPrice"),
            needs=("competitor_prices",),
            flags_small=True,
        ),
        fact="price_gaps",
        total="sum(gap)",
        base="count(gap)",
        n="count(gap)",
        coverage={
            "standard_error": "standard_error(gap)",
            "weighted": "round(sum(gap * weight) / nullif(sum(weight), 0), 10)",
        },
        dimensions=("product", "competitor", "region", "currency"),
        facts={"competitor": "price_gaps_by_competitor", "region": "price_gaps_by_region"},
    ),
)
