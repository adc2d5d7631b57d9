"""Who buys: customers by their ids, their wins, their subscriptions, and what is asked of them."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from functools import partial

from tests.kpi.oracles.bands import size_band
from tests.kpi.oracles.book import Book, Sight
from tests.kpi.oracles.cells import Cell, Period, months_later, ratio
from tests.kpi.oracles.events import Event, Question, count_of, known, remembered, share_of
from tests.kpi.oracles.rows import NONE, Row, is_live, key_of, qualified

Customer = tuple[str, str, str]
"""Connection, kind (company, contact, deal, lead), id."""
WINDOW = timedelta(days=365)


# ------------------------------------------------------------------------------------------------ who


def as_company(book: Book, connection: str, company_id: str) -> Customer:
    """A company, after all merges."""
    home, id_ = book.survivor("companies", connection, company_id)
    return home, "company", id_


def as_person(book: Book, connection: str, contact_id: str) -> Customer:
    """A person, after all merges."""
    home, id_ = book.survivor("contacts", connection, contact_id)
    return home, "contact", id_


def person_or_company(book: Book, connection: str, contact_id: str) -> Customer:
    """The company that a person is at, else the person."""
    _, kind, id_ = as_person(book, connection, contact_id)
    contact: Row = book.index("contacts").get((connection, id_), {})
    if contact.get("company_id") is not None:
        return as_company(book, connection, contact["company_id"])
    return connection, kind, id_


def customer_of_deal(book: Book, deal: Row) -> Customer:
    """The company, else the primary contact, else nobody but the deal itself knows."""
    connection = deal["connection"]
    if deal["company_id"] is not None:
        return as_company(book, connection, deal["company_id"])
    if deal["primary_contact_id"] is not None:
        return as_person(book, connection, deal["primary_contact_id"])
    return connection, "deal", deal["id"]


def customer_of_lead(book: Book, lead: Row) -> Customer:
    """The company, else the contact's, else the contact, else the lead itself."""
    connection = lead["connection"]
    if lead["company_id"] is not None:
        return as_company(book, connection, lead["company_id"])
    if lead["contact_id"] is not None:
        return person_or_company(book, connection, lead["contact_id"])
    return connection, "lead", lead["id"]


def attribute(book: Book, customer: Customer, dimension: str) -> str | None:
    """What is known of a customer: of its first win, of its beginning, else of the company or the person."""
    if dimension in ("product", "currency", "source"):
        sights = wins(book).get(customer, [])
        return book.value_of(sights[0], dimension) if sights else None
    if dimension == "cohort":
        days = [sight.day for sight in wins(book).get(customer, [])]
        days += [row["start_date"] for row in subscriptions(book).get(customer, []) if row["start_date"] is not None]
        return f"{min(days):%Y-%m}" if days else None
    return own_attribute(book, customer, dimension)


def own_attribute(book: Book, customer: Customer, dimension: str) -> str | None:
    """What is known of the company or the person itself."""
    connection, kind, id_ = customer
    tables = {"company": "companies", "contact": "contacts"}
    row: Row = book.index(tables[kind]).get((connection, id_), {}) if kind in tables else {}
    return attribute_of(book, connection, row, dimension)


def attribute_of(book: Book, connection: str, row: Row, dimension: str) -> str | None:
    """The same, of a row of a company or a contact; an empty one knows nothing."""
    if dimension == "region":
        return row.get("region") or book.region_map.get(row.get("country") or "")
    if dimension == "size_band":
        return row.get("size_band") or size_band(row.get("employees"))
    if dimension == "owner":
        return qualified(connection, row.get("owner_id"))
    if dimension == "team":
        team = book.team_of(connection, row.get("owner_id"), book.now)
        return None if team == NONE else team
    value: str | None = row.get(dimension)
    return value


# ------------------------------------------------------------------------------------------------ wins


def wins(book: Book) -> dict[Customer, list[Sight]]:
    """Won deals by customer, in the order in which they closed."""
    if "wins" not in book.memo:
        found: dict[Customer, list[Sight]] = {}
        for sight in book.closings:
            if book.is_won_deal(sight.deal):
                found.setdefault(customer_of_deal(book, sight.deal), []).append(sight)
        for sights in found.values():
            sights.sort(key=lambda s: (s.day, s.deal["closed_at"] is None, s.deal["closed_at"], s.deal["id"]))
        book.memo["wins"] = found
    known: dict[Customer, list[Sight]] = book.memo["wins"]
    return known


def subscriptions(book: Book) -> dict[Customer, list[Row]]:
    """Live subscriptions by company; those of nobody are left out."""
    if "subscriptions" not in book.memo:
        found: dict[Customer, list[Row]] = {}
        for row in book.table("subscriptions"):
            company = book.home("companies", row["connection"], row["company_id"])
            if is_live(row) and company is not None and row["start_date"] != row["end_date"]:
                found.setdefault(as_company(book, *company), []).append(row)
        book.memo["subscriptions"] = found
    known: dict[Customer, list[Row]] = book.memo["subscriptions"]
    return known


