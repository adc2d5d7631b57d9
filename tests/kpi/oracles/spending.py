"""Oracles of what is spent to sell: by lead, by customer, and what it brings back."""

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from tests.kpi.oracles.book import Book
from tests.kpi.oracles.cells import MISSING, Cell, Period, ratio
from tests.kpi.oracles.customers import new_customers
from tests.kpi.oracles.events import Event, Member, member_of, remembered
from tests.kpi.oracles.leads import created_leads
from tests.kpi.oracles.profit import ENOUGH, counted, part_events
from tests.kpi.oracles.rows import Row, is_live

SIX = Decimal("0.000001")
ACQUIRING = ("marketing", "sales", "enablement")


def days_of(spend: Row) -> list[date]:
    """The day or the days on which it was spent."""
    if spend["spent_on"] is not None:
        return [spend["spent_on"]]
    if spend["period_start"] is None or spend["period_end"] is None:
        return []
    length = (spend["period_end"] - spend["period_start"]).days
    return [spend["period_start"] + timedelta(days=number) for number in range(length)]


def category_of(spend: Row) -> str:
    """Which kind of spend."""
    return (spend["category"] or "").strip().lower()


def place_of(book: Book, spend: Row) -> Member:
    """Where it falls."""
    campaign = book.home("campaigns", spend["connection"], spend["campaign_id"])

    def member(dimension: str) -> str | None:
        value: str | None
        if dimension == "campaign":
            return None if campaign is None else ":".join(campaign)
        if dimension == "channel":
            row: Row = {} if campaign is None else book.index("campaigns").get(campaign, {})
            value = row.get("channel")
            return value
        if dimension == "cost_category":
            return category_of(spend) or None
        if dimension == "team":
            team = book.home("teams", spend["connection"], spend["team"])
            return None if team is None else ":".join(team)
        value = spend[dimension]
        return value

    return member


@remembered
def spent(book: Book) -> Iterable[Event]:
    """Spend by days, in the reporting currency; `who` is the row."""
    for row in book.table("spend"):
        days = days_of(row)
        if not is_live(row) or not days:
            continue
        worth = book.worth_on(row["connection"], row["currency"], row["amount"], days[0])
        if worth is None:
            continue
        each = (worth / len(days)).quantize(SIX, rounding=ROUND_HALF_UP)
        for number, day in enumerate(days):
            share = each if number < len(days) - 1 else worth - each * (len(days) - 1)
            yield Event(day=day, of=place_of(book, row), worth=share, who=row)


def spend_by(
    book: Book, period: Period, dimension: str | None, categories: Iterable[str]
) -> dict[str, tuple[Decimal, int]]:
    """Spend of some categories by member, and of how many rows."""
    found = {}
    for member, events in spent(book).by(period, dimension).items():
        chosen = [event for event in events if category_of(event.who) in categories]
        rows = {(event.who["connection"], event.who["id"]) for event in chosen}
        if rows or not member:
            found[member] = (sum((event.worth or Decimal(0) for event in chosen), Decimal(0)), len(rows))
    return found


Counts = Callable[[Book, Period, str | None], dict[str, int]]


def _per(categories: tuple[str, ...], heads: Counts, needs_leads: bool = False) -> Callable[..., dict[str, Cell]]:
    def ask(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
        if not _is_known(book, categories) or (needs_leads and not book.has_rows("leads")):
            return {"": MISSING} if dimension is None else {}
        money, people = spend_by(book, period, dimension, categories), heads(book, period, dimension)
        cells = {}
        for member in money:
            number = people.get(member, 0)
            cells[member] = ratio(money.get(member, (Decimal(0), 0))[0], number, number)
        return cells

    return ask


def _is_known(book: Book, categories: Iterable[str]) -> bool:
    return any(book.has_rows("spend", category=category) for category in categories)


def _newcomers(book: Book, period: Period, dimension: str | None) -> dict[str, int]:
    if dimension == "cost_category":
        everybody = len(new_customers(book, period))
        return dict.fromkeys(spend_by(book, period, dimension, ACQUIRING), everybody)
    return _by_first_deal(book, period, dimension, only=None)


def _marketed(book: Book, period: Period, dimension: str | None) -> dict[str, int]:
    return _by_first_deal(book, period, dimension, only="marketing")


def _by_first_deal(book: Book, period: Period, dimension: str | None, only: str | None) -> dict[str, int]:
    found = {"": 0} if dimension is None else {}
    for sight in new_customers(book, period):
        if only is None or book.category_of(sight.deal) == only:
            member = book.member(sight, dimension)
            found[member] = found.get(member, 0) + 1
    return found


def _leads(book: Book, period: Period, dimension: str | None) -> dict[str, int]:
    return {member: len(events) for member, events in created_leads(book).by(period, dimension).items()}


customer_acquisition_cost = _per(ACQUIRING, _newcomers)
cost_per_acquisition = _per(("marketing",), _marketed)
cost_per_lead = _per(("marketing",), _leads, needs_leads=True)


def marketing_roi(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """What marketing brought beyond what it cost, by what it cost."""
    if not _is_known(book, ("marketing",)):
        return {"": MISSING} if dimension is None else {}
    money = spend_by(book, period, dimension, ("marketing",))
    brought: dict[str, Decimal] = {}
    for member, parts in _marketed_parts(book, period, dimension).items():
        net, cost, _, share = counted(parts)
        whole = sum((part.net or Decimal(0) for part in parts), Decimal(0))
        brought[member] = net - cost if share is None or share >= ENOUGH else whole
    cells = {}
    for member in money.keys() | brought.keys():
        paid, rows = money.get(member, (Decimal(0), 0))
        cells[member] = ratio(brought.get(member, Decimal(0)) - paid, paid, rows)
    return cells


def marketing_roi_cohort(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """What the leads of marketing have brought by now beyond what marketing cost when they came, by what it cost."""
    if not _is_known(book, ("marketing",)) or not book.has_rows("leads"):
        return {"": MISSING} if dimension is None else {}
    money = spend_by(book, period, dimension, ("marketing",))
    leads: dict[str, list[Row]] = {}
    for event in created_leads(book).within(period):
        if event.of("source_category") == "marketing":
            leads.setdefault(member_of(event, dimension), []).append(event.who)
    cells = {}
    for member in money.keys() | leads.keys():
        brought = sum((_brought(book, lead) for lead in leads.get(member, [])), Decimal(0))
        paid = money.get(member, (Decimal(0), 0))[0]
        cells[member] = ratio(brought - paid, paid, len(leads.get(member, [])))
    return cells


def _brought(book: Book, lead: Row) -> Decimal:
    """What the deal that a lead became is worth: of several leads of one deal, to the first."""
    for sight in book.closings:
        if book.is_won(sight.deal) and book.lead_of(sight.deal) is lead:
            return book.worth(sight) or Decimal(0)
    return Decimal(0)


def _marketed_parts(book: Book, period: Period, dimension: str | None) -> dict[str, list]:  # type: ignore[type-arg]
    found: dict[str, list] = {}  # type: ignore[type-arg]
    for event in part_events(book).within(period):
        sight = event.who.sight
        if book.category_of(sight.deal) == "marketing":
            found.setdefault(book.member(sight, dimension), []).append(event.who)
    return found
