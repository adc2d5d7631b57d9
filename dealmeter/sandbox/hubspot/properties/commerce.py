"""Properties of orders, subscriptions and deal splits."""

from decimal import Decimal, InvalidOperation

from dealmeter.sandbox.hubspot.property import Property, calculated, options, stored
from dealmeter.sandbox.record import Record
from dealmeter.sandbox.world import World

FULFILMENT = {
    "order-open": "Pending",
    "order-processed": "Packing",
    "order-shipped": "Shipped",
    "order-delivered": "Delivered",
    "order-cancelled": "Cancelled",
}
STATUSES = ("active", "past_due", "canceled", "expired", "scheduled")


def order_properties(world: World) -> list[Property]:
    return [
        stored("hs_order_name", "name"),
        stored("hs_external_order_id", "number"),
        stored("hs_external_created_date", "ordered_at", "datetime"),
        stored("hs_currency_code", "currency", "enumeration"),
        stored("hs_total_price", "amount", "number"),
        stored("hs_subtotal_price", "subtotal", "number"),
        stored("hs_pipeline", "pipeline", "enumeration"),
        stored("hs_pipeline_stage", "stage", "enumeration"),
        calculated("hs_fulfillment_status", "string", lambda record: FULFILMENT.get(str(record.fields.get("stage")))),
    ]


def subscription_properties(world: World) -> list[Property]:
    return [
        stored("hs_name", "name"),
        stored("hs_status", "status", "enumeration", options=options(STATUSES)),
        stored("hs_currency_code", "currency", "enumeration"),
        stored("hs_recurring_billing_frequency", "frequency", "enumeration", options=options(("monthly", "annually"))),
        stored("hs_recurring_billing_start_date", "starts_on", "date"),
        stored("hs_recurring_billing_end_date", "ends_on", "date"),
        stored("hs_next_payment_amount", "amount", "number"),
        stored("hs_last_payment_amount", "amount", "number"),
        stored("hs_next_payment_due_date", "next_due_on", "date"),
    ]


def split_properties(world: World) -> list[Property]:
    return [
        stored("hs_deal_id", "deal", "number"),
        stored("hs_deal_split_amount", "amount", "number"),
        Property(
            name="hs_deal_split_percentage", label="Split", type="number", read=_share, field="percent", group="split"
        ),
    ]


def _share(record: Record) -> str | None:
    """A share of 1, as properties shown in per cent are kept."""
    percent = record.fields.get("percent")
    try:
        return None if not percent else str(Decimal(str(percent)) / 100)
    except InvalidOperation:
        return str(percent)
