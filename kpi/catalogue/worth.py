"""What a customer is worth over the time that it stays, and against what it cost to win it."""

from kpi.catalogue.costs import COST_METRICS
from kpi.catalogue.customers import BASIS, LIFETIME, NOBODY, SUBSCRIPTIONS, WHO
from kpi.catalogue.dimensions import D_CUSTOMER
from kpi.catalogue.profitability import PROFIT_METRICS
from kpi.metric import Balance, Card, Combined, Flow, Metric, Names, Polarity, Unit

GRAINS = ("month", "quarter", "year")
CAP = 60
[COST] = [metric for metric in COST_METRICS if metric.card.key == "customer_acquisition_cost"]
[MARGIN] = [metric for metric in PROFIT_METRICS if metric.card.key == "gross_margin_pct"]
LIFETIME_VALUE = Card(
    key="customer_lifetime_value",
    category="customer",
    unit=Unit.MONEY,
    polarity=Polarity.UP,
    names=Names(
        en="Customer lifetime value (CLV, LTV)",
        fa="ارزش طول عمر مشتری (CLV)",
        tr="Müşteri yaşam boyu değeri",
        ru="Пожизненная ценность клиента (LTV)",
    ),
    formula="monthly revenue / customers x gross margin x average customer lifetime in months: with "
    "subscriptions their "
    "monthly revenue at the end of the period, else the orders of the period / its months",
    day="moment: customers and subscriptions at the end of the period",
    edge_cases=(
        BASIS,
        f"Nobody lost: the lifetime is endless, so null, no_churn_observed; `capped_{CAP}m` is the value over {CAP} "
        "months.",
        "Without known costs the margin is left out: flagged revenue_basis.",
        "By product, currency, source, cohort, owner and team the margin is that of all deals.",
        "Subscriptions in another currency are worth the rate of the moment; without a rate nothing, and counted.",
        WHO,
        NOBODY,
    ),
    sources=(*SUBSCRIPTIONS, "costs as for gross_margin_pct"),
    needs=("deals|subscriptions",),
    flags_small=True,
)


def _level(fact: str, total: str, **coverage: str) -> Balance:
    return Balance(card=LIFETIME_VALUE, fact=fact, total=total, n=total, coverage=coverage, dimensions=D_CUSTOMER)


RATE = "CASE WHEN by_subscription() THEN CAST(mrr AS DOUBLE) ELSE CAST(sales AS DOUBLE) * stay_n / nullif(stay, 0) END"
KEPT = "CASE WHEN margin_value IS NULL THEN 1 ELSE CAST(margin AS DOUBLE) / CAST(margin_base AS DOUBLE) END"
CUSTOMER_VALUE = Combined(
    card=LIFETIME_VALUE,
    parts={
        "stay": LIFETIME,
        "customers": _level("customer_changes", "sum(change)"),
        "mrr": _level("mrr_changes", "sum(mrr)", fx_missing="sum(fx_missing)"),
        "sales": Flow(
            card=LIFETIME_VALUE,
            fact="customer_orders",
            total="sum(worth)",
            n="count(*)",
            coverage={"fx_missing": "sum(fx_missing)"},
            dimensions=D_CUSTOMER,
        ),
        "margin": MARGIN,
    },
    numerator=f"coalesce({RATE} * ({KEPT}) * CAST(stay AS DOUBLE), 0)",
    denominator="customers * coalesce(stay_base, 0)",
    n="CAST(customers AS BIGINT)",
    status="CASE WHEN stay_n = 0 OR customers = 0 THEN 'zero_denominator' ELSE stay_status END",
    coverage={
        f"capped_{CAP}m": f"round({RATE} / nullif(customers, 0) * ({KEPT}) * {CAP}, 6)",
        "fx_missing": "coalesce(CAST(json_extract(CASE WHEN by_subscription() THEN mrr_coverage ELSE "
        "sales_coverage END, "
        "'$.fx_missing') AS BIGINT), 0)",
    },
    marks={"revenue_basis": "margin_value IS NULL AND stay_n > 0 AND customers > 0"},
    slices_of="customers",
    shared={"margin": ("product", "currency", "source", "cohort", "owner", "team", "company")},
    dimensions=D_CUSTOMER,
    grains=GRAINS,
)
WORTH_METRICS: tuple[Metric, ...] = (
    CUSTOMER_VALUE,
    Combined(
        card=Card(
            key="ltv_cac_ratio",
            category="customer",
            unit=Unit.RATIO,
            polarity=Polarity.UP,
            names=Names(
                en="LTV to CAC",
                fa="نسبت ارزش طول عمر به هزینه جذب",
                tr="LTV/CAC oranı",
                ru="Соотношение LTV и CAC",
            ),
            formula="customer lifetime value / customer acquisition cost, of the same period",
            day="as both",
            edge_cases=(
                "Either side without a value: null, for that side's reason.",
                "Three is often called healthy; it is guidance, not a rule.",
            ),
            sources=("as customer_lifetime_value and customer_acquisition_cost",),
            needs=COST.card.needs,
            flags_small=True,
        ),
        parts={"worth": CUSTOMER_VALUE, "cost": COST},
        numerator="coalesce(worth_value, 0)",
        denominator="coalesce(cost_value, 0)",
        n="least(worth_n, cost_n)",
        status="CASE WHEN worth_value IS NULL THEN coalesce(worth_status, 'zero_denominator') "
        "WHEN cost_value IS NULL THEN coalesce(cost_status, 'zero_denominator') END",
        dimensions=("source",),
        grains=GRAINS,
    ),
)
