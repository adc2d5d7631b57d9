"""Productivity: what reps do, and what comes of it per head and per deal."""

from kpi.catalogue.dimensions import D_ACT
from kpi.catalogue.revenue import CURRENCY_RULE, HUBSPOT, SALESFORCE, UNPRICED_ADD_NOTHING
from kpi.metric import Card, Flow, Metric, Names, PerSpan, Polarity, Unit

ACTIVITIES = (
    "HubSpot: calls, emails, meetings, tasks, communications",
    "Salesforce: Task, Event, EmailMessage",
)
HEADS = "An active rep is active on at least one day of the period. Nobody active: null."

REP_REVENUE = Card(
    key="revenue_per_rep",
    category="productivity",
    unit=Unit.MONEY,
    polarity=Polarity.UP,
    names=Names(
        en="Revenue per rep",
        fa="معیارهای درآمد سرانه / میزان فروش هر فروشنده",
        tr="Satış elemanı başına ciro",
        ru="Выручка на одного менеджера",
    ),
    formula="revenue of the deals of reps / number of active reps; by owner: the rep's revenue",
    day="close day",
    edge_cases=(
        HEADS,
        "Deals of people who are no reps are left out; their sum is the coverage `non_rep`.",
        UNPRICED_ADD_NOTHING,
        CURRENCY_RULE,
    ),
    sources=(HUBSPOT, SALESFORCE, "users"),
    needs=("users",),
)
CALLS_PER_REP = Card(
    key="calls_per_rep",
    category="productivity",
    unit=Unit.COUNT,
    polarity=Polarity.CONTEXT,
    names=Names(
        en="Calls per rep",
        fa="میانگین تماس هر فروشنده",
        tr="Satış görevlisi başına ortalama çağrı sayısı",
        ru="Среднее число звонков на менеджера",
    ),
    formula="calls made by reps / number of active reps; by owner: the rep's calls",
    day="day of the call",
    edge_cases=(
        HEADS,
        "Calls of people who are no reps are left out.",
        "Inbound, canceled and open calls are left out; unanswered ones count.",
        "By outcome or hour: those calls / all active reps, so that they add up.",
    ),
    sources=ACTIVITIES,
    needs=("activities", "users"),
)
CALLS_PER_OPPORTUNITY = Card(
    key="calls_per_opportunity",
    category="productivity",
    unit=Unit.COUNT,
    polarity=Polarity.CONTEXT,
    names=Names(
        en="Calls per opportunity",
        fa="میانگین تماس به ازای هر فرصت",
        tr="Fırsat başına ortalama çağrı sayısı",
        ru="Среднее число звонков на сделку",
    ),
    formula="calls tied to a deal / distinct deals that were open at some time in the period",
    day="day of the call; deals by being open in the period",
    edge_cases=(
        "A call counts once: for the deal it is linked to, else for the open deal of its contact or company "
        "with the latest stage change. A call to the lead that became the deal is the deal's.",
        "By outcome, or by the stage at the call: those calls / all open deals, so that they add up.",
        "No open deal: null.",
    ),
    sources=ACTIVITIES,
    needs=("activities",),
)
CALL_DIMENSIONS = ("owner", "team", "role", "outcome", "hour")
DEAL_CALL_DIMENSIONS = ("owner", "team", "pipeline", "region", "call_stage", "outcome")
REP_DIMENSIONS = ("owner", "team", "role", "tenure_band")
REVENUE_PER_REP = PerSpan(
    card=REP_REVENUE,
    part=Flow(
        card=REP_REVENUE,
        fact="credited_deals",
        total="sum(CASE WHEN by_rep = 1 THEN revenue ELSE 0 END)",
        n="ceil(credited(by_rep * booked, share))",
        coverage={
            "amount": "round(credited(by_rep * with_amount, share) / nullif(credited(by_rep * won, share), 0), 10)",
            "fx_missing": "ceil(credited(by_rep * fx_missing, share))",
            "non_rep": "sum(CASE WHEN by_rep = 0 THEN revenue ELSE 0 END)",
        },
        dimensions=REP_DIMENSIONS,
    ),
    spans="rep_spans",
    entity="rep",
    dimensions=REP_DIMENSIONS,
    alone=("owner",),
)
PRODUCTIVITY_METRICS: tuple[Metric, ...] = (
    REVENUE_PER_REP,
    Flow(
        card=Card(
            key="sales_activity_count",
            category="productivity",
            unit=Unit.COUNT,
            polarity=Polarity.UP,
            names=Names(
                en="Sales activity",
                fa="فعالیت فروشندگان",
                tr="Satış temsilcisi aktiviteleri",
                ru="Активность менеджеров по продажам",
            ),
            formula="number of rep activities: outbound calls, emails and messages, meetings, completed tasks",
            day="day of the activity; of completion for tasks",
            edge_cases=(
                "Canceled and failed ones are left out. A meeting of five counts once; a held demo has the type demo.",
                "Automated ones are counted apart, in the coverage `automated`.",
            ),
            sources=ACTIVITIES,
            needs=("activities",),
        ),
        fact="done_activities",
        total="sum(counted)",
        n="sum(counted)",
        coverage={"automated": "sum(automated)"},
        dimensions=(*D_ACT, "channel", "pipeline", "stage", "region"),
    ),
    PerSpan(
        card=CALLS_PER_REP,
        part=Flow(
            card=CALLS_PER_REP,
            fact="rep_activities",
            total="sum(rep_call)",
            n="sum(rep_call)",
            dimensions=CALL_DIMENSIONS,
        ),
        spans="rep_spans",
        entity="rep",
        dimensions=CALL_DIMENSIONS,
        alone=("owner",),
        shared=("outcome", "hour"),
    ),
    PerSpan(
        card=CALLS_PER_OPPORTUNITY,
        part=Flow(
            card=CALLS_PER_OPPORTUNITY,
            fact="deal_calls",
            total="count(*)",
            n="count(*)",
            dimensions=DEAL_CALL_DIMENSIONS,
        ),
        spans="open_spans",
        entity="deal",
        dimensions=DEAL_CALL_DIMENSIONS,
        shared=("call_stage", "outcome"),
    ),
)
