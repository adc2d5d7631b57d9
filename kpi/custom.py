"""A company's own KPIs, as its configuration writes them."""

from collections.abc import Mapping

from kpi.metric import Metric
from kpi.settings import KpiSettings


def custom_metrics(settings: KpiSettings) -> Mapping[str, Metric]:
    """By key."""
    return {}
