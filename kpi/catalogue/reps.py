"""Reps: how their productivity grows, against what is put into it, and how they learn."""

from dataclasses import replace

from kpi.catalogue.productivity import HEADS, REVENUE_PER_REP
from kpi.catalogue.profitability import SPEND, SPEND_CASES, spent
from kpi.catalogue.revenue import HUBSPOT, SALESFORCE
from kpi.metric import Against, Card, Combined, Flow, Growth, Metric, Names, PerSpan, Polarity, Tenure, Unit

LONGER = ("month", "quarter", "year")
TRAININGS = ("files: training_events",)
BOTH_SIDES = "Both sides are needed; the base may not be 0. A running period is compared with as many days of the last."

GROWTH = Growth(
    card=Card(
        key="revenue_per_rep_growth",
        category="productivity",
        unit=Unit.RATIO,
        polarity=Polarity.UP,
        names=Names(
            en="Growth of revenue per rep",
            fa="رشد درآمد سرانه",
            tr="Kişi başı ciro artışı",
            ru="Рост выручки на менеджера",
        ),
        formula="(revenue per rep - that of the period before) / that of the period before",
        day="close day",
        edge_cases=(BOTH_SIDES, "Hiring lowers it for a while: read it beside the number of reps."),
        sources=(HUBSPOT, SALESFORCE, "users"),
        needs=("users",),
        flags_small=True,
    ),
    of=REVENUE_PER_REP,
    grains=LONGER,
    dimensions=("team", "role"),
)
SPEND_PER_REP = PerSpan(
    card=replace(REVENUE_PER_REP.card, key="enablement_per_rep", formula="enablement spend / active reps"),
    part=replace(spent("enablement"), dimensions=("team",)),
    spans="rep_spans",
    entity="rep",
    dimensions=("team",),
)
HEAD_COUNT = Combined(
    card=replace(REVENUE_PER_REP.card, key="heads", unit=Unit.COUNT, formula="active reps"),
    parts={"heads": SPEND_PER_REP},
    numerator="coalesce(heads_base, 0)",
    n="heads_n",
    dimensions=("team",),
    grains=LONGER,
)
EXPERIENCE = Tenure(
    card=replace(REVENUE_PER_REP.card, key="experience", unit=Unit.DURATION, formula="days since active reps began"),
    dimensions=("team",),
)
GAP = Card(
    key="productivity_investment_gap",
    category="productivity",
    unit=Unit.RATIO,
    polarity=Polarity.UP,
    names=Names(
        en="Productivity against investment",
        fa="شکاف رشد درآمد سرانه و سرمایه‌گذاری",
        tr="Verimlilik–yatırım farkı",
        ru="Разрыв роста выручки на менеджера и инвестиций",
    ),
    formula="growth of revenue per rep - growth of enablement spend per rep, over the same two periods",
    day="close day for revenue, day of the spend for spend",
    edge_cases=(
        "A difference of two growths, in percentage points: may be negative. Either one unknown: null.",
        "The coverage `capacity_growth` is the growth of the number of active reps, `experience_growth` that of their "
        "mean days since they began, on the last day of the period (in a running one, today).",
        *SPEND_CASES,
    ),
    sources=(*SPEND, HUBSPOT, SALESFORCE),
    needs=("spend.category=enablement", "users"),
    flags_small=True,
)
LEARNING = Card(
    key="learning_rate",
    category="productivity",
    unit=Unit.RATIO,
    polarity=Polarity.UP,
    names=Names(en="Learning rate", fa="میزان یادگیری", tr="Öğrenme hızı", ru="Уровень обучения"),
    formula="completed trainings of reps / number of active reps; by owner: the rep's trainings",
    day="day of completion",
    edge_cases=(
        HEADS,
        "Trainings that are not completed don't count.",
        "The coverage tells their `hours`, and `learners`: how many reps have completed any.",
        "By skill: those trainings / all active reps, so that the skills add up.",
    ),
    sources=TRAININGS,
    needs=("training_events", "users"),
)
LEARNING_DIMENSIONS = ("owner", "team", "role", "skill")


def _why(part: str) -> str:
    return (
        f"WHEN {part}_value IS NULL THEN coalesce({part}_status, "
        f"CASE WHEN {part}_base < 0 THEN 'negative_base' ELSE 'zero_denominator' END)"
    )


def _learning(key: str, names: Names, formula: str, total: str, unit: Unit) -> PerSpan:
    """Another measure of learning per head."""
    is_share = unit is Unit.RATIO
    card = replace(LEARNING, key=key, names=names, formula=formula, unit=unit, flags_small=is_share)
    return PerSpan(
        card=card,
        part=Flow(card=card, fact="trainings", total=total, n="count(*)", dimensions=("owner", "team", "role")),
        spans="rep_spans",
        entity="rep",
        dimensions=("owner", "team", "role"),
        alone=("owner",),
        stored=("team",),
        is_share=is_share,
    )


REP_METRICS: tuple[Metric, ...] = (
    GROWTH,
    replace(
        GROWTH,
        card=replace(
            GROWTH.card,
            key="revenue_per_rep_growth_yoy",
            names=Names(
                en="Growth of revenue per rep (year over year)",
                fa="رشد درآمد سرانه (نسبت به سال قبل)",
                tr="Kişi başı ciro artışı (yıllık)",
                ru="Рост выручки на менеджера (год к году)",
            ),
            formula="(revenue per rep - that of the same period a year before) / that of a year before",
        ),
        against=Against.YEAR,
        stored=("team",),
    ),
    Combined(
        card=GAP,
        parts={
            "revenue": replace(GROWTH, dimensions=("team",)),
            "spend": replace(GROWTH, of=SPEND_PER_REP, dimensions=("team",)),
            "capacity": replace(GROWTH, of=HEAD_COUNT, dimensions=("team",)),
            "experience": replace(GROWTH, of=EXPERIENCE, dimensions=("team",)),
        },
        numerator="revenue_value - spend_value",
        n="revenue_n",
        status=f"CASE {_why('revenue')} {_why('spend')} END",
        coverage={"capacity_growth": "capacity_value", "experience_growth": "experience_value"},
        dimensions=("team",),
        grains=LONGER,
    ),
    PerSpan(
        card=LEARNING,
        part=Flow(
            card=LEARNING,
            fact="trainings",
            total="count(*)",
            n="count(*)",
            coverage={"hours": "coalesce(sum(hours), 0)", "learners": "count(DISTINCT owner)"},
            dimensions=LEARNING_DIMENSIONS,
        ),
        spans="rep_spans",
        entity="rep",
        dimensions=LEARNING_DIMENSIONS,
        alone=("owner",),
        shared=("skill",),
    ),
    _learning(
        "learning_hours_per_rep",
        Names(
            en="Training hours per rep",
            fa="ساعات یادگیری هر فروشنده",
            tr="Temsilci başına eğitim saati",
            ru="Часы обучения на менеджера",
        ),
        "hours of completed trainings of reps / number of active reps; by owner: the rep's hours",
        "coalesce(sum(hours), 0)",
        Unit.COUNT,
    ),
    _learning(
        "learners_share",
        Names(
            en="Share of reps who learned",
            fa="سهم فروشندگان آموزش‌دیده",
            tr="Eğitim alan temsilcilerin oranı",
            ru="Доля обучавшихся менеджеров",
        ),
        "reps with at least one training completed while active / number of active reps",
        "count(DISTINCT owner) FILTER (is_active)",
        Unit.RATIO,
    ),
)
