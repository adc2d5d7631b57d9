"""Service: what customers say, how they take part, and how soon they are answered."""

from kpi.catalogue.customers import WHO
from kpi.catalogue.dimensions import D_CUSTOMER
from kpi.catalogue.spread import spread
from kpi.metric import Balance, Card, Mean, Metric, Names, Polarity, Unit

MARGIN = (
    "round(195.9963984540054 * sqrt(greatest(0, avg(promotion * promotion) - avg(promotion) * avg(promotion)) "
    "/ nullif(count(promotion), 0)), 10)"
)
SERVICE_METRICS: tuple[Metric, ...] = (
    Mean(
        card=Card(
            key="net_promoter_score",
            category="customer",
            unit=Unit.SCORE,
            polarity=Polarity.UP,
            names=Names(
                en="Net promoter score (NPS)",
                fa="NPS (میزان پیشنهاد برند به بقیه)",
                tr="Net tavsiye skoru (NPS)",
                ru="Индекс потребительской лояльности (NPS)",
            ),
            formula="100 x (promoters, 9 and 10, - detractors, 0 to 6) / responses with a score of 0 to 10",
            day="local day of the response",
            edge_cases=(
                "Of several responses of a person to one survey the latest counts.",
                "No responses: null. Below 30 responses: flagged below_min_sample.",
                "The coverage `margin_of_error` is half of the 95 % interval, in points.",
            ),
            sources=(
                "HubSpot: feedback_submissions hs_survey_type, hs_value, hs_submission_timestamp",
                "Salesforce: Feedback Management, or a file",
            ),
            needs=("survey_responses",),
        ),
        fact="responses",
        total="100 * sum(promotion)",
        count="count(promotion)",
        coverage={
            "promoters_n": "count(*) FILTER (promotion = 1)",
            "detractors_n": "count(*) FILTER (promotion = -1)",
            "margin_of_error": MARGIN,
        },
        marks={"below_min_sample": "count(promotion) BETWEEN 1 AND 29"},
        dimensions=("country", "region", "product", "industry", "size_band", "owner", "survey"),
    ),
    Balance(
        card=Card(
            key="customer_engagement_score",
            category="customer",
            unit=Unit.SCORE,
            polarity=Polarity.UP,
            names=Names(
                en="Customer engagement",
                fa="میزان تعامل مشتری",
                tr="Müşteri etkileşimi",
                ru="Вовлеченность клиентов",
            ),
            formula="mean over customers of their interactions of the last 30 days, by weight, 100 at most: "
            "reply 3, held "
            "meeting 5, connected call 3, survey answer 2, ticket 1, product usage 0",
            day="moment",
            edge_cases=(
                "The weights are a setting (`engagement_weights`); others make a series of their own.",
                "A customer has won at some time, or has an active subscription. Who did nothing scores 0 and counts.",
                "Automated mail doesn't count.",
                WHO,
            ),
            sources=(
                "HubSpot: engagements, tickets, feedback_submissions",
                "Salesforce: Task, Event, EmailMessage, Case",
            ),
            needs=("activities|tickets|survey_responses|product_usage",),
            flags_small=True,
        ),
        fact="engagement",
        total="sum(score)",
        base="sum(customers)",
        n="sum(customers)",
        dimensions=D_CUSTOMER,
    ),
    *spread(
        Card(
            key="response_time",
            category="customer",
            unit=Unit.MINUTES,
            polarity=Polarity.DOWN,
            names=Names(en="Response time", fa="زمان پاسخگویی", tr="Yanıt süresi", ru="Время отклика"),
            formula="mean minutes from a ticket to the first reply of a person",
            day="local day on which the ticket was opened",
            edge_cases=(
                "Unanswered tickets are left out, and counted in `unanswered_n`.",
                "Answered before asked: left out, counted in `invalid_n`.",
                "With the setting `business_hours` only working hours count, so that a night is no wait.",
                "The owner is the ticket's, the team the owner's when it was opened.",
            ),
            sources=(
                "HubSpot: tickets createdate, first_agent_reply_date",
                "Salesforce: Case CreatedDate, first EmailMessage or CaseComment",
            ),
            needs=("tickets",),
            flags_small=True,
        ),
        "requests",
        total="minutes(sum(microseconds))",
        of="microseconds / 60e6",
        coverage={"unanswered_n": "sum(unanswered)", "invalid_n": "sum(bad_response)"},
        dimensions=("owner", "team", "channel", "priority", "country", "region"),
    ),
)
