"""Oracles of what a customer is worth over the time that it stays."""

from decimal import Decimal

from tests.kpi.oracles.book import Book
from tests.kpi.oracles.cells import Cell, Period
from tests.kpi.oracles.customers import (
    Customer,
    attribute,
    customers_on,
    has_subscriptions,
    runs_on,
    subscriptions,
)
from tests.kpi.oracles.orders import order_customers
from tests.kpi.oracles.profit import gross_margin_pct
from tests.kpi.oracles.rows import NONE
from tests.kpi.oracles.spending import customer_acquisition_cost
from tests.kpi.oracles.staying import kept_and_lost, months_of

WITH_MARGIN = (None, "country", "region", "industry", "size_band")
"""Where the margin is that of the slice; elsewhere it is the company's."""


def member_of(book: Book, customer: Customer, dimension: str | None) -> str:
    """Where a customer falls."""
    return "" if dimension is None else attribute(book, customer, dimension) or NONE


def brought(book: Book, period: Period, dimension: str | None) -> dict[str, Decimal]:
    """What customers bring in the months of the period: what they subscribe to at its end, else what they ordered."""
    found: dict[str, Decimal] = {}
    day, months = book.moment(period), months_of(book, period)
    if has_subscriptions(book):
        for customer, rows in subscriptions(book).items():
            for row in rows:
                if runs_on(row, day):
                    member = member_of(book, customer, dimension)
                    worth = book.worth_on(row["connection"], row["currency"], row["mrr"], day) or Decimal(0)
                    found[member] = found.get(member, Decimal(0)) + worth * months
        return found
    for when, worth, ordering in order_customers(book):
        if period.has(when):
            member = "" if dimension is None else NONE if ordering is None else member_of(book, ordering, dimension)
            found[member] = found.get(member, Decimal(0)) + worth
    return found


def customer_lifetime_value(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Revenue of a customer in a month, times the margin, times the months that it stays."""
    there: dict[str, int] = {"": 0} if dimension is None else {}
    for customer in customers_on(book, book.moment(period)):
        member = member_of(book, customer, dimension)
        there[member] = there.get(member, 0) + 1
    money, stays = brought(book, period, dimension), kept_and_lost(book, period, dimension)
    margins = gross_margin_pct(book, period, dimension if dimension in WITH_MARGIN else None)
    cells = {}
    for member, customers in there.items():
        kept, lost = stays.get(member, (0, 0))
        margin = margins.get(member if dimension in WITH_MARGIN else "")
        factor = Decimal(1) if margin is None or margin.value is None else margin.value
        above, below = money.get(member, Decimal(0)) * factor * (kept + lost), Decimal(customers * lost)
        if not customers or not kept + lost:
            cells[member] = Cell(value=None, numerator=above, denominator=below, n=customers, status="zero_denominator")
        elif not lost:
            cells[member] = Cell(
                value=None, numerator=above, denominator=below, n=customers, status="no_churn_observed"
            )
        else:
            cells[member] = Cell(value=above / below, numerator=above, denominator=below, n=customers)
    return cells


def ltv_cac_ratio(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """What a customer is worth by what it costs to win one."""
    worths = customer_lifetime_value(book, period, dimension)
    costs = customer_acquisition_cost(book, period, dimension)
    if all(cost.status == "source_missing" for cost in costs.values()) and not book.has_rows("spend"):
        return costs
    cells = {}
    unknown = Cell(value=None, numerator=None, denominator=None, n=0, status="zero_denominator")
    for member in worths.keys() | costs.keys():
        worth, cost = worths.get(member, unknown), costs.get(member, unknown)
        n = min(worth.n or 0, cost.n or 0)
        if worth.value is None or cost.value is None or cost.value == 0:
            status = worth.status if worth.value is None else cost.status if cost.value is None else "zero_denominator"
            cells[member] = Cell(value=None, numerator=worth.value, denominator=cost.value, n=n, status=status)
        elif cost.value < 0:
            cells[member] = Cell(value=None, numerator=worth.value, denominator=cost.value, n=n, status="negative_base")
        else:
            value = worth.value / cost.value
            cells[member] = Cell(value=value, numerator=worth.value, denominator=cost.value, n=n)
    return cells
