"""Companies that buy, and the people who work for them."""

from random import Random
from typing import NamedTuple

from dealmeter.sandbox.generate.ids import Ids
from dealmeter.sandbox.generate.span import DAY, Span
from dealmeter.sandbox.names import Culture, company, culture, culture_of, domain, pick, slug
from dealmeter.sandbox.record import Change, Kind, Record, Value
from dealmeter.sandbox.world import World

INDUSTRIES = (
    "RETAIL",
    "COMPUTER_SOFTWARE",
    "LOGISTICS_AND_SUPPLY_CHAIN",
    "FOOD_PRODUCTION",
    "HOSPITAL_HEALTH_CARE",
    "CONSTRUCTION",
    "TEXTILES",
    "FINANCIAL_SERVICES",
    "AUTOMOTIVE",
    "HIGHER_EDUCATION",
)
SOURCES = ("ORGANIC_SEARCH", "PAID_SEARCH", "EMAIL_MARKETING", "REFERRALS", "DIRECT_TRAFFIC", "OFFLINE", "SOCIAL_MEDIA")
LIFECYCLE = ("subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer")
LEAD_STATUSES = ("NEW", "OPEN", "IN_PROGRESS", "OPEN_DEAL", "UNQUALIFIED", "ATTEMPTED_TO_CONTACT", "CONNECTED")
SIZES = (8, 24, 60, 140, 420, 1100, 5200)
JOBS = ("Head of Purchasing", "Operations Manager", "CTO", "Founder", "Satın alma uzmanı", "مدیر بازرگانی", "Директор")


class _Home(NamedTuple):
    """What a contact inherits from their company."""

    id: int
    culture: Culture
    name: str
    domain: str
    country: str
    city: str


def add_companies(world: World, rng: Random, span: Span, count: int) -> None:
    """Companies, a few of them subsidiaries of an earlier one."""
    owners, ids, earlier = list(world.owners), Ids(rng, count), 0
    for number in range(count):
        home = culture(rng)
        name, (country, city) = company(rng, home, number), pick(rng, home.countries)
        employees = int(pick(rng, SIZES) * (0.6 + 0.8 * rng.random()))
        created = span.moment(rng)
        fields: dict[str, Value] = {
            "name": name.text,
            "domain": domain(rng, name.latin),
            "industry": pick(rng, INDUSTRIES),
            "country": country,
            "city": city,
            "employees": str(employees),
            "revenue": _revenue(rng, employees),
            "lifecycle": pick(rng, LIFECYCLE[2:]),
            "source": pick(rng, SOURCES),
            "owner": str(pick(rng, owners)),
        }
        if earlier and rng.random() < 0.04:
            fields["parent"] = str(earlier)
        if rng.random() < 0.05:
            fields["city"] = ""
        id = ids.next()
        earlier = id if rng.random() < 0.1 else earlier
        world.add(Kind.COMPANY, Record(id, created, _touched(rng, created, span), fields, {}))


def _revenue(rng: Random, employees: int) -> str:
    revenue = employees * (60_000 + int(rng.random() * 120_000))
    return f"{round(revenue, -6) / 10_000_000:.1f}E7" if revenue > 10_000_000 and rng.random() < 0.3 else str(revenue)


def add_contacts(world: World, rng: Random, span: Span, count: int) -> None:
    """People; nine in ten work for a company, and a few for two."""
    companies = [_home(record) for record in world.tables[Kind.COMPANY].live]
    owners, ids = [str(owner) for owner in world.owners], Ids(rng, count, first=7_000_000)
    for number in range(count):
        home = pick(rng, companies) if rng.random() < 0.9 else None
        record = _contact(rng, span, ids.next(), number, home, owners)
        world.add(Kind.CONTACT, record)
        if home is not None:
            world.links.add(Kind.CONTACT, record.id, Kind.COMPANY, home.id, primary=True)
            if rng.random() < 0.03:
                world.links.add(Kind.CONTACT, record.id, Kind.COMPANY, pick(rng, companies).id)


def _home(record: Record) -> _Home:
    name, domain, country, city = (str(record.fields[field]) for field in ("name", "domain", "country", "city"))
    return _Home(record.id, culture_of(country), name, domain, country, city)


def _contact(rng: Random, span: Span, id: int, number: int, home: _Home | None, owners: list[str]) -> Record:
    of = home.culture if home else culture(rng)
    first, last = pick(rng, of.first), pick(rng, of.last)
    created = span.moment(rng)
    history = _lifecycle(rng, span, created)
    fields: dict[str, Value] = {
        "first_name": first.text if rng.random() < 0.99 else f"{first.text} 🌻",
        "last_name": last.text,
        "email": f"{slug(first.latin)}.{slug(last.latin)}{number}@{home.domain if home else 'example.net'}",
        "lifecycle": history[-1].value,
        "source": pick(rng, SOURCES),
        "phone": f"+90 555 {number // 10_000 % 1000:03d} {number % 10_000:04d}",
        "lead_status": pick(rng, LEAD_STATUSES),
    }
    if home:
        fields |= {"company_name": home.name, "country": home.country, "city": home.city}
    if rng.random() < 0.6:
        fields["job"] = pick(rng, JOBS)
    if rng.random() < 0.92:
        fields["owner"] = pick(rng, owners)
    modified = max(_touched(rng, created, span), history[-1].at)
    return Record(id, created, modified, fields, {"lifecycle": history} if len(history) > 1 else {})


def _lifecycle(rng: Random, span: Span, created: int) -> tuple[Change, ...]:
    place, at = int(rng.random() * 2), created
    changes = [Change(at, LIFECYCLE[place], "import")]
    while place < len(LIFECYCLE) - 1 and rng.random() < 0.55:
        place += 1 + (rng.random() < 0.15 and place < len(LIFECYCLE) - 2)
        at += int((0.5 + rng.random() * 30) * DAY)
        if at >= span.end:
            break
        changes.append(Change(at, LIFECYCLE[place], "automation"))
    return tuple(changes)


def _touched(rng: Random, created: int, span: Span) -> int:
    return created + int((span.end - 1 - created) * rng.random() ** 2)
