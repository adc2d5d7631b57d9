"""Contact properties, with the dates at which somebody became a lead, a customer and so on."""

from dealmeter.sandbox.hubspot.properties.common import count_links
from dealmeter.sandbox.hubspot.properties.deals import SOURCES
from dealmeter.sandbox.hubspot.properties.stages import visits
from dealmeter.sandbox.hubspot.property import Property, Reader, calculated, iso, options, stored
from dealmeter.sandbox.record import Kind, Record
from dealmeter.sandbox.world import World

LIFECYCLE = (
    "subscriber",
    "lead",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
    "evangelist",
    "other",
)
STATUSES = ("NEW", "OPEN", "IN_PROGRESS", "OPEN_DEAL", "UNQUALIFIED", "ATTEMPTED_TO_CONTACT", "CONNECTED", "BAD_TIMING")


def contact_properties(world: World) -> list[Property]:
    return [
        stored("email", "email", label="Email"),
        stored("firstname", "first_name", label="First Name"),
        stored("lastname", "last_name", label="Last Name"),
        stored("company", "company_name", label="Company Name"),
        stored("jobtitle", "job", label="Job Title"),
        stored("phone", "phone", "phone_number", label="Phone Number"),
        stored("country", "country"),
        stored("city", "city"),
        stored("state", "state"),
        stored("lifecyclestage", "lifecycle", "enumeration", label="Lifecycle Stage", options=options(LIFECYCLE)),
        stored("hs_lead_status", "lead_status", "enumeration", label="Lead Status", options=options(STATUSES)),
        stored("hs_analytics_source", "source", "enumeration", label="Original Source", options=options(SOURCES)),
        stored("hs_first_outreach_date", "first_touch_at", "datetime", label="First outreach date"),
        stored("hs_latest_source", "latest_source", "enumeration", options=options(SOURCES)),
        calculated("associatedcompanyid", "number", _company(world)),
        calculated("num_associated_deals", "number", count_links(world, Kind.CONTACT, Kind.DEAL)),
        calculated("hs_calculated_merged_vids", "enumeration", _merged),
        calculated("hs_email_optout", "bool", lambda record: ""),
        *(_entered(stage) for stage in LIFECYCLE),
    ]


def _company(world: World) -> Reader:
    def company(record: Record) -> str | None:
        found = world.links.primary(Kind.CONTACT, record.id, Kind.COMPANY)
        return None if found is None else str(found)

    return company


def _merged(record: Record) -> str | None:
    return ";".join(f"{id}:{record.created}" for id in record.merged) or None


def _entered(stage: str) -> Property:
    def entered(record: Record) -> str | None:
        found = visits(record, "lifecycle", stage)
        return iso(found[-1][0]) if found else None

    return calculated(f"hs_v2_date_entered_{stage}", "datetime", entered)
