"""Salesforce's words turned into ours: percents, local days, deal types, what a task or an event was."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from store.records import ActivityLink, Spend, Statement

Values = dict[str, Any]
Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What of the org decides how values are read: its zone and currency, its closed stages, the words we were told.

    `periods` are forecast periods by id: first day and the day after the last.
    """

    id: str
    zone: tzinfo
    time_zone: str
    currency: str | None
    closed_stages: frozenset[str] = frozenset()
    deal_types: Mapping[str, str] = field(default_factory=dict)
    periods: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    address: str = ""


DEAL_TYPES = {
    "New Business": "new_business",
    "New Customer": "new_business",
    "Existing Business": "expansion",
    "Existing Customer - Upgrade": "expansion",
    "Existing Customer - Replacement": "expansion",
    "Existing Customer - Downgrade": "contraction",
    "Renewal": "renewal",
}
ONE_PIPELINE = "default"
"""Where an org has no record types for opportunities, all are in one pipeline."""

TYPES_OF_TASK = {
    "Call": "call",
    "Email": "email",
    "ListEmail": "email",
    "LinkedIn": "message",
    "Meeting": "meeting",
}
MESSAGES = ("whatsapp", "whats app", "sms", "linkedin", "message")
CALLED = ("CallDurationInSeconds", "CallType", "CallDisposition")
DIRECTIONS = {"inbound": "inbound", "outbound": "outbound"}
OUTCOMES: Sequence[tuple[str, str]] = (
    ("voicemail", "left_message"),
    ("voice mail", "left_message"),
    ("message", "left_message"),
    ("no answer", "no_answer"),
    ("not answered", "no_answer"),
    ("busy", "no_answer"),
    ("wrong number", "no_answer"),
    ("no show", "no_show"),
    ("no-show", "no_show"),
    ("cancel", "canceled"),
    ("reschedul", "rescheduled"),
    ("connected", "connected"),
    ("answered", "connected"),
    ("completed", "completed"),
    ("held", "completed"),
    ("scheduled", "scheduled"),
)
"""What a disposition or an outcome that people wrote is about, by a word in it: the first that fits."""
LINKED = {"001": "companies", "003": "contacts", "00Q": "leads", "006": "deals", "500": "tickets"}
"""What an id refers to, by its first three letters."""
RESPONSES = {"Accepted": "accepted", "Declined": "declined"}


def plain(values: Values, raw: Raw, account: Account) -> None:
    """Nothing to turn but the currency, which an org with one doesn't repeat."""
    if "currency" in values and values["currency"] is None:
        values["currency"] = account.currency


def company(values: Values, raw: Raw, account: Account) -> None:
    """A domain out of a web address."""
    values["domain"] = domain(values["domain"])


def contact(values: Values, raw: Raw, account: Account) -> None:
    """The first touch, by phone or by mail."""
    if values.get("first_contacted_at") is None:
        values["first_contacted_at"] = _first(raw.get("FirstCallDateTime"), raw.get("FirstEmailDateTime"))


def lead(values: Values, raw: Raw, account: Account) -> None:
    """A lead is converted on a day; that day begins where the lead's own doesn't begin later."""
    contact(values, raw, account)
    values["stage_id"] = values["stage_id"] or values["status"]
    converted, created = local(values["converted_at"], account.zone), moment(raw.get("CreatedDate"))
    values["converted_at"] = max(converted, created) if converted and created else converted
    if values["owner_id"] and str(values["owner_id"]).startswith("00G"):
        values["owner_id"] = None  # a queue is nobody


def deal(values: Values, raw: Raw, account: Account) -> None:
    """A probability is a share; the type in our words; the last activity is a day."""
    plain(values, raw, account)
    values["probability"] = share(values["probability"])
    values["pipeline_id"] = values["pipeline_id"] or ONE_PIPELINE
    type_ = values["deal_type"] or ""
    values["deal_type"] = account.deal_types.get(type_) or DEAL_TYPES.get(type_, type_) or None
    values["last_activity_at"] = local(values["last_activity_at"], account.zone)
    if isinstance(values.get("next_activity_at"), str):
        values["next_activity_at"] = local(values["next_activity_at"], account.zone)
    values["term_months"] = whole(values.get("term_months"))


