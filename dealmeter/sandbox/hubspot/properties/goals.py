"""Goal properties. A slice of a goal names its last day in two ways, as the real answers do."""

from datetime import date, timedelta

from dealmeter.sandbox.hubspot.property import Property, calculated, options, stored
from dealmeter.sandbox.record import Record
from dealmeter.sandbox.world import World

MILESTONES = ("monthly", "quarterly", "yearly")
TYPES = {"revenue": "sales_quota"}


def goal_properties(world: World) -> list[Property]:
    return [
        stored("hs_goal_name", "name"),
        stored("hs_milestone", "milestone", "enumeration", options=options(MILESTONES)),
        stored("hs_target_amount", "amount", "number"),
        stored("hs_goal_target_currency_code", "currency", "enumeration"),
        stored("hs_group_correlation_uuid", "group"),
        stored("hs_assignee_team_id", "team", "enumeration"),
        stored("hs_pipeline_ids", "pipelines", "enumeration"),
        calculated("hs_goal_type", "enumeration", _type),
        calculated("hs_kpi_property_name", "string", lambda record: "hs_closed_amount"),
        calculated("hs_kpi_object_type_id", "string", lambda record: "0-3"),
        calculated("hs_start_datetime", "datetime", _start),
        calculated("hs_end_datetime", "datetime", _end),
    ]


def _type(record: Record) -> str | None:
    metric = str(record.fields.get("metric") or "")
    return TYPES.get(metric, metric) or None


def _start(record: Record) -> str | None:
    day = record.fields.get("starts_on")
    return None if day is None else f"{day}T00:00:00Z"


def _end(record: Record) -> str | None:
    """The midnight after the last day, or the last millisecond of it: both are found in one account."""
    day = record.fields.get("ends_on")
    if day is None:
        return None
    if record.id % 2:
        return f"{day}T00:00:00Z"
    return f"{date.fromisoformat(str(day)) - timedelta(days=1)}T23:59:59.999Z"
