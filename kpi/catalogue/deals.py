"""Deals and pipeline: how many, won or lost, how fast, and what is open."""

from kpi.catalogue.dimensions import D_DEAL, D_OPEN
from kpi.catalogue.revenue import CURRENCY_RULE, UNPRICED_ADD_NOTHING
from kpi.metric import Card, Flow, Mean, Metric, Moment, Names, Percentile, Polarity, Quotient, Ratio, Unit

WON = ("HubSpot: hs_is_closed_won, closedate", "Salesforce: IsWon, IsClosed, CloseDate")
OPEN = ("HubSpot: hs_is_closed, dealstage with history", "Salesforce: IsClosed, StageName, OpportunityHistory")
CREATED = ("HubSpot: createdate", "Salesforce: CreatedDate")
CREDITS_OUT = "Credits are left out."


def _cycle(key: str, names: Names, formula: str) -> Card:
    return Card(
        key=key,
        category="pipeline",
        unit=Unit.DURATION,
        polarity=Polarity.DOWN,
        names=names,
        formula=formula,
        day="close day",
        edge_cases=(
            "Whole days between local days; the same day is 0. From the first creation, also when reopened.",
            "Closed before created: left out, counted in the coverage `invalid_n`.",
        ),
        sources=WON + CREATED,
        flags_small=True,
    )


def _count(key: str, names: Names, formula: str, polarity: Polarity, day: str, *edge_cases: str) -> Card:
    return Card(
        key=key,
        category="pipeline",
        unit=Unit.COUNT,
        polarity=polarity,
        names=names,
        formula=formula,
        day=day,
        edge_cases=(*edge_cases, CREDITS_OUT),
        sources=WON if day == "close day" else CREATED if day == "created day" else OPEN,
    )


def _size(key: str, names: Names, formula: str, day: str, sources: tuple[str, ...]) -> Card:
    return Card(
        key=key,
        category="pipeline",
        unit=Unit.MONEY,
        polarity=Polarity.CONTEXT,
        names=names,
        formula=f"mean amount {formula}",
        day=day,
        edge_cases=("Deals without an amount or a rate are left out of both sides.", CREDITS_OUT),
        sources=sources,
        flags_small=True,
    )


