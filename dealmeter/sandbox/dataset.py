"""A folder of CSV files (sales pipeline, accounts, products, sales teams) becomes a world."""

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from zoneinfo import ZoneInfo

from dealmeter.sandbox.account import Account, Owner, Pipeline, Stage, Team
from dealmeter.sandbox.clock import Clock, milliseconds
from dealmeter.sandbox.names import slug
from dealmeter.sandbox.record import Change, Kind, Record, Value
from dealmeter.sandbox.world import World

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "sales_pipeline.csv": (
        "opportunity_id",
        "sales_agent",
        "product",
        "account",
        "deal_stage",
        "engage_date",
        "close_date",
        "close_value",
    ),
    "accounts.csv": ("account", "sector", "revenue", "employees", "office_location", "subsidiary_of"),
    "products.csv": ("product", "series", "sales_price"),
    "sales_teams.csv": ("sales_agent", "manager", "regional_office"),
}
SALES = Pipeline(
    id="default",
    label="Sales Pipeline",
    stages=(
        Stage(id="prospecting", label="Prospecting", probability="0.2"),
        Stage(id="engaging", label="Engaging", probability="0.5"),
        Stage(id="closedwon", label="Won", probability="1.0", closed=True),
        Stage(id="closedlost", label="Lost", probability="0.0", closed=True),
    ),
)
STAGES = {stage.label: stage for stage in SALES.stages}
NOON = timedelta(hours=12)
MORNING = timedelta(hours=9)
AFTER_THE_LAST_DATE = timedelta(days=15)
FIRST_DEAL, FIRST_LINE, FIRST_COMPANY, FIRST_PRODUCT, FIRST_OWNER = 5_000_000_001, 7_000_000_001, 300_001, 9_001, 101
"""Far enough apart that an id of one kind is never mistaken for one of another."""

Row = dict[str, str]


class DatasetError(ValueError):
    """The folder cannot be served: the message names the file and the column."""


@dataclass(frozen=True)
class _Sales:
    """The rows of all files, and when their story ends."""

    rows: Mapping[str, list[Row]]
    last: date = field(default=date.min)


def load(folder: Path, *, frozen: bool = False) -> World:
    """The folder as a company in UTC and dollars; its present is about two weeks after its last date."""
    sales = _read(folder)
    end = datetime(sales.last.year, sales.last.month, sales.last.day, 12, tzinfo=UTC) + AFTER_THE_LAST_DATE
    account = Account(id=8_800_001, name=folder.name, zone=ZoneInfo("UTC"), currency="USD")
    start = milliseconds(min(_dates(sales.rows["sales_pipeline.csv"])))
    teams, owners = _staff(sales, start)
    world = World(account, Clock(end, frozen=frozen), teams=teams, owners=list(owners.values()), pipelines=[SALES])
    world.custom_fields[Kind.DEAL] = {"opportunity_id": "Opportunity ID"}
    world.custom_fields[Kind.COMPANY] = {"year_established": "Year established"}
    world.custom_fields[Kind.PRODUCT] = {"series": "Series"}
    _Loader(world, start, owners, sales).load()
    return world


def _read(folder: Path) -> _Sales:
    if not folder.is_dir():
        raise DatasetError(f"{folder}: there is no such folder")
    rows = {name: list(_rows(folder / name, columns)) for name, columns in COLUMNS.items()}
    days = [day.date() for day in _dates(rows["sales_pipeline.csv"])]
    if not days:
        raise DatasetError(f"{folder / 'sales_pipeline.csv'}: no row has an engage_date or a close_date")
    return _Sales(rows, max(days))


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[Row]:
    if not path.is_file():
        raise DatasetError(f"{path}: there is no such file")
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise DatasetError(f"{path}: the column {missing[0]} is missing")
            for row in reader:
                yield _checked(
                    path, reader.line_num, {name: (text or "").strip() for name, text in row.items() if name}
                )
    except (UnicodeDecodeError, csv.Error) as problem:
        raise DatasetError(f"{path}: {problem}") from problem


def _checked(path: Path, line: int, row: Row) -> Row:
    """Everything that later code relies on; the message says where it failed."""
    for name, check in _CHECKS.items():
        if row.get(name):
            try:
                check(row[name])
            except (ValueError, InvalidOperation, KeyError) as problem:
                raise DatasetError(f"{path}, line {line}, column {name}: {row[name]!r} is not understood") from problem
    return row


_CHECKS: dict[str, Callable[[str], object]] = {
    "engage_date": date.fromisoformat,
    "close_date": date.fromisoformat,
    "close_value": Decimal,
    "sales_price": Decimal,
    "deal_stage": STAGES.__getitem__,
}


def _dates(pipeline: list[Row]) -> Iterator[datetime]:
    for row in pipeline:
        for text in (row["engage_date"], row["close_date"]):
            if text:
                yield datetime.fromisoformat(text).replace(tzinfo=UTC)


def _staff(sales: _Sales, start: int) -> tuple[list[Team], dict[str, Owner]]:
    """Offices are teams; whoever is named by a deal alone has no team."""
    agents = {row["sales_agent"]: row for row in sales.rows["sales_teams.csv"]}
    for row in sales.rows["sales_pipeline.csv"]:
        if row["sales_agent"]:
            agents.setdefault(row["sales_agent"], {})
    offices = sorted({row["regional_office"] for row in agents.values() if row.get("regional_office")})
    teams = {name: Team(id=11 + place, name=name) for place, name in enumerate(offices)}
    return list(teams.values()), {
        name: _owner(place, name, row, teams, start) for place, (name, row) in enumerate(agents.items())
    }


