"""Who stays: customers at both ends of a period, how long they are some, and whether they use what they bought."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from functools import partial

from tests.kpi.oracles.book import LAST_DAY, Book
from tests.kpi.oracles.cells import Cell, Period, ratio
from tests.kpi.oracles.customers import (
    WINDOW,
    Customer,
    as_company,
    attribute,
    customers_on,
    has_subscriptions,
    subscriptions,
    wins,
)
from tests.kpi.oracles.events import Event, mean_of, remembered
from tests.kpi.oracles.rows import NONE, is_live

MONTHS = {"month": 1, "quarter": 3, "year": 12}
MONTH = Decimal("30.4375")
"""Days of a month, in the mean over four years."""


def opening_day(period: Period) -> date:
    """The day before a period."""
    return period.start - timedelta(days=1)


def kept_and_lost(book: Book, period: Period, dimension: str | None) -> dict[str, tuple[int, int]]:
    """Customers of the opening who are still there at the end, and those who aren't, by member."""
    day = book.moment(period)
    there = customers_on(book, day)
    found: dict[str, tuple[int, int]] = {"": (0, 0)} if dimension is None else {}
    for customer in customers_on(book, opening_day(period)):
        member = "" if dimension is None else attribute(book, customer, dimension) or NONE
        kept, lost = found.get(member, (0, 0))
        found[member] = (kept + (customer in there), lost + (customer not in there))
    return found


def customer_retention_rate(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Opening customers who stayed."""
    groups = kept_and_lost(book, period, dimension)
    return {member: ratio(kept, kept + lost, kept + lost) for member, (kept, lost) in groups.items()}


def months_of(book: Book, period: Period) -> Decimal:
    """How many months a period has, or has had so far."""
    months = Decimal(MONTHS[period.grain])
    if not period.has(book.today):
        return months
    return months * ((book.today - period.start).days + 1) / (period.end - period.start).days


def average_customer_lifetime(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """The months of the period by the share of the opening customers who left."""
    cells = {}
    for member, (kept, lost) in kept_and_lost(book, period, dimension).items():
        above = months_of(book, period) * (kept + lost)
        if kept + lost and not lost:
            cells[member] = Cell(
                value=None, numerator=above, denominator=Decimal(0), n=kept, status="no_churn_observed"
            )
        else:
            cells[member] = ratio(above, lost, kept + lost)
    return cells


def spans(book: Book) -> dict[Customer, list[tuple[date, date]]]:
    """The unbroken stretches of days over which each customer is one: the first day, and the first day without."""
    found: dict[Customer, list[tuple[date, date]]] = {}
    if has_subscriptions(book):
        for customer, rows in subscriptions(book).items():
            stretches = [(row["start_date"], row["end_date"] or LAST_DAY) for row in rows if row["start_date"]]
            found[customer] = joined(stretches)
    else:
        for customer, sights in wins(book).items():
            found[customer] = joined([(sight.day, sight.day + WINDOW) for sight in sights])
    return found


def joined(stretches: list[tuple[date, date]]) -> list[tuple[date, date]]:
    """Stretches that meet or overlap, as one."""
    found: list[tuple[date, date]] = []
    for begin, end in sorted(stretches):
        if end <= begin:
            continue
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return found


@remembered
def leavings(book: Book) -> Iterable[Event]:
    """Customers on the first day without, with the months since they first were some."""
    for customer, stretches in spans(book).items():
        for _, end in stretches:
            if end <= book.today:
                months = Decimal((end - stretches[0][0]).days) / MONTH
                yield Event(day=end, of=partial(attribute, book, customer), worth=months)


average_customer_lifetime_observed = mean_of(leavings)


def used(book: Book) -> dict[Customer, list[date]]:
    """The days on which somebody used a product, by company."""
    if "used" not in book.memo:
        found: dict[Customer, list[date]] = {}
        for row in book.table("product_usage"):
            company = book.home("companies", row["connection"], row["company_id"])
            is_use = (row["active_users"] or 0) > 0 or (row["events"] or 0) > 0
            if is_live(row) and company is not None and is_use and row["day"] is not None:
                found.setdefault(as_company(book, *company), []).append(row["day"])
        book.memo["used"] = found
    days: dict[Customer, list[date]] = book.memo["used"]
    return days


def product_usage_rate(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Customers of the period who used a product on a day of it."""
    groups: dict[str, list[bool]] = {"": []} if dimension is None else {}
    for customer, stretches in spans(book).items():
        if any(begin < period.end and end > period.start for begin, end in stretches):
            member = "" if dimension is None else attribute(book, customer, dimension) or NONE
            groups.setdefault(member, []).append(any(map(period.has, used(book).get(customer, []))))
    return {member: ratio(sum(users), len(users), len(users)) for member, users in groups.items()}
