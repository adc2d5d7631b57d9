"""Contacts with people: conversations, demos, meetings, touches, answers, and how long a sale takes from the first."""

from kpi.catalogue.dimensions import D_ACT, D_DEAL
from kpi.catalogue.spread import spread
from kpi.metric import Card, Mean, Metric, Names, Periodic, Polarity, Quotient, Ratio, Unit

ACTIVITIES = (
    "HubSpot: calls, emails, meetings, communications and their associations",
    "Salesforce: Task, Event, EmailMessage by WhoId, WhatId",
)
SURVEYS = (
    "HubSpot: feedback_submissions hs_sentiment, hs_response_group, hs_value",
    "Salesforce: Feedback Management, or a file",
)
PARTY_DIMENSIONS = ("country", "region", "industry", "size_band")


def _responses(key: str, names: Names, polarity: Polarity, kind: str) -> Ratio:
    return Ratio(
        card=Card(
            key=key,
            category="leads",
            unit=Unit.RATIO,
            polarity=polarity,
            names=names,
            formula=f"{kind} responses to surveys / responses with a known sentiment",
            day="local day of the response",
            edge_cases=(
                "The sentiment as the source says, else by the score: NPS 9 and 10 positive, 0 to 6 negative; CSAT and "
                "reviews 4 and 5 positive, 1 and 2 negative; CES 5 to 7 positive, 1 to 3 negative.",
                "Unclassified ones are left out; their share is the coverage `unclassified`.",
                "No classified response: null.",
            ),
            sources=SURVEYS,
            needs=("survey_responses",),
            flags_small=True,
        ),
        fact="responses",
        part=f"sum({kind}) FILTER (known = 1)",
        whole="sum(known)",
        coverage={"unclassified": "round(1 - sum(known) / count(*), 10)"},
        dimensions=("survey_type", *PARTY_DIMENSIONS, "owner"),
    )


