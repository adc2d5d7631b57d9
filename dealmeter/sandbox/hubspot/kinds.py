"""HubSpot's object types: their names, type ids, scopes and special properties."""

from dataclasses import dataclass

from dealmeter.sandbox.hubspot.errors import not_found
from dealmeter.sandbox.record import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectType:
    """How HubSpot names a kind. `scopes` are all required; each entry lists alternatives."""

    kind: Kind
    name: str
    id: str
    singular: str
    scopes: tuple[tuple[str, ...], ...]
    defaults: tuple[str, ...] = ()
    created: str = "hs_createdate"
    modified: str = "hs_lastmodifieddate"

    @property
    def always(self) -> tuple[str, ...]:
        """Comes back whether asked for or not."""
        return (self.created, self.modified, "hs_object_id")

    @property
    def inline_key(self) -> str:
        """Under which inline associations stand: line items with a space, as in the real answers."""
        return self.name.replace("_", " ")


_CONTACTS = ("crm.objects.contacts.read",)

TYPES: tuple[ObjectType, ...] = (
    ObjectType(
        kind=Kind.CONTACT,
        name="contacts",
        id="0-1",
        singular="contact",
        scopes=(_CONTACTS,),
        defaults=("firstname", "lastname", "email"),
        created="createdate",
        modified="lastmodifieddate",
    ),
    ObjectType(
        kind=Kind.COMPANY,
        name="companies",
        id="0-2",
        singular="company",
        scopes=(("crm.objects.companies.read",),),
        defaults=("name", "domain"),
        created="createdate",
    ),
    ObjectType(
        kind=Kind.DEAL,
        name="deals",
        id="0-3",
        singular="deal",
        scopes=(("crm.objects.deals.read",),),
        defaults=("dealname", "amount", "closedate", "pipeline", "dealstage"),
        created="createdate",
    ),
    ObjectType(
        kind=Kind.PRODUCT,
        name="products",
        id="0-7",
        singular="product",
        scopes=(("crm.objects.products.read", "e-commerce"),),
        defaults=("name", "description", "price"),
        created="createdate",
    ),
    ObjectType(
        kind=Kind.LINE_ITEM,
        name="line_items",
        id="0-8",
        singular="line_item",
        scopes=(("crm.objects.line_items.read", "e-commerce"),),
        defaults=("quantity", "amount", "price"),
        created="createdate",
    ),
    ObjectType(
        kind=Kind.TICKET,
        name="tickets",
        id="0-5",
        singular="ticket",
        scopes=(("tickets",),),
        defaults=("subject", "content", "hs_pipeline", "hs_pipeline_stage", "hs_ticket_category", "hs_ticket_priority"),
        created="createdate",
    ),
    ObjectType(
        kind=Kind.FEEDBACK,
        name="feedback_submissions",
        id="0-19",
        singular="feedback_submission",
        scopes=(("crm.objects.feedback_submissions.read",), _CONTACTS),
    ),
    ObjectType(
        kind=Kind.SUBSCRIPTION,
        name="subscriptions",
        id="0-69",
        singular="subscription",
        scopes=(("crm.objects.subscriptions.read",),),
    ),
    ObjectType(
        kind=Kind.DEAL_SPLIT,
        name="deal_splits",
        id="0-72",
        singular="deal_split",
        scopes=(("crm.dealsplits.read_write",),),
    ),
    ObjectType(
        kind=Kind.GOAL,
        name="goal_targets",
        id="0-74",
        singular="goal_target",
        scopes=(("crm.objects.goals.read",),),
    ),
    ObjectType(kind=Kind.ORDER, name="orders", id="0-123", singular="order", scopes=(("crm.objects.orders.read",),)),
    ObjectType(
        kind=Kind.LEAD,
        name="leads",
        id="0-136",
        singular="lead",
        scopes=(("crm.objects.leads.read",),),
        defaults=("hs_lead_name", "hs_lead_type", "hs_lead_label"),
    ),
    ObjectType(kind=Kind.MESSAGE, name="communications", id="0-18", singular="communication", scopes=(_CONTACTS,)),
    ObjectType(kind=Kind.TASK, name="tasks", id="0-27", singular="task", scopes=(_CONTACTS,)),
    ObjectType(kind=Kind.NOTE, name="notes", id="0-46", singular="note", scopes=(_CONTACTS,)),
    ObjectType(kind=Kind.MEETING, name="meetings", id="0-47", singular="meeting", scopes=(_CONTACTS,)),
    ObjectType(kind=Kind.CALL, name="calls", id="0-48", singular="call", scopes=(_CONTACTS,)),
    ObjectType(kind=Kind.EMAIL, name="emails", id="0-49", singular="email", scopes=(_CONTACTS, ("sales-email-read",))),
)
BY_KIND = {object_type.kind: object_type for object_type in TYPES}
_BY_NAME = {
    name: object_type for object_type in TYPES for name in (object_type.name, object_type.id, object_type.singular)
}
OWNERS_SCOPE = (("crm.objects.owners.read",),)
CAMPAIGNS_SCOPE = (("marketing.campaigns.read",),)
CURRENCIES_SCOPE = (("settings.currencies.read",),)


def object_type(name: str) -> ObjectType:
    """The type with a name, a singular name or a type id; HubSpot's own refusal for any other."""
    found = _BY_NAME.get(name.lower())
    if found is None:
        raise not_found(f"Unable to infer object type from: {name}")
    return found
