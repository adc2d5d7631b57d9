"""How long a full recompute takes, and one with nothing changed: python benchmarks/recompute.py --deals 200000."""

import argparse
import random
import resource
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kpi.engine import compute
from kpi.settings import KpiSettings
from kpi.workshop import Limits
from store.database import Database
from store.records import (
    Account,
    Activity,
    ActivityLink,
    Company,
    Deal,
    DealFieldChange,
    DealStageChange,
    LineItem,
    Pipeline,
    Product,
    Stage,
    Statement,
    Team,
    TeamMembership,
    User,
)
from store.schema import TABLES, metadata
from store.upsert import upsert

NOW = datetime(2026, 7, 15, 12, tzinfo=UTC)
FIRST = datetime(2021, 7, 1, tzinfo=UTC)
STAGES = ("new", "qualified", "proposal", "negotiation", "won", "lost")
COUNTRIES = ("DE", "TR", "IR", "RU", "FR", "US", "GB", "NL")
INDUSTRIES = ("software", "retail", "health", "energy", "finance", "food")
SOURCES = ("web", "referral", "event", "cold call", "partner")
SEEN = {"connection": "crm", "first_seen_at": NOW, "last_seen_at": NOW}
Rows = Iterator[dict[str, Any]]
Details = Sequence[list[dict[str, Any]]]


