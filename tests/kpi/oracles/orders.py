"""Oracles of orders: records of orders where the source has them, else won deals."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from tests.kpi.oracles.bands import deal_size_band
from tests.kpi.oracles.book import Book
from tests.kpi.oracles.customers import Customer, as_company, attribute_of, customer_of_deal
from tests.kpi.oracles.events import Event, Member, mean_of, quantile_of, remembered
from tests.kpi.oracles.rows import Row, is_live

NO_ORDERS = ("canceled", "cancelled", "draft")
OF_COMPANY = ("country", "region", "industry", "size_band")


@remembered
def orders(book: Book) -> Iterable[Event]:
    """Orders with a known amount that is no credit, on their day."""
    with_orders = {row["connection"] for row in book.table("orders")}
    for row in book.table("orders"):
        deal = book.deal.get(book.survivor("deals", row["connection"], row["deal_id"] or ""))
        day = row["ordered_on"] or (None if deal is None else book.close_day(deal))
        if not is_live(row) or day is None or (row["status"] or "").strip().lower() in NO_ORDERS:
            continue
        currency = row["currency"] or (None if deal is None else book.currency_of(deal))
        worth = book.worth_on(row["connection"], currency, row["amount"], day)
        if worth is not None and worth >= 0:
            yield Event(day=day, of=_place(book, row, deal, currency, worth), worth=worth, who=_who(book, row, deal))
    for sight in book.closings:
        if sight.deal["connection"] not in with_orders and book.is_won_deal(sight.deal):
            worth = book.worth(sight)
            if worth is not None:
                yield Event(
                    day=sight.day,
                    of=lambda dimension, sight=sight: book.value_of(sight, dimension),  # type: ignore[misc]
                    worth=worth,
                    who=customer_of_deal(book, sight.deal),
                )


def _who(book: Book, order: Row, deal: Row | None) -> Customer | None:
    if order["company_id"] is not None:
        return as_company(book, order["connection"], order["company_id"])
    return None if deal is None else customer_of_deal(book, deal)


def order_customers(book: Book) -> list[tuple[date, Decimal, Customer | None]]:
    """Each order with its day, its worth and who ordered."""
    return [(event.day, event.worth or Decimal(0), event.who) for event in orders(book)]


def _place(book: Book, order: Row, deal: Row | None, currency: str | None, worth: Decimal) -> Member:
    connection = order["connection"]
    sight = None if deal is None else book.at_closing(deal) or book.at_present(deal)

    def member(dimension: str) -> str | None:
        if dimension == "currency":
            account = book.account_of.get(connection)
            return currency or (None if account is None else account["base_currency"])
        if dimension == "deal_size_band":
            return deal_size_band(worth)
        if sight is not None:
            return book.value_of(sight, dimension)
        if dimension in OF_COMPANY:
            company = book.folded("companies", connection, order["company_id"])
            return attribute_of(book, connection, company, dimension)
        return "unknown" if dimension == "source_category" else None

    return member


average_order_value = mean_of(orders)
average_order_value_median = quantile_of(orders, "0.5")