CONTACT_METRICS: tuple[Metric, ...] = (
    Quotient(
        card=Card(
            key="conversation_to_demo_ratio",
            category="leads",
            unit=Unit.RATIO,
            polarity=Polarity.UP,
            names=Names(
                en="Conversation-to-demo ratio",
                fa="نسبت مکالمه به دمو",
                tr="Görüşme–demo oranı",
                ru="Соотношение разговоров и демо",
            ),
            formula="demos held / conversations: connected calls and held meetings that are no demos",
            day="day of the activity",
            edge_cases=(
                "A demo is a held meeting whose kind or title says so (setting `demo_words`).",
                "No conversations: null. It may be above 1. The coverage `inverse` is conversations per demo.",
            ),
            sources=ACTIVITIES,
            needs=("activities",),
            flags_small=True,
        ),
        fact="talks",
        over="sum(demo)",
        under="sum(conversation)",
        n="sum(conversation)",
        rows="count(*)",
        coverage={"inverse": "round(sum(conversation) / nullif(sum(demo), 0), 10)"},
        dimensions=(*D_ACT, "pipeline", "stage", "region"),
    ),
    Ratio(
        card=Card(
            key="conversation_to_demo_cohort",
            category="leads",
            unit=Unit.RATIO,
            polarity=Polarity.UP,
            names=Names(
                en="Prospects talked to who saw a demo",
                fa="سهم مخاطبان گفتگو که دمو دیدند",
                tr="Görüşülenlerden demo görenlerin oranı",
                ru="Доля собеседников, увидевших демо",
            ),
            formula="distinct prospects talked to in the period who had a demo within 30 days / distinct prospects "
            "talked to",
            day="day of the conversation",
            edge_cases=(
                "Conversations and demos as in conversation_to_demo_ratio; a prospect is a company, else a person.",
                "`immature` while a conversation is younger than 30 days.",
            ),
            sources=ACTIVITIES,
            needs=("activities",),
            flags_small=True,
        ),
        fact="talked_prospects",
        part="count(DISTINCT party) FILTER (is_shown)",
        whole="count(DISTINCT party)",
        marks={"immature": "bool_or(is_young)"},
        dimensions=("owner", "team"),
    ),
    Mean(
        card=Card(
            key="touchpoints_until_win",
            category="leads",
            unit=Unit.COUNT,
            polarity=Polarity.CONTEXT,
            names=Names(
                en="Touchpoints until the win",
                fa="تعداد نقاط تماس تا برد",
                tr="Kazanılana kadar temas noktası sayısı",
                ru="Точки контакта до выигрыша",
            ),
            formula="touchpoints of their customers up to the close day / won deals of the period",
            day="close day",
            edge_cases=(
                "Touchpoints as in touchpoints_per_customer, since the customer's first; of a further deal too.",
                "A deal whose customer nobody touched counts with 0.",
            ),
            sources=ACTIVITIES,
            needs=("activities",),
            flags_small=True,
        ),
        fact="touched_wins",
        total="sum(touches)",
        count="count(*)",
        coverage={"standard_error": "standard_error(touches)", "untouched_n": "count(*) FILTER (touches = 0)"},
        dimensions=D_DEAL,
        stored=("owner", "team", "pipeline"),
    ),
    Ratio(
        card=Card(
            key="meeting_acceptance_rate",
            category="leads",
            unit=Unit.RATIO,
            polarity=Polarity.UP,
            names=Names(
                en="Meeting acceptance rate",
                fa="نرخ پذیرش جلسه",
                tr="Toplantı kabul oranı",
                ru="Процент принятия встреч",
            ),
            formula="distinct prospects who accepted an invitation / distinct prospects invited",
            day="day for which the meeting is set",
            edge_cases=(
                "Rescheduled is accepted. Colleagues (people with the e-mail address of a user) don't count.",
                "Invitations of a connection that knows no answers tell nothing: left out; source_missing "
                "where there are no others.",
                "The coverage `by_meeting` is the share of accepted invitations.",
            ),
            sources=("HubSpot: meetings booked through a link", "Salesforce: EventRelation Status"),
            needs=("meeting_invites",),
            flags_small=True,
        ),
        fact="meeting_answers",
        part="count(DISTINCT prospect) FILTER (is_known AND is_accepted)",
        whole="count(DISTINCT prospect) FILTER (is_known)",
        coverage={
            "by_meeting": "round(count(*) FILTER (is_known AND is_accepted) / nullif(count(*) FILTER "
            "(is_known), 0), 10)"
        },
        status="CASE WHEN NOT bool_or(is_known) THEN 'source_missing' END",
        dimensions=("owner", "team", "meeting_type", "source", "country", "region"),
    ),
    _responses(
        "positive_response_rate",
        Names(
            en="Positive response rate",
            fa="نرخ پاسخ مثبت",
            tr="Olumlu yanıt oranı",
            ru="Процент положительных ответов",
        ),
        Polarity.UP,
        "positive",
    ),
    _responses(
        "negative_response_rate",
        Names(
            en="Negative response rate",
            fa="نرخ پاسخ منفی",
            tr="Olumsuz yanıt oranı",
            ru="Процент отрицательных ответов",
        ),
        Polarity.DOWN,
        "negative",
    ),
    Mean(
        card=Card(
            key="touchpoints_per_customer",
            category="leads",
            unit=Unit.COUNT,
            polarity=Polarity.CONTEXT,
            names=Names(
                en="Touchpoints per customer",
                fa="تعداد نقاط تماس با مشتری",
                tr="Temas noktası sayısı",
                ru="Количество точек контакта",
            ),
            formula="touchpoints in both directions / distinct companies or people touched",
            day="day of the activity",
            edge_cases=(
                "A call, e-mail, message or held meeting; an e-mail to five people of one company is one "
                "touch. No-shows, "
                "cancellations, tasks, notes and automated mail are none.",
                "Activities that are tied to nobody are left out and counted in `unlinked_n`.",
            ),
            sources=ACTIVITIES,
            needs=("activities",),
            flags_small=True,
        ),
        fact="touched",
        total="count(customer_number)",
        count="count(DISTINCT customer_number)",
        coverage={"unlinked_n": "count(*) - count(customer_number)"},
        dimensions=("owner", "team", "activity_type", "direction", *PARTY_DIMENSIONS, "source", "stage"),
    ),
    Periodic(
        card=Card(
            key="customer_acquisition_rate",
            category="leads",
            unit=Unit.RATIO,
            polarity=Polarity.UP,
            names=Names(
                en="Customer acquisition rate",
                fa="نرخ جذب مشتری",
                tr="Müşteri kazanma oranı",
                ru="Процент привлечения клиентов",
            ),
            formula="new customers of the period / prospects in play: no customers when it began, with an open "
            "deal or a "
            "new lead in it",
            day="close day of the first win; prospects by being in play in the period",
            edge_cases=(
                "Companies (people where there is none) count, not leads: two leads of a company are one prospect.",
                "Whoever had won or subscribed before the period is on neither side.",
                "Nobody in play: null.",
            ),
            sources=("HubSpot: companies of deals and leads", "Salesforce: Account, Lead, Opportunity"),
            needs=("deals",),
            flags_small=True,
        ),
        fact="prospect_periods",
        total="sum(won)",
        base="sum(prospects)",
        n="sum(prospects)",
        dimensions=("country", "region", "industry", "size_band", "owner", "source"),
        is_share=True,
    ),
    *spread(
        Card(
            key="first_contact_to_close_time",
            category="pipeline",
            unit=Unit.DURATION,
            polarity=Polarity.DOWN,
            names=Names(
                en="Time from first contact to close",
                fa="زمان از اولین تماس تا بستن فروش",
                tr="İlk temastan kapanışa kadar geçen süre",
                ru="Время от первого контакта до закрытия",
            ),
            formula="mean of close day - day of the first contact over won new-business deals, in days",
            day="close day",
            edge_cases=(
                "The first rep activity on the deal, its lead, or the people behind them; without one the lead's "
                "creation.",
                "Neither: left out, counted in `no_contact_n`. A first contact after the close: left out, `invalid_n`.",
                "Expansions and renewals are left out: their first contact is years back.",
            ),
            sources=ACTIVITIES,
            needs=("activities|leads",),
            flags_small=True,
        ),
        "first_contacts",
        total="sum(days_since)",
        of="days_since",
        coverage={"invalid_n": "sum(bad_contact)", "no_contact_n": "sum(no_contact)"},
        dimensions=D_DEAL,
    ),
)
