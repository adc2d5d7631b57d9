"""HubSpot's words turned into ours: outcomes, directions, deal types, the close date's local day."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

Values = dict[str, Any]
Properties = Mapping[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What of the account decides how values are read: its zone, its currency, which stages are closed and won."""

    id: str
    zone: tzinfo
    time_zone: str
    currency: str | None
    closed_stages: frozenset[str] = frozenset()
    won_stages: frozenset[str] = frozenset()
    fields: Mapping[str, str | None] = field(default_factory=dict)


DEAL_TYPES = {"newbusiness": "new_business", "existingbusiness": "expansion"}

CALL_OUTCOMES = {
    "f240bbac-87c9-4f6e-bf70-924b57d47db7": "connected",
    "9d9162e7-6cf3-4944-bf63-4dff82258764": "no_answer",  # busy
    "73a0d17f-1163-4015-bdd5-ec830791da20": "no_answer",
    "17b47fee-58de-441e-a44c-c6300d46f273": "no_answer",  # wrong number
    "a4c4c377-d246-4b32-a13b-75a56a4cd0ff": "left_message",  # live
    "b2cf5968-551e-4856-9783-52b3da59a7d0": "left_message",  # voicemail
}
CALL_STATES = {
    "COMPLETED": "completed",
    "CANCELED": "canceled",
    "BUSY": "no_answer",
    "NO_ANSWER": "no_answer",
    "FAILED": "no_answer",
}
MEETING_OUTCOMES = {
    "COMPLETED": "completed",
    "NO_SHOW": "no_show",
    "CANCELED": "canceled",
    "RESCHEDULED": "rescheduled",
    "SCHEDULED": "scheduled",
}
EMAIL_STATES = {"SENT": "sent", "BOUNCED": "bounced", "FAILED": "failed"}
DIRECTIONS = {"INBOUND": "inbound", "OUTBOUND": "outbound"}


def plain(values: Values, properties: Properties, account: Account) -> None:
    """Nothing to turn."""


def contact(values: Values, properties: Properties, account: Account) -> None:
    """One name out of two."""
    names = (properties.get("firstname"), properties.get("lastname"))
    values["name"] = " ".join(name for name in names if name) or None


def deal(values: Values, properties: Properties, account: Account) -> None:
    """The close date becomes a day, once; open, closed and won from the stage where HubSpot doesn't say."""
    values["close_date"] = day(values["close_date"], account.zone)
    values["deal_type"] = DEAL_TYPES.get(values["deal_type"] or "", values["deal_type"])
    stage = values["stage_id"]
    if values["is_closed"] is None and stage is not None:
        values["is_closed"] = stage in account.closed_stages
    if values["is_won"] is None and stage is not None:
        values["is_won"] = stage in account.won_stages
    if values["currency"] is None:
        values["currency"] = account.currency


def line_item(values: Values, properties: Properties, account: Account) -> None:
    """The start of billing is a pure date."""
    values["billing_start"] = (values["billing_start"] or "")[:10] or None


def call(values: Values, properties: Properties, account: Account) -> None:
    """Direction, seconds, outcome: by the built-in dispositions first, then by the call's state."""
    values["type"] = "call"
    values["direction"] = DIRECTIONS.get(properties.get("hs_call_direction") or "")
    milliseconds = properties.get("hs_call_duration")
    values["duration_s"] = _seconds(milliseconds)
    disposition, state = properties.get("hs_call_disposition") or "", properties.get("hs_call_status") or ""
    outcome = CALL_OUTCOMES.get(disposition) or CALL_STATES.get(state)
    values["outcome"] = "canceled" if state == "CANCELED" else outcome or ("open" if state else None)


def meeting(values: Values, properties: Properties, account: Account) -> None:
    """A meeting happens at its start; its length in seconds."""
    values["type"] = "meeting"
    start, end = (moment(properties.get(f"hs_meeting_{edge}_time")) for edge in ("start", "end"))
    if start is not None:
        values["occurred_at"] = start
    values["duration_s"] = int((end - start).total_seconds()) if start and end and end >= start else None
    values["outcome"] = MEETING_OUTCOMES.get(properties.get("hs_meeting_outcome") or "")


def email(values: Values, properties: Properties, account: Account) -> None:
    """Incoming mail is received, other mail sent, bounced, failed or still open."""
    values["type"] = "email"
    incoming = properties.get("hs_email_direction") == "INCOMING_EMAIL"
    values["direction"] = "inbound" if incoming else "outbound"
    state = properties.get("hs_email_status") or "SENT"
    values["outcome"] = "received" if incoming else EMAIL_STATES.get(state, "open")


def task(values: Values, properties: Properties, account: Account) -> None:
    """A task is completed or open; HubSpot's timestamp is when it is due."""
    values["type"] = "task"
    done = properties.get("hs_task_status") == "COMPLETED"
    values["outcome"] = "completed" if done else "open"
    values["subtype"] = (values["subtype"] or "").lower() or None
    if not done:
        values["completed_at"] = None


# ------------------------------------------------------------------------------------------------------- values


def moment(text: str | None) -> datetime | None:
    """An instant from ISO 8601 or from milliseconds since 1970, both of which HubSpot uses; None where unreadable."""
    if not text:
        return None
    try:
        found = datetime.fromtimestamp(int(text) / 1000, UTC) if text.isdigit() else datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None


def day(text: str | None, zone: tzinfo) -> str | None:
    """The local day of a close date, as ISO text; what can't be read stays, to be rejected by its field."""
    if not text:
        return None
    if len(text) == 10 and not text.isdigit():
        return text
    found = moment(text)
    if found is None:
        return text
    try:
        return found.astimezone(zone).date().isoformat()
    except OverflowError:  # the last or first day that there is
        return found.date().isoformat()


def _seconds(milliseconds: str | None) -> int | None:
    try:
        return int(float(milliseconds) // 1000) if milliseconds else None
    except ValueError:
        return None
