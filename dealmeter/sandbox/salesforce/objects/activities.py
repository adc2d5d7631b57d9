"""Tasks (calls, e-mails, messages, to-dos), events, invitees and e-mail messages."""

from collections.abc import Callable, Iterator
from typing import Any

from dealmeter.sandbox.record import Kind, Record, Value
from dealmeter.sandbox.salesforce import ids
from dealmeter.sandbox.salesforce.field import Field, Read, field, reference
from dealmeter.sandbox.salesforce.objects.common import audit, of, settings_audit, sobject, str_number
from dealmeter.sandbox.salesforce.org import Org
from dealmeter.sandbox.salesforce.sobject import SObject
from dealmeter.sandbox.salesforce.source import Of, Past
from dealmeter.sandbox.salesforce.texts import moment, stamp, titled

TASKS = (Kind.TASK, Kind.CALL, Kind.EMAIL, Kind.MESSAGE)
SUBTYPES = {Kind.TASK: "Task", Kind.CALL: "Call", Kind.EMAIL: "Email", Kind.MESSAGE: "Task"}
STATUSES = {
    "NOT_STARTED": "Not Started",
    "IN_PROGRESS": "In Progress",
    "WAITING": "Waiting on someone else",
    "DEFERRED": "Deferred",
    "COMPLETED": "Completed",
}
MINUTE = 60_000


def objects(org: Org) -> Iterator[SObject]:
    hide = _hidden(org)
    meetings = org.mirror(Kind.MEETING, hide=hide)
    yield sobject("Task", "00T", org.mirror(*TASKS, name="Task", hide=hide), _task(org))
    yield sobject("Event", "00U", meetings, _event(org))
    invitees = Past(
        lambda meeting: [meeting.created] * len(org.world.links.of(Kind.MEETING, meeting.id, Kind.CONTACT)),
        lambda meeting, place, second: _invitee(org, meeting, place, second),
        linked=True,
    )
    yield sobject("EventRelation", "0RE", org.history("invitees", meetings, invitees), _invitee_fields())
    if org.features.email_messages:
        yield sobject("EmailMessage", "02s", org.mirror(Kind.EMAIL), _email(org))


def _hidden(org: Org) -> Callable[[Record], bool]:
    return lambda record: record.archived is not None or is_archived(record, org.archived_before)


def is_archived(record: Record, oldest: int) -> bool:
    at = record.fields.get("at")
    open_task = record.fields.get("status") in STATUSES and record.fields.get("status") != "COMPLETED"
    return isinstance(at, int) and at < oldest and not open_task


def who(org: Org, kind: Kind, number: int) -> str | None:
    """The lead, as long as it is not converted; else the contact."""
    for lead in org.world.links.of(kind, number, Kind.LEAD):
        record = org.world.find(Kind.LEAD, lead)
        if record is not None and not record.fields.get("converted_at"):
            return ids.text("00Q", lead)
    contact = org.linked(kind, number, Kind.CONTACT)
    return None if contact is None else ids.text("003", contact)


_WHAT = ((Kind.DEAL, "006"), (Kind.TICKET, "500"), (Kind.COMPANY, "001"))


def what(org: Org, kind: Kind, number: int) -> str | None:
    """The opportunity, else the case, else the account."""
    for far, prefix in _WHAT:
        other = org.linked(kind, number, far)
        if other is not None:
            return ids.text(prefix, other)
    return None


def account(org: Org, kind: Kind, number: int) -> str | None:
    deal = org.linked(kind, number, Kind.DEAL)
    near = (kind, number) if deal is None else (Kind.DEAL, deal)
    company = org.linked(*near, Kind.COMPANY)
    return None if company is None else ids.text("001", company)


def _related(org: Org, pair: Callable[[Any], tuple[Kind, int]]) -> list[Field]:
    return [
        reference("WhoId", ("Contact", "Lead"), lambda row: who(org, *pair(row)), "Who"),
        reference("WhatId", ("Account", "Opportunity", "Case", "Campaign"), lambda row: what(org, *pair(row)), "What"),
        reference("AccountId", "Account", lambda row: account(org, *pair(row)), "Account"),
    ]


