"""HubSpot's words turned into ours: outcomes, directions, deal types, the close date's local day."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

Values = dict[str, Any]
Properties = Mapping[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What of the account decides how values are read: its zone, its currency, which deal stages are closed and won.

    `stage_states` says what the stages of leads or tickets mean, `dispositions` answers what call outcomes do.
    """

    id: str
    zone: tzinfo
    time_zone: str
    currency: str | None
    closed_stages: frozenset[str] = frozenset()
    won_stages: frozenset[str] = frozenset()
    stage_states: Mapping[str, str] = field(default_factory=dict)
    dispositions: Callable[[], Mapping[str, str]] = lambda: CALL_OUTCOMES


DEAL_TYPES = {"newbusiness": "new_business", "existingbusiness": "expansion"}

CALL_OUTCOMES: Mapping[str, str] = {
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
    """Direction, seconds, outcome: by the account's dispositions first, then by the call's state."""
    values["type"] = "call"
    values["direction"] = DIRECTIONS.get(properties.get("hs_call_direction") or "")
    milliseconds = properties.get("hs_call_duration")
    values["duration_s"] = _seconds(milliseconds)
    disposition, state = properties.get("hs_call_disposition") or "", properties.get("hs_call_status") or ""
    outcome = account.dispositions().get(disposition) or CALL_STATES.get(state)
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


def note(values: Values, properties: Properties, account: Account) -> None:
    """A note is neither sent nor received."""
    values["type"] = "note"


def message(values: Values, properties: Properties, account: Account) -> None:
    """Somebody logged a message that was sent elsewhere: WhatsApp, LinkedIn, SMS. HubSpot knows no direction."""
    values["type"] = "message"
    values["subtype"] = CHANNELS.get(values["subtype"] or "", (values["subtype"] or "").lower() or None)
    values["outcome"] = "sent"


def lead(values: Values, properties: Properties, account: Account) -> None:
    """What its stage means is its status: new, in_progress, connected, qualified, unqualified."""
    values["status"] = (account.stage_states.get(values["stage_id"] or "") or "").lower() or None


def ticket(values: Values, properties: Properties, account: Account) -> None:
    """Open or closed, as its stage says; by its closing date where the stage is unknown."""
    state = account.stage_states.get(values["status"] or "") or ("CLOSED" if values["closed_at"] else "OPEN")
    values["status"] = state.lower()
    values["priority"] = (values["priority"] or "").lower() or None
    if values["status"] == "open":
        values["closed_at"] = None


def feedback(values: Values, properties: Properties, account: Account) -> None:
    """One word per kind of survey and sentiment."""
    values["type"] = (values["type"] or "").upper() or None
    values["sentiment"] = (values["sentiment"] or "").lower() or None


def goal(values: Values, properties: Properties, account: Account) -> None:
    """A slice of a goal: what it is about, for whom, and its period of whole days, which ends before its last bound.

    HubSpot writes a bound as midnight or as the last millisecond before it: the nearest midnight is meant.
    """
    kind, counted = properties.get("hs_goal_type") or "", properties.get("hs_kpi_property_name") or ""
    values["kpi_key"] = GOALS.get(kind) or GOALS.get(counted) or kind or counted or None
    owner, team = properties.get("hubspot_owner_id"), properties.get("hs_assignee_team_id")
    team = team or properties.get("hubspot_team_id")
    values["scope_type"] = "user" if owner else "team" if team else "company"
    values["scope_id"] = owner or team or None
    for bound in ("period_start", "period_end"):
        found = moment(values[bound])
        if found is not None:
            values[bound] = (found + timedelta(hours=12)).date().isoformat()
    values["currency"] = values["currency"] or account.currency
    values["valid_from"] = properties.get("hs_createdate")


def order(values: Values, properties: Properties, account: Account) -> None:
    """Ordered on a local day: when the shop says, else when it came to HubSpot."""
    values["ordered_on"] = day(values["ordered_on"] or properties.get("hs_createdate"), account.zone)
    values["currency"] = values["currency"] or account.currency
    values["status"] = (values["status"] or "").lower() or None


def subscription(values: Values, properties: Properties, account: Account) -> None:
    """A payment over its months; days are pure dates."""
    for bound in ("start_date", "end_date"):
        values[bound] = (values[bound] or "")[:10] or None
    values["currency"] = values["currency"] or account.currency
    amount = properties.get("hs_next_payment_amount") or properties.get("hs_last_payment_amount")
    months = FREQUENCIES.get(properties.get("hs_recurring_billing_frequency") or "")
    values["mrr"] = _share(amount, months) if amount and months else None


def deal_split(values: Values, properties: Properties, account: Account) -> None:
    """Per cent: HubSpot keeps such properties as a share of 1."""
    values["kind"] = "revenue"
    share = values["percent"]
    if share is not None:
        number = Decimal(share)
        values["percent"] = str(number * 100) if abs(number) <= 1 else share


CHANNELS = {"WHATS_APP": "whatsapp", "LINKEDIN_MESSAGE": "linkedin", "SMS": "sms"}
GOALS = {
    "sales_quota": "revenue",
    "hs_closed_amount": "revenue",
    "hs_closed_amount_in_home_currency": "revenue",
    "hs_is_closed_won": "won_deals_count",
}
"""What a goal is about, by its type or by the property that it adds up, as the key of our KPI."""
FREQUENCIES = {
    "weekly": Decimal(12) / 52,
    "biweekly": Decimal(24) / 52,
    "monthly": Decimal(1),
    "quarterly": Decimal(3),
    "per_six_months": Decimal(6),
    "annually": Decimal(12),
    "per_two_years": Decimal(24),
    "per_three_years": Decimal(36),
    "per_four_years": Decimal(48),
    "per_five_years": Decimal(60),
}
"""Months between two payments."""


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


def _share(amount: str, months: Decimal) -> str:
    """A month's worth of a payment; an amount that can't be read stays, to be rejected by its field."""
    try:
        return f"{Decimal(amount) / months:.6f}"
    except ArithmeticError:
        return amount
