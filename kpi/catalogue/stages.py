"""Stages: how long each of them takes."""

from kpi.metric import Card, Mean, Metric, Moment, Names, Percentile, Polarity, Unit

HISTORY = (
    "HubSpot: dealstage with history",
    "Salesforce: OpportunityHistory StageName, OpportunityStage SortOrder",
)


def _time(key: str, names: Names, formula: str) -> Card:
    return Card(
        key=key,
        category="pipeline",
        unit=Unit.DURATION,
        polarity=Polarity.DOWN,
        names=names,
        formula=formula,
        day="local day of the exit",
        edge_cases=(
            "Every visit counts, returns too. Elapsed time, as a fraction of days.",
            "Negative visits are left out and counted in the coverage `invalid_n`.",
        ),
        sources=HISTORY,
        needs=("deal_stage_changes",),
        flags_small=True,
    )


BAD_VISIT = {"invalid_n": "sum(bad_visit)"}
VISIT_DIMENSIONS = ("owner", "pipeline", "stage", "industry", "size_band", "deal_outcome")
STAGE_METRICS: tuple[Metric, ...] = (
    Mean(
        card=_time(
            "deal_stage_cycle_time",
            Names(
                en="Time in stage",
                fa="زمان چرخه (هر مرحله)",
                tr="Aşama başına geçen süre",
                ru="Время на этапе сделки",
            ),
            "mean length of the completed visits to open stages, in days",
        ),
        fact="stage_visits",
        total="days(sum(microseconds))",
        count="count(microseconds)",
        coverage={**BAD_VISIT, "standard_error": "standard_error(microseconds / 86400e6)"},
        dimensions=VISIT_DIMENSIONS,
    ),
    Percentile(
        card=_time(
            "deal_stage_cycle_time_median",
            Names(
                en="Time in stage, median",
                fa="میانهٔ زمان چرخه (هر مرحله)",
                tr="Aşama başına medyan süre",
                ru="Медианное время на этапе сделки",
            ),
            "median length of the completed visits to open stages, in days",
        ),
        fact="stage_visits",
        of="microseconds / 86400e6",
        at=0.5,
        coverage=BAD_VISIT,
        dimensions=VISIT_DIMENSIONS,
    ),
    Percentile(
        card=_time(
            "deal_stage_cycle_time_p90",
            Names(
                en="Time in stage, 90th percentile",
                fa="صدک نودم زمان چرخه (هر مرحله)",
                tr="Aşama başına süre, 90. yüzdelik",
                ru="Время на этапе сделки, 90-й процентиль",
            ),
            "90th percentile of the length of the completed visits to open stages, in days",
        ),
        fact="stage_visits",
        of="microseconds / 86400e6",
        at=0.9,
        coverage=BAD_VISIT,
        dimensions=VISIT_DIMENSIONS,
    ),
    Mean(
        card=_time(
            "deal_stage_cycle_time_cumulative",
            Names(
                en="Time in stage, all visits of a deal",
                fa="زمان چرخه (هر مرحله)، مجموع هر معامله",
                tr="Aşama başına geçen toplam süre",
                ru="Суммарное время сделки на этапе",
            ),
            "mean over deals of the lengths of all their completed visits to an open stage, in days",
        ),
        fact="stage_stays",
        total="days(sum(microseconds))",
        count="count(*)",
        coverage={"standard_error": "standard_error(microseconds / 86400e6)"},
        dimensions=("owner", "pipeline", "stage"),
        stored=("stage",),
        mandatory=True,
    ),
    Moment(
        card=Card(
            key="deal_stage_cycle_time_open_visits",
            category="pipeline",
            unit=Unit.DURATION,
            polarity=Polarity.DOWN,
            names=Names(
                en="Age of open stage visits",
                fa="سن مراحل در جریان",
                tr="Süren aşama ziyaretlerinin yaşı",
                ru="Возраст незавершённых этапов",
            ),
            formula="mean age of the visits to open stages that still run at the end of the period's last day, in days",
            day="moment",
            edge_cases=("What still runs is longer than what is over: read it beside the time in stage.",),
            sources=HISTORY,
            needs=("deal_stage_changes",),
            flags_small=True,
        ),
        fact="open_visits",
        total="days(sum(microseconds))",
        base="count(*)",
        n="count(*)",
        coverage={"standard_error": "standard_error(microseconds / 86400e6)"},
        dimensions=("owner", "pipeline", "stage", "industry", "size_band"),
    ),
)
