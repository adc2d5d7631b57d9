"""Events: what happened on which day, and the questions that are asked of many of them at once."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from tests.kpi.oracles.book import Book
from tests.kpi.oracles.cells import Cell, Period, count, mean, quantile, ratio, total
from tests.kpi.oracles.rows import NONE

Question = Callable[[Book, Period, str | None], dict[str, Cell]]
Member = Callable[[str], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing on one day: where it falls (`of`), what it is worth, whom it concerns, whether it came to something."""

    day: date
    of: Member
    worth: Decimal | None = None
    who: Any = None
    good: bool = False


class Events:
    """Events by their days."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.by_day: dict[date, list[Event]] = {}
        for event in events:
            self.by_day.setdefault(event.day, []).append(event)

    def __iter__(self) -> Iterator[Event]:
        for events in self.by_day.values():
            yield from events

    def within(self, period: Period) -> list[Event]:
        """Those of a period."""
        return [event for day, events in self.by_day.items() if period.has(day) for event in events]

    def by(self, period: Period, dimension: str | None) -> dict[str, list[Event]]:
        """Those of a period by member; the total is there even when nothing is in it."""
        found: dict[str, list[Event]] = {"": []} if dimension is None else {}
        for event in self.within(period):
            found.setdefault(member_of(event, dimension), []).append(event)
        return found


Source = Callable[[Book], Events]


def member_of(event: Event, dimension: str | None) -> str:
    """Where an event falls; without a dimension, into the total."""
    if dimension is None:
        return ""
    member = event.of(dimension)
    return NONE if member is None else member


def remembered(make: Callable[[Book], Iterable[Event]]) -> Source:
    """The events of a book, made once."""

    def source(book: Book) -> Events:
        if make.__name__ not in book.memo:
            book.memo[make.__name__] = Events(make(book))
        events: Events = book.memo[make.__name__]
        return events

    return source


def known(events: Iterable[Event]) -> list[Decimal]:
    """What the events are worth, where that is known."""
    return [event.worth for event in events if event.worth is not None]


def count_of(source: Source) -> Question:
    """How many events."""

    def ask(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
        return {member: count(len(events)) for member, events in source(book).by(period, dimension).items()}

    return ask


def sum_of(source: Source) -> Question:
    """What they are worth together."""

    def ask(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
        groups = source(book).by(period, dimension)
        return {member: total(known(events), len(events)) for member, events in groups.items()}

    return ask


def mean_of(source: Source) -> Question:
    """What one of them is worth; events of unknown worth are left out."""

    def ask(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
        return {member: mean(values) for member, values in _values(source(book), period, dimension).items()}

    return ask


def quantile_of(source: Source, share: str) -> Question:
    """The value below which that share of them lies."""

    def ask(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
        groups = _values(source(book), period, dimension)
        return {member: quantile(values, Decimal(share)) for member, values in groups.items()}

    return ask


def _values(events: Events, period: Period, dimension: str | None) -> dict[str, list[Decimal]]:
    groups = events.by(period, dimension)
    found = {member: known(group) for member, group in groups.items()}
    return {member: values for member, values in found.items() if values or not member}


def share_of(source: Source) -> Question:
    """How many of them came to something, by how many there are."""

    def ask(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
        groups = source(book).by(period, dimension)
        return {
            member: ratio(sum(event.good for event in events), len(events), len(events))
            for member, events in groups.items()
        }

    return ask


def quotient_of(over: Source, under: Source) -> Question:
    """What events are worth together (how many, where none has a worth) by how many others there are."""

    def ask(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
        above, below = over(book).by(period, dimension), under(book).by(period, dimension)
        cells = {}
        for member in above.keys() | below.keys():
            number = len(below.get(member, []))
            cells[member] = ratio(sum(map(_weight, above.get(member, [])), Decimal(0)), number, number)
        return cells

    return ask


def _weight(event: Event) -> Decimal:
    return Decimal(1) if event.worth is None else event.worth
