"""What people do with customers: activities, tickets, surveys."""

from connectors.hubspot import shapes
from connectors.hubspot.kind import Kind, activity
from store.records import SurveyResponse, Ticket

DONE: tuple[Kind, ...] = (
    activity(
        "calls",
        "call",
        {"subject": "hs_call_title", "subtype": "hs_activity_type"},
        ("hs_call_direction", "hs_call_duration", "hs_call_disposition", "hs_call_status"),
        shapes.call,
    ),
    activity(
        "meetings",
        "meeting",
        {"subject": "hs_meeting_title", "subtype": "hs_activity_type"},
        ("hs_meeting_start_time", "hs_meeting_end_time", "hs_meeting_outcome"),
        shapes.meeting,
    ),
    activity(
        "emails", "email", {"subject": "hs_email_subject"}, ("hs_email_direction", "hs_email_status"), shapes.email
    ),
    activity(
        "tasks",
        "task",
        {
            "subject": "hs_task_subject",
            "subtype": "hs_task_type",
            "due_at": "hs_timestamp",
            "completed_at": "hs_task_completion_date",
        },
        ("hs_task_status",),
        shapes.task,
    ),
    activity("notes", "note", {}, (), shapes.note, optional=True),
    activity(
        "communications",
        "message",
        {"subtype": "hs_communication_channel_type"},
        (),
        shapes.message,
        optional=True,
    ),
    Kind(
        name="tickets",
        record=Ticket,
        fields={
            "owner_id": "hubspot_owner_id",
            "pipeline_id": "hs_pipeline",
            "status": "hs_pipeline_stage",
            "priority": "hs_ticket_priority",
            "first_response_at": "first_agent_reply_date",
            "closed_at": "closed_date",
            "created_at": "createdate",
        },
        shape=shapes.ticket,
        links=("companies",),
        pipelines="tickets",
        calculated=True,
        optional=True,
    ),
    Kind(
        name="feedback",
        object="feedback_submissions",
        record=SurveyResponse,
        fields={
            "type": "hs_survey_type",
            "score": "hs_value",
            "sentiment": "hs_sentiment",
            "responded_at": "hs_submission_timestamp",
            "survey_id": "hs_survey_id",
        },
        shape=shapes.feedback,
        links=("contacts", "companies"),
        optional=True,
        edition="Service Hub Professional or Enterprise",
    ),
)
