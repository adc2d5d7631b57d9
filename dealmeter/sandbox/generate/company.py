"""One whole company: account, staff, customers, deals and activities, in the order in which they need each other."""

from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

from dealmeter.sandbox.account import Account
from dealmeter.sandbox.clock import Clock
from dealmeter.sandbox.generate.activities import add_activities
from dealmeter.sandbox.generate.commerce import add_orders, add_splits, add_subscriptions
from dealmeter.sandbox.generate.customers import add_companies, add_contacts
from dealmeter.sandbox.generate.deals import add_deals
from dealmeter.sandbox.generate.leads import add_leads
from dealmeter.sandbox.generate.marketing import add_campaigns, credit
from dealmeter.sandbox.generate.pipelines import LEADS, ORDERS, PIPELINES, TICKETS
from dealmeter.sandbox.generate.plans import add_goals, add_rates
from dealmeter.sandbox.generate.products import add_products
from dealmeter.sandbox.generate.service import add_feedback, add_tickets
from dealmeter.sandbox.generate.span import Span
from dealmeter.sandbox.generate.staff import hire
from dealmeter.sandbox.record import Kind
from dealmeter.sandbox.world import World

RATES = {"USD": Decimal("0.9215"), "TRY": Decimal("0.0261"), "EUR": Decimal(1)}


def generate(
    seed: int = 7,
    deals: int = 400,
    *,
    contacts: int | None = None,
    activities_per_deal: float = 5.0,
    now: datetime | None = None,
    frozen: bool = False,
    zone: str = "Europe/Istanbul",
    extras: bool = True,
) -> World:
    """A company with 26 months behind it. `now` is its present (real now if not given), `frozen` stops its clock.

    Each part draws from its own seeded source, so that fewer activities do not change the deals. Without `extras`
    there are deals, customers and activities only: no leads, campaigns, tickets, goals, orders and so on.
    """
    present = (now or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)
    account = Account(id=4815162, name="Larkfield Trading", zone=ZoneInfo(zone), currency="EUR", rates=RATES)
    span = Span(present, account.zone)
    teams, owners = hire(_source(seed, "staff"), span, size=min(40, 8 + deals // 5000))
    world = World(account, Clock(present, frozen=frozen), teams=teams, owners=owners, pipelines=PIPELINES)
    add_products(world, _source(seed, "products"), span)
    add_companies(world, _source(seed, "companies"), span, count=max(4, deals * 2 // 5))
    add_contacts(world, _source(seed, "contacts"), span, count=deals if contacts is None else contacts)
    add_deals(world, _source(seed, "deals"), span, count=deals)
    add_activities(world, _source(seed, "activities"), span, count=round(deals * activities_per_deal))
    if extras:
        _surround(world, seed, span, deals)
    return world


def _surround(world: World, seed: int, span: Span, deals: int) -> None:
    """What a company does besides deals. Nothing here changes what was made before."""
    for kind, pipeline in ((Kind.LEAD, LEADS), (Kind.TICKET, TICKETS), (Kind.ORDER, ORDERS)):
        world.put_pipelines([pipeline], kind)
    add_rates(world, _source(seed, "rates"), span)
    add_goals(world, _source(seed, "goals"), span)
    add_leads(world, _source(seed, "leads"), span, count=round(deals * 0.9))
    add_campaigns(world, _source(seed, "campaigns"), span, members=deals // 2)
    credit(world, _source(seed, "credit"))
    add_tickets(world, _source(seed, "tickets"), span, count=deals // 2)
    add_feedback(world, _source(seed, "feedback"), span, count=deals // 3)
    add_orders(world, _source(seed, "orders"), span)
    add_subscriptions(world, _source(seed, "subscriptions"), span)
    add_splits(world, _source(seed, "splits"))


def _source(seed: int, part: str) -> Random:
    return Random(f"{seed}:{part}")