LOST_SIZE = Names(
    en="Average size of lost deals",
    fa="میانگین اندازه معاملات ناموفق",
    tr="Kaybedilen anlaşmaların ortalama büyüklüğü",
    ru="Средний размер проигранной сделки",
)
OPEN_SIZE = Names(
    en="Average size of open deals",
    fa="میانگین اندازه معاملات فعال",
    tr="Açık anlaşmaların ortalama büyüklüğü",
    ru="Средний размер активной сделки",
)
FEW = ("owner", "team", "pipeline")
"""The slices of a variant that are kept; the others are for asking."""
BAD_CYCLE = {"invalid_n": "sum(bad_cycle)"}
DEAL_METRICS: tuple[Metric, ...] = (
    Flow(
        card=_count(
            "won_deals_count",
            Names(en="Won deals", fa="معاملات موفق", tr="Kazanılan anlaşma sayısı", ru="Выигранные сделки"),
            "number of won deals",
            Polarity.UP,
            "close day",
        ),
        fact="closed_deals",
        total="sum(won)",
        n="sum(won)",
        dimensions=D_DEAL,
    ),
    Flow(
        card=_count(
            "lost_deals_count",
            Names(en="Lost deals", fa="معاملات ناموفق", tr="Kaybedilen anlaşma sayısı", ru="Проигранные сделки"),
            "number of deals closed without a win, without those whose reason is on the exclusion list",
            Polarity.DOWN,
            "close day",
        ),
        fact="closed_deals",
        total="sum(lost)",
        n="sum(lost)",
        dimensions=(*D_DEAL, "lost_reason"),
    ),
    Ratio(
        card=Card(
            key="win_rate",
            category="pipeline",
            unit=Unit.RATIO,
            polarity=Polarity.UP,
            names=Names(
                en="Win rate",
                fa="نرخ برد (درصد معاملات موفق)",
                tr="Kazanma oranı",
                ru="Процент выигранных сделок",
            ),
            formula="won deals / (won deals + lost deals), by count",
            day="close day",
            edge_cases=("Nothing closed: null. Nothing lost: 1. Open deals are on neither side.", CREDITS_OUT),
            sources=WON,
            flags_small=True,
        ),
        fact="closed_deals",
        part="sum(won)",
        whole="sum(won + lost)",
        dimensions=D_DEAL,
    ),
    Quotient(
        card=Card(
            key="win_loss_ratio",
            category="pipeline",
            unit=Unit.RATIO,
            polarity=Polarity.UP,
            names=Names(
                en="Won-to-lost ratio",
                fa="نسبت معاملات برده به باخته",
                tr="Kazanılan/kaybedilen anlaşma oranı",
                ru="Соотношение выигранных и проигранных сделок",
            ),
            formula="won deals / lost deals, by count: win rate / (1 - win rate)",
            day="close day",
            edge_cases=("Nothing lost: null, with the won deals as numerator.", CREDITS_OUT),
            sources=WON,
            flags_small=True,
        ),
        fact="closed_deals",
        over="sum(won)",
        under="sum(lost)",
        n="sum(lost)",
        rows="sum(won + lost)",
        dimensions=D_DEAL,
    ),
    Mean(
        card=_cycle(
            "sales_cycle_length",
            Names(
                en="Sales cycle length",
                fa="میانگین طول چرخه فروش",
                tr="Ortalama satış döngüsü uzunluğu",
                ru="Средняя длина цикла продаж",
            ),
            "mean of close day - created day over won deals, in days",
        ),
        fact="closed_deals",
        total="sum(cycle)",
        count="count(cycle)",
        coverage={**BAD_CYCLE, "standard_error": "standard_error(cycle)"},
        dimensions=D_DEAL,
    ),
    Percentile(
        card=_cycle(
            "sales_cycle_length_median",
            Names(
                en="Sales cycle length, median",
                fa="میانهٔ طول چرخه فروش",
                tr="Medyan satış döngüsü uzunluğu",
                ru="Медианная длина цикла продаж",
            ),
            "median of close day - created day over won deals, in days",
        ),
        fact="closed_deals",
        of="cycle",
        at=0.5,
        coverage=BAD_CYCLE,
        dimensions=D_DEAL,
    ),
    Percentile(
        card=_cycle(
            "sales_cycle_length_p90",
            Names(
                en="Sales cycle length, 90th percentile",
                fa="صدک نودم طول چرخه فروش",
                tr="Satış döngüsü uzunluğu, 90. yüzdelik",
                ru="Длина цикла продаж, 90-й процентиль",
            ),
            "90th percentile of close day - created day over won deals, in days",
        ),
        fact="closed_deals",
        of="cycle",
        at=0.9,
        coverage=BAD_CYCLE,
        dimensions=D_DEAL,
    ),
    Mean(
        card=_cycle(
            "sales_cycle_length_lost",
            Names(
                en="Time to lose",
                fa="میانگین طول چرخه معاملات ناموفق",
                tr="Kaybedilen anlaşmalarda ortalama döngü uzunluğu",
                ru="Средняя длина цикла проигранных сделок",
            ),
            "mean of close day - created day over lost deals, in days",
        ),
        fact="closed_deals",
        total="sum(lost_cycle)",
        count="count(lost_cycle)",
        coverage={"invalid_n": "sum(bad_lost_cycle)", "standard_error": "standard_error(lost_cycle)"},
        dimensions=D_DEAL,
        stored=FEW,
    ),
    Mean(
        card=_size("average_deal_size_lost", LOST_SIZE, "over lost deals with a known amount", "close day", WON),
        fact="closed_deals",
        total="sum(lost_value)",
        count="count(lost_value)",
        coverage={"standard_error": "standard_error(lost_value)"},
        dimensions=D_DEAL,
        stored=FEW,
    ),
    Moment(
        card=_size("average_deal_size_open", OPEN_SIZE, "over open deals with a known amount", "moment", OPEN),
        fact="open_deals",
        total="coalesce(sum(value) FILTER (with_amount > fx_missing), 0)",
        base="count(*) FILTER (with_amount > fx_missing)",
        n="count(*) FILTER (with_amount > fx_missing)",
        coverage={
            "amount": "round(sum(with_amount) / nullif(count(*), 0), 10)",
            "fx_missing": "sum(fx_missing)",
            "standard_error": "standard_error(CASE WHEN with_amount > fx_missing THEN value END)",
        },
        dimensions=D_OPEN,
        stored=FEW,
    ),
    Flow(
        card=_count(
            "new_opportunities_count",
            Names(
                en="New opportunities",
                fa="تعداد فرصت های جدید",
                tr="Fırsat sayısı",
                ru="Количество новых возможностей",
            ),
            "number of deals created",
            Polarity.UP,
            "created day",
            "Deals created already closed count.",
            "Flagged backdated where a deal's first stage was recorded over seven days after its creation, as after an "
            "import or an edited date; the coverage `backdated_n` is how many.",
        ),
        fact="created_deals",
        total="count(*)",
        n="count(*)",
        coverage={"backdated_n": "sum(backdated)"},
        marks={"backdated": "bool_or(backdated = 1)"},
        dimensions=(*D_DEAL, "probability_band"),
    ),
    Ratio(
        card=Card(
            key="opportunity_conversion_rate",
            category="pipeline",
            unit=Unit.RATIO,
            polarity=Polarity.UP,
            names=Names(
                en="Opportunity conversion rate",
                fa="نرخ تبدیل فرصت به فروش",
                tr="Fırsat → satış dönüşüm oranı",
                ru="Конверсия сделок в продажи",
            ),
            formula="deals created in the period that are won by now / deals created in the period",
            day="created day",
            edge_cases=(
                "Open deals stay in the denominator: a young cohort reads low and carries the flag `immature`.",
                "The coverage `open_share` is the share that is still open.",
            ),
            sources=WON + CREATED,
            flags_small=True,
        ),
        fact="created_deals",
        part="sum(won)",
        whole="count(*)",
        coverage={"open_share": "round(sum(still_open) / nullif(count(*), 0), 10)"},
        cohort=True,
        dimensions=D_DEAL,
    ),
    Moment(
        card=_count(
            "active_deals_count",
            Names(
                en="Active deals",
                fa="تعداد معاملات فعال",
                tr="Aktif anlaşma sayısı",
                ru="Число активных продаж",
            ),
            "number of open deals at the end of the period's last day; to date: now",
            Polarity.CONTEXT,
            "moment",
            "The past comes from the deals' histories, not from their present state.",
        ),
        fact="open_deals",
        total="count(*)",
        n="count(*)",
        daily="open_days",
        daily_total="deals",
        daily_n="deals",
        dimensions=D_OPEN,
    ),
    Moment(
        card=Card(
            key="open_pipeline_value",
            category="pipeline",
            unit=Unit.MONEY,
            polarity=Polarity.CONTEXT,
            names=Names(
                en="Open pipeline value",
                fa="ارزش معاملات باز",
                tr="Açık fırsat hattı değeri",
                ru="Сумма открытых сделок",
            ),
            formula="sum of the amounts of open deals at the end of the period's last day; to date: now",
            day="moment",
            edge_cases=(UNPRICED_ADD_NOTHING, CURRENCY_RULE, "The rate is that of the moment.", CREDITS_OUT),
            sources=OPEN,
        ),
        fact="open_deals",
        total="sum(value)",
        n="count(*)",
        coverage={
            "amount": "round(sum(with_amount) / nullif(count(*), 0), 10)",
            "fx_missing": "sum(fx_missing)",
        },
        daily="open_days",
        daily_total="value",
        daily_n="deals",
        daily_coverage={"amount": "round(with_amount / nullif(deals, 0), 10)", "fx_missing": "fx_missing"},
        dimensions=D_OPEN,
    ),
)
