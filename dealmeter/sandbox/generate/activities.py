"""Calls, meetings, e-mails, tasks, notes and messages around deals and contacts."""

from collections.abc import Callable
from random import Random

from dealmeter.sandbox.generate.ids import Ids
from dealmeter.sandbox.generate.span import DAY, Span
from dealmeter.sandbox.names import pick
from dealmeter.sandbox.record import ACTIVITIES, Kind, Record, Value
from dealmeter.sandbox.world import World

HOUR = 3_600_000
SHARES = {Kind.CALL: 0.3, Kind.EMAIL: 0.62, Kind.MEETING: 0.77, Kind.TASK: 0.92, Kind.NOTE: 0.97, Kind.MESSAGE: 1.0}
OUTCOMES = ("connected", "connected", "no_answer", "no_answer", "busy", "voicemail", "live_message", "wrong_number")
SUBJECTS = ("Follow-up", "Offer", "Teklif", "پیگیری", "Вопрос по договору", "Kick-off 🚀", "Re: pricing")


def add_activities(world: World, rng: Random, span: Span, count: int) -> None:
    """Activities between a deal's birth and its last change; one in ten belongs to a contact alone."""
    deals, ids = list(world.tables[Kind.DEAL].live), {kind: Ids(rng, count // 4) for kind in ACTIVITIES}
    for _ in range(count):
        draw = rng.random()
        kind = next(kind for kind, share in SHARES.items() if draw <= share)
        deal = pick(rng, deals)
        at = span.working(
            rng, deal.created + int((max(deal.modified, deal.created + DAY) - deal.created) * rng.random())
        )
        record = Record(ids[kind].next(), at, at + int(rng.random() * HOUR), activity(rng, kind, at, deal), {})
        world.add(kind, record)
        _attach(world, rng, kind, record.id, deal.id)


def _attach(world: World, rng: Random, kind: Kind, id: int, deal: int) -> None:
    people = world.links.of(Kind.DEAL, deal, Kind.CONTACT)
    if people:
        world.links.add(kind, id, Kind.CONTACT, people[0])
    if rng.random() < 0.9 or not people:
        world.links.add(kind, id, Kind.DEAL, deal)


def activity(rng: Random, kind: Kind, at: int, deal: Record) -> dict[str, Value]:
    """The fields of one activity of the deal's owner at an instant."""
    fields: dict[str, Value] = {"at": at, **_MAKERS[kind](rng, at)}
    if deal.fields.get("owner"):
        fields["owner"] = deal.fields["owner"]
    return fields


def _call(rng: Random, at: int) -> dict[str, Value]:
    outcome = pick(rng, OUTCOMES)
    talked = outcome in ("connected", "live_message")
    return {
        "title": pick(rng, SUBJECTS),
        "direction": "OUTBOUND" if rng.random() < 0.8 else "INBOUND",
        "duration": str(int(rng.random() * 1_500_000)) if talked else "0",
        "outcome": outcome,
        "status": "COMPLETED" if talked else "NO_ANSWER",
    }


def _meeting(rng: Random, at: int) -> dict[str, Value]:
    outcome = "NO_SHOW" if rng.random() < 0.1 else "CANCELED" if rng.random() < 0.1 else "COMPLETED"
    return {"title": pick(rng, SUBJECTS), "starts_at": at, "ends_at": at + HOUR // 2, "outcome": outcome}


def _email(rng: Random, at: int) -> dict[str, Value]:
    direction = "EMAIL" if rng.random() < 0.6 else "INCOMING_EMAIL"
    status = "BOUNCED" if rng.random() < 0.03 else "SENT"
    return {"subject": pick(rng, SUBJECTS), "direction": direction, "status": status}


def _task(rng: Random, at: int) -> dict[str, Value]:
    fields: dict[str, Value] = {
        "subject": pick(rng, SUBJECTS),
        "type": pick(rng, ("EMAIL", "CALL", "TODO")),
        "priority": pick(rng, ("LOW", "MEDIUM", "HIGH", "")),
        "status": "NOT_STARTED",
    }
    if rng.random() < 0.75:
        fields |= {"status": "COMPLETED", "completed_at": at + int((rng.random() - 0.2) * DAY)}
    return fields


def _note(rng: Random, at: int) -> dict[str, Value]:
    return {"body": f"<p>{pick(rng, SUBJECTS)}</p>"}


def _message(rng: Random, at: int) -> dict[str, Value]:
    return {"channel": pick(rng, ("WHATS_APP", "LINKEDIN_MESSAGE", "SMS"))}


_MAKERS: dict[Kind, Callable[[Random, int], dict[str, Value]]] = {
    Kind.CALL: _call,
    Kind.MEETING: _meeting,
    Kind.EMAIL: _email,
    Kind.TASK: _task,
    Kind.NOTE: _note,
    Kind.MESSAGE: _message,
}
