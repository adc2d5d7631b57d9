"""Accounts, contacts and leads."""

from collections.abc import Iterator
from typing import Any

from dealmeter.sandbox.record import Kind, Record
from dealmeter.sandbox.salesforce import ids
from dealmeter.sandbox.salesforce.field import Field, field, reference
from dealmeter.sandbox.salesforce.objects.common import (
    amount,
    audit,
    currency_field,
    custom,
    kept,
    link,
    named,
    owner_field,
    settings_audit,
    settings_row,
    sobject,
    text,
)
from dealmeter.sandbox.salesforce.objects.past import tracked
from dealmeter.sandbox.salesforce.org import Org
from dealmeter.sandbox.salesforce.sobject import SObject
from dealmeter.sandbox.salesforce.source import Settings
from dealmeter.sandbox.salesforce.texts import moment, number, titled

CUSTOMERS = ("customer", "evangelist")
MASTER_FIELD = "merged_into"
"""The world's field that names the winner of a merge, on the losers."""


def objects(org: Org) -> Iterator[SObject]:
    leads = org.mirror(Kind.LEAD)
    yield sobject("Account", "001", org.mirror(Kind.COMPANY), _account(org))
    yield sobject("Contact", "003", org.mirror(Kind.CONTACT), _contact(org))
    yield sobject("LeadStatus", "01Q", Settings(lambda: _statuses(org)), _status_fields(), bulk=False)
    yield sobject("Lead", "00Q", leads, _lead(org))
    if org.features.tracking:
        yield tracked(
            org,
            "LeadHistory",
            "017",
            "LeadId",
            "Lead",
            "00Q",
            leads,
            {
                "stage": ("Status", "Text", lambda value: lead_status(org, value)),
                "owner": ("Owner", "EntityId", org.holder),
            },
        )


def _master(prefix: str, to: str) -> Field:
    return named("MasterRecordId", to, prefix, MASTER_FIELD, relationship="MasterRecord")


def _account(org: Org) -> list[Field]:
    fields = [
        *audit(org, "001"),
        field("Name", "string", lambda company: company.fields.get("name") or "Account", store=kept("name")),
        field(
            "Type",
            "picklist",
            lambda company: "Customer" if company.fields.get("lifecycle") in CUSTOMERS else "Prospect",
        ),
        field("Industry", "picklist", lambda company: titled(company.fields.get("industry")), store=kept("industry")),
        named("ParentId", "Account", "001", "parent"),
        owner_field(org),
        amount("AnnualRevenue", "revenue", "currency", 2),
        field("NumberOfEmployees", "int", _employees, store=kept("employees")),
        text("BillingCountry", "country", compound="BillingAddress"),
        text("BillingCity", "city", compound="BillingAddress"),
        field("BillingAddress", "address", _address),
        text("Website", "domain", "url"),
        field("AccountSource", "picklist", lambda company: titled(company.fields.get("source"))),
        _master("001", "Account"),
        field("LastActivityDate", "date", lambda company: None),
        *currency_field(org),
        *custom(org, Kind.COMPANY),
    ]
    if org.features.person_accounts:
        fields += [
            field("IsPersonAccount", "boolean", lambda company: False),
            reference("PersonContactId", "Contact", lambda company: None),
            field("PersonEmail", "email", lambda company: None),
        ]
    return fields


def _employees(company: Record) -> int | None:
    found = number(company.fields.get("employees"), 0)
    return None if found is None else int(found)


def _address(record: Record) -> dict[str, Any] | None:
    country, city = record.fields.get("country"), record.fields.get("city")
    if not country and not city:
        return None
    empty = ("countryCode", "geocodeAccuracy", "latitude", "longitude", "postalCode", "state", "stateCode", "street")
    return {"city": city or None, "country": country or None, **dict.fromkeys(empty)}


def _person() -> list[Field]:
    return [
        text("FirstName", "first_name"),
        field(
            "LastName", "string", lambda person: person.fields.get("last_name") or "Unknown", store=kept("last_name")
        ),
        field("Name", "string", _full_name),
        text("Email", "email", "email"),
        text("Phone", "phone", "phone"),
        text("Title", "job"),
        field("LeadSource", "picklist", lambda person: titled(person.fields.get("source"))),
    ]


