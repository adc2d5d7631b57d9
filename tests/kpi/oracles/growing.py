"""Oracles of growth: a number of a period against the same number of an earlier one."""

from datetime import timedelta
from decimal import Decimal

from tests.kpi.oracles.book import Book
from tests.kpi.oracles.cells import MISSING, Cell, Period, months_later, period_of, ratio
from tests.kpi.oracles.closed_deals import heads_by, revenue_per_rep
from tests.kpi.oracles.events import Question
from tests.kpi.oracles.orders import average_order_value
from tests.kpi.oracles.spending import spend_by

LONGER = ("month", "quarter", "year")


def before(book: Book, period: Period) -> Period:
    """The period before; of a running one, as many days of it as have begun."""
    return _elapsed(book, period, period_of(period.start - timedelta(days=1), period.grain))


def year_before(book: Book, period: Period) -> Period:
    """The same-named period a year before, cut in the same way."""
    return _elapsed(book, period, period_of(months_later(period.start, -12), period.grain))


def _elapsed(book: Book, period: Period, base: Period) -> Period:
    if not period.has(book.today):
        return base
    days = (book.today - period.start).days + 1
    return Period(grain=base.grain, start=base.start, end=min(base.start + timedelta(days=days), base.end))


def grown(now: Cell | None, then: Cell | None) -> Cell:
    """How much more it is than it was."""
    new = None if now is None else now.value
    old = None if then is None else then.value
    n = min((now.n or 0) if now else 0, (then.n or 0) if then else 0)
    if new is None or old is None:
        return Cell(value=None, numerator=None, denominator=old, n=n, status="zero_denominator")
    return ratio(new - old, old, n)


def _growth(ask: Question, base_of: object) -> Question:
    def question(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
        base: Period = base_of(book, period)  # type: ignore[operator]
        now = ask(book, period, dimension)
        then = ask(book, base, dimension) if base.start >= period_of(book.first_day(), period.grain).start else {}
        return {member: grown(now.get(member), then.get(member)) for member in now.keys() | then.keys()}

    return question


average_order_size_growth_yoy = _growth(average_order_value, year_before)
revenue_per_rep_growth = _growth(revenue_per_rep, before)
revenue_per_rep_growth_yoy = _growth(revenue_per_rep, year_before)


def enablement_per_rep(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """What is spent on the skills and tools of a rep."""
    money = spend_by(book, period, dimension, ("enablement",))
    heads = heads_by(book, period, dimension)
    return {
        member: ratio(money.get(member, (Decimal(0), 0))[0], heads.get(member, 0), heads.get(member, 0))
        for member in money.keys() | heads.keys()
    }


enablement_growth = _growth(enablement_per_rep, before)


def experience(book: Book, period: Period, team: str) -> Decimal | None:
    """The mean days since the reps of a period (of a team; empty: all) began, on its last day or their own."""
    last_day = min(period.end - timedelta(days=1), book.today)
    days = []
    for rep in book.active_reps(period):
        if rep["active_from"] is not None and (not team or team in book.teams_in(rep, period)):
            first, last = book.active_days(rep)
            days.append(max(0, (min(last, last_day) - first).days))
    return Decimal(sum(days)) / len(days) if days else None


def experience_growth(book: Book, period: Period, team: str) -> Decimal | None:
    """How much more experienced they are than those of the period before."""
    base = before(book, period)
    if base.start < period_of(book.first_day(), period.grain).start:
        return None
    now, then = experience(book, period, team), experience(book, base, team)
    return None if now is None or not then else now / then - 1


def productivity_investment_gap(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """How much more revenue per rep grew than what is spent on a rep."""
    if not book.has_rows("spend", category="enablement"):
        return {"": MISSING} if dimension is None else {}
    gains, costs = revenue_per_rep_growth(book, period, dimension), enablement_growth(book, period, dimension)
    cells = {}
    for member in gains.keys() | costs.keys():
        gain, cost = gains.get(member, grown(None, None)), costs.get(member, grown(None, None))
        if gain.value is None or cost.value is None:
            status = gain.status if gain.value is None else cost.status
            cells[member] = Cell(value=None, numerator=None, denominator=None, n=gain.n, status=status)
        else:
            gap = gain.value - cost.value
            cells[member] = Cell(value=gap, numerator=gap, denominator=None, n=gain.n)
    return cells
