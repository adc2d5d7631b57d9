"""Properties of tickets and of answers to surveys. Durations are milliseconds."""

from dealmeter.sandbox.hubspot.properties.stages import stage_properties
from dealmeter.sandbox.hubspot.property import Property, Reader, calculated, options, shown, stored
from dealmeter.sandbox.record import Kind, Record
from dealmeter.sandbox.world import World

CATEGORIES = ("PRODUCT_ISSUE", "BILLING_ISSUE", "FEATURE_REQUEST", "GENERAL_INQUIRY")
PRIORITIES = ("LOW", "MEDIUM", "HIGH", "URGENT")


def ticket_properties(world: World) -> list[Property]:
    return [
        stored("subject", "subject"),
        stored("content", "content"),
        stored("hs_pipeline", "pipeline", "enumeration"),
        stored("hs_pipeline_stage", "stage", "enumeration"),
        stored("hs_ticket_priority", "priority", "enumeration", options=options(PRIORITIES)),
        stored("hs_ticket_category", "category", "enumeration", options=options(CATEGORIES)),
        stored("source_type", "origin", "enumeration", options=options(("EMAIL", "CHAT", "FORM", "PHONE"))),
        stored("first_agent_reply_date", "first_response_at", "datetime"),
        stored("closed_date", "closed_at", "datetime"),
        calculated("hs_last_closed_date", "datetime", lambda record: shown(record.fields.get("closed_at"))),
        calculated("time_to_close", "number", _since("closed_at")),
        calculated("time_to_first_agent_reply", "number", _since("first_response_at")),
        *stage_properties(world, "ticketinformation", Kind.TICKET),
    ]


def _since(field: str) -> Reader:
    def passed(record: Record) -> str | None:
        at = record.fields.get(field)
        return str(at - record.created) if isinstance(at, int) else None

    return passed


def feedback_properties(world: World) -> list[Property]:
    return [
        stored("hs_survey_id", "survey", "number"),
        stored("hs_survey_name", "survey_name"),
        stored("hs_survey_type", "type", "enumeration", options=options(("NPS", "CSAT", "CES", "CUSTOM"))),
        stored("hs_survey_channel", "channel", "enumeration", options=options(("EMAIL", "WEB"))),
        stored("hs_value", "score", "number"),
        stored("hs_response_group", "group", "enumeration", options=options(("PROMOTER", "PASSIVE", "DETRACTOR"))),
        stored("hs_sentiment", "sentiment", "enumeration", options=options(("POSITIVE", "NEUTRAL", "NEGATIVE"))),
        stored("hs_submission_timestamp", "at", "datetime"),
        stored("hs_content", "comment"),
        calculated("hs_contact_id", "number", _linked(world, Kind.CONTACT)),
        calculated("hs_ticket_id", "number", _linked(world, Kind.TICKET)),
    ]


def _linked(world: World, to: Kind) -> Reader:
    def first(record: Record) -> str | None:
        found = world.linked(Kind.FEEDBACK, record.id, to)
        return str(found[0]) if found else None

    return first
