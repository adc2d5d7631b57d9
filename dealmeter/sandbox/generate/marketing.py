"""Campaigns: what they cost, whom they reached, and who answered."""

from decimal import Decimal
from random import Random
from uuid import UUID

from dealmeter.sandbox.clock import instant
from dealmeter.sandbox.generate.known import Draft, Link, add_drafts, walk
from dealmeter.sandbox.generate.span import DAY, Span
from dealmeter.sandbox.names import pick
from dealmeter.sandbox.record import Kind, Record, Value
from dealmeter.sandbox.world import World

STYLES = (
    ("Webinar", "EMAIL_MARKETING", "Spring webinar"),
    ("Email", "EMAIL_MARKETING", "Newsletter"),
    ("Trade Show", "OFFLINE", "Logistics fair"),
    ("Advertisement", "PAID_SEARCH", "Search ads"),
    ("Advertisement", "SOCIAL_MEDIA", "Sosyal medya kampanyası"),
    ("Referral Program", "REFERRALS", "Friends of the house"),
    ("Partners", "REFERRALS", "کمپین نوروز"),
)
CHANNELS = {"OFFLINE": "EVENT", "SOCIAL_MEDIA": "PAID_SOCIAL"}
COSTS = ("Media", "Agency", "Stand and travel", "Print", "Gifts 🎁")


def add_campaigns(world: World, rng: Random, span: Span, members: int) -> None:
    """One campaign a month with its costs; `members` contacts and leads that they reached."""
    drafts = [_campaign(world, rng, span, number) for number in range(26)]
    campaigns = add_drafts(world, rng, Kind.CAMPAIGN, [draft for draft, _ in drafts])
    costs = {draft.fields["uuid"]: items for draft, items in drafts}
    items = [
        Draft(at, {**fields, "campaign": str(campaign.id)}, links=((Kind.CAMPAIGN, campaign.id),))
        for campaign in campaigns
        for at, fields in costs[campaign.fields["uuid"]]
    ]
    add_drafts(world, rng, Kind.SPEND_ITEM, items)
    add_drafts(world, rng, Kind.CAMPAIGN_MEMBER, _members(world, rng, span, campaigns, members))


def _campaign(world: World, rng: Random, span: Span, number: int) -> tuple[Draft, list[tuple[int, dict[str, Value]]]]:
    type, source, title = STYLES[number % len(STYLES)]
    created = span.working(rng, span.start + number * 30 * DAY)
    start, end = created + int((5 + rng.random() * 10) * DAY), created + int((30 + rng.random() * 60) * DAY)
    budget = Decimal(int(20 + rng.random() * 180)) * 100
    costs = _costs(world, rng, span, created, min(end, span.end), budget)
    steps = walk([(created, "planned"), (start, "in_progress"), (end, "completed")], span.end)
    fields: dict[str, Value] = {
        "name": f"{title} {instant(start):%Y-%m}",
        "type": type,
        "channel": CHANNELS.get(source, source),
        "source": source,
        "status": steps[-1].value,
        "starts_on": f"{instant(start):%Y-%m-%d}",
        "ends_on": f"{instant(end):%Y-%m-%d}",
        "budget": f"{budget:.2f}",
        "spent": f"{sum((Decimal(str(item['amount'])) for _, item in costs), Decimal(0)):.2f}",
        "currency": world.account.currency,
        "owner": str(pick(rng, list(world.owners))),
        "uuid": str(UUID(int=rng.getrandbits(128), version=4)),
    }
    return Draft(created, fields, {"status": steps}), costs


def _costs(
    world: World, rng: Random, span: Span, start: int, end: int, budget: Decimal
) -> list[tuple[int, dict[str, Value]]]:
    """One to four invoices that together come to about the budget."""
    count = 1 + int(rng.random() * 4)
    found: list[tuple[int, dict[str, Value]]] = []
    for order in range(count):
        at = span.working(rng, start + int((end - start) * rng.random()))
        amount = budget / count * Decimal(int(70 + rng.random() * 45)) / 100
        found.append(
            (at, {"name": pick(rng, COSTS), "amount": f"{amount:.2f}", "description": "", "order": str(order)})
        )
    return found


def _members(world: World, rng: Random, span: Span, campaigns: list[Record], count: int) -> list[Draft]:
    """Each person at most once per campaign; one in four answers within some days."""
    people: list[Link] = [(kind, id) for kind in (Kind.CONTACT, Kind.LEAD) for id in world.tables[kind].live.ids]
    chosen = {(pick(rng, campaigns).id, *pick(rng, people)) for _ in range(count)} if people else set()
    born = {campaign.id: campaign.created for campaign in campaigns}
    drafts: list[Draft] = []
    for campaign, kind, id in sorted(chosen):
        sent = span.working(rng, born[campaign] + int(20 * DAY * rng.random()))
        steps: list[tuple[int, Value]] = [(sent, "Sent")]
        if rng.random() < 0.25:
            steps.append((sent + int(rng.random() * 6 * DAY), "Responded"))
        history = walk(steps, span.end)
        responded = history[-1].at if history[-1].value == "Responded" else None
        fields: dict[str, Value] = {
            "campaign": str(campaign),
            str(kind): str(id),
            "status": history[-1].value,
            "responded_at": responded,
        }
        drafts.append(Draft(sent, fields, {"status": history}, ((Kind.CAMPAIGN, campaign), (kind, id))))
    return drafts


def credit(world: World, rng: Random) -> None:
    """Leads whose source a campaign of that month served name it."""
    by_source: dict[Value, list[Record]] = {}
    for campaign in world.tables[Kind.CAMPAIGN].live:
        by_source.setdefault(campaign.fields["source"], []).append(campaign)
    for lead in list(world.tables[Kind.LEAD].live):
        fitting = [
            campaign
            for campaign in by_source.get(lead.fields.get("source"), ())
            if campaign.created <= lead.created < campaign.created + 90 * DAY
        ]
        if fitting and rng.random() < 0.7:
            campaign = pick(rng, fitting)
            fields = {**lead.fields, "campaign": str(campaign.id)}
            world.tables[Kind.LEAD].live.put(Record(lead.id, lead.created, lead.modified, fields, lead.history))
            world.links.add(Kind.LEAD, lead.id, Kind.CAMPAIGN, campaign.id)
