"""Costs: what a lead and a customer cost to win."""

from dataclasses import replace

from kpi.catalogue.dimensions import D_COST
from kpi.catalogue.profitability import SPEND, SPEND_CASES, SPEND_COVERAGE, spent
from kpi.metric import Card, Combined, Flow, Metric, Names, Periodic, Polarity, Unit

NOT_TAGGED = "By a dimension only where spend is tagged with it: what is not tagged can't be split."
ALL_CASES = (NOT_TAGGED, *SPEND_CASES)
CUSTOMERS = (
    "HubSpot: deals closedate, hs_is_closed_won, company",
    "Salesforce: Opportunity CloseDate, IsWon, AccountId",
)


def _card(key: str, names: Names, formula: str, day: str, cases: tuple[str, ...], *needs: str) -> Card:
    return Card(
        key=key,
        category="cost",
        unit=Unit.MONEY,
        polarity=Polarity.DOWN,
        names=names,
        formula=formula,
        day=day,
        edge_cases=(*cases, *ALL_CASES),
        sources=(*SPEND, *CUSTOMERS),
        needs=needs,
        flags_small=True,
    )


def _heads(key: str, fact: str, total: str) -> Card:
    return Card(
        key=key,
        category="cost",
        unit=Unit.COUNT,
        polarity=Polarity.UP,
        names=Names(en=key, fa=key, tr=key, ru=key),
        formula=f"{total} of {fact}",
        day="",
        edge_cases=(),
        sources=(),
    )


def _new_customers(total: str) -> Periodic:
    """How many customers were won; no KPI of its own."""
    return Periodic(
        card=_heads("customers", "new_customers", total),
        fact="new_customers",
        base="",
        total=total,
        n=total,
        dimensions=D_COST,
    )


NEW = Flow(
    card=_heads("leads", "paid_leads", "count"),
    fact="paid_leads",
    total="count(*)",
    n="count(*)",
    dimensions=D_COST,
)
ACQUIRING = spent("marketing", "sales", "enablement")
SHARED = {"heads": ("cost_category",)}
COST_METRICS: tuple[Metric, ...] = (
    Combined(
        card=_card(
            "customer_acquisition_cost",
            Names(
                en="Customer acquisition cost (CAC)",
                fa="هزینه جذب مشتری (CAC)",
                tr="Müşteri edinme maliyeti (CAC)",
                ru="Стоимость привлечения клиента",
            ),
            "marketing, sales and enablement spend / new customers",
            "day of the spend; close day of a customer's first won deal",
            (
                "A new customer had no won deal and no subscription before the period. Merged companies are one.",
                "No new customer: null, with the spend as numerator.",
                "The setting `acquisition_lag_months` sets spend against the customers won so many months later.",
                "By cost category: that category's spend / all new customers, so that the categories add up.",
            ),
            "spend.category=marketing|spend.category=sales|spend.category=enablement",
        ),
        parts={"spend": replace(ACQUIRING, fact="acquisition_days"), "heads": _new_customers("count(*)")},
        numerator="spend",
        denominator="heads",
        n="heads",
        coverage=SPEND_COVERAGE,
        slices_of="spend",
        shared=SHARED,
        dimensions=(*D_COST, "cost_category"),
    ),
    Combined(
        card=_card(
            "cost_per_acquisition",
            Names(
                en="Cost per acquisition",
                fa="هزینه جذب (هر خریدار جدید)",
                tr="Edinme başına maliyet (CPA)",
                ru="Стоимость привлечения",
            ),
            "marketing spend / new customers whose first won deal marketing brought",
            "day of the spend; close day of a customer's first won deal",
            ("Narrower than the acquisition cost: no pay, only customers from marketing.", "None of them: null."),
            "spend.category=marketing",
        ),
        parts={"spend": spent("marketing"), "heads": _new_customers("sum(from_marketing)")},
        numerator="spend",
        denominator="heads",
        n="heads",
        coverage=SPEND_COVERAGE,
        slices_of="spend",
        dimensions=D_COST,
    ),
    Combined(
        card=_card(
            "cost_per_lead",
            Names(
                en="Cost per lead (CPL)",
                fa="هزینه های کسب سرنخ",
                tr="Lead başına maliyet",
                ru="Стоимость лида",
            ),
            "marketing spend / leads created",
            "day of the spend; created day of the lead",
            (
                "All leads count, also those of sources that cost nothing; with the setting `paid_leads_only` only "
                "those whose source or campaign marketing has ever paid for.",
                "No leads: null.",
            ),
            "spend.category=marketing",
            "leads",
        ),
        parts={"spend": spent("marketing"), "heads": NEW},
        numerator="spend",
        denominator="heads",
        n="heads",
        coverage=SPEND_COVERAGE,
        slices_of="spend",
        dimensions=D_COST,
    ),
)
