"""The kinds of HubSpot objects that we read, and the scopes that they need."""

from collections.abc import Mapping

from connectors.hubspot.kind import Kind
from connectors.hubspot.kinds_sales import SOLD
from connectors.hubspot.kinds_service import DONE

KINDS: tuple[Kind, ...] = (*SOLD, *DONE)
BY_NAME: Mapping[str, Kind] = {kind.name: kind for kind in KINDS}
SCOPES: Mapping[str, str] = {
    "companies": "crm.objects.companies.read",
    "contacts": "crm.objects.contacts.read",
    "deals": "crm.objects.deals.read",
    "products": "crm.objects.products.read (or e-commerce)",
    "line_items": "crm.objects.line_items.read (or e-commerce)",
    "leads": "crm.objects.leads.read",
    "deal_splits": "crm.dealsplits.read_write",
    "orders": "crm.objects.orders.read",
    "subscriptions": "crm.objects.subscriptions.read",
    "goals": "crm.objects.goals.read",
    "calls": "crm.objects.contacts.read",
    "meetings": "crm.objects.contacts.read",
    "tasks": "crm.objects.contacts.read",
    "emails": "crm.objects.contacts.read and sales-email-read",
    "notes": "crm.objects.contacts.read",
    "communications": "crm.objects.contacts.read",
    "tickets": "tickets",
    "feedback": "crm.objects.feedback_submissions.read and crm.objects.contacts.read",
    "owners": "crm.objects.owners.read",
    "pipelines": "crm.objects.deals.read",
    "campaigns": "marketing.campaigns.read",
    "exchange_rates": "settings.currencies.read",
}
"""The scope that each stream needs, for people."""
