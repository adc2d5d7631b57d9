"""The kinds of Salesforce objects that we read: which fields become ours, what hangs on them.

| Stream | Object | Passes |
|---|---|---|
| owners | User, UserRole | |
| pipelines | RecordType (of Opportunity), OpportunityStage | |
| rates | CurrencyType, DatedConversionRate | |
| companies, contacts | Account, Contact | late, archived, calculated, reconcile |
| campaigns | Campaign; its cost becomes spend | the same |
| leads | Lead | the same, and history (LeadHistory) |
| products | Product2 | the same, and prices (PricebookEntry) |
| deals | Opportunity | the same, history (Opportunity(Field)History), links (OpportunityContactRole) |
| deal_splits, line_items | OpportunitySplit, OpportunityLineItem | late, archived, calculated, reconcile |
| campaign_members | CampaignMember | the same |
| tickets | Case | the same, and responses (EmailMessage) |
| tasks | Task: calls, mails, to-dos | the same, and emails (EmailMessage) |
| meetings | Event | the same, and invites (EventRelation) |
| emails | EmailMessage that no task stands for | the same |
| targets | ForecastingQuota | the same |
| subscriptions, orders | Contract, Order | the same |
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.salesforce import shapes
from store.records import (
    Activity,
    Campaign,
    CampaignMember,
    Company,
    Contact,
    Deal,
    DealSplit,
    Lead,
    LineItem,
    Order,
    Product,
    Record,
    Statement,
    Subscription,
    Target,
    Ticket,
)

Values = dict[str, Any]
Shape = Callable[[Values, Mapping[str, Any], shapes.Account], None]
Beside = Callable[[Values, Mapping[str, Any], shapes.Account], Iterable[Statement]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of Salesforce object, by the name of its stream.

    `fields` maps our fields to Salesforce's; `also` are fields that only `shape` looks at. `shape` turns Salesforce's
    words into ours, `beside` states what else a record says. `only` are conditions, each used where the org has its
    field. `prefix` is what the ids of all its records begin with, where it shares a table with other kinds. `tied`
    are activities. `optional` is what an edition or a feature brings: an org without it is no reason to complain.
    """

    name: str
    object: str
    record: type[Record]
    fields: Mapping[str, str]
    also: tuple[str, ...] = ()
    shape: Shape = shapes.plain
    beside: Beside = shapes.nothing
    only: tuple[tuple[str, str], ...] = ()
    prefix: str = ""
    tied: bool = False
    optional: bool = False


TOUCHED = ("FirstCallDateTime", "FirstEmailDateTime")
TIES = ("WhoId", "WhatId", "AccountId")

