"""One whole company: account, staff, customers, deals and activities, in the order in which they need each other."""

from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

from dealmeter.sandbox.account import Account
from dealmeter.sandbox.clock import Clock
from dealmeter.sandbox.generate.activities import add_activities
from dealmeter.sandbox.generate.customers import add_companies, add_contacts
from dealmeter.sandbox.generate.deals import add_deals
from dealmeter.sandbox.generate.pipelines import PIPELINES
from dealmeter.sandbox.generate.products import add_products
from dealmeter.sandbox.generate.span import Span
from dealmeter.sandbox.generate.staff import hire
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
) -> World:
    """A company with 26 months behind it. `now` is its present (real now if not given), `frozen` stops its clock.

    Each part draws from its own seeded source, so that fewer activities do not change the deals.
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
    return world


def _source(seed: int, part: str) -> Random:
    return Random(f"{seed}:{part}")
