"""The kinds of HubSpot objects that we read: which properties become which fields, what hangs on them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from connectors.hubspot import shapes
from store.records import Activity, Company, Contact, Deal, LineItem, Product, Record

Values = dict[str, Any]
Shape = Callable[[Values, Mapping[str, str | None], shapes.Account], None]

HISTORY = ("dealstage", "pipeline", "amount", "closedate", "hubspot_owner_id", "hs_manual_forecast_category")
"""The deal properties whose changes we keep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of HubSpot object, which is also the name of its stream.

    `fields` maps our fields to HubSpot's properties; `also` are properties that only `shape` looks at. `shape` turns
    HubSpot's words into ours. `links` are the kinds that its associations are read to. `prefix` keeps the ids of
    kinds apart that share a table.
    """

    name: str
    record: type[Record]
    fields: Mapping[str, str]
    also: tuple[str, ...] = ()
    shape: Shape = shapes.plain
    history: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    modified: str = "hs_lastmodifieddate"
    prefix: str = ""
    calculated: bool = False


def _activity(name: str, type_: str, fields: Mapping[str, str], also: tuple[str, ...], shape: Shape) -> Kind:
    return Kind(
        name=name,
        record=Activity,
        fields=MappingProxyType({"owner_id": "hubspot_owner_id", "occurred_at": "hs_timestamp", **fields}),
        also=also,
        shape=shape,
        links=("deals", "contacts", "companies"),
        prefix=f"{type_}:",
    )


KINDS: tuple[Kind, ...] = (
    Kind(
        name="companies",
        record=Company,
        fields={
            "name": "name",
            "domain": "domain",
            "country": "country",
            "state": "state",
            "city": "city",
            "industry": "industry",
            "employees": "numberofemployees",
            "annual_revenue": "annualrevenue",
            "owner_id": "hubspot_owner_id",
            "parent_id": "hs_parent_company_id",
            "lifecycle": "lifecyclestage",
            "source": "hs_analytics_source",
        },
        calculated=True,
    ),
    Kind(
        name="contacts",
        record=Contact,
        fields={
            "email": "email",
            "owner_id": "hubspot_owner_id",
            "source": "hs_analytics_source",
            "lifecycle": "lifecyclestage",
            "country": "country",
            "first_contacted_at": "hs_first_outreach_date",
        },
        also=("firstname", "lastname"),
        shape=shapes.contact,
        links=("companies",),
        modified="lastmodifieddate",
        calculated=True,
    ),
    Kind(
        name="products",
        record=Product,
        fields={
            "name": "name",
            "sku": "hs_sku",
            "family": "hs_product_type",
            "list_price": "price",
            "unit_cost": "hs_cost_of_goods_sold",
        },
        calculated=True,
    ),
    Kind(
        name="deals",
        record=Deal,
        fields={
            "name": "dealname",
            "pipeline_id": "pipeline",
            "stage_id": "dealstage",
            "owner_id": "hubspot_owner_id",
            "amount": "amount",
            "currency": "deal_currency_code",
            "fx_rate": "hs_exchange_rate",
            "probability": "hs_deal_stage_probability",
            "forecast_category": "hs_manual_forecast_category",
            "close_date": "closedate",
            "created_at": "createdate",
            "is_closed": "hs_is_closed",
            "is_won": "hs_is_closed_won",
            "deal_type": "dealtype",
            "source": "hs_analytics_source",
            "campaign_id": "hs_campaign",
            "lost_reason": "closed_lost_reason",
            "next_step": "hs_next_step",
            "next_activity_at": "notes_next_activity_date",
            "last_activity_at": "notes_last_updated",
            "mrr": "hs_mrr",
            "arr": "hs_arr",
        },
        shape=shapes.deal,
        history=HISTORY,
        links=("companies", "contacts"),
        calculated=True,
    ),
    Kind(
        name="line_items",
        record=LineItem,
        fields={
            "name": "name",
            "product_id": "hs_product_id",
            "quantity": "quantity",
            "list_price": "price",
            "unit_price": "price",
            "discount": "hs_total_discount",
            "unit_cost": "hs_cost_of_goods_sold",
            "net_amount": "amount",
            "currency": "hs_line_item_currency_code",
            "billing_start": "hs_recurring_billing_start_date",
            "billing_period": "hs_recurring_billing_period",
            "term_months": "hs_term_in_months",
        },
        shape=shapes.line_item,
        links=("deals",),
        calculated=True,
    ),
    _activity(
        "calls",
        "call",
        {"subject": "hs_call_title"},
        ("hs_call_direction", "hs_call_duration", "hs_call_disposition", "hs_call_status"),
        shapes.call,
    ),
    _activity(
        "meetings",
        "meeting",
        {"subject": "hs_meeting_title"},
        ("hs_meeting_start_time", "hs_meeting_end_time", "hs_meeting_outcome"),
        shapes.meeting,
    ),
    _activity(
        "emails", "email", {"subject": "hs_email_subject"}, ("hs_email_direction", "hs_email_status"), shapes.email
    ),
    _activity(
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
)

BY_NAME: Mapping[str, Kind] = {kind.name: kind for kind in KINDS}
SCOPES: Mapping[str, str] = {
    "companies": "crm.objects.companies.read",
    "contacts": "crm.objects.contacts.read",
    "deals": "crm.objects.deals.read",
    "products": "crm.objects.products.read (or e-commerce)",
    "line_items": "crm.objects.line_items.read (or e-commerce)",
    "calls": "crm.objects.contacts.read",
    "meetings": "crm.objects.contacts.read",
    "tasks": "crm.objects.contacts.read",
    "emails": "crm.objects.contacts.read and sales-email-read",
    "owners": "crm.objects.owners.read",
    "pipelines": "crm.objects.deals.read",
}
"""The scope that each stream needs, for people."""