def _full_name(person: Record) -> str:
    names = (person.fields.get("first_name"), person.fields.get("last_name"))
    return " ".join(str(name) for name in names if name) or "Unknown"


def _contact(org: Org) -> list[Field]:
    return [
        *audit(org, "003"),
        *_person(),
        link(org, "AccountId", "Account", "001", Kind.CONTACT, Kind.COMPANY),
        field("Department", "string", lambda person: None),
        owner_field(org),
        reference("ReportsToId", "Contact", lambda person: None),
        text("MailingCountry", "country"),
        _master("003", "Contact"),
        field("LastActivityDate", "date", lambda person: None),
        field("HasOptedOutOfEmail", "boolean", lambda person: False),
        text("Lifecycle_Stage__c", "lifecycle", "picklist"),
        *currency_field(org),
        *custom(org, Kind.CONTACT),
    ]


def lead_status(org: Org, stage: Any) -> str | None:
    found = org.world.stage(stage, Kind.LEAD)
    return found.label if found else stage


def _lead(org: Org) -> list[Field]:
    def converted(record: Record) -> bool:
        return isinstance(record.fields.get("converted_at"), int)

    def conversion(name: str, to: str, prefix: str, of_world: str) -> Field:
        def read(record: Record) -> str | None:
            other = record.fields.get(of_world) if converted(record) else None
            return ids.text(prefix, int(other)) if other else None

        return reference(name, to, read)

    def converted_at(record: Record) -> str | None:
        at = record.fields.get("converted_at")
        return moment(at) if isinstance(at, int) else None

    return [
        *audit(org, "00Q"),
        *_person(),
        field(
            "Company", "string", lambda lead: lead.fields.get("company_name") or "Unknown", store=kept("company_name")
        ),
        field(
            "Status",
            "picklist",
            lambda lead: lead_status(org, lead.fields.get("stage")),
            nillable=False,
            picklist=lambda: [stage.label for pipe in org.world.pipelines_of(Kind.LEAD) for stage in pipe.stages],
            store=lambda value: {"stage": _stage_id(org, value)},
        ),
        field("Rating", "picklist", lambda lead: titled(lead.fields.get("label"))),
        field("Industry", "picklist", lambda lead: None),
        owner_field(org, queues=True),
        text("Country", "country"),
        text("City", "city"),
        field("IsConverted", "boolean", converted),
        field("ConvertedDate", "date", lambda lead: org.day(lead.fields.get("converted_at"))),
        conversion("ConvertedAccountId", "Account", "001", "company"),
        conversion("ConvertedContactId", "Contact", "003", "contact"),
        conversion("ConvertedOpportunityId", "Opportunity", "006", "deal"),
        _master("00Q", "Lead"),
        text("Disqualify_Reason__c", "disqualify_reason"),
        field("Converted_At__c", "datetime", converted_at),
        named("Campaign__c", "Campaign", "701", "campaign", relationship="Campaign__r"),
        *currency_field(org),
        *custom(org, Kind.LEAD),
    ]


def _stage_id(org: Org, label: Any) -> str | None:
    found = (s for pipe in org.world.pipelines_of(Kind.LEAD) for s in pipe.stages if label in (s.label, s.id))
    return next((stage.id for stage in found), None)


def _statuses(org: Org) -> Iterator[dict[str, Any]]:
    stages = [stage for pipe in org.world.pipelines_of(Kind.LEAD) for stage in pipe.stages]
    for place, stage in enumerate(stages, 1):
        yield settings_row(
            "01Q",
            place,
            org.born,
            ApiName=stage.label,
            MasterLabel=stage.label,
            SortOrder=place,
            IsDefault=place == 1,
            IsConverted=stage.state == "QUALIFIED",
        )


def _status_fields() -> list[Field]:
    return [
        *settings_audit(),
        field("ApiName"),
        field("MasterLabel"),
        field("SortOrder", "int"),
        field("IsDefault", "boolean"),
        field("IsConverted", "boolean"),
    ]
