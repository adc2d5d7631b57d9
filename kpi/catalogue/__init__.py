"""The catalogue: every KPI by its key, and every dimension by its name."""

from collections.abc import Mapping

from kpi.catalogue.contacts import CONTACT_METRICS
from kpi.catalogue.costs import COST_METRICS
from kpi.catalogue.customers import CUSTOMER_METRICS
from kpi.catalogue.deals import DEAL_METRICS
from kpi.catalogue.dimensions import DIMENSIONS
from kpi.catalogue.expansion import EXPANSION_METRICS
from kpi.catalogue.funnel import FUNNEL_METRICS
from kpi.catalogue.leads import LEAD_METRICS
from kpi.catalogue.market import MARKET_METRICS
from kpi.catalogue.orders import ORDER_METRICS
from kpi.catalogue.productivity import PRODUCTIVITY_METRICS
from kpi.catalogue.profitability import PROFIT_METRICS
from kpi.catalogue.quotas import QUOTA_METRICS
from kpi.catalogue.reps import REP_METRICS
from kpi.catalogue.revenue import REVENUE_METRICS
from kpi.catalogue.service import SERVICE_METRICS
from kpi.catalogue.stages import STAGE_METRICS
from kpi.catalogue.worth import WORTH_METRICS
from kpi.metric import Metric

METRICS: Mapping[str, Metric] = {
    metric.card.key: metric
    for metric in (
        *REVENUE_METRICS,
        *DEAL_METRICS,
        *PRODUCTIVITY_METRICS,
        *STAGE_METRICS,
        *ORDER_METRICS,
        *PROFIT_METRICS,
        *REP_METRICS,
        *QUOTA_METRICS,
        *COST_METRICS,
        *MARKET_METRICS,
        *FUNNEL_METRICS,
        *LEAD_METRICS,
        *CONTACT_METRICS,
        *CUSTOMER_METRICS,
        *EXPANSION_METRICS,
        *SERVICE_METRICS,
        *WORTH_METRICS,
    )
}

__all__ = ["DIMENSIONS", "METRICS"]
