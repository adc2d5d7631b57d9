"""Oracles of what is left of sales: list prices, costs, profit, margin."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from tests.kpi.oracles.book import Book, Sight
from tests.kpi.oracles.cells import MISSING, Cell, Period, mean, ratio, total
from tests.kpi.oracles.events import Event, known, remembered
from tests.kpi.oracles.rows import Row, is_live, key_of, qualified

ENOUGH = Decimal("0.8")
SIX = Decimal("0.000001")


def gross_of_line(line: Row) -> Decimal | None:
    """What a line would have cost without its discount; none of a return; zero where nothing is said."""
    quantity, net = line["quantity"], line["net_amount"]
    if (quantity is not None and quantity < 0) or (net is not None and net < 0):
        return None
    price = line["list_price"] if line["list_price"] is not None else line["unit_price"]
    if price is None:
        return Decimal(0) if net is None else Decimal(net)
    return Decimal(price) * (1 if quantity is None else quantity)


def gross_of_deal(book: Book, sight: Sight) -> Decimal | None:
    """What its lines come to at list prices; without lines, its amount."""
    lines = book.lines.get(key_of(sight.deal), [])
    if not lines:
        return book.worth(sight)
    parts = [book.converted(sight.deal, gross_of_line(line), sight.day) for line in lines]
    return sum((part for part in parts if part is not None), Decimal(0))


@remembered
def gross_deals(book: Book) -> Iterable[Event]:
    """Won deals at list prices."""
    for sight in book.closings:
        if book.is_won_deal(sight.deal):
            yield Event(
                day=sight.day,
                of=lambda dimension, sight=sight: book.value_of(sight, dimension),  # type: ignore[misc]
                worth=gross_of_deal(book, sight),
            )


def gross_sales(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Won deals at list prices, added up."""
    groups = gross_deals(book).by(period, dimension)
    return {member: total(known(events), len(events)) for member, events in groups.items()}


