"""A folder of CSV files with what no CRM has: pay, targets, training, competitors' prices, surveys, costs, rates."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

from dealmeter.sandbox.account import Owner
from dealmeter.sandbox.clock import instant, milliseconds
from dealmeter.sandbox.record import Kind, Record
from dealmeter.sandbox.world import World, in_home_currency

Row = tuple[object, ...]

BACK = 18
"""So many months of the past are told, and the present one."""
PAY = 4_800
LICENCES = 45
"""What a seller earns in a month, and what their tools cost, in dollars."""
COMPETITORS = (("Northwind Systems", "1.08"), ("Contoso Retail", "0.94"), ("Fabrikam Tech", "1.02"))
COURSES = (("Negotiation", "skills", 16), ("Product update", "product", 4), ("Data protection", "compliance", 2))
COLUMNS: Mapping[str, str] = {
    "accounts": "name,base_currency,time_zone",
    "spend": "id,period_start,period_end,category,amount,currency",
    "targets": "kpi_key,scope_type,scope_id,period_start,period_end,value,currency",
    "training_events": "user_id,title,kind,hours,status,completed_on,score",
    "competitor_prices": "product_id,competitor,price,currency,observed_on",
    "survey_responses": "id,type,score,responded_at,company_id",
    "unit_costs": "product_id,valid_from,cost,currency",
    "exchange_rates": "from_currency,to_currency,effective_from,rate,source",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Crm:
    """A company whose CRM is connected under a name; `id_of` says what an id of the world is called there."""

    name: str
    world: World
    id_of: Callable[[Kind | type[Owner], int], str]

    def id(self, kind: Kind | type[Owner], id: int) -> str:
        """As another connection names it: `connection:id`."""
        return f"{self.name}:{self.id_of(kind, id)}"


def write(folder: Path, crms: Sequence[Crm], seed: int = 7) -> None:
    """The files of companies that belong together, by the clock and the currency of the first. Writing again adds what
    has happened since and changes nothing else.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plans = _Plans(crms, seed)
    for name, columns in COLUMNS.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns.split(","))
            writer.writerows(getattr(plans, name)())


