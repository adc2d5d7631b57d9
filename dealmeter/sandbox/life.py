"""Working life: a seeded burst of believable changes spread over simulated time."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from random import Random

from dealmeter.sandbox.account import Pipeline, Stage
from dealmeter.sandbox.generate.activities import activity
from dealmeter.sandbox.names import company, culture, domain, pick, slug
from dealmeter.sandbox.record import Kind, Record, Value
from dealmeter.sandbox.world import World

Event = Callable[[World, Random, int], bool]
HOUR = 3_600_000
COPIED = ("first_name", "last_name", "email", "owner")


def live(world: World, duration: timedelta, *, changes: int = 50, seed: int = 7) -> dict[str, int]:
    """Let `duration` pass with about `changes` events in it, each stamped with its own moment; then move the clock.

    The same world, duration and seed live the same life. Says how often what happened. A world with leads and
    tickets lives a fifth more, drawn apart: its deals live as they would without.
    """
    happened = Counter[str]()
    with world.lock:
        _spread(world, duration, Random(f"{seed}:life"), changes, _EVENTS, happened)
        if world.pipelines_of(Kind.LEAD) and world.pipelines_of(Kind.TICKET):
            _spread(world, duration, Random(f"{seed}:life around"), changes // 5, _AROUND, happened)
        world.clock.advance(duration)
    return {name: count for name, count in happened.items() if count}


def _spread(
    world: World,
    duration: timedelta,
    rng: Random,
    changes: int,
    events: dict[str, tuple[Event, int]],
    log: Counter[str],
) -> None:
    start, length = world.clock.ms(), duration // timedelta(milliseconds=1)
    for at in sorted(start + int(rng.random() * length) for _ in range(changes)):
        name = rng.choices(list(events), [weight for _, weight in events.values()])[0]
        log[name] += events[name][0](world, rng, at)


def _new_deal(world: World, rng: Random, at: int) -> bool:
    companies = world.tables[Kind.COMPANY].live
    buyer = _any(world, rng, Kind.COMPANY) if len(companies) and rng.random() < 0.8 else _new_company(world, rng, at)
    pipeline = world.pipelines[0]
    fields: dict[str, Value] = {
        "name": f"{buyer.fields.get('name')} – new business",
        "amount": f"{rng.lognormvariate(8.9, 0.9):.2f}",
        "currency": world.account.currency,
        "exchange_rate": "1.0",
        "pipeline": pipeline.id,
        "stage": pipeline.open_stages[0].id,
        "close_at": at + int((20 + rng.random() * 60) * 24) * HOUR,
        "type": "newbusiness",
        "forecast_category": "PIPELINE",
        "score": str(rng.randint(0, 100)),
    }
    staff = [owner for owner in world.owners.values() if not owner.archived]
    if staff:
        fields["owner"] = str(pick(rng, staff).id)
    deal = world.create(Kind.DEAL, fields, at=at)
    world.associate(Kind.DEAL, deal.id, Kind.COMPANY, buyer.id, primary=True)
    return True


def _new_company(world: World, rng: Random, at: int) -> Record:
    home = culture(rng)
    name, (country, city) = company(rng, home, at // 1000), pick(rng, home.countries)
    fields = {"name": name.text, "domain": domain(rng, name.latin), "country": country, "city": city}
    return world.create(Kind.COMPANY, fields, at=at)


def _new_contact(world: World, rng: Random, at: int) -> bool:
    home = culture(rng)
    first, last = pick(rng, home.first), pick(rng, home.last)
    fields = {
        "first_name": first.text,
        "last_name": last.text,
        "email": f"{slug(first.latin)}.{slug(last.latin)}.{at}@example.net",
        "lifecycle": "lead",
    }
    person = world.create(Kind.CONTACT, fields, at=at)
    if len(world.tables[Kind.COMPANY].live):
        world.associate(Kind.CONTACT, person.id, Kind.COMPANY, _any(world, rng, Kind.COMPANY).id, primary=True)
    return True


def _stage_move(world: World, rng: Random, at: int) -> bool:
    deal = _open_deal(world, rng)
    if deal is None:
        return False
    pipeline = _pipeline(world, deal)
    ahead = _after(pipeline, str(deal.fields.get("stage")))
    if not ahead:
        return _close(world, rng, at)
    world.update(Kind.DEAL, deal.id, {"stage": pick(rng, ahead[:2]).id}, at=at)
    return True


def _close(world: World, rng: Random, at: int) -> bool:
    deal = _open_deal(world, rng)
    if deal is None:
        return False
    pipeline, won = _pipeline(world, deal), rng.random() < 0.35
    fields: dict[str, Value] = {"stage": (pipeline.won if won else pipeline.lost).id, "close_at": at}
    fields |= {"forecast_category": "CLOSED"} if won else {"forecast_category": "OMIT", "lost_reason": "Price"}
    world.update(Kind.DEAL, deal.id, fields, at=at)
    return True


def _edit(world: World, rng: Random, at: int) -> bool:
    deal = _open_deal(world, rng)
    if deal is None:
        return False
    changes: tuple[dict[str, Value], ...] = (
        {"amount": f"{rng.lognormvariate(8.9, 0.9):.2f}"},
        {"close_at": at + int(rng.random() * 60 * 24) * HOUR},
        {"forecast_category": pick(rng, ("PIPELINE", "BEST_CASE", "COMMIT"))},
        {"next_step": ""},
    )
    world.update(Kind.DEAL, deal.id, pick(rng, changes), at=at)
    return True


def _new_activity(world: World, rng: Random, at: int) -> bool:
    if not len(world.tables[Kind.DEAL].live):
        return False
    deal, kind = _any(world, rng, Kind.DEAL), pick(rng, (Kind.CALL, Kind.EMAIL, Kind.MEETING, Kind.TASK))
    record = world.create(kind, activity(rng, kind, at, deal), at=at)
    world.associate(kind, record.id, Kind.DEAL, deal.id)
    return True


def _new_lead(world: World, rng: Random, at: int) -> bool:
    if not len(world.tables[Kind.CONTACT].live):
        return False
    person, pipeline = _any(world, rng, Kind.CONTACT), world.pipelines_of(Kind.LEAD)[0]
    names = [str(person.fields[name]) for name in ("first_name", "last_name") if person.fields.get(name)]
    fields: dict[str, Value] = {
        **{
            name: person.fields[name] for name in ("first_name", "last_name", "email", "owner") if name in person.fields
        },
        "name": " ".join(names),
        "source": person.fields.get("source", "DIRECT_TRAFFIC"),
        "label": "WARM",
        "type": "NEW BUSINESS",
        "pipeline": pipeline.id,
        "stage": pipeline.stages[0].id,
        "assigned_at": at,
    }
    lead = world.create(Kind.LEAD, fields, at=at)
    world.associate(Kind.LEAD, lead.id, Kind.CONTACT, person.id, primary=True)
    return True


def _lead_move(world: World, rng: Random, at: int) -> bool:
    lead = _open(world, rng, Kind.LEAD)
    if lead is None:
        return False
    stage = pick(rng, _later(world, Kind.LEAD, lead))
    fields: dict[str, Value] = {"stage": stage.id}
    if "first_touch_at" not in lead.fields:
        fields["first_touch_at"] = at
    if stage.state == "UNQUALIFIED":
        fields |= {"disqualified_at": at, "disqualify_reason": "No budget"}
    world.update(Kind.LEAD, lead.id, fields, at=at)
    return True


def _new_ticket(world: World, rng: Random, at: int) -> bool:
    if not len(world.tables[Kind.COMPANY].live):
        return False
    pipeline = world.pipelines_of(Kind.TICKET)[0]
    fields: dict[str, Value] = {
        "subject": "How do I …?",
        "pipeline": pipeline.id,
        "stage": pipeline.stages[0].id,
        "priority": "MEDIUM",
        "category": "GENERAL_INQUIRY",
        "origin": "EMAIL",
    }
    ticket = world.create(Kind.TICKET, fields, at=at)
    world.associate(Kind.TICKET, ticket.id, Kind.COMPANY, _any(world, rng, Kind.COMPANY).id, primary=True)
    return True


def _ticket_move(world: World, rng: Random, at: int) -> bool:
    ticket = _open(world, rng, Kind.TICKET)
    if ticket is None:
        return False
    stage = pick(rng, _later(world, Kind.TICKET, ticket))
    fields: dict[str, Value] = {"stage": stage.id}
    if "first_response_at" not in ticket.fields:
        fields["first_response_at"] = at
    if stage.closed:
        fields["closed_at"] = at
    world.update(Kind.TICKET, ticket.id, fields, at=at)
    return True


_EVENTS: dict[str, tuple[Event, int]] = {
    "new_deals": (_new_deal, 14),
    "new_contacts": (_new_contact, 8),
    "stage_moves": (_stage_move, 22),
    "closings": (_close, 12),
    "edits": (_edit, 14),
    "new_activities": (_new_activity, 30),
}
_AROUND: dict[str, tuple[Event, int]] = {
    "new_leads": (_new_lead, 30),
    "lead_moves": (_lead_move, 40),
    "new_tickets": (_new_ticket, 10),
    "ticket_moves": (_ticket_move, 20),
}


def _any(world: World, rng: Random, kind: Kind) -> Record:
    shelf = world.tables[kind].live
    record = shelf.get(pick(rng, shelf.ids))
    assert record is not None, "the ids of a shelf have records"
    return record


def _open_deal(world: World, rng: Random) -> Record | None:
    return _open(world, rng, Kind.DEAL)


def _open(world: World, rng: Random, kind: Kind) -> Record | None:
    """A record in an open stage, if a few dozen tries find one."""
    if not len(world.tables[kind].live):
        return None
    for _ in range(60):
        record = _any(world, rng, kind)
        stage = world.stage(record.fields.get("stage"), kind)
        if stage is not None and not stage.closed:
            return record
    return None


def _later(world: World, kind: Kind, record: Record) -> tuple[Stage, ...]:
    """The stages behind a record's present one."""
    stages = world.pipelines_of(kind)[0].stages
    return stages[[stage.id for stage in stages].index(str(record.fields.get("stage"))) + 1 :]


def _pipeline(world: World, deal: Record) -> Pipeline:
    found = (pipeline for pipeline in world.pipelines if pipeline.id == deal.fields.get("pipeline"))
    return next(found, world.pipelines[0])


def _after(pipeline: Pipeline, stage: str) -> tuple[Stage, ...]:
    ids = [found.id for found in pipeline.open_stages]
    return pipeline.open_stages[ids.index(stage) + 1 :] if stage in ids else ()
