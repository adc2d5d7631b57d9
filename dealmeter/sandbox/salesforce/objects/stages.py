"""What an opportunity's stage says: probability, forecast category, and the close date that it must have."""

from datetime import timedelta
from decimal import Decimal

from dealmeter.sandbox.account import Pipeline, Stage
from dealmeter.sandbox.record import Record, Value
from dealmeter.sandbox.salesforce.org import Org

CATEGORIES = {
    "PIPELINE": "Pipeline",
    "BEST_CASE": "BestCase",
    "COMMIT": "Forecast",
    "CLOSED": "Closed",
    "OMIT": "Omitted",
}
CATEGORY_NAMES = {
    "Pipeline": "Pipeline",
    "BestCase": "Best Case",
    "MostLikely": "Most Likely",
    "Forecast": "Commit",
    "Closed": "Closed",
    "Omitted": "Omitted",
}
CLOSES_WITHIN = timedelta(days=90) // timedelta(milliseconds=1)


def stage_of(org: Org, deal: Record) -> Stage | None:
    return org.world.stage(deal.fields.get("stage"))


def stage_named(org: Org, label: str) -> tuple[Pipeline, Stage] | None:
    for pipeline in org.world.pipelines:
        for stage in pipeline.stages:
            if label in (stage.label, stage.id):
                return pipeline, stage
    return None


def probability(org: Org, deal: Record) -> float:
    """Percent, 0 to 100."""
    return percent(stage_of(org, deal))


def percent(stage: Stage | None) -> float:
    return float(Decimal(stage.probability) * 100) if stage else 0.0


def forecast_category(org: Org, deal: Record) -> str:
    """What a seller chose, else what the stage means."""
    return category(deal.fields.get("forecast_category"), stage_of(org, deal))


def category(chosen: Value, stage: Stage | None) -> str:
    if chosen in CATEGORIES:
        return CATEGORIES[str(chosen)]
    if stage is None or not stage.closed:
        return "Pipeline"
    return "Closed" if stage.won else "Omitted"


def categories(label: object) -> str | None:
    """The world's word for a category, given its label or its value."""
    for word, value in CATEGORIES.items():
        if label in (value, CATEGORY_NAMES[value]):
            return word
    return None


def close_day(org: Org, deal: Record) -> str:
    """The local day. Salesforce insists on one: a deal without it is expected to close a quarter after it began."""
    close = deal.fields.get("close_at")
    found = org.day(close if isinstance(close, int) else deal.created + CLOSES_WITHIN)
    assert found is not None, "an instant has a day"
    return found
