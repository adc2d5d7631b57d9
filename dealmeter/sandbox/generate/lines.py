"""Line items: which products a deal sells, how many, and at what discount."""

from decimal import Decimal
from random import Random

from dealmeter.sandbox.clock import instant
from dealmeter.sandbox.generate.ids import Ids
from dealmeter.sandbox.names import pick
from dealmeter.sandbox.record import Kind, Record, Value
from dealmeter.sandbox.world import World

TERMS = {"monthly": ("P12M", 12), "annually": ("P24M", 24)}


class LineMaker:
    """Adds one to three lines to a deal."""

    def __init__(self, world: World, rng: Random, deals: int) -> None:
        self._world, self._rng = world, rng
        self._ids = Ids(rng, deals)
        self._products = list(world.tables[Kind.PRODUCT].live)

    def add(self, deal: int, created: int, modified: int, currency: str) -> None:
        for _ in range(1 + (self._rng.random() < 0.3) + (self._rng.random() < 0.1)):
            product, id = pick(self._rng, self._products), self._ids.next()
            self._world.add(Kind.LINE_ITEM, Record(id, created, modified, self._fields(product, currency, created), {}))
            self._world.links.add(Kind.LINE_ITEM, id, Kind.DEAL, deal)

    def _fields(self, product: Record, currency: str, created: int) -> dict[str, Value]:
        quantity = 1 + int(self._rng.random() ** 2 * 20)
        discount = (0, 5, 10, 15)[int(self._rng.random() * 4)] if self._rng.random() < 0.3 else 0
        price = Decimal(str(product.fields["price"]))
        fields: dict[str, Value] = {
            **{field: product.fields[field] for field in ("name", "sku", "price", "cost")},
            "product": str(product.id),
            "quantity": str(quantity),
            "amount": f"{price * quantity * (100 - discount) / 100:.2f}",
            "currency": currency,
        }
        if discount:
            fields["discount_percentage"] = str(discount)
        frequency = product.fields.get("frequency")
        if frequency:
            period, months = TERMS[str(frequency)]
            fields |= {
                "frequency": frequency,
                "period": period,
                "term": str(months),
                "starts_on": f"{instant(created):%Y-%m-%d}",
            }
        return fields
