"""Properties of calls, meetings, e-mails, tasks, notes and communications."""

from dealmeter.sandbox.hubspot.property import Property, calculated, options, stored, yes
from dealmeter.sandbox.record import Record
from dealmeter.sandbox.world import World

DISPOSITIONS = {
    "busy": ("9d9162e7-6cf3-4944-bf63-4dff82258764", "Busy"),
    "connected": ("f240bbac-87c9-4f6e-bf70-924b57d47db7", "Connected"),
    "live_message": ("a4c4c377-d246-4b32-a13b-75a56a4cd0ff", "Left live message"),
    "voicemail": ("b2cf5968-551e-4856-9783-52b3da59a7d0", "Left voicemail"),
    "no_answer": ("73a0d17f-1163-4015-bdd5-ec830791da20", "No answer"),
    "wrong_number": ("17b47fee-58de-441e-a44c-c6300d46f273", "Wrong number"),
}


def call_properties(world: World) -> list[Property]:
    return [
        *_shared(),
        stored("hs_call_title", "title"),
        stored("hs_call_direction", "direction", "enumeration", options=options(("INBOUND", "OUTBOUND"))),
        stored("hs_call_duration", "duration", "number"),
        Property(
            name="hs_call_disposition",
            label="Call outcome",
            type="enumeration",
            read=_disposition,
            field="outcome",
            options=tuple(DISPOSITIONS.values()),
        ),
        stored(
            "hs_call_status", "status", "enumeration", options=options(("COMPLETED", "NO_ANSWER", "BUSY", "FAILED"))
        ),
        stored("hs_call_source", "source", "enumeration"),
        stored("hs_call_from_number", "from"),
        stored("hs_call_to_number", "to"),
        stored("hs_activity_type", "type", "enumeration"),
    ]


def meeting_properties(world: World) -> list[Property]:
    outcomes = ("SCHEDULED", "COMPLETED", "RESCHEDULED", "NO_SHOW", "CANCELED")
    return [
        *_shared(),
        stored("hs_meeting_title", "title"),
        stored("hs_meeting_start_time", "starts_at", "datetime"),
        stored("hs_meeting_end_time", "ends_at", "datetime"),
        stored("hs_meeting_outcome", "outcome", "enumeration", options=options(outcomes)),
        stored("hs_meeting_source", "source", "enumeration"),
        stored("hs_meeting_location", "location"),
        stored("hs_activity_type", "type", "enumeration"),
    ]


def email_properties(world: World) -> list[Property]:
    return [
        *_shared(),
        stored("hs_email_subject", "subject"),
        stored(
            "hs_email_direction",
            "direction",
            "enumeration",
            options=options(("EMAIL", "INCOMING_EMAIL", "FORWARDED_EMAIL")),
        ),
        stored("hs_email_status", "status", "enumeration", options=options(("BOUNCED", "FAILED", "SENDING", "SENT"))),
        stored("hs_email_from_email", "from"),
        stored("hs_email_to_email", "to"),
        stored("hs_email_html", "html"),
    ]


def task_properties(world: World) -> list[Property]:
    statuses = ("NOT_STARTED", "IN_PROGRESS", "WAITING", "DEFERRED", "COMPLETED")
    return [
        *_shared(),
        stored("hs_task_subject", "subject"),
        stored("hs_task_status", "status", "enumeration", options=options(statuses)),
        stored("hs_task_priority", "priority", "enumeration", options=options(("NONE", "LOW", "MEDIUM", "HIGH"))),
        stored("hs_task_type", "type", "enumeration", options=options(("EMAIL", "CALL", "TODO"))),
        stored("hs_task_completion_date", "completed_at", "datetime"),
        calculated("hs_task_is_completed", "number", lambda record: str(int(_done(record)))),
    ]


def note_properties(world: World) -> list[Property]:
    return [*_shared(), stored("hs_note_body", "body")]


def communication_properties(world: World) -> list[Property]:
    channels = options(("WHATS_APP", "LINKEDIN_MESSAGE", "SMS"))
    return [
        *_shared(),
        stored("hs_communication_channel_type", "channel", "enumeration", options=channels),
        calculated("hs_communication_logged_from", "enumeration", lambda record: "CRM"),
    ]


def _shared() -> list[Property]:
    return [
        stored("hs_timestamp", "at", "datetime", label="Activity date"),
        calculated("hs_gdpr_deleted", "bool", lambda record: yes(record.fields.get("forgotten") == "true")),
    ]


def _disposition(record: Record) -> str | None:
    outcome = record.fields.get("outcome")
    if outcome is None:
        return None
    known = DISPOSITIONS.get(str(outcome))
    return known[0] if known else str(outcome)


def _done(record: Record) -> bool:
    return record.fields.get("status") == "COMPLETED"