def _task(org: Org) -> list[Field]:
    def id_of(row: Of) -> str:
        return ids.text("00T", ids.serial(row.record.id, TASKS.index(row.kind)))

    common = [_through(each) for each in audit(org, "00T") if each.name != "Id"]
    return [
        field("Id", "id", id_of, nillable=False),
        *common,
        *_related(org, lambda row: (row.kind, row.record.id)),
        reference("OwnerId", "User", lambda row: org.owner(row.record), store=lambda v: {"owner": str_number(v)}),
        field("Subject", "combobox", lambda row: _subject(row.record), store=lambda v: {"subject": v}),
        field("Status", "picklist", _status, picklist=STATUSES.values, store=_store_status),
        field("IsClosed", "boolean", lambda row: _status(row) == "Completed"),
        field("Priority", "picklist", _priority),
        field("IsHighPriority", "boolean", lambda row: _priority(row) == "High"),
        field("ActivityDate", "date", lambda row: org.day(row.record.fields.get("at"))),
        field("CompletedDateTime", "datetime", _completed, since=40.0),
        field("Type", "picklist", lambda row: _TYPES[row.kind](row.record)),
        field("TaskSubtype", "picklist", lambda row: SUBTYPES[row.kind]),
        field("CallType", "picklist", _call_type),
        field("CallDurationInSeconds", "int", _duration),
        field("CallDisposition", "string", _disposition),
        field("CallObject", "string", lambda row: None),
        field("Description", "textarea", lambda row: row.record.fields.get("body") or None),
        field("IsRecurrence", "boolean", lambda row: False),
        field("IsArchived", "boolean", lambda row: is_archived(row.record, org.archived_before)),
    ]


def _through(inner: Field) -> Field:
    """A field of a record, read from a row that carries its kind."""
    return field(inner.name, inner.type, _of_record(inner.read), references=inner.references,
                 relationship=inner.relationship, nillable=inner.nillable)  # fmt: skip


def _of_record(read: Read) -> Read:
    return lambda row: read(row.record)


def _subject(record: Record) -> Value:
    return record.fields.get("subject") or record.fields.get("title") or record.fields.get("channel")


def _status(row: Of) -> str:
    """Logged calls, e-mails and messages are done; a to-do says itself how far it is."""
    if row.kind is not Kind.TASK:
        return "Completed"
    return STATUSES.get(str(row.record.fields.get("status")), "Not Started")


def _store_status(label: Any) -> dict[str, Value]:
    return {"status": next((word for word, shown in STATUSES.items() if label in (word, shown)), None)}


def _priority(row: Of) -> str:
    return {"HIGH": "High", "LOW": "Low"}.get(str(row.record.fields.get("priority")), "Normal")


def _completed(row: Of) -> str | None:
    if _status(row) != "Completed":
        return None
    fields = row.record.fields
    at = fields.get("completed_at") if row.kind is Kind.TASK else fields.get("at")
    return moment(at) if isinstance(at, int) else None


_TYPES: dict[Kind, Callable[[Record], Any]] = {
    Kind.TASK: lambda record: titled(record.fields.get("type")),
    Kind.CALL: lambda record: "Call",
    Kind.EMAIL: lambda record: "Email",
    Kind.MESSAGE: lambda record: titled(record.fields.get("channel")),
}


def _call_type(row: Of) -> str | None:
    return titled(row.record.fields.get("direction")) if row.kind is Kind.CALL else None


def _duration(row: Of) -> int | None:
    text = row.record.fields.get("duration") if row.kind is Kind.CALL else None
    return int(text) // 1000 if text else None


def _disposition(row: Of) -> str | None:
    outcome = row.record.fields.get("outcome") if row.kind is Kind.CALL else None
    return str(outcome).replace("_", " ").capitalize() if outcome else None


