"""What a generated company plans with: goals per seller and team, and exchange rates by the month."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from random import Random
from uuid import UUID

from dealmeter.sandbox.account import Rate
from dealmeter.sandbox.clock import instant, milliseconds
from dealmeter.sandbox.generate.known import Draft, add_drafts
from dealmeter.sandbox.generate.span import DAY, Span
from dealmeter.sandbox.record import Change, Kind, Value
from dealmeter.sandbox.world import World

BACK, AHEAD = 12, 3
DRIFT = {"TRY": Decimal("1.028")}
"""By how much a currency was worth more a month earlier, where it falls."""


def add_goals(world: World, rng: Random, span: Span) -> None:
    """Monthly goals of everybody who still sells, quarterly ones of every team: a year back, this one, a bit ahead."""
    present = instant(span.end).astimezone(span.zone).date().replace(day=1)
    months = [_months_on(present, number) for number in range(-BACK, AHEAD)]
    quarters = [month for month in months if month.month in (1, 4, 7, 10)]
    drafts: list[Draft] = []
    for owner in world.owners.values():
        if not owner.archived:
            who: dict[str, Value] = {"owner": str(owner.id), "name": f"Revenue – {owner.first_name} {owner.last_name}"}
            drafts += _slices(world, rng, span, who, months, 1, 18_000)
    for team in world.teams:
        who = {"team": str(team.id), "name": f"Revenue – {team.name}"}
        drafts += _slices(world, rng, span, who, quarters, 3, 150_000)
    add_drafts(world, rng, Kind.GOAL, drafts)


def _slices(
    world: World, rng: Random, span: Span, who: dict[str, Value], starts: list[date], months: int, about: int
) -> Iterator[Draft]:
    """One goal cut into periods; some were raised in their middle."""
    group, level = str(UUID(int=rng.getrandbits(128), version=4)), about * (0.6 + rng.random())
    for start in starts:
        end = _months_on(start, months)
        starts_at, ends_at = _midnight(span, start), _midnight(span, end)
        created = min(starts_at - int((5 + rng.random() * 20) * DAY), span.end - 1)
        amount = str(round(level, -2)).removesuffix(".0")
        history: tuple[Change, ...] = ()
        if rng.random() < 0.05 and created + 30 * DAY < span.end:
            raised = str(round(level * 1.1, -2)).removesuffix(".0")
            history = (Change(created, amount), Change(created + 30 * DAY, raised))
            amount = raised
        fields: dict[str, Value] = {
            **who,
            "group": group,
            "metric": "revenue",
            "milestone": "monthly" if months == 1 else "quarterly",
            "starts_at": starts_at,
            "ends_at": ends_at,
            "starts_on": start.isoformat(),
            "ends_on": end.isoformat(),
            "amount": amount,
            "currency": world.account.currency,
        }
        yield Draft(created, fields, {"amount": history})
        level *= 0.97 + rng.random() * 0.08


def add_rates(world: World, rng: Random, span: Span) -> None:
    """A rate per foreign currency and month, wandering back in time from the present one."""
    present = instant(span.end).astimezone(span.zone).date().replace(day=1)
    id = 0
    for currency, worth in sorted(world.account.rates.items()):
        if currency == world.account.currency:
            continue
        for month in range(27):
            id += 1
            since = _midnight(span, _months_on(present, -month))
            world.put_rate(Rate(id=id, currency=currency, worth=worth, since=since))
            swing = Decimal(int(980 + rng.random() * 40)) / 1000
            worth = (worth * DRIFT.get(currency, Decimal(1)) * swing).quantize(Decimal("0.000001"))


def _months_on(day: date, months: int) -> date:
    place = day.year * 12 + day.month - 1 + months
    return date(place // 12, place % 12 + 1, 1)


def _midnight(span: Span, day: date) -> int:
    return milliseconds(datetime(day.year, day.month, day.day, tzinfo=span.zone))
