"""Oracles of the KPIs that are placed by the creation of deals, or look at the deals open at a moment."""

from tests.kpi.oracles.book import Book, Sight
from tests.kpi.oracles.cells import Cell, Period, count, mean, ratio, total
from tests.kpi.oracles.closed_deals import slices, worths


def created_in(book: Book, period: Period) -> list[Sight]:
    """Deals created in a period, without credits."""
    return [s for s in book.creations if period.has(s.day) and not book.is_credit(s.deal)]


def new_opportunities_count(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Deals created."""
    groups = slices(book, created_in(book, period), dimension)
    return {member: count(len(sights)) for member, sights in groups.items()}


def opportunity_conversion_rate(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Of the deals created, those that are won by now."""
    groups = slices(book, created_in(book, period), dimension)
    cells = {}
    for member, sights in groups.items():
        won = [sight for sight in sights if book.is_won_deal(sight.deal)]
        cells[member] = ratio(len(won), len(sights), len(sights))
    return cells


def active_deals_count(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Deals open at the end of the period, or now."""
    groups = slices(book, book.open_deals(period), dimension)
    return {member: count(len(sights)) for member, sights in groups.items()}


def average_deal_size_open(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """What one of them is worth, of those whose worth is known."""
    groups = slices(book, book.open_deals(period), dimension)
    return {member: mean(worths(book, sights)) for member, sights in groups.items()}


def open_pipeline_value(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """What they are worth at that moment."""
    groups = slices(book, book.open_deals(period), dimension)
    return {member: total(worths(book, sights), len(sights)) for member, sights in groups.items()}
