"""What a single row says, whatever the other rows are."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

Row = Mapping[str, Any]
NONE = "__none__"


def key_of(row: Row) -> tuple[str, str]:
    """Whose row, and which."""
    return row["connection"], row["id"]


def is_live(row: Row) -> bool:
    """Neither deleted nor merged away."""
    return row["deleted_at"] is None and row.get("merged_into_id") is None


def is_negative(amount: Decimal | None) -> bool:
    """Whether an amount is known and below zero."""
    return amount is not None and amount < 0


def qualified(connection: str, id_: str | None) -> str | None:
    """An id with the connection that it belongs to."""
    return None if id_ is None else f"{connection}:{id_}"


def stage_member(connection: str, pipeline_id: str | None, stage_id: str | None) -> str | None:
    """A stage with its connection and its pipeline."""
    return None if stage_id is None else f"{connection}:{pipeline_id}/{stage_id}"


def parsed(field: str, text: str | None) -> Any:
    """A value of a field's history as the record itself would have it."""
    if text is None:
        return None
    if field == "amount":
        return Decimal(text)
    if field == "close_date":
        return date.fromisoformat(text)
    return text


def is_rep_activity(activity: Row) -> bool:
    """Done by a person, outwards."""
    kind, outcome = activity["type"], activity["outcome"]
    outward = activity["direction"] != "inbound"
    if not is_live(activity) or activity["is_automated"]:
        return False
    if kind == "call":
        return outward and outcome not in ("canceled", "open")
    if kind in ("email", "message"):
        return outward and outcome not in ("failed", "bounced", "open")
    if kind == "meeting":
        return outcome in ("completed", "no_show")
    return bool(kind == "task" and outcome == "completed")


def is_call(activity: Row) -> bool:
    """A call that was made, outwards."""
    return (
        is_live(activity)
        and activity["type"] == "call"
        and activity["direction"] != "inbound"
        and activity["outcome"] not in ("canceled", "open")
    )


def activity_instant(activity: Row) -> datetime | None:
    """When it happened: a task when it was completed."""
    done: datetime | None = activity["completed_at"]
    if activity["type"] == "task" and done is not None:
        return done
    happened: datetime | None = activity["occurred_at"]
    return happened


def is_held(activity: Row) -> bool:
    """A meeting that took place."""
    return is_live(activity) and activity["type"] == "meeting" and activity["outcome"] == "completed"


def is_demo(activity: Row) -> bool:
    """A meeting held to show the product."""
    subtype, subject = (activity["subtype"] or "").strip().lower(), (activity["subject"] or "").lower()
    return is_held(activity) and not activity["is_automated"] and (subtype == "demo" or "demo" in subject)
