"""Deals with everything that belongs to them: money, customers, line items and the stages that they walked."""

from decimal import Decimal
from random import Random

from dealmeter.sandbox.generate.customers import SOURCES
from dealmeter.sandbox.generate.ids import Ids
from dealmeter.sandbox.generate.journey import Journey, travel
from dealmeter.sandbox.generate.lines import LineMaker
from dealmeter.sandbox.generate.span import DAY, Span
from dealmeter.sandbox.names import pick
from dealmeter.sandbox.record import Change, Kind, Record, Value
from dealmeter.sandbox.world import World

LOST_BECAUSE = ("Price", "No budget", "Competitor", "No decision", "Bad timing", "قیمت بالا", "Rakip seçildi", "")
NEXT_STEPS = ("Send offer", "Call back", "", "Teklif revizyonu", "Legal review 📝", "ارسال پیش‌فاکتور")
TITLES = ("{} – rollout", "{} – {} seats", "{} / yearly plan", "Teklif: {}", "قرارداد {}", "Договор: {}", "🚀 {}")
RENEWAL_SHARE = 0.15


def add_deals(world: World, rng: Random, span: Span, count: int) -> None:
    """`count` deals, oldest first; a few were imported later, so their ids are younger than their dates."""
    maker = _DealMaker(world, rng, span, count)
    moments = sorted((span.moment(rng) for _ in range(count)), key=lambda at: at + _import_delay(rng))
    for number, created in enumerate(moments):
        maker.make(number, created)


def _import_delay(rng: Random) -> int:
    return 120 * DAY if rng.random() < 0.02 else 0


