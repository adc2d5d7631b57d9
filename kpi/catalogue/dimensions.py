"""The dimensions: ways to slice a KPI. A fact has a column for each dimension that its metrics name."""

from collections.abc import Mapping

DIMENSIONS: Mapping[str, str] = {
    "connection": "the connection that it comes from; on demand, or stored where `dimensions_on` says so",
    "owner": "the deal's owner at the event, or the activity's own",
    "team": "the owner's team at that instant: the primary one, else the one with the lowest id",
    "pipeline": "the deal's pipeline",
    "stage": "the deal's stage within its pipeline",
    "country": "the company's country",
    "region": "the deal's region, else the company's, else by the region map from the country",
    "industry": "the company's industry",
    "size_band": "the company's size by employees",
    "source": "where the deal came from, else where its primary contact came from",
    "source_category": "the deal's, else by the source map, else unknown",
    "campaign": "the deal's campaign",
    "channel": "the deal's channel",
    "product": "the product of the deal's largest line, or the line's own",
    "deal_type": "as the CRM says, else expansion where the company has bought before, else new_business",
    "currency": "the currency in which the deal was made",
    "deal_size_band": "the size of the deal in the reporting currency",
    "probability_band": "the deal's chance to close",
    "lost_reason": "why the deal was lost",
    "forecast_category": "the deal's forecast category at the moment",
    "close_date_bucket": "the deal's expected close against the moment",
    "age_band": "days since the deal's creation at the moment",
    "lead_status": "the lead's status",
    "lead_stage": "the stage in which the lead is",
    "level": "how far the lead is qualified: MQL, SAL or SQL; a higher level is also MQL",
    "stage_pair": "the stages from and to which a lead went",
    "meeting_type": "the kind of the meeting",
    "survey": "the survey that was answered",
    "survey_type": "NPS, CSAT, CES or review",
    "priority": "how urgent the request is",
    "cohort": "the month in which the customer first bought or subscribed",
    "activity_type": "call, email, message, meeting or task",
    "direction": "outbound or inbound",
    "outcome": "how the activity ended",
    "role": "the rep's role",
    "acquisition_source": "where the customer's first won deal came from",
    "tenure_band": "days since the rep began, on the day",
    "skill": "what a training was about",
    "hour": "the local hour of the day at which the activity began",
    "call_stage": "the stage of the deal at the end of the day of the call",
    "deal_outcome": "what became of the deal by now: won, lost or open",
    "cost_category": "marketing, sales, enablement or other",
    "competitor": "whose price it is",
    "company": "the company; on demand only, it has too many members to store",
}
ON_DEMAND = frozenset({"connection", "company"})
LABELLED: Mapping[str, str] = {
    "owner": "users",
    "team": "teams",
    "pipeline": "pipelines",
    "campaign": "campaigns",
    "product": "products",
    "company": "companies",
}
"""Dimensions whose members are ids, and the table that has their names."""

D_DEAL = (
    "owner", "team", "pipeline", "stage", "country", "region", "industry", "size_band", "source", "source_category",
    "campaign", "channel", "product", "deal_type", "currency", "deal_size_band", "company",
)  # fmt: skip
D_OPEN = (*D_DEAL, "forecast_category", "close_date_bucket", "age_band")
D_COST = ("source", "campaign", "channel", "team")
D_ACT = ("owner", "team", "activity_type", "direction", "outcome")
D_CUST = ("country", "region", "industry", "size_band", "product", "currency", "owner", "team")
D_LEAD = (
    "owner", "team", "source", "source_category", "campaign", "channel", "country", "region", "industry", "size_band",
    "lead_status", "lead_stage", "company",
)  # fmt: skip
D_CUSTOMER = (
    "country", "region", "industry", "size_band", "product", "currency", "source", "cohort", "owner", "team", "company",
)  # fmt: skip
"""Of customers as such, by what they are and what they first bought; `owner` is the account owner."""
