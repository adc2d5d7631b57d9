"""Customers: how many stay and for how long, how often they come back, and what they own."""

from kpi.catalogue.dimensions import D_CUSTOMER, D_DEAL
from kpi.metric import Balance, Card, Flow, Mean, Metric, Names, Periodic, Polarity, Quotient, Ratio, Unit

WINS = ("HubSpot: won deals per company", "Salesforce: won opportunities per Account")
SUBSCRIPTIONS = (
    "HubSpot: subscriptions; recurring revenue of deals",
    "Salesforce: Contract, Asset, won opportunities",
    "a file of subscriptions",
)
WHO = "The customer is the company, else the primary contact, else the deal itself; merged ones count once."
BASIS = (
    "A customer has an active subscription, where there are any subscriptions; else a win in the 365 days before "
    "(settings `customer_basis`, `active_customer_window_days`)."
)
ORDER = "Wins are in the order of their close days, then of their closing times, then of their ids."
CREDITS = "Credits are no wins."
RENEWALS = "Renewals count; with the setting `exclude_renewals` they are no purchases, unless they are the first known."
NOBODY = "No customers: null, zero_denominator."


def _share(key: str, names: Names, formula: str, day: str, *edge_cases: str, sources: tuple[str, ...] = WINS) -> Card:
    return Card(
        key=key,
        category="customer",
        unit=Unit.RATIO,
        polarity=Polarity.UP,
        names=names,
        formula=formula,
        day=day,
        edge_cases=(*edge_cases, WHO, NOBODY),
        sources=sources,
        needs=("deals",),
        flags_small=True,
    )


def _lifetime(key: str, names: Names, formula: str, day: str, *edge_cases: str) -> Card:
    return Card(
        key=key,
        category="customer",
        unit=Unit.MONTHS,
        polarity=Polarity.UP,
        names=names,
        formula=formula,
        day=day,
        edge_cases=(BASIS, *edge_cases, WHO),
        sources=SUBSCRIPTIONS,
        needs=("deals|subscriptions",),
        flags_small=True,
    )


