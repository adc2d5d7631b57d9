"""What people do with customers: activities, tickets, survey answers."""

from typing import ClassVar

from store.columns import Instant, Number, Whole, instant, key, number
from store.records.base import Detail, Record


class Activity(Record):
    """A call, email, meeting, task, note or message; `direction` is outbound or inbound.

    `outcome` is one of connected, no_answer, left_message, completed, no_show, canceled, rescheduled, scheduled,
    sent, received, bounced, failed, open.
    """

    table: ClassVar[str] = "activities"
    type: str | None = None
    subtype: str | None = None
    direction: str | None = None
    owner_id: str | None = None
    occurred_at: Instant | None = instant()
    due_at: Instant | None = instant()
    completed_at: Instant | None = instant()
    duration_s: Whole | None = None
    outcome: str | None = None
    is_automated: bool | None = None
    thread_id: str | None = None
    sentiment: str | None = None
    subject: str | None = None


class ActivityLink(Detail):
    """What an activity was about; `entity` is the plural name of its table."""

    table: ClassVar[str] = "activity_links"
    keys: ClassVar[tuple[str, ...]] = ("activity_id", "entity", "entity_id")
    activity_id: str = key()
    entity: str = key()
    entity_id: str = key()


class MeetingInvite(Detail):
    """A contact's answer to a meeting: invited, accepted, declined."""

    table: ClassVar[str] = "meeting_invites"
    keys: ClassVar[tuple[str, ...]] = ("activity_id", "contact_id")
    activity_id: str = key()
    contact_id: str = key()
    status: str | None = None


class Ticket(Record):
    """A customer's request."""

    table: ClassVar[str] = "tickets"
    company_id: str | None = None
    owner_id: str | None = None
    pipeline_id: str | None = None
    status: str | None = None
    priority: str | None = None
    first_response_at: Instant | None = instant()
    closed_at: Instant | None = instant()


class SurveyResponse(Record):
    """An answer to a survey: NPS, CSAT, CES or review."""

    table: ClassVar[str] = "survey_responses"
    type: str | None = None
    score: Number | None = number()
    sentiment: str | None = None
    responded_at: Instant | None = instant()
    company_id: str | None = None
    contact_id: str | None = None
    survey_id: str | None = None
