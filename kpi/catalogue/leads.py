"""Leads: how many, from where, how good, and what becomes of them."""

from kpi.catalogue.dimensions import D_LEAD
from kpi.catalogue.spread import spread
from kpi.metric import Card, Combined, Flow, Metric, Names, Polarity, Quotient, Ratio, Unit

LEADS = (
    "HubSpot: leads hs_createdate, hs_pipeline_stage, hubspot_owner_id, hs_lead_is_disqualified, and their deals",
    "Salesforce: Lead CreatedDate, Status, LeadSource, OwnerId, IsConverted, ConvertedOpportunityId, MasterRecordId",
)
QUALIFIED = (
    "HubSpot: hs_v2_date_entered_<stage> of the lead, of marketingqualifiedlead and salesqualifiedlead of the contact",
    "Salesforce: LeadHistory on Status, or ConvertedDate where conversion means qualified",
)
MERGED = "Merged leads count once, from the earliest creation. One person may have several leads: each is one."
OWNED = "The owner is the present one: no CRM keeps the history of a lead's owners. The team is that of the creation."
NO_LEADS = "No leads: null, zero_denominator."
COHORT = "Followed until now: a young cohort reads low, carries the flag `immature` and its `undecided` share."
PATIENCE = "Young is less than 1.5 times the median time from lead to win, and less than 30 days."
MATCHED = (
    "The lead's deal; without one, a won deal of its contact (without a contact, of its company) that was "
    "created since "
    "the lead and closed within that time, counted in `matched_n`."
)
UNDECIDED = {"undecided": "round(sum(undecided) / nullif(count(*), 0), 10)"}
LEADS_CREATED = Flow(
    card=Card(
        key="leads_created",
        category="leads",
        unit=Unit.COUNT,
        polarity=Polarity.UP,
        names=Names(en="Leads", fa="سرنخ (تعداد کل)", tr="Potansiyel müşteri (lead) sayısı", ru="Количество лидов"),
        formula="number of leads created",
        day="created day",
        edge_cases=(MERGED, OWNED),
        sources=LEADS,
        needs=("leads",),
    ),
    fact="created_leads",
    total="count(*)",
    n="count(*)",
    dimensions=D_LEAD,
)
SOURCES = ("source", "campaign", "channel", "owner", "region")
LEADS_BY_SOURCE = Card(
    key="leads_by_source",
    category="leads",
    unit=Unit.RATIO,
    polarity=Polarity.CONTEXT,
    names=Names(en="Lead sources", fa="منابع سرنخ", tr="Lead kaynakları", ru="Источники лидов"),
    formula="leads of one source / leads created; the count is the numerator",
    day="created day",
    edge_cases=(
        "The source is the lead's, else its contact's: the first touch. Without one: unknown, shown and never dropped.",
        "Spellings are made one by the setting `source_names`.",
        "There is no total: only shares.",
    ),
    sources=("HubSpot: hs_analytics_source", "Salesforce: Lead LeadSource"),
    needs=("leads",),
    flags_small=True,
)


def _rate(key: str, names: Names, formula: str, day: str, *edge_cases: str, sources: tuple[str, ...] = LEADS) -> Card:
    return Card(
        key=key,
        category="leads",
        unit=Unit.RATIO,
        polarity=Polarity.UP,
        names=names,
        formula=formula,
        day=day,
        edge_cases=(*edge_cases, NO_LEADS),
        sources=sources,
        needs=("leads",),
        flags_small=True,
    )