LIFETIME = Periodic(
    card=_lifetime(
        "average_customer_lifetime",
        Names(
            en="Average customer lifetime",
            fa="میانگین طول عمر مشتری",
            tr="Ortalama müşteri ömrü",
            ru="Средний жизненный цикл клиента",
        ),
        "months of the period / (customers lost in it / customers when it began)",
        "customers when the period began",
        "Nobody lost: the lifetime is endless, so null, no_churn_observed. Nobody there: zero_denominator.",
        "A running period counts the part of its months that has elapsed.",
    ),
    fact="customer_periods",
    total="sum(months * elapsed_days * opening) / max(all_days)",
    base="sum(lost)",
    n="sum(opening)",
    status="CASE WHEN sum(opening) > 0 AND sum(lost) = 0 THEN 'no_churn_observed' END",
    dimensions=D_CUSTOMER,
    grains=("month", "quarter", "year"),
)
CUSTOMER_METRICS: tuple[Metric, ...] = (
    LIFETIME,
    Mean(
        card=_lifetime(
            "average_customer_lifetime_observed",
            Names(
                en="Average customer lifetime, observed",
                fa="میانگین طول عمر مشتری (مشاهده‌شده)",
                tr="Ortalama müşteri ömrü, gözlenen",
                ru="Средний жизненный цикл клиента, наблюдаемый",
            ),
            "mean months from the first day to the last of the customers that went in the period",
            "day on which the customer went",
            "Biased low while most customers still stay. Nobody went: null.",
        ),
        fact="leavings",
        total="sum(tenure) / 30.4375",
        count="count(*)",
        dimensions=D_CUSTOMER,
    ),
    Periodic(
        card=Card(
            key="customer_retention_rate",
            category="customer",
            unit=Unit.RATIO,
            polarity=Polarity.UP,
            names=Names(
                en="Customer retention rate",
                fa="نرخ حفظ مشتری",
                tr="Müşteri elde tutma oranı",
                ru="Процент удержания клиентов",
            ),
            formula="customers when the period began that still are at its end / customers when it began",
            day="customers when the period began",
            edge_cases=(
                BASIS,
                "New customers are on neither side. Who went and came back in the period is retained, and counted in "
                "`reactivated_n`.",
                WHO,
                NOBODY,
            ),
            sources=SUBSCRIPTIONS,
            needs=("deals|subscriptions",),
            flags_small=True,
        ),
        fact="customer_periods",
        total="sum(opening - lost)",
        base="sum(opening)",
        n="sum(opening)",
        coverage={"reactivated_n": "sum(returned)"},
        dimensions=D_CUSTOMER,
        is_share=True,
    ),
    Balance(
        card=_share(
            "deals_after_first_sale",
            Names(
                en="Deals after the first sale",
                fa="تعداد معاملات پس از فروش اول",
                tr="İlk satıştan sonraki anlaşma sayısı",
                ru="Число сделок после первой продажи",
            ),
            "won deals that are not their customer's first / customers with a won deal, up to the end of the period",
            "moment",
            ORDER,
            CREDITS,
            RENEWALS,
        ),
        fact="purchases",
        total="sum(further)",
        base="sum(first)",
        n="sum(first)",
        dimensions=D_CUSTOMER,
    ),
    Flow(
        card=Card(
            key="deals_after_first_sale_count",
            category="customer",
            unit=Unit.COUNT,
            polarity=Polarity.UP,
            names=Names(
                en="Deals after the first sale, in the period",
                fa="تعداد معاملات پس از فروش اول در دوره",
                tr="İlk satıştan sonraki anlaşmalar, dönemde",
                ru="Число сделок после первой продажи за период",
            ),
            formula="won deals of the period that are not their customer's first",
            day="close day",
            edge_cases=(ORDER, CREDITS, RENEWALS, WHO),
            sources=WINS,
        ),
        fact="purchases",
        total="sum(further)",
        n="sum(further)",
        dimensions=D_CUSTOMER,
    ),
    Balance(
        card=_share(
            "product_adoption_rate",
            Names(en="Product adoption", fa="پذیرش محصول", tr="Ürün benimseme oranı", ru="Принятие продукта"),
            "customers who own at least two products / customers who own at least one, at the end of the period",
            "moment",
            "Owned is what was bought less what was returned (lines of credits), or what a subscription holds.",
            "Customers without lines are unknown: left out and counted in `unknown_n`.",
            "`products_per_customer` is how many they own.",
            sources=("HubSpot: line items, products", "Salesforce: OpportunityLineItem, Asset"),
        ),
        fact="adoption",
        total="sum(adopters)",
        base="sum(owners)",
        n="sum(owners)",
        coverage={"unknown_n": "sum(unknown)"},
        dimensions=D_CUSTOMER,
        is_share=True,
    ),
    Balance(
        card=Card(
            key="products_per_customer",
            category="customer",
            unit=Unit.COUNT,
            polarity=Polarity.UP,
            names=Names(
                en="Products per customer",
                fa="تعداد محصول هر مشتری",
                tr="Müşteri başına ürün sayısı",
                ru="Продуктов на клиента",
            ),
            formula="distinct products owned / customers who own at least one, at the end of the period",
            day="moment",
            edge_cases=("Owned as in product_adoption_rate.", WHO, NOBODY),
            sources=("HubSpot: line items, products", "Salesforce: OpportunityLineItem, Asset"),
            needs=("deals",),
            flags_small=True,
        ),
        fact="adoption",
        total="sum(products)",
        base="sum(owners)",
        n="sum(owners)",
        dimensions=D_CUSTOMER,
    ),
    Periodic(
        card=Card(
            key="product_usage_rate",
            category="customer",
            unit=Unit.RATIO,
            polarity=Polarity.UP,
            names=Names(
                en="Product usage", fa="نرخ استفاده از محصول", tr="Ürün kullanım oranı", ru="Использование продукта"
            ),
            formula="customers that used a product in the period / customers in it",
            day="day of use; customers by being one in the period",
            edge_cases=("Used: at least one active user or event.", BASIS, WHO, NOBODY),
            sources=("a file of product usage",),
            needs=("product_usage",),
            flags_small=True,
        ),
        fact="usage_periods",
        total="sum(active)",
        base="count(*)",
        n="count(*)",
        dimensions=D_CUSTOMER,
        is_share=True,
        grains=("month", "quarter", "year", "all"),
    ),
    Quotient(
        card=Card(
            key="expansion_revenue_rate",
            category="customer",
            unit=Unit.RATIO,
            polarity=Polarity.UP,
            names=Names(
                en="Expansion share of revenue",
                fa="گسترش محصول (سهم درآمد توسعه)",
                tr="Genişleme gelir oranı",
                ru="Доля выручки от расширения",
            ),
            formula="amounts of won expansion deals / amounts of won deals",
            day="close day",
            edge_cases=(
                "Credits are on neither side. A deal without a type is an expansion where its company had won before.",
                "A deal without an amount adds nothing to either side: flagged amount_missing.",
                "No amounts: null.",
            ),
            sources=("HubSpot: dealtype, amount", "Salesforce: Opportunity Type, Amount"),
            flags_small=True,
        ),
        fact="closed_deals",
        over="coalesce(sum(won_value) FILTER (deal_type = 'expansion'), 0)",
        under="coalesce(sum(won_value), 0)",
        n="count(won_value)",
        rows="sum(won)",
        coverage={
            "amount": "round(sum(with_amount) / nullif(sum(won), 0), 10)",
            "fx_missing": "sum(fx_missing) FILTER (won = 1)",
        },
        dimensions=D_DEAL,
    ),
    Balance(
        card=_share(
            "repeat_purchase_rate",
            Names(
                en="Repeat purchase rate",
                fa="نرخ خرید مجدد",
                tr="Tekrar satın alma oranı",
                ru="Доля повторных покупок",
            ),
            "customers with at least two won deals / customers with at least one, up to the end of the period",
            "moment",
            ORDER,
            CREDITS,
            RENEWALS,
        ),
        fact="purchases",
        total="sum(second)",
        base="sum(first)",
        n="sum(first)",
        dimensions=D_CUSTOMER,
        is_share=True,
    ),
    Ratio(
        card=_share(
            "repeat_purchase_rate_12m",
            Names(
                en="Repeat purchase within a year",
                fa="نرخ خرید مجدد در دوازده ماه",
                tr="On iki ayda tekrar satın alma oranı",
                ru="Повторные покупки за 12 месяцев",
            ),
            "customers of the cohort that won again within twelve months / customers whose first win was in the period",
            "close day of the first win",
            ORDER,
            CREDITS,
            "`immature` until twelve months have passed since the youngest first win.",
        ),
        fact="first_purchases",
        part="sum(again)",
        whole="count(*)",
        marks={"immature": "bool_or(is_young)"},
        dimensions=D_CUSTOMER,
    ),
)
