"""Dependents: what hangs on the records of a kind and is only right as a whole: histories, contact roles, prices."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from connectors.salesforce.history import deal_past, lead_past
from connectors.salesforce.shapes import LINKED, RESPONSES, Account, Raw, mail_way, moment
from store.records import (
    Activity,
    Deal,
    DealContact,
    Detail,
    MeetingInvite,
    Product,
    Statement,
    Ticket,
)

ByObject = Mapping[str, Sequence[Raw]]
Say = Callable[[Sequence[str], ByObject, Account], Iterable[Statement]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Rows that hang on a parent, by the field that names it. `only` are conditions, used where the org has the field.

    An `optional` source may be missing.
    """

    object: str
    parent: str
    fields: tuple[str, ...]
    only: tuple[tuple[str, str], ...] = ()
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependents:
    """A pass over the dependents of a kind. `again` names the cadence at which all are read; `complete` is the detail
    whose sets are complete: others of the same parents are gone."""

    name: str
    of: str
    sources: tuple[Source, ...]
    say: Say
    again: str
    complete: type[Detail] | None = None
    key: str = ""


def _roles(ids: Sequence[str], rows: ByObject, account: Account) -> Iterable[Statement]:
    """The contacts of deals, and which of them is the primary one."""
    primary: dict[str, str | None] = dict.fromkeys(ids)
    roles: dict[tuple[str, str], DealContact] = {}
    for raw in sorted(rows.get("OpportunityContactRole", ()), key=lambda raw: raw.get("IsPrimary") is True):
        deal, contact = raw.get("OpportunityId"), raw.get("ContactId")
        if deal not in primary or not contact:
            continue
        first = raw.get("IsPrimary") is True
        if first:
            primary[deal] = contact
        roles[deal, contact] = DealContact.of(
            {"deal_id": deal, "contact_id": contact, "role": raw.get("Role"), "is_primary": first}
        )
    yield from roles.values()
    for id_, contact in primary.items():
        yield Deal.of({"id": id_, "primary_contact_id": contact})


def _prices(ids: Sequence[str], rows: ByObject, account: Account) -> Iterable[Statement]:
    """The standard price of products, in the org's own currency where there are several."""
    chosen: dict[str, Raw] = {}
    for raw in rows.get("PricebookEntry", ()):
        product, currency = str(raw.get("Product2Id")), raw.get("CurrencyIsoCode")
        if product not in chosen or currency == account.currency:
            chosen[product] = raw
    for id_ in ids:
        raw = chosen.get(id_, {})
        currency = raw.get("CurrencyIsoCode") or (account.currency if raw else None)
        yield Product.of({"id": id_, "list_price": raw.get("UnitPrice"), "currency": currency})


def _invites(ids: Sequence[str], rows: ByObject, account: Account) -> Iterable[Statement]:
    """What invited contacts have answered."""
    wanted = set(ids)
    for raw in rows.get("EventRelation", ()):
        contact = str(raw.get("RelationId") or "")
        if raw.get("EventId") in wanted and LINKED.get(contact[:3]) == "contacts" and raw.get("IsWhat") is not True:
            status = RESPONSES.get(str(raw.get("Status")), "invited")
            yield MeetingInvite.of({"activity_id": raw["EventId"], "contact_id": contact, "status": status})


def _mails(ids: Sequence[str], rows: ByObject, account: Account) -> Iterable[Statement]:
    """What mails say of the tasks that stand for them."""
    for raw in rows.get("EmailMessage", ()):
        direction, outcome = mail_way(raw)
        yield Activity.of(
            {
                "id": raw["ActivityId"],
                "type": "email",
                "direction": direction,
                "outcome": outcome,
                "thread_id": raw.get("ThreadIdentifier"),
            }
        )


def _responses(ids: Sequence[str], rows: ByObject, account: Account) -> Iterable[Statement]:
    """The first mail that went out about each case."""
    first: dict[str, datetime | None] = dict.fromkeys(ids)
    for raw in rows.get("EmailMessage", ()):
        case, at = str(raw.get("ParentId")), moment(raw.get("MessageDate"))
        if case in first and at is not None and mail_way(raw)[0] == "outbound":
            known = first[case]
            first[case] = at if known is None else min(known, at)
    for id_, found in first.items():
        if found is not None:
            yield Ticket.of({"id": id_, "first_response_at": found})


LIVE = (("IsDeleted", "IsDeleted = false"),)
MAIL = ("Incoming", "Status", "IsBounced", "MessageDate", "ThreadIdentifier")

DEPENDENTS: tuple[Dependents, ...] = (
    Dependents(
        name="history",
        of="deals",
        sources=(
            Source(
                object="OpportunityHistory",
                parent="OpportunityId",
                fields=(
                    *("CreatedDate", "CreatedById", "StageName", "Amount", "CloseDate", "ForecastCategory"),
                    "Opportunity.RecordTypeId",
                ),
                only=LIVE,
            ),
            Source(
                object="OpportunityFieldHistory",
                parent="OpportunityId",
                fields=("CreatedDate", "CreatedById", "Field", "OldValue", "NewValue"),
                only=(("Field", "Field IN ('Owner', 'RecordType')"),),
                optional=True,
            ),
        ),
        say=deal_past,
        again="history",
    ),
    Dependents(
        name="links",
        of="deals",
        sources=(
            Source(
                object="OpportunityContactRole",
                parent="OpportunityId",
                fields=("ContactId", "Role", "IsPrimary"),
                only=LIVE,
            ),
        ),
        say=_roles,
        again="links",
        complete=DealContact,
        key="deal_id",
    ),
    Dependents(
        name="history",
        of="leads",
        sources=(
            Source(
                object="LeadHistory",
                parent="LeadId",
                fields=("CreatedDate", "CreatedById", "Field", "OldValue", "NewValue"),
                only=(("Field", "Field IN ('Status', 'Owner')"),),
                optional=True,
            ),
            Source(object="Lead", parent="Id", fields=("CreatedDate", "Status")),
        ),
        say=lead_past,
        again="history",
    ),
    Dependents(
        name="prices",
        of="products",
        sources=(
            Source(
                object="PricebookEntry",
                parent="Product2Id",
                fields=("UnitPrice", "CurrencyIsoCode"),
                only=(*LIVE, ("Pricebook2Id", "Pricebook2.IsStandard = true")),
            ),
        ),
        say=_prices,
        again="links",
    ),
    Dependents(
        name="invites",
        of="meetings",
        sources=(
            Source(object="EventRelation", parent="EventId", fields=("RelationId", "Status", "IsWhat"), only=LIVE),
        ),
        say=_invites,
        again="links",
        complete=MeetingInvite,
        key="activity_id",
    ),
    Dependents(
        name="emails",
        of="tasks",
        sources=(Source(object="EmailMessage", parent="ActivityId", fields=MAIL, only=LIVE, optional=True),),
        say=_mails,
        again="history",
    ),
    Dependents(
        name="responses",
        of="tickets",
        sources=(Source(object="EmailMessage", parent="ParentId", fields=MAIL, only=LIVE, optional=True),),
        say=_responses,
        again="history",
    ),
)
BY_STREAM: Mapping[str, Dependents] = {f"{each.of}.{each.name}": each for each in DEPENDENTS}
