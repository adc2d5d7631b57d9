"""Quotas: how much of its target revenue has reached, and how many customers are missing to reach it."""

from dataclasses import replace

from kpi.catalogue.revenue import REVENUE, REVENUE_PER_CUSTOMER
from kpi.metric import Card, Combined, LastYear, Metric, Names, Polarity, TargetOf, Unit

TARGETS = ("HubSpot: goal_targets", "Salesforce: ForecastingQuota", "files: targets")
SCOPES = ("owner", "team", "pipeline", "product", "region")
SEGMENTS = (*SCOPES, "industry", "size_band")
GRAINS = ("week", "month", "quarter", "year")
WHICH = (
    "A period's target is its own, else what the months (quarters) in it add up to. Of versions the newest in force.",
    "A team without one: the sum of its people's. The company: of its teams', else of its people's.",
)
NO_TARGET = "CASE WHEN target_status IS NOT NULL THEN target_status WHEN target_n = 0 THEN 'no_target' END"
KNOWN = "target_n > 0 AND target_status IS NULL"
QUOTA_METRICS: tuple[Metric, ...] = (
    Combined(
        card=Card(
            key="quota_attainment_pct",
            category="productivity",
            unit=Unit.RATIO,
            polarity=Polarity.UP,
            names=Names(
                en="Target attainment",
                fa="دستیابی به اهداف فروش",
                tr="Satış hedefine ulaşma oranı",
                ru="Выполнение плана продаж",
            ),
            formula="revenue / its target, for the target's own scope and period",
            day="close day",
            edge_cases=(
                "No target: null, no_target. A target of 0: null.",
                "Sums on both sides, never a mean of rates: who has no target still adds to the team's revenue.",
                *WHICH,
                "The status detail names the target's version.",
            ),
            sources=TARGETS,
        ),
        parts={"actual": replace(REVENUE, dimensions=SCOPES), "target": TargetOf(of=REVENUE)},
        numerator="actual",
        denominator="target",
        n="actual_n",
        status=NO_TARGET,
        detail="target_detail",
        slices_of="target",
        dimensions=SCOPES,
        grains=GRAINS,
    ),
    Combined(
        card=Card(
            key="customers_needed_for_target",
            category="productivity",
            unit=Unit.COUNT,
            polarity=Polarity.DOWN,
            names=Names(
                en="Customers needed to reach the target",
                fa="تعداد مشتری لازم برای رسیدن به هدف",
                tr="Hedefe ulaşmak için gereken müşteri sayısı",
                ru="Число клиентов, нужных для плана",
            ),
            formula="max(0, target - revenue) / revenue per customer of twelve months, rounded up",
            day="close day",
            edge_cases=(
                "The twelve months end with the period, in a running one with today. Nothing in them: those of the "
                "period itself. Nothing at all: null.",
                "Target reached: 0. No target: null, no_target.",
                *WHICH,
            ),
            sources=TARGETS,
            flags_small=True,
        ),
        parts={
            "actual": replace(REVENUE, dimensions=SEGMENTS),
            "target": TargetOf(of=REVENUE),
            "yearly": LastYear(of=REVENUE_PER_CUSTOMER),
            "own": replace(REVENUE_PER_CUSTOMER, dimensions=SEGMENTS),
        },
        numerator=f"CASE WHEN {KNOWN} THEN greatest(0, target - actual) END",
        denominator=f"CASE WHEN {KNOWN} THEN coalesce(nullif(yearly_value, 0), nullif(own_value, 0)) END",
        n=f"CASE WHEN NOT ({KNOWN}) THEN 0 WHEN yearly_value IS NOT NULL THEN yearly_n ELSE own_n END",
        status=NO_TARGET,
        slices_of="target",
        rounded_up=True,
        dimensions=SEGMENTS,
        grains=GRAINS,
    ),
)
