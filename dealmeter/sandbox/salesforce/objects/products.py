"""Products, their prices, and the lines of opportunities that sell them."""

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
    link,
    named,
    settings_audit,
    settings_row,
    sobject,
    text,
)
from dealmeter.sandbox.salesforce.org import Org
from dealmeter.sandbox.salesforce.sobject import SObject
from dealmeter.sandbox.salesforce.source import Settings
from dealmeter.sandbox.salesforce.texts import number

STANDARD_PRICEBOOK = ids.text("01s", 1)


def objects(org: Org) -> Iterator[SObject]:
    products = org.mirror(Kind.PRODUCT)
    yield sobject("Product2", "01t", products, _product(org))
    yield sobject("Pricebook2", "01s", Settings(lambda: _pricebooks(org)), [*settings_audit(), *_pricebook_fields()])
    yield sobject("PricebookEntry", "01u", products, _pricebook_entry(org))
    yield sobject("OpportunityLineItem", "00k", org.mirror(Kind.LINE_ITEM), _line(org))


def _product(org: Org) -> list[Field]:
    return [
        *audit(org, "01t"),
        text("Name", "name"),
        text("ProductCode", "sku"),
        field("Family", "picklist", lambda product: product.fields.get("series") or product.fields.get("folder")),
        field("IsActive", "boolean", lambda product: product.archived is None),
        field("IsArchived", "boolean", lambda product: False),
        text("Description", "description", "textarea"),
        amount("Cost__c", "cost"),
        text("Billing_Frequency__c", "frequency"),
        *custom(org, Kind.PRODUCT),
    ]


def _pricebooks(org: Org) -> Iterator[dict[str, Any]]:
    yield settings_row("01s", 1, org.born, Name="Standard", IsActive=True, IsStandard=True)


def _pricebook_fields() -> list[Field]:
    return [field("Name"), field("IsActive", "boolean"), field("IsStandard", "boolean")]


def _pricebook_entry(org: Org) -> list[Field]:
    """One entry per product: the price that the world knows."""
    return [
        *audit(org, "01u"),
        text("Name", "name"),
        reference("Pricebook2Id", "Pricebook2", lambda product: STANDARD_PRICEBOOK, "Pricebook2"),
        reference("Product2Id", "Product2", lambda product: ids.text("01t", product.id), "Product2"),
        text("ProductCode", "sku"),
        amount("UnitPrice", "price"),
        field("IsActive", "boolean", lambda product: product.archived is None),
        *currency_field(org),
    ]


def _line(org: Org) -> list[Field]:
    def discount(line: Record) -> float | None:
        return number(line.fields.get("discount_percentage"))

    return [
        *audit(org, "00k"),
        link(org, "OpportunityId", "Opportunity", "006", Kind.LINE_ITEM, Kind.DEAL, nillable=False),
        named("PricebookEntryId", "PricebookEntry", "01u", "product"),
        named("Product2Id", "Product2", "01t", "product", relationship="Product2"),
        text("Name", "name"),
        text("ProductCode", "sku"),
        amount("Quantity", "quantity", "double"),
        amount("UnitPrice", "price"),
        field("ListPrice", "currency", lambda line: number(line.fields.get("price"))),
        field("Discount", "percent", discount, store=lambda v: {"discount_percentage": None if v is None else str(v)}),
        amount("TotalPrice", "amount"),
        text("ServiceDate", "starts_on", "date"),
        field("SortOrder", "int", lambda line: None),
        amount("Cost__c", "cost"),
        text("Billing_Frequency__c", "frequency"),
        amount("Term_Months__c", "term", "double", 0),
        *currency_field(org),
        *custom(org, Kind.LINE_ITEM),
    ]