def _owner(place: int, name: str, row: Row, teams: dict[str, Team], start: int) -> Owner:
    first, _, last = name.partition(" ")
    return Owner(
        id=FIRST_OWNER + place,
        user_id=50_001 + place,
        email=f"{slug(first)}.{slug(last) or 'agent'}@example.com",
        first_name=first,
        last_name=last,
        created=start,
        modified=start,
        team=teams.get(row.get("regional_office", "")),
        manager=row.get("manager") or None,
    )


class _Loader:
    """Adds companies, products and deals to a world, and remembers who is who."""

    def __init__(self, world: World, start: int, owners: dict[str, Owner], sales: _Sales) -> None:
        self._world, self._start, self._owners, self._sales = world, start, owners, sales
        self._companies: dict[str, int] = {}
        self._products: dict[str, Record] = {}

    def load(self) -> None:
        self._add_companies(self._sales.rows["accounts.csv"])
        for place, row in enumerate(self._sales.rows["products.csv"]):
            self._add_product(FIRST_PRODUCT + place, row)
        rows = sorted(self._sales.rows["sales_pipeline.csv"], key=self._engaged)
        for place, row in enumerate(rows):
            self._add_deal(place, row)

    def _add_companies(self, rows: list[Row]) -> None:
        self._companies = {row["account"]: FIRST_COMPANY + place for place, row in enumerate(rows)}
        for row in rows:
            parent = self._companies.get(row["subsidiary_of"])
            fields = {
                "name": row["account"],
                "domain": f"{slug(row['account'])}.example.com",
                "industry": row["sector"],
                "country": row["office_location"],
                "employees": row["employees"],
                "revenue": row["revenue"],
                "year_established": row.get("year_established"),
                "parent": None if parent is None else str(parent),
            }
            self._add(Kind.COMPANY, self._companies[row["account"]], self._start, fields)

    def _add_product(self, id: int, row: Row) -> None:
        fields = {
            "name": row["product"],
            "series": row["series"],
            "price": row["sales_price"],
            "sku": slug(row["product"]),
        }
        self._products[_key(row["product"])] = self._add(Kind.PRODUCT, id, self._start, fields)

    def _add_deal(self, place: int, row: Row) -> None:
        id, created, stage = FIRST_DEAL + place, self._engaged(row), STAGES[row["deal_stage"]]
        close = milliseconds(_day(row["close_date"]) + NOON) if row["close_date"] else None
        owner = self._owners.get(row["sales_agent"])
        account = row["account"]
        fields: dict[str, Value] = {
            "name": f"{account or 'Unknown account'} – {row['product']}",
            "amount": row["close_value"],
            "currency": self._world.account.currency,
            "exchange_rate": "1.0",
            "pipeline": SALES.id,
            "stage": stage.id,
            "close_at": close,
            "owner": str(owner.id) if owner else None,
            "opportunity_id": row["opportunity_id"],
        }
        history = _history(created, close, stage)
        self._add(Kind.DEAL, id, created, fields, history)
        if account in self._companies:
            self._world.links.add(Kind.DEAL, id, Kind.COMPANY, self._companies[account], primary=True)
        self._add_line(FIRST_LINE + place, id, row, created, stage)

    def _add_line(self, id: int, deal: int, row: Row, created: int, stage: Stage) -> None:
        """One line per deal, priced at what it was sold for; unsold ones at the list price."""
        product = self._products.get(_key(row["product"]))
        if product is None:
            return
        price = row["close_value"] if stage.won else str(product.fields["price"])
        fields: dict[str, Value] = {
            "name": product.fields["name"],
            "product": str(product.id),
            "sku": product.fields["sku"],
            "quantity": "1",
            "price": price,
            "amount": price,
            "currency": self._world.account.currency,
        }
        self._add(Kind.LINE_ITEM, id, created, fields)
        self._world.links.add(Kind.LINE_ITEM, id, Kind.DEAL, deal)

    def _engaged(self, row: Row) -> int:
        """When the deal was created: those without a date appear on the last day that the file knows."""
        return milliseconds(_day(row["engage_date"] or self._sales.last.isoformat()) + MORNING)

    def _add(
        self,
        kind: Kind,
        id: int,
        created: int,
        fields: Mapping[str, Value],
        history: Mapping[str, tuple[Change, ...]] | None = None,
    ) -> Record:
        known = {name: value for name, value in fields.items() if value is not None}
        past = history or {}
        modified = max([created, *(changes[-1].at for changes in past.values())])
        return self._world.add(kind, Record(id, created, modified, known, past))


def _history(created: int, close: int | None, stage: Stage) -> dict[str, tuple[Change, ...]]:
    """A closed deal was engaged first; closed on the day of its creation, it closed right afterwards."""
    if not stage.closed or close is None:
        return {}
    walk = (Change(created, STAGES["Engaging"].id), Change(max(close, created + 1), stage.id))
    return {"stage": walk}


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _key(product: str) -> str:
    """Products are the same whatever the spaces and capitals: `GTXPro` is `GTX Pro`."""
    return "".join(product.split()).casefold()
