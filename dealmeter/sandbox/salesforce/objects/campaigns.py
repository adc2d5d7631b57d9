"""Campaigns and their members."""

from collections.abc import Iterator
from typing import Any

from dealmeter.sandbox.record import Kind, Record
from dealmeter.sandbox.salesforce.field import Field, field, reference
from dealmeter.sandbox.salesforce.objects.common import (
    amount,
    audit,
    currency_field,
    custom,
    instant_field,
    named,
    owner_field,
    sobject,
    text,
)
from dealmeter.sandbox.salesforce.org import Org
from dealmeter.sandbox.salesforce.sobject import SObject
from dealmeter.sandbox.salesforce.texts import titled


def objects(org: Org) -> Iterator[SObject]:
    yield sobject("Campaign", "701", org.mirror(Kind.CAMPAIGN), _campaign(org))
    yield sobject("CampaignMember", "00v", org.mirror(Kind.CAMPAIGN_MEMBER), _member(org))


def _campaign(org: Org) -> list[Field]:
    return [
        *audit(org, "701"),
        text("Name", "name"),
        text("Type", "type", "picklist"),
        field("Status", "picklist", lambda campaign: titled(campaign.fields.get("status"))),
        field("IsActive", "boolean", lambda campaign: campaign.fields.get("status") == "in_progress"),
        text("StartDate", "starts_on", "date"),
        text("EndDate", "ends_on", "date"),
        reference("ParentId", "Campaign", lambda campaign: None),
        amount("BudgetedCost", "budget"),
        amount("ActualCost", "spent"),
        owner_field(org),
        text("Channel__c", "channel", "picklist"),
        text("Lead_Source__c", "source", "picklist"),
        *_counters(org),
        *currency_field(org),
        *custom(org, Kind.CAMPAIGN),
    ]


def _counters(org: Org) -> list[Field]:
    """Worked out anew at each look: they change without anybody touching the campaign."""
    world = org.world

    def of(far: Kind) -> Any:
        return lambda campaign: len(world.linked(Kind.CAMPAIGN, campaign.id, far))

    def responses(campaign: Record) -> int:
        members = world.linked(Kind.CAMPAIGN, campaign.id, Kind.CAMPAIGN_MEMBER)
        found = (world.find(Kind.CAMPAIGN_MEMBER, member) for member in members)
        return sum(member is not None and member.fields.get("status") == "Responded" for member in found)

    def converted(campaign: Record) -> int:
        found = (world.find(Kind.LEAD, lead) for lead in world.linked(Kind.CAMPAIGN, campaign.id, Kind.LEAD))
        return sum(lead is not None and bool(lead.fields.get("converted_at")) for lead in found)

    return [
        field("NumberOfLeads", "int", of(Kind.LEAD), calculated=True),
        field("NumberOfConvertedLeads", "int", converted, calculated=True),
        field("NumberOfContacts", "int", of(Kind.CONTACT), calculated=True),
        field("NumberOfResponses", "int", responses, calculated=True),
    ]


def _member(org: Org) -> list[Field]:
    return [
        *audit(org, "00v"),
        named("CampaignId", "Campaign", "701", "campaign", nillable=False),
        named("LeadId", "Lead", "00Q", "lead"),
        named("ContactId", "Contact", "003", "contact"),
        text("Status", "status", "picklist"),
        field("HasResponded", "boolean", lambda member: member.fields.get("status") == "Responded"),
        field("FirstRespondedDate", "date", lambda member: org.day(member.fields.get("responded_at"))),
        instant_field("Responded_At__c", "responded_at"),
        *currency_field(org),
    ]