class _DealMaker:
    """Holds what each deal draws from."""

    def __init__(self, world: World, rng: Random, span: Span, count: int) -> None:
        self._world, self._rng, self._span = world, rng, span
        self._ids, self._lines = Ids(rng, count), LineMaker(world, rng, count)
        self._companies = list(world.tables[Kind.COMPANY].live)
        self._contacts = world.tables[Kind.CONTACT].live.ids
        self._owners = list(world.owners.values())
        self._staff = [owner for owner in self._owners if not owner.archived]

    def make(self, number: int, created: int) -> None:
        rng, id = self._rng, self._ids.next()
        renewal = rng.random() < RENEWAL_SHARE
        journey = travel(rng, self._span, created, renewal)
        company = pick(rng, self._companies) if rng.random() < 0.94 else None
        fields, history = self._fields(number, created, journey, company, renewal)
        history["stage"] = journey.stages
        modified = self._modified(journey)
        self._world.add(Kind.DEAL, Record(id, created, modified, fields, history))
        self._link(id, company)
        if rng.random() < 0.6:
            self._lines.add(id, created, modified, str(fields.get("currency") or "EUR"))

    def _fields(
        self, number: int, created: int, journey: Journey, company: Record | None, renewal: bool
    ) -> tuple[dict[str, Value], dict[str, tuple[Change, ...]]]:
        rng = self._rng
        fields: dict[str, Value] = {
            "name": pick(rng, TITLES).format(
                company.fields["name"] if company else f"Walk-in {number}", 5 + number % 90
            ),
            "pipeline": journey.pipeline.id,
            "stage": journey.stages[-1].value,
            "close_at": journey.close_at,
            "type": "existingbusiness" if renewal or rng.random() < 0.2 else "newbusiness",
            "source": company.fields["source"] if company else pick(rng, SOURCES),
            "score": str(int(rng.random() * 100)),
            "predicted_amount": f"{rng.lognormvariate(9, 0.8):.2f}",
        }
        history = _close_date_moves(rng, created, journey)
        self._price(fields, history, journey, created)
        self._assign(fields, history, created, journey.last_at)
        self._say(fields, history, created, journey)
        return fields, history

    def _price(
        self, fields: dict[str, Value], history: dict[str, tuple[Change, ...]], journey: Journey, created: int
    ) -> None:
        """Log-normal amounts: mostly euros, some dollars and lira, some missing, and a credit now and then."""
        rng, draw = self._rng, self._rng.random()
        currency = "USD" if draw < 0.09 else "TRY" if draw < 0.15 else None if draw < 0.19 else "EUR"
        if currency:
            fields["currency"] = currency
            fields["exchange_rate"] = _rate(self._world, currency)
        if rng.random() < 0.04:
            return
        euros = Decimal(min(250_000, int(rng.lognormvariate(8.9, 0.95)))) + Decimal(int(rng.random() * 100)) / 100
        amount = euros / self._world.account.rates[currency or "EUR"]
        if journey.won and rng.random() < 0.01:
            amount = -amount / 5
        fields["amount"] = text = _typed(rng, amount)
        if rng.random() < 0.25 and journey.last_at > created + DAY:
            raised = created + (journey.last_at - created) // 2
            history["amount"] = (Change(created, _typed(rng, amount * Decimal("0.9"))), Change(raised, text))

    def _assign(
        self, fields: dict[str, Value], history: dict[str, tuple[Change, ...]], created: int, until: int
    ) -> None:
        """Somebody owns it: mostly one who is still here; a few changed hands, a few belong to nobody."""
        rng, draw = self._rng, self._rng.random()
        if draw < 0.03:
            return
        owner = pick(rng, self._owners if draw < 0.25 else self._staff)
        fields["owner"] = str(owner.id)
        if draw > 0.93 and until > created + DAY:
            earlier = pick(rng, self._owners)
            changed = created + (until - created) // 3
            history["owner"] = (Change(created, str(earlier.id)), Change(changed, str(owner.id), "automation"))

    def _say(
        self, fields: dict[str, Value], history: dict[str, tuple[Change, ...]], created: int, journey: Journey
    ) -> None:
        """What sellers fill in by hand, which is why some of it is missing or cleared."""
        rng = self._rng
        if journey.lost and rng.random() < 0.8:
            fields["lost_reason"] = pick(rng, LOST_BECAUSE)
        if not journey.closed:
            fields["next_step"] = pick(rng, NEXT_STEPS)
        if rng.random() < 0.7:
            fields["priority"] = pick(rng, ("low", "medium", "high"))
            fields["last_activity_at"] = self._span.working(rng, journey.last_at)
        category = (
            "CLOSED" if journey.won else "OMIT" if journey.lost else pick(rng, ("PIPELINE", "BEST_CASE", "COMMIT"))
        )
        fields["forecast_category"] = category
        if journey.last_at > created:
            history["forecast_category"] = (
                Change(created, "PIPELINE", "automation"),
                Change(journey.last_at, category, "automation"),
            )

    def _link(self, id: int, company: Record | None) -> None:
        rng, links = self._rng, self._world.links
        if company is not None:
            links.add(Kind.DEAL, id, Kind.COMPANY, company.id, primary=rng.random() < 0.98)
            if rng.random() < 0.05:
                links.add(Kind.DEAL, id, Kind.COMPANY, pick(rng, self._companies).id)
            if self._contacts:
                links.add(Kind.DEAL, id, Kind.CONTACT, self._colleague(company.id))
        elif self._contacts and rng.random() < 0.5:
            links.add(Kind.DEAL, id, Kind.CONTACT, pick(rng, self._contacts))

    def _colleague(self, company: int) -> int:
        staff = self._world.links.of(Kind.COMPANY, company, Kind.CONTACT)
        return pick(self._rng, staff or self._contacts)

    def _modified(self, journey: Journey) -> int:
        """Often touched once more after the last step, never after the present."""
        left = self._span.end - 1 - journey.last_at
        return journey.last_at + (int(left * self._rng.random() ** 6) if self._rng.random() < 0.4 else 0)


def _close_date_moves(rng: Random, created: int, journey: Journey) -> dict[str, tuple[Change, ...]]:
    if rng.random() < 0.5 or journey.last_at <= created:
        return {}
    planned = created + int((20 + rng.random() * 60) * DAY)
    return {"close_at": (Change(created, planned), Change(journey.last_at, journey.close_at))}


def _rate(world: World, currency: str) -> str:
    """Some systems write all the digits that they have."""
    rate = world.account.rates[currency]
    return "1.0" if rate == 1 else f"{rate}00000000000000888178"


def _typed(rng: Random, amount: Decimal) -> str:
    """An amount as people and integrations write it: cents, no cents, one decimal, or a power of ten."""
    draw = rng.random()
    if draw < 0.6:
        return f"{amount:.2f}"
    whole = int(amount)
    if draw < 0.9:
        return str(whole)
    if draw < 0.97:
        return f"{amount:.1f}"
    return f"{Decimal(whole) / 1000:.1f}E3" if whole >= 10_000 else str(whole)
