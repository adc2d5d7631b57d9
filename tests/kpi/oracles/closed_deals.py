"""Oracles of the KPIs that are placed by the day on which deals close."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

from tests.kpi.oracles.book import Book, Sight
from tests.kpi.oracles.cells import Cell, Period, count, mean, period_of, quantile, ratio, total
from tests.kpi.oracles.customers import attribute, customer_of_deal
from tests.kpi.oracles.rows import NONE, Row, key_of, qualified

MICRO = Decimal("0.000001")


def closed_in(book: Book, period: Period, counts: Callable[[Sight], bool]) -> list[Sight]:
    """Deals that closed in a period, of the kind that counts."""
    return [sight for sight in book.closings if period.has(sight.day) and counts(sight)]


def won_in(book: Book, period: Period) -> list[Sight]:
    """Won deals of a period, without credits."""
    return closed_in(book, period, lambda sight: book.is_won_deal(sight.deal))


def lost_in(book: Book, period: Period) -> list[Sight]:
    """Lost deals of a period."""
    return closed_in(book, period, lambda sight: book.is_lost_deal(sight.deal))


def sold_in(book: Book, period: Period) -> list[Sight]:
    """Won deals and credits of a period: what revenue is made of."""
    return closed_in(book, period, lambda sight: book.is_won(sight.deal))


def credited_in(book: Book, period: Period) -> list[Sight]:
    """The same by whom it is credited to: the owner, or everybody with a part in a deal where the book says so."""
    sold = sold_in(book, period)
    return [part for sight in sold for part in parts_of(book, sight)] if book.credit_mode == "splits" else sold


def parts_of(book: Book, sight: Sight) -> list[Sight]:
    """A deal by its splits, scaled to the whole; the last takes what rounding leaves. Without splits: the deal."""
    parts = []
    for split in book.splits.get(key_of(sight.deal), []):
        part = split["amount"] if split["percent"] is None else split["percent"]
        if (split["kind"] or "revenue").lower() != "overlay" and split["user_id"] is not None and (part or 0) > 0:
            parts.append((part, split["id"], split["user_id"]))
    parts.sort(key=lambda part: (-part[0], part[1]))
    whole, shared = sum(part[0] for part in parts), []
    money, left, rest = book.worth(sight), book.worth(sight), Decimal(1)
    for place, (part, _, user_id) in enumerate(parts):
        share = rest if place == len(parts) - 1 else part / whole
        credit = left if money is None or place == len(parts) - 1 else (money * share).quantize(MICRO, ROUND_HALF_UP)
        shared.append(replace(sight, owner_id=user_id, share=share, credit=credit))
        rest, left = rest - share, None if left is None or credit is None else left - credit
    return shared or [sight]


def heads_of(sights: list[Sight]) -> int:
    """How many deals these parts are, rounded up."""
    deals = sum((sight.share for sight in sights), Decimal(0)).quantize(MICRO)
    return int(deals.to_integral_value(rounding=ROUND_CEILING))


def slices(book: Book, sights: list[Sight], dimension: str | None) -> dict[str, list[Sight]]:
    """Deals by the member of a dimension; the total is there even when nothing is in it."""
    found: dict[str, list[Sight]] = {"": []} if dimension is None else {}
    for sight in sights:
        found.setdefault(book.member(sight, dimension), []).append(sight)
    return found


def worths(book: Book, sights: list[Sight]) -> list[Decimal]:
    """The converted amounts that are known."""
    return [worth for sight in sights if (worth := book.worth(sight)) is not None]


def revenue(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Converted amounts of won and credit deals, added up."""
    groups = slices(book, credited_in(book, period), dimension)
    return {member: total(worths(book, sights), heads_of(sights)) for member, sights in groups.items()}


