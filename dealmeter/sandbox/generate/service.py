"""Customer service: tickets and what customers answered when asked how it was."""

from random import Random

from dealmeter.sandbox.generate.known import Draft, Link, add_drafts, walk
from dealmeter.sandbox.generate.pipelines import TICKETS
from dealmeter.sandbox.generate.span import DAY, Span
from dealmeter.sandbox.names import pick
from dealmeter.sandbox.record import Kind, Record, Value
from dealmeter.sandbox.world import World

HOUR = 3_600_000
NEW, WAITING_ON_THEM, WAITING_ON_US, CLOSED = (stage.id for stage in TICKETS.stages)
CATEGORIES = ("PRODUCT_ISSUE", "BILLING_ISSUE", "FEATURE_REQUEST", "GENERAL_INQUIRY")
PRIORITIES = ("LOW", "MEDIUM", "MEDIUM", "HIGH", "URGENT")
ORIGINS = ("EMAIL", "CHAT", "FORM", "PHONE")
SUBJECTS = ("Scanner does not pair", "Invoice is wrong", "Fatura eksik", "چاپگر کار نمی‌کند", "Не печатает", "Login 🔑")
COMMENTS = ("", "", "Great people!", "Çok yavaş", "عالی", "Could be faster")
SURVEYS = {
    "NPS": ("5001", "How likely are you to recommend us?", 10),
    "CSAT": ("5002", "How did we do?", 5),
    "CES": ("5003", "How easy was it?", 7),
}


def add_tickets(world: World, rng: Random, span: Span, count: int) -> None:
    """Requests of companies that bought or will buy; nine in ten are answered, most are closed."""
    companies = world.tables[Kind.COMPANY].live.ids
    staff = [str(owner.id) for owner in world.owners.values() if not owner.archived]
    if companies:
        add_drafts(world, rng, Kind.TICKET, [_ticket(world, rng, span, companies, staff) for _ in range(count)])


def _ticket(world: World, rng: Random, span: Span, companies: list[int], staff: list[str]) -> Draft:
    created, company = span.moment(rng), pick(rng, companies)
    people = world.links.of(Kind.COMPANY, company, Kind.CONTACT)
    deals = world.links.of(Kind.COMPANY, company, Kind.DEAL)
    answered = created + int(rng.lognormvariate(1.2, 1.1) * HOUR) if rng.random() < 0.92 else None
    steps: list[tuple[int, Value]] = [(created, NEW)]
    if answered is not None:
        steps.append((answered, WAITING_ON_THEM))
        at = answered
        if rng.random() < 0.3:
            at += int(rng.random() * DAY)
            steps.append((at, WAITING_ON_US))
        if rng.random() < 0.9:
            closed = at + int(rng.lognormvariate(0.4, 1.0) * DAY)
            steps.append((closed, CLOSED))
            if rng.random() < 0.04:
                steps += [(closed + DAY, WAITING_ON_US), (closed + 3 * DAY, CLOSED)]
    history = walk(steps, span.end)
    fields: dict[str, Value] = {
        "subject": pick(rng, SUBJECTS),
        "pipeline": TICKETS.id,
        "stage": history[-1].value,
        "priority": pick(rng, PRIORITIES),
        "category": pick(rng, CATEGORIES),
        "origin": pick(rng, ORIGINS),
        "owner": pick(rng, staff) if staff and rng.random() < 0.95 else None,
        "first_response_at": answered if answered is not None and answered < span.end else None,
        "closed_at": history[-1].at if history[-1].value == CLOSED else None,
    }
    ends: tuple[Link, ...] = ((Kind.COMPANY, company),)
    if people:
        ends += ((Kind.CONTACT, pick(rng, people)),)
    if deals and rng.random() < 0.1:
        ends += ((Kind.DEAL, pick(rng, deals)),)
    return Draft(created, fields, {"stage": history}, ends)


def add_feedback(world: World, rng: Random, span: Span, count: int) -> None:
    """A third tells how likely they recommend us, the others how their ticket went."""
    people, tickets = world.tables[Kind.CONTACT].live.ids, list(world.tables[Kind.TICKET].live)
    closed = [ticket for ticket in tickets if "closed_at" in ticket.fields]
    drafts: list[Draft] = []
    for _ in range(count):
        if people and (not closed or rng.random() < 0.35):
            drafts.append(_answer(world, rng, "NPS", span.moment(rng), ((Kind.CONTACT, pick(rng, people)),)))
        elif closed:
            drafts.append(_about(world, rng, span, pick(rng, closed)))
    add_drafts(world, rng, Kind.FEEDBACK, drafts)


def _about(world: World, rng: Random, span: Span, ticket: Record) -> Draft:
    closed = ticket.fields["closed_at"]
    assert isinstance(closed, int), "closed tickets know when"
    at = min(closed + int(rng.random() * 2 * DAY), span.end - 1)
    people = world.links.of(Kind.TICKET, ticket.id, Kind.CONTACT)
    ends: tuple[Link, ...] = ((Kind.TICKET, ticket.id), *((Kind.CONTACT, id) for id in people[:1]))
    return _answer(world, rng, pick(rng, ("CSAT", "CSAT", "CES")), at, ends)


def _answer(world: World, rng: Random, type: str, at: int, ends: tuple[Link, ...]) -> Draft:
    survey, name, most = SURVEYS[type]
    score = most - int(rng.random() ** 2 * (most + (type == "NPS")))
    share = score / most
    group = "PROMOTER" if score >= 9 else "PASSIVE" if score >= 7 else "DETRACTOR"
    fields: dict[str, Value] = {
        "survey": survey,
        "survey_name": name,
        "type": type,
        "channel": pick(rng, ("EMAIL", "EMAIL", "WEB")),
        "score": str(score) if rng.random() > 1 / 60 else None,
        "group": group if type == "NPS" else None,
        "sentiment": "POSITIVE" if share > 0.75 else "NEUTRAL" if share > 0.5 else "NEGATIVE",
        "at": at,
        "comment": pick(rng, COMMENTS),
    }
    person = next((id for kind, id in ends if kind is Kind.CONTACT), None)
    company = None if person is None else world.links.primary(Kind.CONTACT, person, Kind.COMPANY)
    return Draft(at, fields, links=(*ends, *(((Kind.COMPANY, company),) if company is not None else ())))
