"""The catalogue: every KPI by its key, and every dimension by its name."""

from collections.abc import Mapping

from kpi.catalogue.deals import DEAL_METRICS
from kpi.catalogue.dimensions import DIMENSIONS
from kpi.catalogue.productivity import PRODUCTIVITY_METRICS
from kpi.catalogue.revenue import REVENUE_METRICS
from kpi.catalogue.stages import STAGE_METRICS
from kpi.metric import Metric

METRICS: Mapping[str, Metric] = {
    metric.card.key: metric for metric in (*REVENUE_METRICS, *DEAL_METRICS, *PRODUCTIVITY_METRICS, *STAGE_METRICS)
}

__all__ = ["DIMENSIONS", "METRICS"]