def line_item(values: Values, raw: Raw, account: Account) -> None:
    """A discount is money: what is missing between quantity times price and the total."""
    plain(values, raw, account)
    quantity, price, total = (number(values[name]) for name in ("quantity", "unit_price", "net_amount"))
    if None not in (quantity, price, total):
        values["discount"] = max(quantity * price - total, Decimal(0))  # type: ignore[operator]
    values["term_months"] = whole(values.get("term_months"))


def split(values: Values, raw: Raw, account: Account) -> None:
    """Splits that add up to the deal share its revenue; the others lie over it."""
    totals = raw.get("SplitType.IsTotalValidated")
    values["kind"] = None if totals is None else "revenue" if totals else "overlay"


def ticket(values: Values, raw: Raw, account: Account) -> None:
    """A queue owns nothing."""
    if str(values["owner_id"] or "").startswith("00G"):
        values["owner_id"] = None
    if isinstance(values.get("first_response_at"), str):
        values["first_response_at"] = moment(values["first_response_at"])


def target(values: Values, raw: Raw, account: Account) -> None:
    """A quota is a target for its owner's revenue, over its forecast period."""
    plain(values, raw, account)
    values["kpi_key"] = "won_deals_count" if raw.get("IsQuantity") is True else "revenue"
    values["scope_type"] = "owner"
    start, end = account.periods.get(str(raw.get("PeriodId")), (raw.get("StartDate"), None))
    values["period_start"] = start
    values["period_end"] = end or _next_month(start)
    if raw.get("IsQuantity") is True:
        values["value"] = raw.get("QuotaQuantity")


def member(values: Values, raw: Raw, account: Account) -> None:
    """Who responded did so on a day."""
    values["responded_at"] = local(values["responded_at"], account.zone) if raw.get("HasResponded") else None


def task(values: Values, raw: Raw, account: Account) -> None:
    """Calls, mails and to-dos are all tasks; one happened when it was completed, else on the day when it is due."""
    done = raw.get("IsClosed") is True
    subtype = str(raw.get("TaskSubtype") or "")
    values["type"] = _type_of_task(subtype, str(raw.get("Type") or ""), raw)
    values["subtype"] = str(values["subtype"] or "").lower() or None
    values["due_at"] = local(values["due_at"], account.zone)
    values["completed_at"] = moment(values["completed_at"]) if done else None
    values["occurred_at"] = values["completed_at"] or values["due_at"] or moment(raw.get("CreatedDate"))
    values["is_automated"] = True if subtype == "ListEmail" else None
    values["duration_s"] = whole(raw.get("CallDurationInSeconds"))
    SAID_OF_TASK.get(values["type"], _to_do)(values, raw, done)


def _type_of_task(subtype: str, type_: str, raw: Raw) -> str:
    """What a task was: by its subtype, else by the type that people chose. A to-do to call somebody is no call yet."""
    if subtype in TYPES_OF_TASK:
        return TYPES_OF_TASK[subtype]
    if any(word in type_.lower() for word in MESSAGES):
        return "message"
    if subtype and not (type_ == "Call" and any(raw.get(name) is not None for name in CALLED)):
        return "task"
    return TYPES_OF_TASK.get(type_, "task")


def _call(values: Values, raw: Raw, done: bool) -> None:
    values["direction"] = DIRECTIONS.get(str(raw.get("CallType") or "").lower())
    values["outcome"] = outcome(raw.get("CallDisposition")) or ("completed" if done else "open")


def _mail(values: Values, raw: Raw, done: bool) -> None:
    """Mail or a message that was logged as a task was sent; an EmailMessage may know better (`tasks.emails`)."""
    values["direction"] = "outbound"
    values["outcome"] = "sent" if done else "open"


def _to_do(values: Values, raw: Raw, done: bool) -> None:
    values["direction"] = None
    values["outcome"] = "completed" if done else "open"


SAID_OF_TASK = {"call": _call, "email": _mail, "message": _mail}


def event(values: Values, raw: Raw, account: Account) -> None:
    """A meeting happens when it starts. Salesforce knows no outcome: what stands in the calendar was held."""
    values["type"] = "meeting"
    values["subtype"] = str(values["subtype"] or "").lower() or None
    if raw.get("IsAllDayEvent") is True:
        values["occurred_at"] = local(raw.get("ActivityDate"), account.zone)
    else:
        values["occurred_at"] = moment(values["occurred_at"]) or moment(raw.get("ActivityDateTime"))
    minutes = number(raw.get("DurationInMinutes"))
    values["duration_s"] = int(minutes * 60) if minutes is not None else None
    values["outcome"] = outcome(values.get("outcome")) or "completed"