LEAD_METRICS: tuple[Metric, ...] = (
    LEADS_CREATED,
    Flow(
        card=Card(
            key="qualified_leads_count",
            category="leads",
            unit=Unit.COUNT,
            polarity=Polarity.UP,
            names=Names(
                en="Qualified leads",
                fa="سرنخ های واجد شرایط",
                tr="Nitelikli potansiyel müşteri sayısı",
                ru="Квалифицированные лиды",
            ),
            formula="number of leads that were qualified",
            day="day of the first qualification",
            edge_cases=(
                "By level, a lead counts at its own and, where that is higher, at MQL too: on the same day. So the "
                "levels don't add up to the total, in which each lead counts once.",
                "Records keep the first qualification only: one after recycling is not told.",
                MERGED,
            ),
            sources=QUALIFIED,
            needs=("leads",),
        ),
        fact="qualified_leads",
        total="count(DISTINCT lead)",
        n="count(DISTINCT lead)",
        dimensions=(*D_LEAD, "level"),
        overlapping=("level",),
    ),
    Ratio(
        card=_rate(
            "lead_qualification_rate",
            Names(
                en="Lead qualification rate",
                fa="نرخ صلاحیت سرنخ (کیفیت سرنخ)",
                tr="Nitelikli lead oranı (lead kalitesi)",
                ru="Доля квалифицированных лидов",
            ),
            "leads created in the period that are qualified by now / leads created in the period",
            "created day",
            "Leads that are still being worked stay in the denominator; `being_worked` is their share.",
            "With the setting `resolved_leads_only` they are left out.",
            "Followed until now: younger than 90 days is `immature`.",
            sources=QUALIFIED,
        ),
        fact="created_leads",
        part="sum(qualified)",
        whole="count(*) FILTER (being_worked = 0 OR NOT resolved_leads_only())",
        coverage={"being_worked": "round(sum(being_worked) / nullif(count(*), 0), 10)"},
        marks={"immature": "min(age) < 90"},
        dimensions=D_LEAD,
    ),
    Combined(
        card=LEADS_BY_SOURCE,
        parts={
            "own": Flow(card=LEADS_BY_SOURCE, fact="sourced_leads", total="count(*)", n="count(*)", dimensions=SOURCES),
            "every": Flow(card=LEADS_BY_SOURCE, fact="sourced_leads", total="count(*)", n="count(*)", dimensions=()),
        },
        numerator="own",
        denominator="every",
        n="every_n",
        slices_of="own",
        shared={"every": SOURCES},
        dimensions=SOURCES,
        mandatory=True,
        is_share=True,
    ),
    Ratio(
        card=_rate(
            "lead_conversion_rate",
            Names(
                en="Conversion rate",
                fa="نرخ تبدیل",
                tr="Dönüşüm oranı (lead → müşteri)",
                ru="Конверсия лидов в клиентов",
            ),
            "leads created in the period that led to a won deal by now / leads created in the period",
            "created day",
            MATCHED,
            COHORT,
            PATIENCE,
            "Credits are no wins. A lead of an existing customer counts where its deal is won.",
        ),
        fact="created_leads",
        part="sum(won)",
        whole="count(*)",
        coverage={**UNDECIDED, "matched_n": "sum(matched)"},
        marks={"immature": "bool_or(is_young)"},
        dimensions=D_LEAD,
    ),
    Quotient(
        card=_rate(
            "lead_to_close_ratio",
            Names(
                en="Lead-to-close ratio",
                fa="نسبت فروش منجر به بسته شدن معاملات",
                tr="Lead–kapanış oranı",
                ru="Соотношение лидов и закрытых сделок",
            ),
            "won new-business deals of the period / leads created in the period",
            "close day of deals, created day of leads",
            "The deals come from other leads than those of the period, so it may be above 1.",
            "Credits are left out.",
        ),
        fact="leads_and_wins",
        over="sum(wins)",
        under="sum(leads)",
        n="sum(leads)",
        rows="count(*)",
        dimensions=("owner", "team", "source", "country", "region", "industry", "size_band"),
    ),
    Ratio(
        card=_rate(
            "qualified_lead_conversion_rate",
            Names(
                en="Qualified lead conversion",
                fa="نرخ تبدیل سرنخ های واجد شرایط",
                tr="Nitelikli lead dönüşüm oranı",
                ru="Конверсия квалифицированных лидов",
            ),
            "qualified leads of the period that led to a won deal by now / qualified leads of the period",
            "day of the first qualification",
            "Of the leads at the highest level in use: SQL, else SAL, else MQL.",
            COHORT,
            PATIENCE,
            sources=QUALIFIED,
        ),
        fact="qualified_leads",
        part="sum(won) FILTER (is_top)",
        whole="count(*) FILTER (is_top)",
        coverage={"undecided": "round(sum(undecided) FILTER (is_top) / nullif(count(*) FILTER (is_top), 0), 10)"},
        marks={"immature": "bool_or(is_young) FILTER (is_top)"},
        dimensions=D_LEAD,
    ),
    Ratio(
        card=_rate(
            "lead_follow_up_rate",
            Names(
                en="Lead follow-up rate",
                fa="نرخ پیگیری سرنخ",
                tr="Lead takip oranı",
                ru="Процент отслеживания лидов",
            ),
            "leads with a further rep activity within 14 days of the first / leads that had a first one",
            "created day",
            "Activities on the lead, its contact or its deal count, from the lead's creation on. A no-show is "
            "an attempt "
            "and counts; automated e-mails don't.",
            "`immature` where leads are younger than the window (setting `follow_up_window_days`).",
            sources=("HubSpot: activities of the lead and the contact", "Salesforce: Task and Event by WhoId, WhatId"),
        ),
        fact="followed_leads",
        part="sum(followed)",
        whole="count(*)",
        marks={"immature": "bool_or(is_young)"},
        dimensions=D_LEAD,
    ),
    *spread(
        Card(
            key="lead_stage_cycle_time",
            category="leads",
            unit=Unit.DURATION,
            polarity=Polarity.DOWN,
            names=Names(
                en="Lead cycle time between stages",
                fa="زمان چرخه سرنخ (از یک مرحله به مرحله بعد)",
                tr="Lead aşama çevrim süresi",
                ru="Время прохождения лида между этапами",
            ),
            formula="mean time of leads from one stage to the next: created, contacted, qualified, converted; in days",
            day="day of the later stage",
            edge_cases=(
                "Contacted is the first contact that the CRM tells, else the first rep activity on the lead.",
                "A conversion without a time of day is counted in whole days, told in `by_day_n`.",
                "Leads that are still in the stage are left out, and counted in `open_n` on the day they came to it.",
                "Negative ones are left out and counted in the coverage `invalid_n`.",
            ),
            sources=(*QUALIFIED, "Salesforce: ConvertedDate is a day without a time"),
            needs=("leads",),
            flags_small=True,
        ),
        "lead_steps",
        total="days(sum(microseconds))",
        of="microseconds / 86400e6",
        coverage={"invalid_n": "sum(bad_step)", "open_n": "sum(still_open)", "by_day_n": "sum(by_day)"},
        dimensions=(*D_LEAD, "stage_pair"),
    ),
)
