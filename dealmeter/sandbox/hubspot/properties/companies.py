"""Company properties."""

from dealmeter.sandbox.hubspot.properties.common import count_links
from dealmeter.sandbox.hubspot.properties.contacts import LIFECYCLE
from dealmeter.sandbox.hubspot.properties.deals import SOURCES
from dealmeter.sandbox.hubspot.property import Property, calculated, options, stored
from dealmeter.sandbox.record import Kind
from dealmeter.sandbox.world import World


def company_properties(world: World) -> list[Property]:
    return [
        stored("name", "name", label="Company name"),
        stored("domain", "domain", label="Company Domain Name"),
        stored("industry", "industry", "enumeration", options=_industries(world)),
        stored("annualrevenue", "revenue", "number", label="Annual Revenue"),
        stored("numberofemployees", "employees", "number", label="Number of Employees"),
        stored("country", "country"),
        stored("state", "state"),
        stored("city", "city"),
        stored("zip", "zip"),
        stored("founded_year", "founded", label="Year Founded"),
        stored("type", "type", "enumeration", options=options(("PROSPECT", "PARTNER", "RESELLER", "VENDOR", "OTHER"))),
        stored("lifecyclestage", "lifecycle", "enumeration", label="Lifecycle Stage", options=options(LIFECYCLE)),
        stored("hs_lead_status", "lead_status", "enumeration"),
        stored("hs_parent_company_id", "parent", "number", label="Parent Company"),
        stored("hs_analytics_source", "source", "enumeration", label="Original Source", options=options(SOURCES)),
        calculated("num_associated_deals", "number", count_links(world, Kind.COMPANY, Kind.DEAL)),
        calculated("num_associated_contacts", "number", count_links(world, Kind.COMPANY, Kind.CONTACT)),
    ]


def _industries(world: World) -> tuple[tuple[str, str], ...]:
    values = {str(record.fields.get("industry") or "") for record in world.tables[Kind.COMPANY].live}
    return options(sorted(values - {""}))
