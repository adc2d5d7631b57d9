"""What follows a won deal: orders, subscriptions for what bills again and again, and who shares the credit."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from random import Random

from dealmeter.sandbox.clock import instant
from dealmeter.sandbox.generate.known import Draft, Link, add_drafts, walk
from dealmeter.sandbox.generate.pipelines import ORDERS
from dealmeter.sandbox.generate.span import DAY, Span
from dealmeter.sandbox.names import pick
from dealmeter.sandbox.record import Change, Kind, Record, Value
from dealmeter.sandbox.world import World

OPEN, PROCESSED, SHIPPED, DELIVERED, CANCELLED = (stage.id for stage in ORDERS.stages)
MONTHS = {"monthly": 1, "annually": 12}


def add_orders(world: World, rng: Random, span: Span) -> None:
    """Four of five won deals are ordered on the day of their closing or soon after."""
    drafts = [
        _order(world, rng, span, number, deal, closed)
        for number, (deal, closed) in enumerate(_won(world))
        if rng.random() < 0.8
    ]
    add_drafts(world, rng, Kind.ORDER, drafts)


def _order(world: World, rng: Random, span: Span, number: int, deal: Record, closed: int) -> Draft:
    at = min(closed + int(rng.random() ** 3 * 5 * DAY), span.end - 1)
    steps: list[tuple[int, Value]] = [(at, OPEN), (at + DAY, PROCESSED)]
    steps += (
        [(at + 3 * DAY, CANCELLED)] if rng.random() < 0.04 else [(at + 4 * DAY, SHIPPED), (at + 8 * DAY, DELIVERED)]
    )
    history, amount = walk(steps, span.end), deal.fields.get("amount")
    fields: dict[str, Value] = {
        "name": f"Order {10_000 + number}",
        "number": f"SO-{10_000 + number}",
        "amount": amount,
        "subtotal": amount,
        "currency": deal.fields.get("currency") or world.account.currency,
        "pipeline": ORDERS.id,
        "stage": history[-1].value,
        "ordered_at": at,
        "ordered_on": f"{instant(at).astimezone(span.zone):%Y-%m-%d}",
        **_of_deal(world, deal),
    }
    return Draft(at, fields, {"stage": history}, _ends(world, deal))


def add_subscriptions(world: World, rng: Random, span: Span) -> None:
    """One per recurring line of a won deal; some were cancelled, some were raised, some replace an earlier one."""
    drafts: list[Draft] = []
    for deal, closed in _won(world):
        for id in world.links.of(Kind.DEAL, deal.id, Kind.LINE_ITEM):
            line = world.find(Kind.LINE_ITEM, id)
            if line is not None and line.fields.get("frequency") in MONTHS:
                drafts.append(_subscription(world, rng, span, deal, line, closed))
    _replace(world, add_drafts(world, rng, Kind.SUBSCRIPTION, drafts))


def _subscription(world: World, rng: Random, span: Span, deal: Record, line: Record, closed: int) -> Draft:
    frequency = str(line.fields["frequency"])
    amount, start = Decimal(str(line.fields["amount"])), instant(closed).astimezone(span.zone).date()
    months = int(str(line.fields.get("term") or 12))
    end = _on(start, months) if rng.random() < 0.5 else None
    today = instant(span.end).astimezone(span.zone).date()
    steps: list[tuple[int, Value]] = [(closed, "active")]
    canceled = closed + int((60 + rng.random() * 500) * DAY)
    if rng.random() < 0.2:
        steps.append((canceled, "canceled"))
    elif end is not None and end <= today:
        steps.append((closed + (end - start).days * DAY, "expired"))
    elif rng.random() < 0.05:
        steps.append((span.end - 12 * DAY, "past_due"))
    history = walk(steps, span.end)
    stopped = history[-1].at if history[-1].value == "canceled" else None
    amounts: tuple[Change, ...] = ()
    if rng.random() < 0.1 and history[-1].value == "active" and closed + 120 * DAY < span.end:
        amounts = (Change(closed, f"{amount:.2f}"), Change(closed + 120 * DAY, f"{amount * Decimal('1.2'):.2f}"))
        amount *= Decimal("1.2")
    if stopped is not None:
        end = instant(stopped).astimezone(span.zone).date()
    fields: dict[str, Value] = {
        "name": line.fields["name"],
        "status": history[-1].value,
        "frequency": frequency,
        "amount": f"{amount:.2f}",
        "mrr": f"{amount / MONTHS[frequency]:.2f}",
        "currency": line.fields.get("currency") or world.account.currency,
        "starts_on": start.isoformat(),
        "ends_on": None if end is None else end.isoformat(),
        "product": line.fields.get("product"),
        "next_due_on": _on(today, 1).isoformat() if history[-1].value == "active" else None,
        "canceled_at": stopped,
        **_of_deal(world, deal),
    }
    ends: tuple[Link, ...] = (*_ends(world, deal), (Kind.LINE_ITEM, line.id))
    return Draft(closed, fields, {"status": history, "amount": amounts}, ends)


def _replace(world: World, subscriptions: list[Record]) -> None:
    """A company's later subscription of the same product, begun after the earlier one's end, replaces it."""
    last: dict[tuple[Value, Value], Record] = {}
    for record in subscriptions:
        key = (record.fields.get("company"), record.fields.get("product"))
        earlier = last.get(key)
        if key[0] is not None and earlier is not None and _ended_by(earlier, record):
            fields = {**record.fields, "replaces": str(earlier.id)}
            record = Record(record.id, record.created, record.modified, fields, record.history)
            world.tables[Kind.SUBSCRIPTION].live.put(record)
        last[key] = record


def _ended_by(earlier: Record, later: Record) -> bool:
    end = earlier.fields.get("ends_on")
    return end is not None and str(end) <= str(later.fields["starts_on"])


def add_splits(world: World, rng: Random) -> None:
    """One in twelve deals is shared by two sellers; half of these have a specialist who gets a share on top."""
    staff = [str(owner.id) for owner in world.owners.values() if not owner.archived]
    drafts: list[Draft] = []
    for deal in world.tables[Kind.DEAL].live:
        owner = deal.fields.get("owner")
        if owner is not None and len(staff) > 2 and rng.random() < 1 / 12:
            drafts += _shares(rng, deal, str(owner), staff)
    add_drafts(world, rng, Kind.DEAL_SPLIT, drafts)


def _shares(rng: Random, deal: Record, owner: str, staff: list[str]) -> Iterator[Draft]:
    other = pick(rng, [id for id in staff if id != owner])
    share = pick(rng, (50, 60, 70, 80))
    shares = [(owner, share, "revenue"), (other, 100 - share, "revenue")]
    if rng.random() < 0.5:
        shares.append((pick(rng, [id for id in staff if id not in (owner, other)] or staff), 20, "overlay"))
    at = min(deal.created + int((deal.modified - deal.created) * rng.random()), deal.modified)
    for who, percent, kind in shares:
        fields: dict[str, Value] = {
            "deal": str(deal.id),
            "owner": who,
            "percent": str(percent),
            "amount": _part(deal.fields.get("amount"), percent),
            "kind": kind,
        }
        yield Draft(at, fields, links=((Kind.DEAL, deal.id),))


def _part(amount: Value, percent: int) -> str | None:
    try:
        return None if not amount else f"{Decimal(str(amount)) * percent / 100:.2f}"
    except InvalidOperation:
        return None


def _won(world: World) -> Iterator[tuple[Record, int]]:
    """Won deals, and when they entered their last stage."""
    for deal in world.tables[Kind.DEAL].live:
        stage = world.stage(deal.fields.get("stage"))
        if stage is not None and stage.won:
            yield deal, deal.changes("stage")[-1].at


def _of_deal(world: World, deal: Record) -> dict[str, Value]:
    company = world.links.primary(Kind.DEAL, deal.id, Kind.COMPANY)
    return {"deal": str(deal.id), "company": None if company is None else str(company)}


def _ends(world: World, deal: Record) -> tuple[Link, ...]:
    company = world.links.primary(Kind.DEAL, deal.id, Kind.COMPANY)
    people = world.links.of(Kind.DEAL, deal.id, Kind.CONTACT)
    ends: tuple[Link, ...] = ((Kind.DEAL, deal.id),)
    if company is not None:
        ends += ((Kind.COMPANY, company),)
    return (*ends, *((Kind.CONTACT, id) for id in people[:1]))


def _on(day: date, months: int) -> date:
    """So many months later; the last days of a month become the 28th."""
    place = day.year * 12 + day.month - 1 + months
    return date(place // 12, place % 12 + 1, min(day.day, 28))
