"""What comes after the sale: cases, surveys, orders, contracts, and the quotas of those who sell."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from dealmeter.sandbox.record import Kind, Record
from dealmeter.sandbox.salesforce import ids
from dealmeter.sandbox.salesforce.field import Field, field, reference
from dealmeter.sandbox.salesforce.objects.common import (
    amount,
    audit,
    currency_field,
    custom,
    instant_field,
    link,
    named,
    owner_field,
    settings_audit,
    settings_row,
    sobject,
    text,
)
from dealmeter.sandbox.salesforce.objects.past import tracked
from dealmeter.sandbox.salesforce.objects.setup import period_id
from dealmeter.sandbox.salesforce.org import Org
from dealmeter.sandbox.salesforce.sobject import SObject
from dealmeter.sandbox.salesforce.source import Past, Settings
from dealmeter.sandbox.salesforce.texts import stamp, titled

CONTRACTS = {
    "active": "Activated",
    "past_due": "Activated",
    "scheduled": "Draft",
    "canceled": "Canceled",
    "expired": "Expired",
}
ORDERS = {"order-open": "Draft", "order-cancelled": "Canceled"}


def objects(org: Org) -> Iterator[SObject]:
    cases = org.mirror(Kind.TICKET)
    yield sobject("Case", "500", cases, _case(org))
    comments = Past(_answers, lambda case, place, second: _comment(org, case, second))
    yield sobject("CaseComment", "00a", org.history("comments", cases, comments), _comment_fields())
    if org.features.tracking:
        what = {"stage": ("Status", "Text", lambda value: _status(org, Kind.TICKET, value))}
        yield tracked(org, "CaseHistory", "017", "CaseId", "Case", "500", cases, what)
    yield sobject("Survey_Response__c", "a01", org.mirror(Kind.FEEDBACK), _survey(org), custom=True)
    yield sobject("Contract", "800", org.mirror(Kind.SUBSCRIPTION), _contract(org))
    if org.features.orders:
        yield sobject("Order", "801", org.mirror(Kind.ORDER), _order(org))
    if org.features.forecasting:
        yield sobject("ForecastingType", "0Db", Settings(lambda: _forecasts(org)), _forecast_fields(), bulk=False)
        quotas = org.mirror(Kind.GOAL, takes=lambda goal: bool(goal.fields.get("owner")))
        yield sobject("ForecastingQuota", "0J9", quotas, _quota(org))


def _status(org: Org, kind: Kind, stage: Any) -> Any:
    found = org.world.stage(stage, kind)
    return found.label if found else stage


def _case(org: Org) -> list[Field]:
    def closed(case: Record) -> bool:
        stage = org.world.stage(case.fields.get("stage"), Kind.TICKET)
        return stage is not None and stage.state == "CLOSED"

    return [
        *audit(org, "500"),
        field("CaseNumber", "string", lambda case: f"{case.id % 100_000_000:08d}"),
        text("Subject", "subject"),
        link(org, "AccountId", "Account", "001", Kind.TICKET, Kind.COMPANY),
        link(org, "ContactId", "Contact", "003", Kind.TICKET, Kind.CONTACT),
        reference("AssetId", "Asset", lambda case: None, relationship=""),
        field("Status", "picklist", lambda case: _status(org, Kind.TICKET, case.fields.get("stage"))),
        field("Priority", "picklist", lambda case: titled(case.fields.get("priority"))),
        field("Origin", "picklist", lambda case: titled(case.fields.get("origin"))),
        field("Type", "picklist", lambda case: titled(case.fields.get("category"))),
        field("Reason", "picklist", lambda case: None),
        field("IsClosed", "boolean", closed),
        field("IsEscalated", "boolean", lambda case: False),
        instant_field("ClosedDate", "closed_at"),
        owner_field(org, queues=True),
        reference("ParentId", "Case", lambda case: None),
        named("MasterRecordId", "Case", "500", "merged_into", relationship="MasterRecord"),
        instant_field("First_Response__c", "first_response_at"),
        *currency_field(org),
        *custom(org, Kind.TICKET),
    ]


def _answers(case: Record) -> list[int]:
    at = case.fields.get("first_response_at")
    return [at] if isinstance(at, int) else []


def _comment(org: Org, case: Record, second: int) -> dict[str, Any]:
    """The first answer to the customer."""
    at = stamp(second)
    return {
        "Id": ids.text("00a", case.id * 1_000),
        "IsDeleted": False,
        "CreatedDate": at,
        "LastModifiedDate": at,
        "SystemModstamp": at,
        "CreatedById": org.owner(case),
        "ParentId": ids.text("500", case.id),
        "IsPublished": True,
        "CommentBody": "Thank you, we are looking into it.",
    }


def _comment_fields() -> list[Field]:
    return [
        *settings_audit(),
        field("IsDeleted", "boolean"),
        reference("CreatedById", "User"),
        reference("ParentId", "Case"),
        field("IsPublished", "boolean"),
        field("CommentBody", "textarea"),
    ]


def _survey(org: Org) -> list[Field]:
    return [
        *audit(org, "a01"),
        text("Name", "survey_name"),
        text("Type__c", "type", "picklist"),
        amount("Score__c", "score", "double", 0),
        text("Group__c", "group", "picklist"),
        text("Comment__c", "comment"),
        instant_field("Answered_At__c", "at"),
        link(org, "Account__c", "Account", "001", Kind.FEEDBACK, Kind.COMPANY, relationship="Account__r"),
        link(org, "Contact__c", "Contact", "003", Kind.FEEDBACK, Kind.CONTACT, relationship="Contact__r"),
        link(org, "Case__c", "Case", "500", Kind.FEEDBACK, Kind.TICKET, relationship="Case__r"),
    ]


def _contract(org: Org) -> list[Field]:
    def term(contract: Record) -> int | None:
        starts, ends = contract.fields.get("starts_on"), contract.fields.get("ends_on")
        if not starts or not ends:
            return None
        one, other = date.fromisoformat(str(starts)), date.fromisoformat(str(ends))
        return (other.year - one.year) * 12 + other.month - one.month

    return [
        *audit(org, "800"),
        field("ContractNumber", "string", lambda contract: f"{contract.id % 100_000_000:08d}"),
        text("Name", "name"),
        named("AccountId", "Account", "001", "company"),
        field("Status", "picklist", lambda contract: CONTRACTS.get(str(contract.fields.get("status")), "Draft")),
        text("StartDate", "starts_on", "date"),
        text("EndDate", "ends_on", "date"),
        field("ContractTerm", "int", term),
        field("ActivatedDate", "datetime", lambda contract: stamp(contract.created // 1000)),
        owner_field(org),
        named("Opportunity__c", "Opportunity", "006", "deal", relationship="Opportunity__r"),
        named("Product__c", "Product2", "01t", "product", relationship="Product__r"),
        named("Replaces__c", "Contract", "800", "replaces", relationship="Replaces__r"),
        amount("Amount__c", "amount"),
        amount("MRR__c", "mrr"),
        text("Billing_Frequency__c", "frequency", "picklist"),
        instant_field("Canceled_At__c", "canceled_at"),
        *currency_field(org),
        *custom(org, Kind.SUBSCRIPTION),
    ]


def _order(org: Org) -> list[Field]:
    return [
        *audit(org, "801"),
        text("OrderNumber", "number"),
        text("Name", "name"),
        named("AccountId", "Account", "001", "company"),
        named("OpportunityId", "Opportunity", "006", "deal"),
        reference("ContractId", "Contract", lambda order: None),
        field("Status", "picklist", lambda order: ORDERS.get(str(order.fields.get("stage")), "Activated")),
        text("EffectiveDate", "ordered_on", "date"),
        field("EndDate", "date", lambda order: None),
        instant_field("ActivatedDate", "ordered_at"),
        amount("TotalAmount", "amount"),
        field("Type", "picklist", lambda order: None),
        reference("OriginalOrderId", "Order", lambda order: None),
        owner_field(org),
        *currency_field(org),
        *custom(org, Kind.ORDER),
    ]


def _forecasts(org: Org) -> Iterator[dict[str, Any]]:
    yield settings_row(
        "0Db",
        1,
        org.born,
        MasterLabel="Opportunity Revenue",
        DeveloperName="OpportunityRevenue",
        IsActive=True,
        IsAmount=True,
    )


def _forecast_fields() -> list[Field]:
    flags = (field(name, "boolean") for name in ("IsActive", "IsAmount"))
    return [*settings_audit(), field("MasterLabel"), field("DeveloperName"), *flags]


def _quota(org: Org) -> list[Field]:
    """The goals of people, by month; Salesforce has no quotas of teams."""

    def period(quota: Record) -> str | None:
        starts = quota.fields.get("starts_on")
        return period_id(date.fromisoformat(str(starts))) if starts else None

    return [
        *audit(org, "0J9", deletable=False),
        reference("QuotaOwnerId", "User", org.owner),
        amount("QuotaAmount", "amount"),
        field("QuotaQuantity", "double", lambda quota: None),
        field("IsAmount", "boolean", lambda quota: True),
        field("IsQuantity", "boolean", lambda quota: False),
        text("StartDate", "starts_on", "date"),
        reference("PeriodId", "Period", period),
        reference("ForecastingTypeId", "ForecastingType", lambda quota: ids.text("0Db", 1)),
        field("ProductFamily", "picklist", lambda quota: None),
        *currency_field(org),
    ]
