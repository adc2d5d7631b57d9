"""A seeded company in two CRMs whose rows meet, on purpose, every edge that the KPI cards speak of."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select

from store.database import Database
from store.schema import TABLES, metadata

Row = dict[str, Any]
Rows = dict[str, list[Row]]

CONNECTIONS = ("alpha-hub", "beta-force")
NOWS = (
    datetime(2026, 3, 18, 21, 30, tzinfo=UTC),  # the next day already in Istanbul
    datetime(2026, 3, 31, 20, 59, 59, tzinfo=UTC),
    datetime(2026, 1, 1, 9, 0, tzinfo=UTC),
    datetime(2026, 2, 28, 22, 15, 0, 250, tzinfo=UTC),
)
ZONES = (None, "Asia/Tehran", "America/New_York", "Pacific/Auckland")
NAMES = ("مریم احمدی", "Şule Öztürk", "Игорь Щукин", "Ann Lee", "علی رضایی", "İpek Iğdır", "Ольга Ёлкина", None)
STAGES: dict[str, dict[str, tuple[int, bool | None, bool | None]]] = {  # id: (order, closed, won)
    "p1": {"s1": (0, False, False), "s2": (1, None, None), "s3": (1, False, False), "s4": (3, False, False),
           "s5": (4, True, True), "s6": (5, True, True), "s7": (6, True, False)},
    "p2": {"s1": (10, False, False), "s4": (20, False, None), "s5": (30, True, True), "s7": (5, True, False)},
    "p3": {"s1": (0, False, False), "s2": (1, False, False), "s5": (2, True, True), "s7": (3, True, False)},
}  # fmt: skip
AMOUNTS = ("1000", "999.99", "5000", "20000", "99999.995", "100000", "1234.56", "87.5", "0.01", "31415.926535")
KINDS = {"won": 30, "lost": 18, "open": 26, "credit": 5, "reopened": 7, "free": 3, "unpriced": 6, "odd": 5}
OUTCOMES = {
    "call": ("connected", "no_answer", "left_message", "canceled", "open", None),
    "email": ("sent", "received", "bounced", "failed", "open", None),
    "message": ("sent", "failed", None),
    "meeting": ("completed", "no_show", "canceled", "scheduled", None),
    "task": ("completed", "open", None),
    "note": (None,),
}


@dataclass(frozen=True, kw_only=True)
class World:
    """Rows by table, the moment at which they are looked at, and how."""

    rows: Rows
    now: datetime
    currency: str | None = None
    time_zone: str | None = None
    region_map: Mapping[str, str] = field(default_factory=dict)
    source_map: Mapping[str, str] = field(default_factory=dict)


def make_world(seed: int, *, deals: int = 60, days: int = 240) -> World:
    """A world of so many deals in each of two connections together, over so many days before now."""
    return Author(seed, deals=deals, days=days).world()


def insert_rows(database: Database, rows: Mapping[str, Sequence[Row]]) -> None:
    """Create the tables where they are missing, and put the rows in, every column named."""
    metadata.create_all(database.engine)
    with database.write() as tx:
        for table in TABLES.values():
            filled = [dict.fromkeys(table.c.keys()) | row for row in rows.get(table.name, ())]
            if filled:
                tx.execute(insert(table), filled)


def read_rows(database: Database) -> Rows:
    """All rows of all tables, as the store gives them back."""
    with database.read() as tx:
        return {table.name: [dict(row) for row in tx.execute(select(table)).mappings()] for table in TABLES.values()}


class Author:
    """Writes a world from a seed."""

    def __init__(self, seed: int, *, deals: int, days: int) -> None:
        self.dice = Random(seed)
        self.deals = deals
        self.now = NOWS[seed % len(NOWS)]
        self.time_zone = ZONES[seed % len(ZONES)]
        self.zone = ZoneInfo(self.time_zone or "Europe/Istanbul")
        self.start = self.now - timedelta(days=days)
        self.currency = self.dice.choice((None, "USD", "TRY"))
        self.rows: Rows = {}

    def world(self) -> World:
        """Everything written out."""
        for connection in CONNECTIONS:
            self.organisation(connection)
            self.customers(connection)
            self.rates(connection)
            for number in range(1, self.deals // 2 + 1):
                self.a_deal(connection, number)
            for number in range(1, self.deals * 2 + 1):
                self.an_activity(connection, number)
        return World(
            rows=self.rows,
            now=self.now,
            currency=self.currency,
            time_zone=self.time_zone,
            region_map={"TR": "Anadolu", "IR": "خاورمیانه", "RU": "Россия"},
            source_map={"web": "marketing", "referral": "partner", "cold call": "sales"},
        )

    # -------------------------------------------------------------------------------------------- dice

    def add(self, table: str, connection: str, **values: Any) -> None:
        """Write a row, seen when the world was made."""
        seen = {"first_seen_at": self.now, "last_seen_at": self.now}
        self.rows.setdefault(table, []).append({"connection": connection} | seen | values)

    def happens(self, percent: int) -> bool:
        """So many times in a hundred."""
        return self.dice.randrange(100) < percent

    def maybe(self, percent: int, value: Any) -> Any:
        """A value, so many times in a hundred; else nothing."""
        return value if self.happens(percent) else None

    def pick(self, *values: Any) -> Any:
        """One of them."""
        return self.dice.choice(values)

    def instant(self, after: datetime | None = None, before: datetime | None = None) -> datetime:
        """An instant between two, at times right at midnight in the reporting zone or just before it."""
        low, high = after or self.start + timedelta(days=2), before or self.now
        seconds = max(1, int((high - low).total_seconds()))
        found = low + timedelta(seconds=self.dice.randrange(seconds), microseconds=self.dice.randrange(1000) * 1000)
        if self.happens(12):
            midnight = datetime.combine(found.astimezone(self.zone).date(), time(0), tzinfo=self.zone)
            found = midnight.astimezone(UTC) - timedelta(microseconds=self.pick(0, 0, 1))
        elif self.happens(12):
            found = found.replace(hour=self.pick(20, 21, 22, 23, 0, 4), minute=self.pick(0, 29, 30, 59))
        return min(max(found, low), high)

    # -------------------------------------------------------------------------------------------- who and what

    def organisation(self, connection: str) -> None:
        """The account, its users and their teams, its pipelines and products."""
        base = "EUR" if connection == CONNECTIONS[0] else self.pick("EUR", "USD")
        zone = "Europe/Istanbul" if connection == CONNECTIONS[0] else "America/New_York"
        self.add("accounts", connection, id="1", kind="sandbox", name=connection, base_currency=base, time_zone=zone)
        for number, name in enumerate(NAMES, start=1):
            gone, came = number in (3, 7), self.maybe(50, self.instant())
            self.add(
                "users", connection, id=f"u{number}", name=name, email=self.maybe(70, f"u{number}@example.com"),
                role=self.pick("rep", "manager", None), is_active=False if gone else self.pick(True, None),
                active_from=came, updated_at=self.instant(),
                active_to=self.instant(after=came) if number == 3 or self.happens(15) else None,
            )  # fmt: skip
            for team in self.dice.sample(("t1", "t2", "t10"), k=self.pick(0, 1, 2, 3)):
                begin = self.instant()
                self.add(
                    "team_memberships", connection, user_id=f"u{number}", team_id=team,
                    is_primary=self.pick(True, False, None), valid_from=self.maybe(60, begin),
                    valid_to=self.maybe(25, self.instant(after=begin)),
                    deleted_at=self.maybe(15, self.instant(after=begin)),
                )  # fmt: skip
        self.add("users", connection, id="u20", name="Yeni Başlayan", role="rep", active_from=self.instant())
        self.add("users", connection, id="u21", name="Бухгалтер", role="accountant")
        for team, name in (("t1", "شمال"), ("t2", "Güney")):  # and t10, which nobody described
            self.add("teams", connection, id=team, name=name)
        for pipeline, stages in STAGES.items():
            included = {"p1": True, "p2": None, "p3": False}[pipeline]
            self.add("pipelines", connection, id=pipeline, name=f"Линия {pipeline}", include_in_kpis=included)
            for stage, (order, closed, won) in stages.items():
                self.add(
                    "stages", connection, pipeline_id=pipeline, id=stage, name=f"Aşama {stage}", sort_order=order,
                    is_closed=closed, is_won=won, is_archived=self.maybe(20, True),
                )  # fmt: skip
        for product in ("k1", "k2", "k3"):
            self.add("products", connection, id=product, name=f"محصول {product}", is_active=self.happens(80))

    def customers(self, connection: str) -> None:
        """Companies, contacts, campaigns."""
        for number in range(1, 13):
            self.add(
                "companies", connection, id=str(number), name=f"شرکت {number}",
                country=self.pick("TR", "IR", "RU", "DE", None), region=self.maybe(25, "Ege"),
                industry=self.pick("Gıda", "Банки", None), size_band=self.maybe(20, "51-200"),
                employees=self.pick(None, 1, 10, 11, 50, 51, 200, 201, 1000, 1001, 5000, 5001),
                deleted_at=self.maybe(8, self.instant()),
            )  # fmt: skip
            self.add(
                "contacts", connection, id=str(number), name=f"Кто-то {number}",
                company_id=self.maybe(80, str(number)), source=self.pick("web", "referral", "fair", None),
                deleted_at=self.maybe(8, self.now),
            )  # fmt: skip
        self.add("campaigns", connection, id="c1", name="Nevruz")

    def rates(self, connection: str) -> None:
        """Dated rates into some reporting currencies; some begin late, some are withdrawn, some are missing."""
        number = 0
        for source, target, rate in (
            ("USD", "EUR", "0.9"), ("EUR", "USD", "1.1"), ("EUR", "TRY", "45.123456"), ("USD", "TRY", "41.5"),
            ("IRR", "EUR", "0.0000215"), ("IRR", "USD", "0.0000238"), ("TRY", "EUR", "0.022162"),
        ):  # fmt: skip
            for part in range(self.pick(0, 1, 3, 3)):
                number += 1
                since = self.start.date() + timedelta(days=part * 70 + self.dice.randrange(60))
                value = (Decimal(rate) * Decimal(100 + part * 3) / 100).quantize(Decimal("0.000001"))
                self.add(
                    "exchange_rates", connection, id=str(number), from_currency=source, to_currency=target,
                    effective_from=since, rate=max(value, Decimal("0.000001")),
                    deleted_at=self.maybe(10, self.now),
                )  # fmt: skip

    def owner(self) -> Any:
        """An owner of a deal: mostly somebody known; `u8` never is one."""
        return self.pick("u1", "u2", "u3", "u4", "u5", "u6", "u7", "u1", "u2", "u4", "u99", None)

    # -------------------------------------------------------------------------------------------- deals

    def a_deal(self, connection: str, number: int) -> None:
        """A deal of some kind with its visits, changes, contacts and lines."""
        first = connection == CONNECTIONS[0] and number == 1
        kind = "won" if first else self.dice.choices(list(KINDS), list(KINDS.values()))[0]
        pipeline = "p1" if first else self.pick(*["p1"] * 6, *["p2"] * 4, "p3", "p9", None)
        created = self.start if first else self.instant()
        id_ = str(number)
        visits = self.visits(kind, pipeline, created)
        stage = visits[-1]["stage_id"]
        closed = kind not in ("open", "reopened") and visits[-1]["ends"]
        closed_at = visits[-1]["entered_at"] if closed else None
        amount: Decimal | None = Decimal(self.pick(*AMOUNTS)) * self.pick(1, 1, 1, 3)
        currency = self.pick(None, "EUR", "EUR", "USD", "IRR", "TRY")
        if currency == "IRR":
            amount = Decimal(self.pick("98765432", "1000000000", "2345678.9"))
        if kind == "free":
            amount = Decimal(0)
        if kind == "unpriced":
            amount = None
        if kind == "credit" or (kind in ("open", "lost") and self.happens(4)):
            amount = -Decimal(self.pick("100", "2500.5", "700.25"))
        deal: Row = {
            "id": id_, "name": f"معامله {id_}", "pipeline_id": pipeline, "stage_id": stage, "owner_id": self.owner(),
            "company_id": self.maybe(80, self.pick("1", "2", "3", "4", "5", "9", "12", "404")),
            "primary_contact_id": self.maybe(60, str(self.dice.randrange(1, 14))),
            "amount": amount, "currency": currency,
            "fx_rate": self.pick(Decimal("0.00002" if currency == "IRR" else "1.234567"), None),
            "probability": self.pick(None, *map(Decimal, ("0", "0.1", "0.25", "0.5", "0.749999", "0.75", "1"))),
            "forecast_category": self.pick("commit", "pipeline", "omitted", None),
            "close_date": self.close_date(created, closed_at), "closed_at": self.maybe(85, closed_at),
            "deal_type": self.pick(None, None, "renewal", "new_business"),
            "source": self.pick(None, "web", "fair", "cold call"),
            "source_category": self.maybe(20, "partner"), "campaign_id": self.pick(None, None, "c1", "c9"),
            "channel": self.pick(None, "direct", "bayi"), "region": self.maybe(15, "Сибирь"),
            "created_at": created if first else self.maybe(98, created),
        }  # fmt: skip
        stated = pipeline not in STAGES or self.happens(70)
        if stated:
            won = self.pick(True, False) if stage is None else stage in ("s5", "s6")
            deal |= {"is_closed": closed, "is_won": closed and won}
        if kind in ("lost", "odd"):
            deal["lost_reason"] = self.pick("Price", " Price ", "قیمت", "Duplicate", " TEST", "merged", "  ", None)
        if not first and self.happens(4):
            deal["deleted_at"] = self.instant()
        if not first and self.happens(3):
            deal |= {"deleted_at": self.instant(), "merged_into_id": str(max(1, number - 1))}
        self.add("deals", connection, **deal)
        if self.happens(88):
            self.write_visits(connection, id_, visits)
        self.history(connection, deal, created)
        self.lines(connection, deal)
        for contact in self.dice.sample(range(1, 13), k=self.pick(0, 0, 1, 2)):
            gone = self.maybe(15, self.now)
            self.add("deal_contacts", connection, deal_id=id_, contact_id=str(contact), deleted_at=gone)

    def close_date(self, created: datetime, closed_at: datetime | None) -> Any:
        """Mostly the day of closing; else typed in: an edge of a period, before creation, after now, nothing."""
        today = self.now.astimezone(self.zone).date()
        if closed_at is None:
            return self.maybe(85, today + timedelta(days=self.dice.randrange(-60, 120)))
        day = closed_at.astimezone(self.zone).date()
        edges = (day.replace(day=1), day.replace(day=1) - timedelta(days=1), date(today.year, 1, 1))
        earliest = self.start.astimezone(self.zone).date() + timedelta(days=3)
        typed = self.pick(*edges, created.astimezone(self.zone).date() - timedelta(days=5))
        if self.happens(4):
            return today + timedelta(days=self.pick(1, 3, 40))
        return max(earliest, typed) if self.happens(15) else self.maybe(92, day)

    def visits(self, kind: str, pipeline: str | None, created: datetime) -> list[Row]:
        """The stages that a deal went through, some skipped; `ends` marks a visit to a closed stage."""
        stages = STAGES.get(pipeline or "", STAGES["p1"])
        path = [id_ for id_, (_, closed, _) in stages.items() if not closed]
        path = [path[0], *(id_ for id_ in path[1:] if self.happens(65))]
        won = self.pick("s5", "s6") if "s6" in stages else "s5"
        end = {"won": won, "credit": won, "free": won, "lost": "s7", "unpriced": self.pick(won, "s7")}.get(kind)
        if kind == "odd":  # closed at once, won or lost
            path, end = [], self.pick(won, "s7")
        if kind == "reopened":
            path += [self.pick("s7", won), path[-1]]
        if end is not None:
            path.append(end)
        if len(path) > 1 and self.happens(10):  # went back once
            path.insert(1, path[0])
        entered = created
        if self.happens(10):
            entered += timedelta(hours=self.dice.randrange(-90, 200))
        entered = min(max(entered, self.start + timedelta(days=0 if created == self.start else 1)), self.now)
        found: list[Row] = []
        for id_ in path:
            found.append({
                "pipeline_id": pipeline, "stage_id": None if pipeline is None else id_, "entered_at": entered,
                "ends": id_ in ("s5", "s6", "s7"),
            })  # fmt: skip
            left = self.now - entered
            entered = self.instant(after=entered, before=entered + left / self.pick(2, 3, 8, 20))
        return found

    def write_visits(self, connection: str, deal_id: str, visits: list[Row]) -> None:
        """Visits with their exits; now and then the CRM says nonsense, moves a deal, or forgets the last one."""
        if len(visits) > 2 and self.happens(6):
            visits = visits[:-1]
        if len(visits) > 2 and visits[0]["pipeline_id"] == "p1" and self.happens(15):
            visits[0]["pipeline_id"], visits[0]["stage_id"] = "p2", self.pick("s1", "s4")
        known = set()
        for visit, after in zip(visits, [*visits[1:], None], strict=True):
            if visit["entered_at"] in known:
                continue
            known.add(visit["entered_at"])
            exited = None if after is None else after["entered_at"]
            if exited is not None and not visit["ends"] and self.happens(4):
                exited = visit["entered_at"] - timedelta(hours=5)
            self.add(
                "deal_stage_changes", connection, deal_id=deal_id, entered_at=visit["entered_at"],
                pipeline_id=visit["pipeline_id"], stage_id=visit["stage_id"], exited_at=exited, source="crm",
                deleted_at=self.maybe(3, self.now),
            )  # fmt: skip

    def history(self, connection: str, deal: Row, created: datetime) -> None:
        """Changes of what the KPIs look up in the past; the last one mostly agrees with the deal as it stands."""
        other: dict[str, Callable[[], Any]] = {
            "owner_id": lambda: self.pick("u1", "u2", "u5", "u6", None),
            "amount": lambda: self.pick("1500.25", "5000", "0", "-10", None),
            "close_date": lambda: self.pick("2025-12-31", "2026-01-01", "2026-03-31", None),
            "forecast_category": lambda: self.pick("commit", "best_case", None),
        }
        for name, value in other.items():
            instants = sorted({self.instant(after=created) for _ in range(self.pick(0, 0, 1, 2, 3))})
            before = None
            for place, changed_at in enumerate(instants):
                last = place == len(instants) - 1 and self.happens(90)
                present = None if deal[name] is None else str(deal[name])
                after = present if last else value()
                self.add(
                    "deal_field_changes", connection, deal_id=deal["id"], field=name, changed_at=changed_at,
                    old_value=before, new_value=after, source="crm", deleted_at=self.maybe(3, self.now),
                )  # fmt: skip
                before = after

    def lines(self, connection: str, deal: Row) -> None:
        """Line items: with and without a product, tied, negative, without an amount, deleted."""
        for number in range(self.pick(0, 0, 1, 2, 3, 4)):
            net = self.pick("500", "500", "1250.75", "-40.5", "9999.99", None)
            self.add(
                "line_items", connection, id=f"{deal['id']}-{self.pick(2, 10, 33)}-{number}", deal_id=deal["id"],
                product_id=self.pick("k1", "k2", "k3", "k404", None), quantity=Decimal(1),
                net_amount=None if net is None else Decimal(net), currency=deal["currency"],
                deleted_at=self.maybe(10, self.now),
            )  # fmt: skip

    # -------------------------------------------------------------------------------------------- activities

    def an_activity(self, connection: str, number: int) -> None:
        """Something that somebody did, and what it was about."""
        kind = self.pick("call", "call", "call", "email", "message", "meeting", "task", "note")
        occurred = self.maybe(97, self.instant())
        late = self.instant() if occurred is None else self.instant(after=occurred)
        done = self.maybe(60 if kind == "task" else 10, late)
        self.add(
            "activities", connection, id=str(number), type=kind,
            direction=self.pick("outbound", "outbound", "inbound", None), owner_id=self.pick(self.owner(), "u8"),
            occurred_at=occurred, completed_at=done, outcome=self.pick(*OUTCOMES[kind]),
            is_automated=self.pick(None, False, False, True), deleted_at=self.maybe(4, self.now),
        )  # fmt: skip
        about: Iterable[tuple[str, int]] = self.pick(
            (), (("deals", 1),), (("deals", 1),), (("deals", 3),), (("contacts", 1),), (("contacts", 2),),
            (("companies", 1),), (("contacts", 1), ("companies", 1)), (("deals", 1), ("contacts", 1)),
            (("leads", 1),),
        )  # fmt: skip
        for entity, links in about:
            many = self.deals // 2 + 2 if entity == "deals" else 13
            for id_ in self.dice.sample(range(1, many), k=links):
                self.add(
                    "activity_links", connection, activity_id=str(number), entity=entity, entity_id=str(id_),
                    deleted_at=self.maybe(6, self.now),
                )  # fmt: skip
