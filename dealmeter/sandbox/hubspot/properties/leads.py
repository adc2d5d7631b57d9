"""Lead properties."""

from dealmeter.sandbox.hubspot.properties.common import count_links
from dealmeter.sandbox.hubspot.properties.deals import SOURCES
from dealmeter.sandbox.hubspot.properties.stages import stage_properties
from dealmeter.sandbox.hubspot.property import Property, Reader, calculated, options, stored, yes
from dealmeter.sandbox.record import Kind, Record
from dealmeter.sandbox.world import World

TYPES = ("NEW BUSINESS", "RE-ATTEMPTING", "UPSELL")


def lead_properties(world: World) -> list[Property]:
    return [
        stored("hs_lead_name", "name"),
        stored("hs_lead_type", "type", "enumeration", options=options(TYPES)),
        stored("hs_lead_label", "label", "enumeration", options=options(("HOT", "WARM", "COLD"))),
        stored("hs_lead_source", "source", "enumeration", options=options(SOURCES)),
        stored("hs_pipeline", "pipeline", "enumeration"),
        stored("hs_pipeline_stage", "stage", "enumeration"),
        stored("hs_first_outreach_date", "first_touch_at", "datetime"),
        stored("hs_lead_disqualification_reason", "disqualify_reason", "enumeration"),
        calculated("hs_lead_is_disqualified", "bool", _is("UNQUALIFIED", world)),
        calculated("hs_lead_is_qualified", "bool", _is("QUALIFIED", world)),
        calculated("hs_primary_contact_id", "number", _contact(world)),
        calculated("hs_associated_company_name", "string", lambda record: _text(record, "company_name")),
        calculated("hs_lead_associated_deals_count", "number", count_links(world, Kind.LEAD, Kind.DEAL)),
        *stage_properties(world, "leadinformation", Kind.LEAD),
    ]


def _is(state: str, world: World) -> Reader:
    def holds(record: Record) -> str | None:
        stage = world.stage(record.fields.get("stage"), Kind.LEAD)
        return yes(stage is not None and stage.state == state)

    return holds


def _contact(world: World) -> Reader:
    def contact(record: Record) -> str | None:
        found = world.links.primary(Kind.LEAD, record.id, Kind.CONTACT)
        return None if found is None else str(found)

    return contact


def _text(record: Record, field: str) -> str | None:
    value = record.fields.get(field)
    return None if value is None else str(value)