def runs_on(subscription: Row, day: date) -> bool:
    """Whether a subscription runs on a day; its end date is the first day without it."""
    begin, end = subscription["start_date"], subscription["end_date"]
    return begin is not None and begin <= day and (end is None or day < end)


def subscribed_before(book: Book, customer: Customer, day: date) -> bool:
    """Whether a subscription of theirs began before a day."""
    rows = subscriptions(book).get(customer, [])
    return any(row["start_date"] is not None and row["start_date"] < day for row in rows)


def is_new(book: Book, customer: Customer, period: Period) -> bool:
    """Whether the first win is in a period, and no subscription before it."""
    sights = wins(book).get(customer, [])
    return bool(sights) and period.has(sights[0].day) and not subscribed_before(book, customer, period.start)


def new_customers(book: Book, period: Period) -> list[Sight]:
    """The first wins of the new customers of a period."""
    return [sights[0] for customer, sights in wins(book).items() if is_new(book, customer, period)]


def has_subscriptions(book: Book) -> bool:
    """Whether customers are told by their subscriptions."""
    return book.has_rows("subscriptions")


def subscribers_on(book: Book, day: date) -> set[Customer]:
    """Customers with a running subscription."""
    return {customer for customer, rows in subscriptions(book).items() if any(runs_on(row, day) for row in rows)}


def buyers_on(book: Book, day: date) -> set[Customer]:
    """Customers who bought in the year up to a day."""
    return {c for c, sights in wins(book).items() if any(day - WINDOW < sight.day <= day for sight in sights)}


def customers_on(book: Book, day: date) -> set[Customer]:
    """Customers on a day, by the basis in use."""
    return subscribers_on(book, day) if has_subscriptions(book) else buyers_on(book, day)


# ------------------------------------------------------------------------------------------------ moments

Group = Callable[[Book, date], Iterable[tuple[Customer, Decimal, Decimal]]]
"""On a day: each customer with what it adds above and below the line."""