# ------------------------------------------------------------------------------------------------ parts of deals


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A line of a deal, or what its lines leave unexplained: net, and cost where that is known."""

    sight: Sight
    product: str | None
    net: Decimal | None
    cost: Decimal | None


def unit_cost(book: Book, deal: Row, line: Row, day: date) -> Decimal | None:
    """What one unit cost, in the reporting currency, unrounded: by the line, the product, the file of costs."""
    connection = line["connection"]
    if line["unit_cost"] is not None:
        rate = book.rate(deal, day)
        return None if rate is None else line["unit_cost"] * rate
    product: Row = book.index("products").get((connection, line["product_id"]), {})
    if product.get("unit_cost") is not None:
        return _converted(book, deal, product["unit_cost"], product["currency"], day)
    if line["product_id"] is None:
        return None
    newest: Row | None = None
    for row in book.table("unit_costs"):
        if (
            is_live(row)
            and row["cost"] is not None
            and book.home("products", row["connection"], row["product_id"]) == (connection, line["product_id"])
            and row["valid_from"] is not None
            and row["valid_from"] <= day
            and (newest is None or (row["valid_from"], row["id"]) > (newest["valid_from"], newest["id"]))
        ):
            newest = row
    return None if newest is None else _converted(book, deal, newest["cost"], newest["currency"], day)


def _converted(book: Book, deal: Row, cost: Decimal, currency: str | None, day: date) -> Decimal | None:
    if currency is None or currency == book.currency_of(deal):
        rate = book.rate(deal, day)
    else:
        rate = book.rate_on(deal["connection"], currency, day)
    return None if rate is None else cost * rate


def parts(book: Book) -> list[Part]:
    """The parts of all won deals and credits."""
    if "parts" not in book.memo:
        book.memo["parts"] = [
            part for sight in book.closings if book.is_won(sight.deal) for part in parts_of(book, sight)
        ]
    found: list[Part] = book.memo["parts"]
    return found


def parts_of(book: Book, sight: Sight) -> list[Part]:
    """Lines, and the rest."""
    found, explained = [], Decimal(0)
    for line in book.lines.get(key_of(sight.deal), []):
        net = book.converted(sight.deal, line["net_amount"], sight.day)
        each = unit_cost(book, sight.deal, line, sight.day)
        quantity = 1 if line["quantity"] is None else line["quantity"]
        cost = None if each is None else (quantity * each).quantize(SIX, rounding=ROUND_HALF_UP)
        explained += net or Decimal(0)
        product = qualified(line["connection"], line["product_id"])
        found.append(Part(sight=sight, product=product, net=net, cost=cost))
    left = (book.worth(sight) or Decimal(0)) - explained
    if left != 0 or not found:
        found.append(Part(sight=sight, product="__unallocated__", net=left, cost=None))
    return found


@remembered
def part_events(book: Book) -> Iterable[Event]:
    """Parts on the close days of their deals; `who` is the part itself."""
    for part in parts(book):
        yield Event(
            day=part.sight.day,
            of=lambda d, part=part: part.product if d == "product" else book.value_of(part.sight, d),  # type: ignore[misc]
            who=part,
        )


Counted = tuple[Decimal, Decimal, int, Decimal | None]
"""Net and cost of the parts with a cost, how many they are, and their share of all."""


def counted(found: list[Part]) -> Counted:
    """What is known of some parts."""
    costed = [part for part in found if part.net is not None and part.cost is not None]
    net = sum((part.net or Decimal(0) for part in costed), Decimal(0))
    cost = sum((part.cost or Decimal(0) for part in costed), Decimal(0))
    whole = sum((part.net or Decimal(0) for part in found), Decimal(0))
    return net, cost, len(costed), None if whole == 0 else net / whole


def has_costs(book: Book) -> bool:
    """Whether anything ever said what something costs."""
    return any(
        row[column] is not None
        for table, column in (("line_items", "unit_cost"), ("products", "unit_cost"), ("unit_costs", "id"))
        for row in book.table(table)
    )


Judge = Callable[[Counted], Cell]


def _ask(book: Book, period: Period, dimension: str | None, judge: Judge) -> dict[str, Cell]:
    if not has_costs(book):
        return {"": MISSING} if dimension is None else {}
    cells = {}
    for member, events in part_events(book).by(period, dimension).items():
        found = counted([event.who for event in events])
        if found[2] or not member:
            cells[member] = judge(found)
    return cells


def _profit(found: Counted) -> Cell:
    net, cost, n, share = found
    lacking = share is not None and share < ENOUGH
    return Cell(
        value=None if lacking else net - cost,
        numerator=net - cost,
        denominator=None,
        n=n,
        status="insufficient_data" if lacking else "ok",
    )


def _margin(found: Counted) -> Cell:
    net, cost, n, share = found
    if share is not None and share < ENOUGH:
        return Cell(value=None, numerator=net - cost, denominator=net, n=n, status="insufficient_data")
    if net < 0:
        return Cell(value=None, numerator=net - cost, denominator=net, n=n, status="negative_base")
    return ratio(net - cost, net, n)


def gross_profit(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Net amounts of lines with a known cost, minus that cost."""
    return _ask(book, period, dimension, _profit)


def gross_margin_pct(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """The same, by those net amounts."""
    return _ask(book, period, dimension, _margin)


@remembered
def margins(book: Book) -> Iterable[Event]:
    """Won deals with the margin of the lines whose cost is known, where enough of it is."""
    for sight in book.closings:
        if not book.is_won_deal(sight.deal):
            continue
        found = parts_of(book, sight)
        net, cost, _, _ = counted(found)
        whole = sum((part.net or Decimal(0) for part in found), Decimal(0))
        if net > 0 and net >= ENOUGH * whole:
            yield Event(
                day=sight.day,
                of=lambda dimension, sight=sight: book.value_of(sight, dimension),  # type: ignore[misc]
                worth=(net - cost) / net,
            )


def gross_margin_pct_mean_of_deals(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """The mean of the margins of deals, each counting as much as every other."""
    if not has_costs(book):
        return {"": MISSING} if dimension is None else {}
    return {member: mean(known(events)) for member, events in margins(book).by(period, dimension).items()}
