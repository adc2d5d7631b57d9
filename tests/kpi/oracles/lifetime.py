"""Oracles of what a customer is worth over the time that it stays."""

from decimal import Decimal

from tests.kpi.oracles.book import Book
from tests.kpi.oracles.cells import Cell, Period
from tests.kpi.oracles.customers import (
    average_customer_lifetime,
    has_subscriptions,
    months_of,
    runs_on,
    subscribers_on,
    subscriptions,
    wins,
)
from tests.kpi.oracles.orders import average_order_value, orders
from tests.kpi.oracles.profit import gross_margin_pct
from tests.kpi.oracles.spending import customer_acquisition_cost


def monthly_revenue(book: Book, period: Period) -> Decimal | None:
    """What a customer brings in a month."""
    day = book.moment(period)
    if has_subscriptions(book):
        customers = len(subscribers_on(book, day))
        paid = Decimal(0)
        for rows in subscriptions(book).values():
            for row in rows:
                if runs_on(row, day):
                    paid += book.worth_on(row["connection"], row["currency"], row["mrr"], day) or Decimal(0)
        return paid / customers if customers else None
    each = average_order_value(book, period, None)[""]
    if each.value is None:
        return None
    buyers = {c for c, sights in wins(book).items() if any(period.has(sight.day) for sight in sights)}
    if not buyers:
        return None
    return each.value * len(orders(book).within(period)) / len(buyers) / months_of(book, period)


def customer_lifetime_value(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Revenue of a customer in a month, times the margin, times the months that it stays."""
    if dimension is not None:
        return {}
    months = average_customer_lifetime(book, period, None)[""]
    monthly = monthly_revenue(book, period)
    margin = gross_margin_pct(book, period, None)[""].value
    if months.value is None or monthly is None:
        status = months.status if months.value is None else "zero_denominator"
        return {"": Cell(value=None, numerator=None, denominator=None, n=months.n, status=status)}
    value = monthly * months.value * (Decimal(1) if margin is None else margin)
    return {"": Cell(value=value, numerator=value, denominator=None, n=months.n)}


def ltv_cac_ratio(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """What a customer is worth by what it costs to win one."""
    if dimension is not None:
        return {}
    worth, cost = customer_lifetime_value(book, period, None)[""], customer_acquisition_cost(book, period, None)[""]
    n = min(worth.n or 0, cost.n or 0)
    if cost.status == "source_missing":
        return {"": cost}
    if worth.value is None or cost.value is None:
        status = worth.status if worth.value is None else cost.status
        return {"": Cell(value=None, numerator=worth.value, denominator=cost.value, n=n, status=status)}
    if cost.value == 0:
        return {"": Cell(value=None, numerator=worth.value, denominator=cost.value, n=n, status="zero_denominator")}
    return {"": Cell(value=worth.value / cost.value, numerator=worth.value, denominator=cost.value, n=n)}
