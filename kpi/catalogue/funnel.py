"""The funnel: how many go on from each stage, and how many are lost there."""

from kpi.catalogue.stages import HISTORY
from kpi.metric import Card, Metric, Names, Polarity, Ratio, Unit

DIMENSIONS = (
    "stage", "pipeline", "owner", "source", "source_category", "country", "region", "industry", "size_band",
    "deal_type", "deal_size_band",
)  # fmt: skip
FATES = {
    "dropped": "round(sum(dropped) / count(*), 10)",
    "staying": "round(sum(staying) / count(*), 10)",
    "moved": "round(sum(moved) / count(*), 10)",
}
COHORT = "Each deal or lead is followed until now, from its first entry; a return does not count again."
FATE = "Conversion, `dropped`, `staying` and `moved` (into another pipeline, which is no loss) add up to 1."
MODES = (
    "A skipped stage counts as passed. With the setting `funnel_mode: strict` every stage must have been gone "
    "through, in "
    "order; that makes a series of its own."
)
ONLY_BY_STAGE = "There is no total: only by stage, with a second dimension on demand or where `crossed`."


def _card(key: str, names: Names, polarity: Polarity, formula: str, *edge_cases: str) -> Card:
    return Card(
        key=key,
        category="leads",
        unit=Unit.RATIO,
        polarity=polarity,
        names=names,
        formula=formula,
        day="day of first reaching the stage or a later one",
        edge_cases=(*edge_cases, COHORT, FATE, MODES, ONLY_BY_STAGE),
        sources=(*HISTORY, "HubSpot: hs_pipeline_stage of leads with history", "Salesforce: LeadHistory on Status"),
        needs=("deal_stage_changes",),
        flags_small=True,
    )


FUNNEL_METRICS: tuple[Metric, ...] = (
    Ratio(
        card=_card(
            "stage_conversion_rate",
            Names(
                en="Stage conversion rate",
                fa="نرخ تبدیل مراحل قیف",
                tr="Aşamalar arası dönüşüm oranı",
                ru="Конверсия по этапам воронки",
            ),
            Polarity.UP,
            "deals (leads) that reached a later stage or were won / deals (leads) that reached this stage or a "
            "later one",
            "A won deal has reached every stage of its pipeline, a converted lead every one that it came to.",
            "Lost stages are no progress.",
        ),
        fact="stage_reach",
        part="sum(onward)",
        whole="count(*)",
        coverage=FATES,
        dimensions=DIMENSIONS,
        stored=("stage",),
        mandatory=True,
    ),
    Ratio(
        card=_card(
            "stage_drop_off_rate",
            Names(
                en="Funnel drop-off",
                fa="نرخ ریزش در مراحل قیف",
                tr="Aşama kayıp oranı",
                ru="Отток на этапах воронки",
            ),
            Polarity.DOWN,
            "deals (leads) lost from this stage by now / deals (leads) that reached this stage or a later one",
            "Lost without having come further, for whatever reason; leads by being disqualified.",
            "A reopened deal is still there, not lost.",
            "By lost reason: those lost for it / all of the stage's, so that the reasons add up to the drop-off.",
        ),
        fact="stage_reach",
        part="sum(dropped)",
        whole="count(*)",
        coverage={"staying": FATES["staying"], "moved": FATES["moved"]},
        dimensions=(*DIMENSIONS, "lost_reason"),
        outcomes=("lost_reason",),
        stored=("stage",),
        mandatory=True,
    ),
)