class _Plans:
    """One method per file."""

    def __init__(self, crms: Sequence[Crm], seed: int) -> None:
        self.crms, self.seed = crms, seed
        account = crms[0].world.account
        self.account, self.zone, self.currency = account, account.zone, account.currency
        self.today = instant(crms[0].world.clock.ms()).astimezone(self.zone).date()
        self.months = [_on(self.today.replace(day=1), number) for number in range(-BACK, 1)]

    def _drawn(self, *of: object) -> Random:
        """A source of its own for each thing, so that later things change no earlier ones."""
        return Random(":".join(map(str, (self.seed, *of))))

    def _sellers(self, on: date | None = None) -> Iterator[tuple[str, Owner]]:
        for crm in self.crms:
            for owner in crm.world.owners.values():
                hired = instant(owner.created).astimezone(self.zone).date()
                if not owner.archived and (on is None or hired < _on(on, 1)):
                    yield crm.id(Owner, owner.id), owner

    def _records(self, kind: Kind) -> Iterator[tuple[Crm, Record]]:
        return ((crm, record) for crm in self.crms for record in crm.world.tables[kind].live)

    def accounts(self) -> Iterator[Row]:
        yield f"{self.account.name}, plans", self.currency, str(self.zone)

    def spend(self) -> Iterator[Row]:
        """What sellers earn, what their tools cost (in dollars), and what training them costs."""
        for month in self.months:
            heads = sum(1 for _ in self._sellers(month))
            span = month, _on(month, 1)
            rise = Decimal(100 + (month.year - self.months[0].year) * 4) / 100
            yield f"pay-{month:%Y-%m}", *span, "sales", f"{heads * PAY * rise:.2f}", self.currency
            yield f"tools-{month:%Y-%m}", *span, "enablement", f"{heads * LICENCES}.00", "USD"
            courses = self._drawn("courses", month).randrange(4, 16) * 100
            yield f"courses-{month:%Y-%m}", *span, "enablement", f"{courses}.00", self.currency

    def targets(self) -> Iterator[Row]:
        """A tenth more than what a usual month has brought, rising by a half per cent a month."""
        usual = self._usual_month()
        for number, month in enumerate([*self.months, *(_on(self.months[-1], ahead) for ahead in (1, 2))]):
            goal = round(usual * Decimal("1.1") * Decimal("1.005") ** (number - BACK), -2)
            yield "revenue", "company", "", month, _on(month, 1), f"{goal:.0f}", self.currency

    def _usual_month(self) -> Decimal:
        """The mean of the year before this month began, so that what happens in it moves no target."""
        until = self._ms(self.months[0]) + (self._ms(self.months[-1]) - self._ms(self.months[0])) * 2 // 3
        since, won = self._ms(self.months[0]), Decimal(0)
        for crm, deal in self._records(Kind.DEAL):
            stage, at = crm.world.stage(deal.fields.get("stage")), deal.fields.get("close_at")
            if stage is not None and stage.won and isinstance(at, int) and since <= at < until:
                amount = Decimal(str(deal.fields.get("amount") or 0))
                won += in_home_currency(crm.world, deal.fields.get("currency"), amount) or 0
        return max(won / (BACK * 2 // 3), Decimal(1_000))

    def training_events(self) -> Iterator[Row]:
        """Each seller takes a course every other month or so; a few are not through with it."""
        for month in self.months:
            for id, _ in self._sellers(month):
                draw = self._drawn("training", id, month)
                day = month + timedelta(days=draw.randrange(28))
                if draw.random() < 0.5 and day < self.today:
                    title, kind, hours = draw.choice(COURSES)
                    done = draw.random() < 0.9
                    yield id, title, kind, hours, "completed" if done else "enrolled", day, draw.randrange(60, 100)

    def competitor_prices(self) -> Iterator[Row]:
        """What three competitors ask, looked up once a month."""
        for month in self.months:
            for crm, product in self._records(Kind.PRODUCT):
                for competitor, level in COMPETITORS:
                    swing = Decimal(
                        self._drawn("price", product.fields.get("sku"), competitor, month).randrange(95, 106)
                    )
                    price = Decimal(str(product.fields["price"])) * Decimal(level) * swing / 100
                    yield crm.id(Kind.PRODUCT, product.id), competitor, f"{price:.2f}", self.currency, month

    def survey_responses(self) -> Iterator[Row]:
        """Some customers were asked on paper how likely they recommend us."""
        for month in self.months:
            for crm, company in self._records(Kind.COMPANY):
                draw = self._drawn("survey", crm.name, company.id, month)
                day = month + timedelta(days=draw.randrange(28))
                if draw.random() < 0.03 and company.created < self._ms(day) and day < self.today:
                    score = min(10, int(draw.triangular(2, 12, 10)))
                    id = crm.id(Kind.COMPANY, company.id)
                    yield f"{id}-{month:%Y-%m}", "NPS", score, f"{day} {9 + draw.randrange(9):02}:00", id

    def unit_costs(self) -> Iterator[Row]:
        """What each product costs us since its first day."""
        for crm, product in self._records(Kind.PRODUCT):
            valid_from = instant(product.created).astimezone(self.zone).date()
            yield crm.id(Kind.PRODUCT, product.id), valid_from, product.fields["cost"], self.currency

    def exchange_rates(self) -> Iterator[Row]:
        """The rates that the first company has used."""
        for rate in self.crms[0].world.rates:
            day = instant(rate.since).astimezone(self.zone).date()
            yield rate.currency, self.currency, day, rate.worth, "accounting"

    def _ms(self, day: date) -> int:
        return milliseconds(datetime(day.year, day.month, day.day, tzinfo=self.zone))


def _on(month: date, months: int) -> date:
    place = month.year * 12 + month.month - 1 + months
    return date(place // 12, place % 12 + 1, 1)
