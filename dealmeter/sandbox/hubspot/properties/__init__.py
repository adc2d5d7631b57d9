"""Which properties each HubSpot object has, built for one world: its stages become properties too."""

from collections.abc import Callable

from dealmeter.sandbox.hubspot.properties.activities import (
    call_properties,
    communication_properties,
    email_properties,
    meeting_properties,
    note_properties,
    task_properties,
)
from dealmeter.sandbox.hubspot.properties.commerce import order_properties, split_properties, subscription_properties
from dealmeter.sandbox.hubspot.properties.common import common_properties
from dealmeter.sandbox.hubspot.properties.companies import company_properties
from dealmeter.sandbox.hubspot.properties.contacts import contact_properties
from dealmeter.sandbox.hubspot.properties.deals import deal_properties
from dealmeter.sandbox.hubspot.properties.goals import goal_properties
from dealmeter.sandbox.hubspot.properties.leads import lead_properties
from dealmeter.sandbox.hubspot.properties.sales import line_item_properties, product_properties
from dealmeter.sandbox.hubspot.properties.service import feedback_properties, ticket_properties
from dealmeter.sandbox.hubspot.property import Property
from dealmeter.sandbox.record import Kind
from dealmeter.sandbox.world import World

_SPECIFIC: dict[Kind, Callable[[World], list[Property]]] = {
    Kind.DEAL: deal_properties,
    Kind.CONTACT: contact_properties,
    Kind.COMPANY: company_properties,
    Kind.PRODUCT: product_properties,
    Kind.LINE_ITEM: line_item_properties,
    Kind.CALL: call_properties,
    Kind.MEETING: meeting_properties,
    Kind.EMAIL: email_properties,
    Kind.TASK: task_properties,
    Kind.NOTE: note_properties,
    Kind.MESSAGE: communication_properties,
    Kind.LEAD: lead_properties,
    Kind.TICKET: ticket_properties,
    Kind.FEEDBACK: feedback_properties,
    Kind.GOAL: goal_properties,
    Kind.ORDER: order_properties,
    Kind.SUBSCRIPTION: subscription_properties,
    Kind.DEAL_SPLIT: split_properties,
}


def catalogue(world: World, kind: Kind) -> dict[str, Property]:
    """Every property of a kind, by name."""
    found = [*common_properties(world, kind), *_SPECIFIC[kind](world)]
    return {prop.name: prop for prop in found}