def regional_sales(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Revenue, by region."""
    return revenue(book, period, dimension)


def _of_category(category: str) -> Callable[[Book, Period, str | None], dict[str, Cell]]:
    def ask(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
        sold = [sight for sight in sold_in(book, period) if book.category_of(sight.deal) == category]
        groups = slices(book, sold, dimension)
        return {member: total(worths(book, sights), len(sights)) for member, sights in groups.items()}

    return ask


marketing_sourced_revenue = _of_category("marketing")
sales_sourced_revenue = _of_category("sales")


def won_deals_count(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Won deals."""
    groups = slices(book, won_in(book, period), dimension)
    return {member: count(len(sights)) for member, sights in groups.items()}


def lost_deals_count(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Lost deals."""
    groups = slices(book, lost_in(book, period), dimension)
    return {member: count(len(sights)) for member, sights in groups.items()}


def win_loss_ratio(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Won by lost."""
    won = slices(book, won_in(book, period), dimension)
    lost = slices(book, lost_in(book, period), dimension)
    cells = {}
    for member in won.keys() | lost.keys():
        losses = len(lost.get(member, []))
        cells[member] = ratio(len(won.get(member, [])), losses, losses)
    return cells


def win_rate(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Won by won and lost."""
    won = slices(book, won_in(book, period), dimension)
    lost = slices(book, lost_in(book, period), dimension)
    cells = {}
    for member in won.keys() | lost.keys():
        wins, losses = len(won.get(member, [])), len(lost.get(member, []))
        cells[member] = ratio(wins, wins + losses, wins + losses)
    return cells


def average_deal_size(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Mean converted amount of won deals with a known amount and rate."""
    known = [sight for sight in won_in(book, period) if book.worth(sight) is not None]
    groups = slices(book, known, dimension)
    return {member: mean(worths(book, sights)) for member, sights in groups.items()}


def average_deal_size_median(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Median of the same."""
    known = [sight for sight in won_in(book, period) if book.worth(sight) is not None]
    groups = slices(book, known, dimension)
    return {member: quantile(worths(book, sights), Decimal("0.5")) for member, sights in groups.items()}


def average_deal_size_lost(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """The same of lost deals."""
    known = [sight for sight in lost_in(book, period) if book.worth(sight) is not None]
    groups = slices(book, known, dimension)
    return {member: mean(worths(book, sights)) for member, sights in groups.items()}


def sales_cycle_length_lost(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Mean days from creation to closing of lost deals."""
    valid = [sight for sight in lost_in(book, period) if cycle_days(book, sight) is not None]
    groups = slices(book, valid, dimension)
    return {
        member: mean([Decimal(cycle_days(book, sight) or 0) for sight in sights]) for member, sights in groups.items()
    }


def cycle_days(book: Book, sight: Sight) -> int | None:
    """Whole days from the local day of creation to the close day; none where unknown or negative."""
    created = book.created_day(sight.deal)
    if created is None or sight.day < created:
        return None
    return (sight.day - created).days


def cycles(book: Book, period: Period, dimension: str | None) -> dict[str, list[Decimal]]:
    """The cycles of won deals by member."""
    valid = [sight for sight in won_in(book, period) if cycle_days(book, sight) is not None]
    groups = slices(book, valid, dimension)
    return {member: [Decimal(cycle_days(book, sight) or 0) for sight in sights] for member, sights in groups.items()}


def sales_cycle_length(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Mean days from creation to closing of won deals."""
    return {member: mean(days) for member, days in cycles(book, period, dimension).items()}


def sales_cycle_length_median(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Median of the same."""
    groups = cycles(book, period, dimension)
    return {member: quantile(days, Decimal("0.5")) for member, days in groups.items()}


def sales_cycle_length_p90(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Ninetieth percentile of the same."""
    groups = cycles(book, period, dimension)
    return {member: quantile(days, Decimal("0.9")) for member, days in groups.items()}


def revenue_per_rep(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Revenue of deals that a rep owned at closing, by active reps; of one rep alone, by one."""
    reps = {key_of(user): user for user in book.reps()}
    groups: dict[str, list[Sight]] = {"": []} if dimension is None else {}
    for sight in credited_in(book, period):
        user = reps.get((sight.deal["connection"], sight.owner_id or ""))
        if user is not None:
            member = kind_of_rep(book, user, sight.day, dimension) if dimension in KINDS else None
            groups.setdefault(member or book.member(sight, dimension), []).append(sight)
    if dimension == "owner":
        return {member: ratio(sum(worths(book, sights), Decimal(0)), 1, 1) for member, sights in groups.items()}
    heads = heads_by(book, period, dimension)
    cells = {}
    for member in groups.keys() | heads.keys():
        money = sum(worths(book, groups.get(member, [])), Decimal(0))
        cells[member] = ratio(money, heads.get(member, 0), heads.get(member, 0))
    return cells


KINDS = ("role", "tenure_band")


def kind_of_rep(book: Book, user: Row, day: date, dimension: str | None) -> str:
    """A rep's role, or how long he has been there on a day."""
    if dimension == "role":
        return user["role"] or NONE
    since = book.day_or_none(user["active_from"])
    if since is None or day < since:
        return NONE
    days = (day - since).days
    return next((band for below, band in TENURES if days < below), "3 years +")


TENURES = ((90, "0 - 89 days"), (365, "90 - 364 days"), (3 * 365, "1 - 3 years"))


def heads_by(book: Book, period: Period, dimension: str | None) -> dict[str, int]:
    """Active reps by team, role or tenure: who changes in the period counts in each; else all together."""
    heads: dict[str, int] = {} if dimension in ("team", *KINDS) else {"": 0}
    for user in book.active_reps(period):
        members = {""}
        if dimension == "team":
            members = book.teams_in(user, period)
        elif dimension in KINDS:
            first, last = book.active_days(user)
            day, end = max(first, period.start), min(last, period.end - timedelta(days=1))
            turns = [day, end] + [first + timedelta(days=days) for days, _ in TENURES]
            members = {kind_of_rep(book, user, turn, dimension) for turn in turns if turn == day or day < turn <= end}
        for member in members:
            heads[member] = heads.get(member, 0) + 1
    return heads


def per_head(book: Book, period: Period, dimension: str | None, done: dict[str, int]) -> dict[str, Cell]:
    """What was done by who could do it: of one rep alone by one, of what only the doing has by all reps."""
    if dimension == "owner":
        return {member: ratio(number, 1, 1) for member, number in done.items()}
    heads = heads_by(book, period, dimension)
    everybody = heads.get("", 0)
    if dimension is not None and "" in heads:
        return {member: ratio(number, everybody, everybody) for member, number in done.items()}
    return {
        member: ratio(done.get(member, 0), heads.get(member, 0), heads.get(member, 0))
        for member in done.keys() | heads.keys()
    }


def revenue_per_customer(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Revenue by distinct customers with a won deal."""
    sold = sold_in(book, period)
    if dimension in ("acquisition_source", "cohort"):
        groups: dict[str, list[Sight]] = {}
        for sight in sold:
            name = "source" if dimension == "acquisition_source" else "cohort"
            found = attribute(book, customer_of_deal(book, sight.deal), name)
            groups.setdefault(found or NONE, []).append(sight)
    else:
        groups = slices(book, sold, dimension)
    cells = {}
    for member, sights in groups.items():
        customers = {customer_of_deal(book, sight.deal) for sight in sights if book.is_won_deal(sight.deal)}
        money = sum(worths(book, sights), Decimal(0))
        cells[member] = ratio(money, len(customers), len(customers))
    return cells


def product_revenue(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Lines of won and credit deals by product; what they leave unexplained apart."""
    if dimension is None:
        return revenue(book, period, None)
    parts: dict[str, list[Decimal]] = {}
    for sight in sold_in(book, period):
        deal = sight.deal
        lines = book.lines.get(key_of(deal), [])
        explained = Decimal(0)
        for line in lines:
            net = book.converted(deal, line["net_amount"], sight.day) or Decimal(0)
            explained += net
            member = qualified(deal["connection"], line["product_id"]) or NONE
            parts.setdefault(member, []).append(net)
        left = (book.worth(sight) or Decimal(0)) - explained
        if left != 0 or not lines:
            parts.setdefault("__unallocated__", []).append(left)
    return {member: total(amounts, len(amounts)) for member, amounts in parts.items()}


def sales_growth_mom(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Revenue of a month against the month before; of the running month against as many days of it."""
    if period.grain != "month":
        return {}
    before = period_of(period.start - timedelta(days=1), "month")
    if period.has(book.today):
        elapsed = (book.today - period.start).days + 1
        end = min(before.start + timedelta(days=elapsed), before.end)
        before = Period(grain="month", start=before.start, end=end)
    now = slices(book, credited_in(book, period), dimension)
    then = slices(book, credited_in(book, before), dimension)
    cells = {}
    for member in now.keys() | then.keys():
        base_rows = then.get(member, [])
        base = sum(worths(book, base_rows), Decimal(0))
        change = sum(worths(book, now.get(member, [])), Decimal(0)) - base
        if base < 0:
            cells[member] = Cell(
                value=None, numerator=change, denominator=base, n=heads_of(base_rows), status="negative_base"
            )
        else:
            cells[member] = ratio(change, base, heads_of(base_rows))
    return cells