def _event(org: Org) -> list[Field]:
    def starts(meeting: Record) -> int:
        at = meeting.fields.get("starts_at") or meeting.fields.get("at")
        return at if isinstance(at, int) else meeting.created

    def ends(meeting: Record) -> int:
        at = meeting.fields.get("ends_at")
        return at if isinstance(at, int) else starts(meeting)

    return [
        *audit(org, "00U"),
        *_related(org, lambda meeting: (Kind.MEETING, meeting.id)),
        reference("OwnerId", "User", org.owner, store=lambda v: {"owner": str_number(v)}),
        field("Subject", "combobox", _subject, store=lambda v: {"title": v}),
        field("Location", "string", of("location")),
        field("Type", "picklist", of("type")),
        field("EventSubtype", "picklist", lambda meeting: "Event"),
        field("IsAllDayEvent", "boolean", lambda meeting: False),
        field("ActivityDate", "date", lambda meeting: org.day(starts(meeting))),
        field("ActivityDateTime", "datetime", lambda meeting: moment(starts(meeting))),
        field("StartDateTime", "datetime", lambda meeting: moment(starts(meeting))),
        field("EndDateTime", "datetime", lambda meeting: moment(ends(meeting))),
        field("DurationInMinutes", "int", lambda meeting: (ends(meeting) - starts(meeting)) // MINUTE),
        field("IsChild", "boolean", lambda meeting: False),
        field("IsGroupEvent", "boolean", lambda meeting: False),
        field("IsRecurrence", "boolean", lambda meeting: False),
        field("IsArchived", "boolean", lambda meeting: is_archived(meeting, org.archived_before)),
        field("Outcome__c", "picklist", of("outcome"), store=lambda v: {"outcome": v}),
    ]


REPLIES = {"COMPLETED": "Accepted", "CANCELED": "Declined"}


def _invitee(org: Org, meeting: Record, place: int, second: int) -> dict[str, Any]:
    contacts = org.world.links.of(Kind.MEETING, meeting.id, Kind.CONTACT)
    at = stamp(second)
    return {
        "Id": ids.text("0RE", meeting.id * 1_000 + place),
        "IsDeleted": False,
        "CreatedDate": at,
        "LastModifiedDate": at,
        "SystemModstamp": at,
        "EventId": ids.text("00U", meeting.id),
        "RelationId": ids.text("003", contacts[place]) if place < len(contacts) else None,
        "Status": REPLIES.get(str(meeting.fields.get("outcome")), "New"),
        "IsInvitee": True,
        "IsWhat": False,
        "RespondedDate": None,
        "Response": None,
    }


def _invitee_fields() -> list[Field]:
    return [
        *settings_audit(),
        field("IsDeleted", "boolean"),
        reference("EventId", "Event"),
        reference("RelationId", ("Contact", "Lead", "User"), None, "Relation"),
        field("Status", "picklist"),
        field("IsInvitee", "boolean"),
        field("IsWhat", "boolean"),
        field("RespondedDate", "datetime"),
        field("Response"),
    ]


EMAIL_STATUSES = {"BOUNCED": "5", "FAILED": "5", "SENDING": "5", "SENT": "3"}


def _email(org: Org) -> list[Field]:
    def incoming(email: Record) -> bool:
        return email.fields.get("direction") == "INCOMING_EMAIL"

    def sent(email: Record) -> str:
        at = email.fields.get("at")
        return moment(at if isinstance(at, int) else email.created)

    def parent(email: Record) -> str | None:
        case = org.linked(Kind.EMAIL, email.id, Kind.TICKET)
        return None if case is None else ids.text("500", case)

    def activity(email: Record) -> str:
        return ids.text("00T", ids.serial(email.id, TASKS.index(Kind.EMAIL)))

    return [
        *audit(org, "02s"),
        reference("ParentId", "Case", parent),
        reference("ActivityId", "Task", activity),
        reference(
            "RelatedToId", ("Account", "Opportunity", "Case"), lambda e: what(org, Kind.EMAIL, e.id), "RelatedTo"
        ),
        field("Subject", "string", _subject, store=lambda v: {"subject": v}),
        field("Incoming", "boolean", incoming),
        field(
            "Status",
            "picklist",
            lambda email: "1" if incoming(email) else EMAIL_STATUSES.get(str(email.fields.get("status")), "3"),
        ),
        field("IsBounced", "boolean", lambda email: email.fields.get("status") == "BOUNCED"),
        field("MessageDate", "datetime", sent),
        field("FromAddress", "email", of("from")),
        field("ToAddress", "string", of("to")),
        field("HtmlBody", "textarea", of("html")),
    ]
