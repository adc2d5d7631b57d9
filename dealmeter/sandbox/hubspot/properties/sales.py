"""Product and line item properties."""

from decimal import Decimal, InvalidOperation

from dealmeter.sandbox.hubspot.property import Property, calculated, options, stored
from dealmeter.sandbox.record import Record
from dealmeter.sandbox.world import World

FREQUENCIES = ("monthly", "quarterly", "annually")
_MONTHS = {"monthly": 1, "quarterly": 3, "annually": 12}


def product_properties(world: World) -> list[Property]:
    return [
        stored("name", "name", label="Name"),
        stored("description", "description"),
        stored("price", "price", "number", label="Unit Price"),
        stored("hs_sku", "sku", label="SKU"),
        stored("hs_cost_of_goods_sold", "cost", "number", label="Unit cost"),
        stored("hs_folder", "folder"),
        stored("recurringbillingfrequency", "frequency", "enumeration", options=options(FREQUENCIES)),
        stored("hs_recurring_billing_period", "period"),
        stored("hs_product_type", "type", "enumeration", options=options(("inventory", "non_inventory", "service"))),
    ]


def line_item_properties(world: World) -> list[Property]:
    return [
        stored("name", "name", label="Name"),
        stored("hs_sku", "sku", label="SKU"),
        stored("hs_product_id", "product", "number", label="Product ID"),
        stored("quantity", "quantity", "number", label="Quantity"),
        stored("price", "price", "number", label="Unit Price"),
        stored("amount", "amount", "number", label="Net price"),
        stored("discount", "discount", "number", label="Unit discount"),
        stored("hs_discount_percentage", "discount_percentage", "number", label="Discount percentage"),
        stored("hs_cost_of_goods_sold", "cost", "number", label="Unit cost"),
        stored("hs_line_item_currency_code", "currency", "enumeration", label="Currency"),
        stored("recurringbillingfrequency", "frequency", "enumeration", options=options(FREQUENCIES)),
        stored("hs_recurring_billing_period", "period"),
        stored("hs_recurring_billing_start_date", "starts_on", "date"),
        stored("hs_recurring_billing_end_date", "ends_on", "date"),
        stored("hs_recurring_billing_number_of_payments", "payments", "number"),
        stored("hs_term_in_months", "term", "number"),
        stored("description", "description"),
        calculated("hs_mrr", "number", lambda record: _recurring(record, 1)),
        calculated("hs_arr", "number", lambda record: _recurring(record, 12)),
        calculated("hs_total_discount", "number", _discount),
    ]


def _recurring(record: Record, months: int) -> str | None:
    """What the line brings in so many months; 0 for one that bills once."""
    every = _MONTHS.get(str(record.fields.get("frequency") or ""))
    try:
        amount = Decimal(str(record.fields.get("amount") or "0"))
    except InvalidOperation:
        return None
    return f"{amount * months / every:.2f}" if every else "0"


def _discount(record: Record) -> str | None:
    try:
        gross = Decimal(str(record.fields.get("price"))) * Decimal(str(record.fields.get("quantity")))
        return f"{gross - Decimal(str(record.fields.get('amount'))):.2f}"
    except InvalidOperation:
        return None