def email(values: Values, raw: Raw, account: Account) -> None:
    """A mail came in or went out."""
    values["type"] = "email"
    values["direction"], values["outcome"] = mail_way(raw)


def mail_way(raw: Raw) -> tuple[str, str]:
    """The direction and the outcome of an EmailMessage."""
    if raw.get("Incoming") is True:
        return "inbound", "received"
    draft, bounced = str(raw.get("Status")) == "5", raw.get("IsBounced") is True
    return "outbound", "open" if draft else "bounced" if bounced else "sent"


# ------------------------------------------------------------------------------------------ what stands beside it


def nothing(values: Values, raw: Raw, account: Account) -> Iterable[Statement]:
    """Nothing beside the record."""
    return ()


def spend(values: Values, raw: Raw, account: Account) -> Iterable[Statement]:
    """What a campaign has cost, over its days; none (any more) where it doesn't say or is gone."""
    ends = values.get("end_date")
    if values.get("actual_cost") is None or values["deleted_at"] is not None:
        return [Spend.of({"id": values["id"], "deleted_at": values["updated_at"]})]
    return [
        Spend.of(
            {
                "id": values["id"],
                "created_at": values["created_at"],
                "updated_at": values["updated_at"],
                "deleted_at": None,
                "period_start": values.get("start_date"),
                "period_end": _following_day(ends) if ends else None,
                "category": "marketing",
                "campaign_id": values["id"],
                "amount": values["actual_cost"],
                "currency": values.get("currency"),
            }
        )
    ]


def ties(raw: Raw) -> list[ActivityLink]:
    """What an activity was about."""
    ids = (raw.get(name) for name in ("WhoId", "WhatId", "AccountId", "RelatedToId", "ParentId"))
    return [
        ActivityLink.of({"activity_id": raw["Id"], "entity": LINKED[id_[:3]], "entity_id": id_})
        for id_ in dict.fromkeys(id_ for id_ in ids if id_)
        if id_[:3] in LINKED
    ]


# ------------------------------------------------------------------------------------------------------- values


def moment(text: Any) -> datetime | None:
    """An instant from ISO 8601; None where there is none or it can't be read."""
    if isinstance(text, datetime):
        return text
    if not text:
        return None
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def local(day: Any, zone: tzinfo) -> datetime | None:
    """The instant when a pure date begins in the org; what is an instant already stays one."""
    if not isinstance(day, str) or not day:
        return day if isinstance(day, datetime) else None
    if len(day) != 10:
        return moment(day)
    try:
        return datetime.combine(date.fromisoformat(day), time(), zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def number(value: Any) -> Decimal | None:
    """A number from JSON or from text."""
    if value is None or isinstance(value, bool):
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def whole(value: Any) -> int | None:
    """A whole number; Salesforce writes some as 30.0."""
    found = number(value)
    return int(found) if found is not None and found.is_finite() else None


def share(percent: Any) -> Any:
    """0 to 1 from 0 to 100; what is no number stays, to be rejected by its field."""
    found = number(percent)
    return percent if found is None else found / 100


def outcome(words: Any) -> str | None:
    """What a disposition that people wrote means."""
    said = str(words or "").lower().replace("_", " ")
    return next((meaning for word, meaning in OUTCOMES if word in said), None)


def domain(address: Any) -> str | None:
    """`acme.com` from `https://www.acme.com/shop`."""
    text = str(address or "").strip()
    try:
        host = urlsplit(text if "//" in text else f"//{text}").hostname
    except ValueError:
        return None
    return (host or "").removeprefix("www.") or None


def _first(*instants: Any) -> datetime | None:
    return min((at for at in map(moment, instants) if at is not None), default=None)


def _following_day(day: Any) -> str | None:
    try:
        return (date.fromisoformat(str(day)) + timedelta(days=1)).isoformat()
    except (ValueError, OverflowError):
        return None


def _next_month(day: Any) -> str | None:
    try:
        start = date.fromisoformat(str(day))
    except ValueError:
        return None
    return date(start.year + start.month // 12, start.month % 12 + 1, 1).isoformat()