def per_customer(group: Group) -> Question:
    """What customers add above the line by what they add below it."""

    def ask(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
        day = book.moment(period)
        sums: dict[str, tuple[Decimal, Decimal]] = {"": (Decimal(0), Decimal(0))} if dimension is None else {}
        for customer, above, below in group(book, day):
            member = "" if dimension is None else attribute(book, customer, dimension) or NONE
            found = sums.get(member, (Decimal(0), Decimal(0)))
            sums[member] = (found[0] + above, found[1] + below)
        return {member: ratio(above, below, int(below)) for member, (above, below) in sums.items()}

    return ask


def bought(book: Book, day: date) -> dict[Customer, int]:
    """How often each customer has bought by a day."""
    counts = {customer: sum(sight.day <= day for sight in sights) for customer, sights in wins(book).items()}
    return {customer: times for customer, times in counts.items() if times}


def _later_wins(book: Book, day: date) -> list[tuple[Customer, Decimal, Decimal]]:
    return [(customer, Decimal(times - 1), Decimal(1)) for customer, times in bought(book, day).items()]


def _repeats(book: Book, day: date) -> list[tuple[Customer, Decimal, Decimal]]:
    return [(customer, Decimal(times >= 2), Decimal(1)) for customer, times in bought(book, day).items()]


def products_of(book: Book, day: date) -> dict[Customer, set[tuple[str, str]]]:
    """The known products that each customer owns on a day: bought and not returned, or subscribed to."""
    quantities: dict[tuple[Customer, tuple[str, str]], Decimal] = {}
    for sight in book.closings:
        if not book.is_won(sight.deal) or sight.day > day:
            continue
        for line in book.lines.get(key_of(sight.deal), []):
            if line["product_id"] is not None:
                product = (line["connection"], line["product_id"])
                quantity = Decimal(1) if line["quantity"] is None else abs(line["quantity"])
                is_return = (
                    book.is_credit(sight.deal)
                    or (line["quantity"] or 0) < 0
                    or (line["net_amount"] is not None and line["net_amount"] < 0)
                )
                place = customer_of_deal(book, sight.deal), product
                quantities[place] = quantities.get(place, Decimal(0)) + (-quantity if is_return else quantity)
    owned: dict[Customer, set[tuple[str, str]]] = {}
    for (customer, product), quantity in quantities.items():
        if quantity > 0:
            owned.setdefault(customer, set()).add(product)
    for customer, rows in subscriptions(book).items():
        for row in rows:
            product_of = book.home("products", row["connection"], row["product_id"])
            if product_of is not None and runs_on(row, day):
                owned.setdefault(customer, set()).add(product_of)
    return owned


def _adopters(book: Book, day: date) -> list[tuple[Customer, Decimal, Decimal]]:
    return [(c, Decimal(len(products) >= 2), Decimal(1)) for c, products in products_of(book, day).items()]


def _all_products(book: Book, day: date) -> list[tuple[Customer, Decimal, Decimal]]:
    return [(c, Decimal(len(products)), Decimal(1)) for c, products in products_of(book, day).items()]


@remembered
def later_wins(book: Book) -> Iterable[Event]:
    """Wins that are not their customer's first."""
    for customer, sights in wins(book).items():
        for sight in sights[1:]:
            yield Event(day=sight.day, of=partial(attribute, book, customer))


@remembered
def first_wins(book: Book) -> Iterable[Event]:
    """First wins; `good` where another came within a year."""
    for customer, sights in wins(book).items():
        again = any(sight.day <= sights[0].day + WINDOW for sight in sights[1:])
        yield Event(day=sights[0].day, of=partial(attribute, book, customer), good=again)


deals_after_first_sale_count = count_of(later_wins)
repeat_purchase_rate_12m = share_of(first_wins)
products_per_customer = per_customer(_all_products)
deals_after_first_sale = per_customer(_later_wins)
repeat_purchase_rate = per_customer(_repeats)
product_adoption_rate = per_customer(_adopters)


# ------------------------------------------------------------------------------------------------ acquisition


def prospects(book: Book, period: Period) -> set[Customer]:
    """No customers yet when the period began, with a deal open in it or a lead created in it."""
    found = {customer_of_deal(book, deal) for deal in book.open_between(period)}
    for lead in live_leads(book):
        if period.has(created_day_of_lead(book, lead)):
            found.add(customer_of_lead(book, lead))
    return {
        customer
        for customer in found
        if not subscribed_before(book, customer, period.start)
        and not any(sight.day < period.start for sight in wins(book).get(customer, []))
    }


def customer_acquisition_rate(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """New customers among the prospects in play."""
    groups: dict[str, list[bool]] = {"": []} if dimension is None else {}
    for customer in prospects(book, period):
        member = "" if dimension is None else own_attribute(book, customer, dimension) or NONE
        groups.setdefault(member, []).append(is_new(book, customer, period))
    return {member: ratio(sum(news), len(news), len(news)) for member, news in groups.items()}


# ------------------------------------------------------------------------------------------------ expansion


@remembered
def won_by_type(book: Book) -> list[Event]:
    """Won deals with their type as one more dimension: worth counts, `good` says expansion."""
    return [
        Event(
            day=sight.day,
            of=lambda dimension, sight=sight: book.value_of(sight, dimension),  # type: ignore[misc]
            worth=book.worth(sight),
            who=book.type_of(sight.deal),
        )
        for sight in book.closings
        if book.is_won_deal(sight.deal)
    ]


def expansion_revenue_rate(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """What expansions are worth, by what all won deals are worth."""
    cells = {}
    for member, events in won_by_type(book).by(period, dimension).items():
        known = [event for event in events if event.worth is not None]
        if events or not member:
            more = sum((event.worth or Decimal(0) for event in known if event.who == "expansion"), Decimal(0))
            cells[member] = ratio(more, sum((event.worth or Decimal(0) for event in known), Decimal(0)), len(known))
    return cells


def upsell_cross_sell_rate(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Won expansions by won new business."""
    cells = {}
    for member, events in won_by_type(book).by(period, dimension).items():
        kinds = [event.who for event in events]
        more, new = kinds.count("expansion"), kinds.count("new_business")
        if more or new or not member:
            cells[member] = ratio(more, new, new)
    return cells


def upsell_cross_sell_rate_amount(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """What won expansions are worth by what won new business is worth."""
    cells = {}
    for member, events in won_by_type(book).by(period, dimension).items():
        more = [event for event in events if event.who == "expansion"]
        new = [event for event in events if event.who == "new_business"]
        if more or new or not member:
            cells[member] = ratio(sum(known(more), Decimal(0)), sum(known(new), Decimal(0)), len(new))
    return cells


# ------------------------------------------------------------------------------------------------ leads as customers


def live_leads(book: Book) -> list[Row]:
    """Leads neither deleted nor merged away."""
    return [lead for lead in book.table("leads") if is_live(lead)]


def created_day_of_lead(book: Book, lead: Row) -> date | None:
    """The day on which a lead was created."""
    return book.day_or_none(created_instant_of_lead(book, lead))


def created_instant_of_lead(book: Book, lead: Row) -> datetime | None:
    """When a lead was created; of merged ones the earliest."""
    if "lead creations" not in book.memo:
        first: dict[tuple[str, str], datetime] = {}
        for row in book.table("leads"):
            instant = row["created_at"]
            key = book.survivor("leads", row["connection"], row["id"])
            if instant is not None:
                first[key] = min(instant, first.get(key, instant))
        book.memo["lead creations"] = first
    instants: dict[tuple[str, str], datetime] = book.memo["lead creations"]
    return instants.get(key_of(lead))


def trailing_year(book: Book, period: Period) -> Period:
    """The twelve months up to the end of a period, or up to today in a running one."""
    end = book.moment(period) + timedelta(days=1)
    first = months_later(end.replace(day=1), -12)
    try:
        start = first.replace(day=end.day)
    except ValueError:  # 29 February
        start = months_later(first, 1)
    return Period(grain=period.grain, start=start, end=end)


def ceiling(value: Decimal) -> Decimal:
    """The whole number not below it."""
    return value.to_integral_value(rounding=ROUND_CEILING)