class World:
    """Synthetic rows, made one at a time from a seed."""

    def __init__(
        self,
        deals: int,
        activities: int,
        owners: int,
        companies: int,
        seed: int,
        fiscal: int,
        first: datetime = FIRST,
    ) -> None:
        self.deals, self.activities, self.owners, self.companies = deals, activities, owners, companies
        self.fiscal, self.first = fiscal, first
        self.random = random.Random(seed)
        self.span = int((NOW - first).total_seconds())

    def few(self) -> Iterator[tuple[type[Statement], Rows]]:
        """The small tables."""
        one = {
            "kind": "bench",
            "base_currency": "EUR",
            "time_zone": "Europe/Berlin",
            "fiscal_year_start": self.fiscal,
        }
        yield Account, iter([{"id": "1", **one}])
        yield User, ({"id": f"u{i}", "name": f"Rep {i}", "is_active": True, "role": "rep"} for i in range(self.owners))
        yield Team, ({"id": f"t{i}", "name": f"Team {i}"} for i in range(8))
        yield (
            TeamMembership,
            ({"user_id": f"u{i}", "team_id": f"t{i % 8}", "is_primary": True} for i in range(self.owners)),
        )
        yield Pipeline, iter([{"id": "p", "name": "Sales", "include_in_kpis": True}])
        yield Stage, (
            {"pipeline_id": "p", "id": name, "name": name.title(), "sort_order": order, "is_closed": order > 3,
             "is_won": name == "won"} for order, name in enumerate(STAGES)
        )  # fmt: skip
        yield Product, ({"id": f"x{i}", "name": f"Product {i}"} for i in range(30))
        yield Company, (
            {"id": f"c{i}", "name": f"Company {i}", "country": COUNTRIES[i % 8], "industry": INDUSTRIES[i % 6],
             "employees": 3 ** (i % 9), "region": ("north", "south", "east", "west")[i % 4]}
            for i in range(self.companies)
        )  # fmt: skip

    def deal_rows(self) -> Iterator[tuple[Details, dict[str, Any]]]:
        """Each deal with its stage visits, field changes and lines."""
        for number in range(self.deals):
            deal, visits = self._journey(number)
            changes = self._changes(deal) if number % 2 else []
            lines = [self._line(deal, part) for part in range(number % 3)]
            yield (visits, changes, lines), deal

    def _journey(self, number: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        at = created = self.first + timedelta(seconds=self.random.randrange(self.span))
        end = self.random.choices((4, 5, 0, 1, 2, 3), (30, 55, 2, 4, 5, 4))[0]
        path = [*range(min(end, self.random.randint(2, 4))), end] if end > 3 else list(range(end + 1))
        visits: list[dict[str, Any]] = []
        for stage in path:
            later = at + timedelta(seconds=self.random.randrange(3600, 40 * 86400))
            last = stage == path[-1] or later > NOW
            visits.append(self._visit(number, at, stage, None if last else later))
            if last:
                break
            at = later
        stage = STAGES.index(visits[-1]["stage_id"])
        closed = stage > 3
        deal = {
            "id": f"d{number}", "name": f"Deal {number}", "pipeline_id": "p", "stage_id": STAGES[stage],
            "owner_id": f"u{self.random.randrange(self.owners)}",
            "company_id": f"c{self.random.randrange(self.companies)}",
            "amount": None if number % 17 == 0 else Decimal(self.random.randrange(10_000, 9_000_000)) / 100,
            "currency": ("EUR", "EUR", "USD")[number % 3], "fx_rate": Decimal("0.91"), "probability": Decimal("0.4"),
            "forecast_category": "pipeline", "source": SOURCES[number % 5], "is_closed": closed, "is_won": stage == 4,
            "close_date": at.date() if closed else date(2026, 9, 1), "closed_at": at if closed else None,
            "lost_reason": ("price", "timing", None)[number % 3] if stage == 5 else None, "created_at": created,
            "updated_at": at,
        }  # fmt: skip
        return deal, visits

    def _visit(self, number: int, at: datetime, stage: int, exited_at: datetime | None) -> dict[str, Any]:
        return {"deal_id": f"d{number}", "entered_at": at, "pipeline_id": "p", "stage_id": STAGES[stage],
                "exited_at": exited_at, "source": "crm"}  # fmt: skip

    def _changes(self, deal: dict[str, Any]) -> list[dict[str, Any]]:
        """An owner before this one, an amount after that: what the histories tell last is what the deal says."""
        later = deal["created_at"] + timedelta(days=self.random.randrange(1, 30))
        made = [("owner_id", deal["created_at"], f"u{self.random.randrange(self.owners)}"),
                ("owner_id", deal["created_at"] + timedelta(hours=1), deal["owner_id"])]  # fmt: skip
        if deal["amount"] is not None:
            made.append(("amount", min(later, NOW), str(deal["amount"])))
        return [{"deal_id": deal["id"], "field": field, "changed_at": at, "new_value": value, "source": "crm"}
                for field, at, value in made]  # fmt: skip

    def _line(self, deal: dict[str, Any], part: int) -> dict[str, Any]:
        net = (deal["amount"] or Decimal(0)) / 4
        return {"id": f"{deal['id']}-{part}", "deal_id": deal["id"], "product_id": f"x{self.random.randrange(30)}",
                "net_amount": round(net, 2)}  # fmt: skip

    def activity_rows(self) -> Iterator[tuple[Details, dict[str, Any]]]:
        """Each activity with its link to a deal."""
        kinds = (("call", "connected"), ("email", "sent"), ("meeting", "completed"), ("task", "completed"))
        for number in range(self.activities):
            kind, outcome = kinds[number % 4]
            at = self.first + timedelta(seconds=self.random.randrange(self.span))
            row = {"id": f"a{number}", "type": kind, "direction": "outbound", "outcome": outcome, "occurred_at": at,
                   "owner_id": f"u{self.random.randrange(self.owners)}", "completed_at": at if kind == "task" else None,
                   "is_automated": False}  # fmt: skip
            entity = "deals" if number % 2 else "companies"
            target = self.random.randrange(self.deals if number % 2 else self.companies)
            link = {"activity_id": f"a{number}", "entity": entity, "entity_id": f"{entity[0]}{target}"}
            yield ([link],), row


def fill(database: Database, world: World) -> None:
    """Write the world through the store's own door."""
    metadata.drop_all(database.engine)
    metadata.create_all(database.engine)
    for record, rows in world.few():
        _write(database, {record: list(rows)})
    kinds: Sequence[type[Statement]]
    for kinds, stream in (
        ((Deal, DealStageChange, DealFieldChange, LineItem), world.deal_rows()),
        ((Activity, ActivityLink), world.activity_rows()),
    ):
        while page := list(islice(stream, 20_000)):
            pages: dict[Any, list[dict[str, Any]]] = {kind: [] for kind in kinds}
            for details, row in page:
                pages[kinds[0]].append(row)
                for kind, detail in zip(kinds[1:], details, strict=True):
                    pages[kind].extend(detail)
            _write(database, pages)


def _write(database: Database, rows: dict[type[Statement], list[dict[str, Any]]]) -> None:
    with database.write() as tx:
        for record, some in rows.items():
            upsert(tx, TABLES[record], [{**SEEN, **row} for row in some])


def cpu() -> float:
    """The seconds of CPU that this process and the children that it has waited for have had."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


def main() -> None:
    """Fill a database, compute three times, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deals", type=int, default=200_000)
    parser.add_argument("--activities", type=int, default=1_000_000)
    parser.add_argument("--owners", type=int, default=80)
    parser.add_argument("--companies", type=int, default=20_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", default="1GB")
    parser.add_argument("--fiscal-start", type=int, default=1, help="a month; 1 has no fiscal calendar")
    parser.add_argument("--since", type=datetime.fromisoformat, default=FIRST, help="a date; five years ago")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--url", help="a database of its own, which is emptied first; a temporary SQLite file")
    parser.add_argument("--keep", action="store_true", help="compute over what the database already has")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = Database(options.url or f"sqlite:///{folder}/bench.db")
        if not options.keep:
            world = World(
                options.deals,
                options.activities,
                options.owners,
                options.companies,
                options.seed,
                options.fiscal_start,
                options.since.replace(tzinfo=UTC),
            )
            begun = perf_counter()
            fill(database, world)
            print(f"filled in {perf_counter() - begun:.1f} s")
        limits = Limits(threads=options.threads, memory=options.memory)
        print(f"{'what':<24}{'seconds':>10}{'CPU s':>10}{'checked':>12}{'written':>12}{'MiB at most':>14}")
        for what, now in (
            ("first", NOW),
            ("nothing changed", NOW + timedelta(hours=1)),
            ("the next day", NOW + timedelta(days=1)),
        ):
            spent = cpu()
            done = compute(database, KpiSettings(), now=now, limits=limits)
            spent = cpu() - spent
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            print(f"{what:<24}{done.duration_s:>10.1f}{spent:>10.1f}{done.checked:>12,}{done.written:>12,}{peak:>14,}")
            for sentence in done.broken:
                print(f"  broken: {sentence}")


if __name__ == "__main__":
    main()
