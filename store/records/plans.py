"""Money and plans that no CRM has whole: spend, targets, forecasts, subscriptions, rates, training, prices."""

from typing import ClassVar

from store.columns import Day, Instant, Number, Rate, Whole, instant, number
from store.records.base import Record


class Spend(Record):
    """Money spent on a day, or over a period, in `category` marketing, sales, enablement or other."""

    table: ClassVar[str] = "spend"
    spent_on: Day | None = None
    period_start: Day | None = None
    period_end: Day | None = None
    category: str | None = None
    campaign_id: str | None = None
    source: str | None = None
    team: str | None = None
    amount: Number | None = number()
    currency: str | None = None


class Target(Record):
    """A target for a KPI, for a scope and a half-open period of local days."""

    table: ClassVar[str] = "targets"
    kpi_key: str | None = None
    scope_type: str | None = None
    scope_id: str | None = None
    period_start: Day | None = None
    period_end: Day | None = None
    value: Number | None = number()
    currency: str | None = None
    version: str | None = None
    valid_from: Instant | None = instant()


class ForecastSubmission(Record):
    """What somebody forecast for a period."""

    table: ClassVar[str] = "forecast_submissions"
    submitted_at: Instant | None = instant()
    submitted_by: str | None = None
    scope_type: str | None = None
    scope_id: str | None = None
    period_start: Day | None = None
    period_end: Day | None = None
    category: str | None = None
    amount: Number | None = number()
    currency: str | None = None


class Subscription(Record):
    """A recurring contract; `mrr` is a month's worth in `currency`."""

    table: ClassVar[str] = "subscriptions"
    company_id: str | None = None
    product_id: str | None = None
    mrr: Number | None = number()
    currency: str | None = None
    start_date: Day | None = None
    end_date: Day | None = None
    status: str | None = None
    replaces_id: str | None = None
    change_reason: str | None = None


class ExchangeRate(Record):
    """One unit of `from_currency` is `rate` units of `to_currency` from the day `effective_from` on."""

    table: ClassVar[str] = "exchange_rates"
    from_currency: str | None = None
    to_currency: str | None = None
    effective_from: Day | None = None
    rate: Rate | None = number()
    source: str | None = None


class TrainingEvent(Record):
    """A training of a user; `hours` long, passed with `score`."""

    table: ClassVar[str] = "training_events"
    user_id: str | None = None
    title: str | None = None
    kind: str | None = None
    hours: Number | None = number()
    status: str | None = None
    completed_on: Day | None = None
    score: Number | None = number()


class CompetitorPrice(Record):
    """A competitor's price for something like our product."""

    table: ClassVar[str] = "competitor_prices"
    product_id: str | None = None
    competitor: str | None = None
    price: Number | None = number()
    currency: str | None = None
    region: str | None = None
    observed_on: Day | None = None


class ProductUsage(Record):
    """A company's use of a product on a day."""

    table: ClassVar[str] = "product_usage"
    company_id: str | None = None
    product_id: str | None = None
    day: Day | None = None
    active_users: Whole | None = None
    events: Whole | None = None


class UnitCost(Record):
    """What a product costs us from a day on."""

    table: ClassVar[str] = "unit_costs"
    product_id: str | None = None
    valid_from: Day | None = None
    cost: Number | None = number()
    currency: str | None = None
