"""Leads: who might buy, how fast somebody called, and what became of it."""

from collections.abc import Iterator
from random import Random

from dealmeter.sandbox.generate.customers import SOURCES
from dealmeter.sandbox.generate.known import Draft, Link, add_drafts, walk
from dealmeter.sandbox.generate.pipelines import LEADS
from dealmeter.sandbox.generate.span import DAY, Span
from dealmeter.sandbox.names import pick
from dealmeter.sandbox.record import Change, Kind, Record, Value
from dealmeter.sandbox.world import World

HOUR = 3_600_000
NEW, ATTEMPTING, CONNECTED, QUALIFIED, UNQUALIFIED = (stage.id for stage in LEADS.stages)
LABELS = ("HOT", "WARM", "WARM", "COLD")
TYPES = ("NEW BUSINESS", "NEW BUSINESS", "NEW BUSINESS", "RE-ATTEMPTING", "UPSELL")
REASONS = ("No budget", "Not a fit", "Unreachable", "Competitor", "Duplicate", "بودجه ندارد", "İlgilenmiyor")
SHARE_OF_DEALS = 0.6
TOUCHES = {Kind.CALL: "OUTBOUND", Kind.EMAIL: "EMAIL"}
"""Which way an activity goes that counts as a first touch; a meeting always counts."""

Touch = tuple[int, Kind, int]
"""When somebody first reached out, and by which activity."""


def add_leads(world: World, rng: Random, span: Span, count: int) -> list[Record]:
    """Leads that became deals, and as many others as make up `count`; every one is about a contact."""
    maker = _LeadMaker(world, rng, span)
    won_over = list(maker.converted())
    others = [maker.other() for _ in range(max(0, count - len(won_over)))]
    return add_drafts(world, rng, Kind.LEAD, [draft for draft in (*won_over, *others) if draft is not None])


