"""What is sold: pipelines, deals, their histories, products and line items."""

from typing import ClassVar

from store.columns import Day, Instant, Number, Rate, Whole, instant, instant_key, key, number
from store.records.base import Detail, Record


class Pipeline(Record):
    """An ordered set of stages for deals, leads or tickets (`object`)."""

    table: ClassVar[str] = "pipelines"
    name: str | None = None
    object: str | None = None
    include_in_kpis: bool | None = None
    sort_order: Whole | None = None
    is_archived: bool | None = None


class Stage(Record):
    """A step of a pipeline; `probability` is 0 to 1. Stages that the CRM dropped are kept, archived."""

    table: ClassVar[str] = "stages"
    keys: ClassVar[tuple[str, ...]] = ("pipeline_id", "id")
    pipeline_id: str = key()
    name: str | None = None
    sort_order: Whole | None = None
    probability: Number | None = number()
    is_closed: bool | None = None
    is_won: bool | None = None
    forecast_category: str | None = None
    is_archived: bool | None = None


class Deal(Record):
    """A sale, open, won or lost.

    `amount` is in `currency`; `fx_rate` turns it into the account's own currency, as the CRM says (null: unknown).
    `close_date` is a local day of the account and never moved; `closed_at` is when the deal last went from open to
    closed. `probability` is 0 to 1; `mrr` and `arr` are in `currency`.
    """

    table: ClassVar[str] = "deals"
    name: str | None = None
    pipeline_id: str | None = None
    stage_id: str | None = None
    owner_id: str | None = None
    company_id: str | None = None
    primary_contact_id: str | None = None
    amount: Number | None = number()
    currency: str | None = None
    fx_rate: Rate | None = number()
    probability: Number | None = number()
    forecast_category: str | None = None
    close_date: Day | None = None
    closed_at: Instant | None = instant()
    is_closed: bool | None = None
    is_won: bool | None = None
    deal_type: str | None = None
    source: str | None = None
    source_category: str | None = None
    campaign_id: str | None = None
    channel: str | None = None
    region: str | None = None
    lost_reason: str | None = None
    competitor: str | None = None
    next_step: str | None = None
    next_activity_at: Instant | None = instant()
    last_activity_at: Instant | None = instant()
    mrr: Number | None = number()
    arr: Number | None = number()
    term_months: Whole | None = None


class DealStageChange(Detail):
    """One visit of a deal to a stage; `exited_at` is null while it lasts. `source` is `crm` or `diff`."""

    table: ClassVar[str] = "deal_stage_changes"
    keys: ClassVar[tuple[str, ...]] = ("deal_id", "entered_at")
    deal_id: str = key()
    entered_at: Instant = instant_key()
    pipeline_id: str | None = None
    stage_id: str | None = None
    exited_at: Instant | None = instant()
    changed_by: str | None = None
    source: str | None = None


class DealFieldChange(Detail):
    """A change of one field of a deal: amount, close_date, owner_id, forecast_category, pipeline_id.

    Values are text as the record itself would have them (`1500.25`, `2026-03-31`), null for empty.
    """

    table: ClassVar[str] = "deal_field_changes"
    keys: ClassVar[tuple[str, ...]] = ("deal_id", "field", "changed_at")
    deal_id: str = key()
    field: str = key()
    changed_at: Instant = instant_key()
    old_value: str | None = None
    new_value: str | None = None
    changed_by: str | None = None
    source: str | None = None


class DealContact(Detail):
    """A contact's part in a deal."""

    table: ClassVar[str] = "deal_contacts"
    keys: ClassVar[tuple[str, ...]] = ("deal_id", "contact_id")
    deal_id: str = key()
    contact_id: str = key()
    role: str | None = None
    is_primary: bool | None = None


class DealSplit(Record):
    """A user's share of a deal; `percent` is 0 to 100, `kind` revenue or overlay."""

    table: ClassVar[str] = "deal_splits"
    deal_id: str | None = None
    user_id: str | None = None
    percent: Number | None = number()
    amount: Number | None = number()
    kind: str | None = None


class Product(Record):
    """Something that is sold; prices in `currency`."""

    table: ClassVar[str] = "products"
    name: str | None = None
    sku: str | None = None
    family: str | None = None
    list_price: Number | None = number()
    unit_cost: Number | None = number()
    currency: str | None = None
    is_active: bool | None = None


class LineItem(Record):
    """A product within a deal. `discount` is money off the line; `net_amount` = quantity x unit price - discount."""

    table: ClassVar[str] = "line_items"
    name: str | None = None
    deal_id: str | None = None
    product_id: str | None = None
    quantity: Number | None = number()
    list_price: Number | None = number()
    unit_price: Number | None = number()
    discount: Number | None = number()
    unit_cost: Number | None = number()
    net_amount: Number | None = number()
    currency: str | None = None
    billing_start: Day | None = None
    billing_period: str | None = None
    term_months: Whole | None = None


class Order(Record):
    """An order, where the source keeps them."""

    table: ClassVar[str] = "orders"
    company_id: str | None = None
    deal_id: str | None = None
    ordered_on: Day | None = None
    amount: Number | None = number()
    currency: str | None = None
    status: str | None = None
