"""The price list: what a generated company sells."""

from random import Random
from typing import NamedTuple

from dealmeter.sandbox.generate.ids import Ids
from dealmeter.sandbox.generate.span import DAY, Span
from dealmeter.sandbox.record import Kind, Record
from dealmeter.sandbox.world import World


class _Product(NamedTuple):
    name: str
    sku: str
    price: str
    cost: str
    frequency: str = ""


PRODUCTS = (
    _Product("Onboarding day", "SRV-001", "950.00", "420.00"),
    _Product("Platform licence", "LIC-100", "180.00", "12.50", "monthly"),
    _Product("Platform licence, yearly", "LIC-200", "1900.00", "140", "annually"),
    _Product("Support plan", "SUP-010", "90", "30", "monthly"),
    _Product("Label printer", "HW-310", "640.5", "401.75"),
    _Product("Handheld scanner", "HW-320", "385", "260"),
    _Product("Data migration", "SRV-007", "4200", "1900"),
    _Product("آموزش تیم فروش", "SRV-021", "1250", "500"),
    _Product("Depo sensörü", "HW-415", "72.9", "38.2"),
)


def add_products(world: World, rng: Random, span: Span) -> None:
    """Products as old as the account; a yearly or monthly one bills again and again."""
    ids = Ids(rng, len(PRODUCTS))
    for product in PRODUCTS:
        created = span.start - 30 * DAY
        fields = {
            "name": product.name,
            "sku": product.sku,
            "price": product.price,
            "cost": product.cost,
            "frequency": product.frequency or None,
            "description": "",
        }
        known = {field: value for field, value in fields.items() if value is not None}
        world.add(Kind.PRODUCT, Record(ids.next(), created, created, known, {}))