class _LeadMaker:
    """Holds what each lead draws from."""

    def __init__(self, world: World, rng: Random, span: Span) -> None:
        self._world, self._rng, self._span = world, rng, span
        self._contacts = list(world.tables[Kind.CONTACT].live)
        self._touches = _first_touches(world)
        self._touched = sorted(self._touches)
        self._staff = [str(owner.id) for owner in world.owners.values() if not owner.archived]

    def converted(self) -> Iterator[Draft]:
        """Most new deals were leads before; the deal's birth is the moment of conversion."""
        rng, links = self._rng, self._world.links
        for deal in self._world.tables[Kind.DEAL].live:
            people = links.of(Kind.DEAL, deal.id, Kind.CONTACT)
            if not people or deal.fields.get("type") != "newbusiness" or rng.random() > SHARE_OF_DEALS:
                continue
            contact = self._world.find(Kind.CONTACT, people[0])
            if contact is not None:
                yield self._converted(deal, contact)

    def _converted(self, deal: Record, contact: Record) -> Draft:
        rng, at = self._rng, deal.created
        created = at - int(min(90.0, 0.1 + rng.lognormvariate(1.6, 0.9)) * DAY)
        touch = created + int((at - created) * 0.5 * rng.random() ** 2)
        steps = [(created, NEW), (touch, ATTEMPTING), ((touch + at) // 2, CONNECTED), (at, QUALIFIED)]
        if rng.random() < 0.2:
            del steps[2]
        company = self._world.links.primary(Kind.DEAL, deal.id, Kind.COMPANY)
        fields = self._fields(contact, created, str(deal.fields.get("owner") or "") or None)
        fields |= {
            "first_touch_at": touch,
            "stage": QUALIFIED,
            "source": deal.fields.get("source"),
            "converted_at": at,
            "contact": str(contact.id),
            "company": None if company is None else str(company),
            "deal": str(deal.id),
        }
        ends: tuple[Link, ...] = ((Kind.CONTACT, contact.id), (Kind.DEAL, deal.id))
        if company is not None:
            ends += ((Kind.COMPANY, company),)
        history = {"stage": tuple(Change(*step) for step in steps)}
        return Draft(created, fields, history, ends)

    def other(self) -> Draft | None:
        """A lead that has not become a deal, or not yet: half of them with the activity that touched it first."""
        if not self._contacts:
            return None
        rng, span = self._rng, self._span
        if self._touched and rng.random() < 0.5:
            contact = self._world.find(Kind.CONTACT, pick(rng, self._touched))
            assert contact is not None, "activities are linked to living contacts"
            touch: Touch | None = self._touches[contact.id]
            assert touch is not None
            created = touch[0] - int(min(20 * DAY, rng.lognormvariate(1.4, 1.3) * HOUR))
        else:
            contact, created = pick(rng, self._contacts), span.moment(rng)
            touch = None
        return self._lead(contact, created, touch)

    def _lead(self, contact: Record, created: int, touch: Touch | None) -> Draft:
        rng, span = self._rng, self._span
        touched = touch[0] if touch else None
        if touched is None and rng.random() < 0.7:
            touched = created + int(rng.lognormvariate(1.6, 1.5) * HOUR)
            touched = touched if touched < span.end else None
        steps: list[tuple[int, Value]] = [(created, NEW)]
        if touched is not None:
            steps += [(touched, ATTEMPTING), *self._fate(touched)]
        history = walk(steps, span.end)
        fields = self._fields(contact, created, None) | {
            "first_touch_at": touched,
            "first_touch": f"{touch[1]}:{touch[2]}" if touch else None,
            "stage": history[-1].value,
        }
        if history[-1].value == UNQUALIFIED:
            fields |= {"disqualified_at": history[-1].at, "disqualify_reason": pick(rng, REASONS)}
        ends: tuple[Link, ...] = ((Kind.CONTACT, contact.id), *(((touch[1], touch[2]),) if touch else ()))
        company = self._world.links.primary(Kind.CONTACT, contact.id, Kind.COMPANY)
        if company is not None:
            ends += ((Kind.COMPANY, company),)
        return Draft(created, fields, {"stage": history}, ends)

    def _fate(self, touched: int) -> Iterator[tuple[int, Value]]:
        rng, draw, at = self._rng, self._rng.random(), touched
        if draw < 0.6:
            at += int(rng.lognormvariate(1.0, 0.8) * DAY)
            yield at, CONNECTED
        if 0.25 < draw < 0.33:
            yield at + int(rng.lognormvariate(1.2, 0.7) * DAY), QUALIFIED
        elif draw > 0.4:
            yield at + int(rng.lognormvariate(2.0, 0.9) * DAY), UNQUALIFIED

    def _fields(self, contact: Record, created: int, owner: str | None) -> dict[str, Value]:
        """Whose lead it is, and what is copied from the person."""
        rng, person = self._rng, contact.fields
        names = [str(person[name]) for name in ("first_name", "last_name") if person.get(name)]
        owner = owner or str(person.get("owner") or "") or (pick(rng, self._staff) if self._staff else None)
        return {
            **{
                name: person.get(name)
                for name in ("first_name", "last_name", "email", "phone", "company_name", "country", "city", "job")
            },
            "name": " ".join(names),
            "source": person.get("source") or pick(rng, SOURCES),
            "label": pick(rng, LABELS),
            "type": pick(rng, TYPES),
            "pipeline": LEADS.id,
            "owner": owner if rng.random() < 0.96 else None,
            "assigned_at": created + int(rng.random() ** 3 * 6 * HOUR),
        }


def _first_touches(world: World) -> dict[int, Touch]:
    """Of each contact the first activity that went out to them."""
    first: dict[int, Touch] = {}
    for kind in (Kind.CALL, Kind.EMAIL, Kind.MEETING):
        for record in world.tables[kind].live:
            at = record.fields.get("at")
            if not isinstance(at, int) or record.fields.get("direction", "") != TOUCHES.get(kind, ""):
                continue
            for contact in world.links.of(kind, record.id, Kind.CONTACT):
                if contact not in first or first[contact] > (at, kind, record.id):
                    first[contact] = (at, kind, record.id)
    return first