KINDS: tuple[Kind, ...] = (
    Kind(
        name="companies",
        object="Account",
        record=Company,
        fields={
            "name": "Name",
            "domain": "Website",
            "country": "BillingCountry",
            "state": "BillingState",
            "city": "BillingCity",
            "industry": "Industry",
            "employees": "NumberOfEmployees",
            "annual_revenue": "AnnualRevenue",
            "owner_id": "OwnerId",
            "parent_id": "ParentId",
            "lifecycle": "Type",
            "source": "AccountSource",
        },
        shape=shapes.company,
    ),
    Kind(
        name="contacts",
        object="Contact",
        record=Contact,
        fields={
            "name": "Name",
            "email": "Email",
            "company_id": "AccountId",
            "owner_id": "OwnerId",
            "source": "LeadSource",
            "country": "MailingCountry",
        },
        also=TOUCHED,
        shape=shapes.contact,
    ),
    Kind(
        name="campaigns",
        object="Campaign",
        record=Campaign,
        optional=True,
        fields={
            "name": "Name",
            "type": "Type",
            "start_date": "StartDate",
            "end_date": "EndDate",
            "budget": "BudgetedCost",
            "actual_cost": "ActualCost",
            "currency": "CurrencyIsoCode",
        },
        beside=shapes.spend,
    ),
    Kind(
        name="leads",
        object="Lead",
        record=Lead,
        fields={
            "name": "Name",
            "contact_id": "ConvertedContactId",
            "company_id": "ConvertedAccountId",
            "owner_id": "OwnerId",
            "source": "LeadSource",
            "status": "Status",
            "stage_id": "Status",
            "converted_at": "ConvertedDate",
            "converted_deal_id": "ConvertedOpportunityId",
        },
        also=TOUCHED,
        shape=shapes.lead,
    ),
    Kind(
        name="products",
        object="Product2",
        record=Product,
        fields={"name": "Name", "sku": "ProductCode", "family": "Family", "is_active": "IsActive"},
    ),
    Kind(
        name="deals",
        object="Opportunity",
        record=Deal,
        fields={
            "name": "Name",
            "pipeline_id": "RecordTypeId",
            "stage_id": "StageName",
            "owner_id": "OwnerId",
            "company_id": "AccountId",
            "amount": "Amount",
            "currency": "CurrencyIsoCode",
            "probability": "Probability",
            "forecast_category": "ForecastCategory",
            "close_date": "CloseDate",
            "is_closed": "IsClosed",
            "is_won": "IsWon",
            "deal_type": "Type",
            "source": "LeadSource",
            "campaign_id": "CampaignId",
            "lost_reason": "Loss_Reason__c",  # no standard field; this is what most orgs call it
            "next_step": "NextStep",
            "last_activity_at": "LastActivityDate",
        },
        shape=shapes.deal,
    ),
    Kind(
        name="deal_splits",
        object="OpportunitySplit",
        record=DealSplit,
        optional=True,
        fields={
            "deal_id": "OpportunityId",
            "user_id": "SplitOwnerId",
            "percent": "SplitPercentage",
            "amount": "SplitAmount",
        },
        also=("SplitType.IsTotalValidated",),
        shape=shapes.split,
    ),
    Kind(
        name="line_items",
        object="OpportunityLineItem",
        record=LineItem,
        fields={
            "name": "Name",
            "deal_id": "OpportunityId",
            "product_id": "Product2Id",
            "quantity": "Quantity",
            "list_price": "ListPrice",
            "unit_price": "UnitPrice",
            "net_amount": "TotalPrice",
            "currency": "CurrencyIsoCode",
            "billing_start": "ServiceDate",
        },
        shape=shapes.line_item,
    ),
    Kind(
        name="campaign_members",
        object="CampaignMember",
        record=CampaignMember,
        optional=True,
        fields={
            "campaign_id": "CampaignId",
            "lead_id": "LeadId",
            "contact_id": "ContactId",
            "responded_at": "FirstRespondedDate",
        },
        also=("HasResponded",),
        shape=shapes.member,
    ),
    Kind(
        name="tickets",
        object="Case",
        record=Ticket,
        fields={
            "company_id": "AccountId",
            "owner_id": "OwnerId",
            "pipeline_id": "RecordTypeId",
            "status": "Status",
            "priority": "Priority",
            "closed_at": "ClosedDate",
        },
        shape=shapes.ticket,
    ),
    Kind(
        name="tasks",
        object="Task",
        record=Activity,
        fields={
            "owner_id": "OwnerId",
            "subject": "Subject",
            "subtype": "Type",
            "due_at": "ActivityDate",
            "completed_at": "CompletedDateTime",
        },
        also=(*TIES, "IsClosed", "TaskSubtype", "CallType", "CallDisposition", "CallDurationInSeconds"),
        shape=shapes.task,
        only=(("IsRecurrence", "IsRecurrence = false"),),
        prefix="00T",
        tied=True,
    ),
    Kind(
        name="meetings",
        object="Event",
        record=Activity,
        fields={
            "owner_id": "OwnerId",
            "subject": "Subject",
            "subtype": "Type",
            "occurred_at": "StartDateTime",
        },
        also=(*TIES, "IsAllDayEvent", "ActivityDate", "ActivityDateTime", "DurationInMinutes"),
        shape=shapes.event,
        only=(("IsChild", "IsChild = false"), ("IsRecurrence", "IsRecurrence = false")),
        prefix="00U",
        tied=True,
    ),
    Kind(
        name="emails",
        object="EmailMessage",
        record=Activity,
        optional=True,
        fields={
            "owner_id": "CreatedById",
            "subject": "Subject",
            "occurred_at": "MessageDate",
            "thread_id": "ThreadIdentifier",
        },
        also=("Incoming", "Status", "IsBounced", "RelatedToId", "ParentId"),
        shape=shapes.email,
        only=(("ActivityId", "ActivityId = null"),),
        prefix="02s",
        tied=True,
    ),
    Kind(
        name="targets",
        object="ForecastingQuota",
        record=Target,
        optional=True,
        fields={"scope_id": "QuotaOwnerId", "value": "QuotaAmount", "currency": "CurrencyIsoCode"},
        also=("QuotaQuantity", "IsQuantity", "StartDate", "PeriodId"),
        shape=shapes.target,
    ),
    Kind(
        name="subscriptions",
        object="Contract",
        record=Subscription,
        optional=True,
        fields={
            "company_id": "AccountId",
            "start_date": "StartDate",
            "end_date": "EndDate",
            "status": "Status",
            "currency": "CurrencyIsoCode",
        },
    ),
    Kind(
        name="orders",
        object="Order",
        record=Order,
        optional=True,
        fields={
            "company_id": "AccountId",
            "deal_id": "OpportunityId",
            "ordered_on": "EffectiveDate",
            "amount": "TotalAmount",
            "currency": "CurrencyIsoCode",
            "status": "Status",
        },
    ),
)

BY_NAME: Mapping[str, Kind] = {kind.name: kind for kind in KINDS}
STREAMS: Mapping[str, str] = {
    "owners": "User",
    "pipelines": "OpportunityStage",
    "rates": "CurrencyType",
    **{kind.name: kind.object for kind in KINDS},
}
"""The object that each stream needs, for people."""
