"""A company to whom everything happens that the KPI cards warn of: two CRMs, a folder of files, and no mercy."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from tests.kpi.world import CONNECTIONS, Author, Row, World

HUB, FORCE = CONNECTIONS
FILES = "files"
MIDNIGHTS = ("Asia/Tehran", "Europe/Istanbul", "America/New_York")
MICROSECOND = timedelta(microseconds=1)
MONEY = (None, "EUR", "EUR", "USD", "TRY", "GBP")  # nobody has a rate for pounds


def make_nasty(seed: int, *, deals: int = 60, days: int = 420) -> World:
    """A world with every source, and every trap of the rules in it."""
    return NastyAuthor(seed, deals=deals, days=days).world()


class NastyAuthor(Author):
    """Adds to a world what the cards of leads, customers, costs and markets need."""

    def world(self) -> World:
        """Everything written out."""
        world = super().world()
        for connection in CONNECTIONS:
            self.catalogue(connection)
            self.people(connection)
            self.midnights(connection)
            self.merged(connection)
            self.same_customer(connection)
            for number in range(1, self.deals + 1):
                self.a_lead(connection, number)
            self.meetings(connection)
            self.service(connection)
        self.orders(HUB)  # only one of them keeps orders: the other's won deals stand in
        self.splits(HUB)
        self.money()
        self.plans()
        self.market()
        self.contracts()
        for connection in CONNECTIONS:
            self.lead_funnel(connection)
        return world

    # -------------------------------------------------------------------------------------------- small things

    def day(self) -> date:
        """A local day of the world's time."""
        return self.instant().astimezone(self.zone).date()

    def ids(self, table: str, connection: str) -> list[str]:
        """The ids that a table has there."""
        return [row["id"] for row in self.rows.get(table, []) if row["connection"] == connection]

    def anybody(self, table: str, known: Sequence[str]) -> str | None:
        """An id as a file would have it: of one CRM only, of both, with its connection, of nobody."""
        one = self.pick(*known)
        found: str | None = self.pick(
            f"only-{table}-{self.pick(HUB, FORCE)}", one, f"{HUB}:{one}", f"{FORCE}:{one}", "nobody", None
        )
        return found

    # -------------------------------------------------------------------------------------------- both CRMs

    def catalogue(self, connection: str) -> None:
        """Prices and costs, in several currencies, now and then unknown; and what only this CRM has."""
        self.add("products", connection, id=f"only-products-{connection}", name="Единственный", is_active=True)
        self.add("teams", connection, id=f"only-teams-{connection}", name="یگانه")
        self.add("campaigns", connection, id="c2", name="Yılbaşı", channel="mail")
        channel = self.pick("fair", None)
        self.add("campaigns", connection, id=f"only-campaigns-{connection}", name="Одна", channel=channel)
        for product in self.rows["products"]:
            if product["connection"] == connection:
                product |= {
                    "list_price": self.maybe(80, Decimal(self.pick("100", "49.99", "2500"))),
                    "unit_cost": self.maybe(50, Decimal(self.pick("40", "12.345678", "0"))),
                    "currency": self.pick(*MONEY),
                }
        for line in self.rows.get("line_items", []):
            if line["connection"] == connection:
                line |= {
                    "quantity": self.pick(Decimal(1), Decimal(3), Decimal("0.5"), Decimal(-1), None),
                    "list_price": self.maybe(50, Decimal(self.pick("600", "99.99"))),
                    "unit_price": self.maybe(60, Decimal(self.pick("500", "80.333333"))),
                    "unit_cost": self.maybe(70, Decimal(self.pick("10", "333.333333", "0"))),
                }

    def people(self, connection: str) -> None:
        """Reps who never lost, never won, have left; a company and a person of one CRM only; an empty period."""
        self.add(
            "users", connection, id=f"only-users-{connection}", name="Непобедимый", role="rep",
            active_from=self.start,
        )  # fmt: skip
        self.add(
            "users", connection, id=f"left-{connection}", name="Gidenler", role="rep", is_active=True,
            deleted_at=self.now - timedelta(days=75),
        )  # fmt: skip
        self.add(
            "companies", connection, id=f"only-companies-{connection}", name="Tek", country=self.pick("TR", None),
            industry="Gıda", owner_id=f"only-users-{connection}",
        )  # fmt: skip
        self.add(
            "contacts", connection, id=f"only-contacts-{connection}", name="تنها",
            company_id=f"only-companies-{connection}", source="web",
        )  # fmt: skip
        for company in self.rows["companies"]:
            company |= {"owner_id": self.maybe(60, self.pick("u1", "u2")), "source": self.pick("web", "fair", None)}
        for number in range(3):
            day = self.day()
            self.add(
                "deals", connection, id=f"never-lost-{number}", pipeline_id="p1", stage_id="s5", amount=Decimal(1000),
                currency="EUR", is_closed=True, is_won=True, owner_id=f"only-users-{connection}", close_date=day,
                company_id=f"only-companies-{connection}", created_at=self.start + timedelta(days=number + 1),
            )  # fmt: skip

    def midnights(self, connection: str) -> None:
        """Deals, leads and tickets a microsecond before and at midnight, in three time zones."""
        day = (self.now - timedelta(days=45)).date().replace(day=1)
        for place, zone in enumerate(MIDNIGHTS):
            midnight = datetime.combine(day, time(0), tzinfo=ZoneInfo(zone)).astimezone(UTC)
            for side, instant in (("before", midnight - MICROSECOND), ("at", midnight)):
                id_ = f"{side}-{place}"
                self.add(
                    "deals", connection, id=id_, pipeline_id="p1", stage_id="s5", amount=Decimal(10), currency="EUR",
                    is_closed=True, is_won=True, closed_at=instant, created_at=instant - timedelta(days=40),
                    owner_id="u1", company_id="2",
                )  # fmt: skip
                self.add("leads", connection, id=id_, created_at=instant, source="web", owner_id="u1")
                self.add(
                    "tickets", connection, id=id_, created_at=instant, first_response_at=instant + timedelta(hours=2),
                    company_id="2", owner_id="u1", priority="high",
                )  # fmt: skip

    def merged(self, connection: str) -> None:
        """Companies, contacts and leads merged into others, in chains; what belonged to them stays theirs."""
        for id_, into in (("m1", "m2"), ("m2", "1"), ("m3", "5")):
            self.add(
                "companies", connection, id=id_, name="İki", country="DE", merged_into_id=into, deleted_at=self.now,
            )  # fmt: skip
            self.add(
                "contacts", connection, id=id_, name="دو", company_id=self.pick(None, id_), merged_into_id=into,
                deleted_at=self.now,
            )  # fmt: skip
            self.add(
                "leads", connection, id=id_, created_at=self.instant(), merged_into_id=into, deleted_at=self.now,
                source="fair",
            )  # fmt: skip
            day = self.day()
            self.add(
                "deals", connection, id=f"of-{id_}", pipeline_id="p2", stage_id="s5", amount=Decimal(700),
                currency="USD", is_closed=True, is_won=True, close_date=day, company_id=id_, owner_id="u2",
                created_at=self.instant(before=self.now), deal_type=None,
            )  # fmt: skip

    def same_customer(self, connection: str) -> None:
        """Two wins of a customer on one day, told apart by the closing time, then by id; and a return of goods."""
        day = (self.now - timedelta(days=70)).astimezone(self.zone).date()
        noon = datetime.combine(day, time(12), tzinfo=self.zone).astimezone(UTC)
        for id_, closed_at, source in (("x3", noon, "web"), ("x1", None, "fair"), ("x2", noon, "cold call")):
            self.add(
                "deals", connection, id=id_, pipeline_id="p1", stage_id="s6", amount=Decimal(250), currency="EUR",
                is_closed=True, is_won=True, close_date=day, closed_at=closed_at, company_id="8", source=source,
                created_at=noon - timedelta(days=20), owner_id="u4",
            )  # fmt: skip
        later = day + timedelta(days=20)
        self.add(
            "deals", connection, id="x4", pipeline_id="p1", stage_id="s5", amount=Decimal(-250), currency="EUR",
            is_closed=True, is_won=True, close_date=later, company_id="8", created_at=noon, owner_id="u4",
        )  # fmt: skip
        for id_, deal_id, product, quantity in (
            ("x1-1", "x1", "k1", 2), ("x1-2", "x1", "k2", 1), ("x2-1", "x2", "k1", 1), ("x4-1", "x4", "k2", 1),
        ):  # fmt: skip
            self.add(
                "line_items", connection, id=id_, deal_id=deal_id, product_id=product, quantity=Decimal(quantity),
                net_amount=Decimal(-250 if deal_id == "x4" else 125), unit_cost=self.maybe(80, Decimal(50)),
            )  # fmt: skip

    # -------------------------------------------------------------------------------------------- leads

    def a_lead(self, connection: str, number: int) -> None:
        """A lead: qualified or not, converted to any deal, to none, to an unknown one, or matched by contact."""
        created = self.instant()
        qualified = self.maybe(45, self.instant(after=created))
        converted = self.maybe(35, self.instant(after=created))
        deal = str(self.dice.randrange(1, self.deals // 2 + 3))
        self.add(
            "leads", connection, id=str(number), name=f"سرنخ {number}", created_at=self.maybe(96, created),
            contact_id=self.maybe(60, self.pick("m1", "99", *map(str, range(1, 13)))),
            company_id=self.maybe(50, self.pick("m3", "404", *map(str, range(1, 13)))),
            owner_id=self.owner(), source=self.pick(None, "web", "fair", "cold call"),
            source_category=self.maybe(15, self.pick("marketing", "partner")),
            campaign_id=self.pick(None, None, "c1", "c2", "c9"), status=self.pick("new", "working", None),
            stage_id=self.pick("l1", "l2", None), qualified_at=qualified,
            qualified_level=None if qualified is None else self.pick("MQL", "SQL", "SAL", None),
            converted_at=converted, converted_deal_id=None if converted is None else self.maybe(75, deal),
            first_contacted_at=self.maybe(20, self.instant()), disqualified_at=self.maybe(10, self.instant()),
            deleted_at=self.maybe(4, self.instant()),
        )  # fmt: skip
        for _ in range(self.pick(0, 0, 1, 2, 4)):
            self.a_touch(connection, number, created)

    def lead_funnel(self, connection: str) -> None:
        """A pipeline for leads: entered from the first stage or in the middle, back and forth, into an unknown one."""
        stages = {"l1": (0, False), "l2": (1, False), "l3": (2, False), "l8": (3, True), "l9": (4, True)}
        self.add("pipelines", connection, id="leads", name="سرنخ‌ها", object="lead")
        for id_, (order, closed) in stages.items():
            self.add(
                "stages", connection, pipeline_id="leads", id=id_, name=id_, sort_order=order, is_closed=closed,
                is_won=id_ == "l8",
            )  # fmt: skip
        for lead in self.ids("leads", connection):
            instants = sorted({self.instant() for _ in range(self.pick(0, 1, 2, 3, 5))})
            path = sorted((self.pick(*stages, "l1", "unknown") for _ in instants), reverse=self.happens(15))
            for instant, stage in zip(instants, path, strict=True):
                self.add(
                    "lead_stage_changes", connection, lead_id=lead, changed_at=instant, to_stage=stage,
                    deleted_at=self.maybe(4, self.now),
                )  # fmt: skip

    def a_touch(self, connection: str, lead: int, created: datetime) -> None:
        """Something done about a lead: at once, within two weeks, on the last second of them, much later."""
        count = len(self.rows["activities"])
        occurred = created + timedelta(days=self.pick(0, 1, 3, 14, 15, 40), seconds=self.pick(0, 0, 1))
        self.add(
            "activities", connection, id=f"touch-{count}", type=self.pick("call", "email", "meeting", "message"),
            direction=self.pick("outbound", "outbound", "inbound", None), owner_id=self.owner(), occurred_at=occurred,
            outcome=self.pick("connected", "completed", "no_show", "sent", "bounced", "canceled", None),
            is_automated=self.pick(False, False, False, True, None), subject=self.pick(None, "Ürün Demosu", "ادامه"),
        )  # fmt: skip
        for entity, id_ in (("leads", str(lead)), ("contacts", self.pick("1", "m1", "m3"))):
            if self.happens(85 if entity == "leads" else 25):
                self.add("activity_links", connection, activity_id=f"touch-{count}", entity=entity, entity_id=id_)

    def meetings(self, connection: str) -> None:
        """Invitations answered in every way, to people invited twice, to meetings that never were."""
        for activity in list(self.rows["activities"]):
            if activity["connection"] != connection or activity["type"] not in ("meeting", "call"):
                continue
            activity["subtype"] = self.pick(None, "demo", "Demo", "intro")
            if self.happens(10):
                activity["outcome"] = "rescheduled"
            for contact in self.dice.sample(("1", "2", "3", "m1", "77"), k=self.pick(0, 1, 2, 3)):
                self.add(
                    "meeting_invites", connection, activity_id=activity["id"], contact_id=contact,
                    status=self.pick("accepted", "declined", "invited", None), deleted_at=self.maybe(6, self.now),
                )  # fmt: skip

    def service(self, connection: str) -> None:
        """Requests with and without an answer; opinions of every scale, some of them twice or off the scale."""
        companies = ("1", "2", "5", "8", "m1", "404", None)
        for number in range(60):
            came = self.instant()
            self.add(
                "tickets", connection, id=f"t{number}", company_id=self.pick(*companies), owner_id=self.owner(),
                priority=self.pick("high", "low", None), created_at=self.maybe(95, came),
                first_response_at=self.pick(None, came, came + timedelta(minutes=7), came - timedelta(hours=1)),
                deleted_at=self.maybe(5, self.now),
            )  # fmt: skip
            kind = self.pick("NPS", "NPS", "nps", "CSAT", "CES", "review", "other", None)
            self.add(
                "survey_responses", connection, id=f"r{number}", type=kind,
                score=self.pick(None, *map(Decimal, ("0", "3", "4", "5", "6", "6.5", "7", "8", "9", "10", "11"))),
                sentiment=self.maybe(25, self.pick("positive", "Neutral", "negative", "?")),
                responded_at=self.maybe(95, self.pick(self.instant(), self.start + timedelta(days=100))),
                company_id=self.pick(*companies), contact_id=self.pick("1", "2", "3", "m1", "m3", None),
                survey_id=self.pick("spring", "autumn", None), deleted_at=self.maybe(5, self.now),
            )  # fmt: skip

    def orders(self, connection: str) -> None:
        """Orders beside deals: with a deal, without one, canceled, free, negative, in pounds, without a day."""
        for number in range(40):
            self.add(
                "orders", connection, id=f"o{number}", company_id=self.pick("1", "2", "8", "m1", None),
                deal_id=self.maybe(60, str(self.dice.randrange(1, self.deals // 2 + 3))),
                ordered_on=self.maybe(85, self.day()), status=self.pick("paid", "Draft", "canceled", None),
                amount=self.pick(None, *map(Decimal, ("0", "-5", "120.5", "99.999999", "5000"))),
                currency=self.pick(*MONEY), deleted_at=self.maybe(6, self.now),
            )  # fmt: skip

    def splits(self, connection: str) -> None:
        """Shares of deals: whole, short of a hundred, overlay. By default they change nothing."""
        for number in range(1, 12):
            for user, percent in self.dice.sample((("u1", 50), ("u2", 50), ("u3", 30)), k=self.pick(1, 2, 3)):
                self.add(
                    "deal_splits", connection, id=f"{number}-{user}", deal_id=str(number), user_id=user,
                    percent=Decimal(percent), kind=self.pick("revenue", "revenue", "overlay"),
                )  # fmt: skip

    # -------------------------------------------------------------------------------------------- files

    def money(self) -> None:
        """Spend by day and by stretch, in three currencies, one of them without a rate; tagged, untagged, negative."""
        for number in range(70):
            day = self.day()
            stretch = self.happens(40)
            self.add(
                "spend", self.pick(FILES, FILES, HUB), id=f"s{number}",
                spent_on=None if stretch else self.maybe(95, day),
                period_start=day if stretch else None,
                period_end=day + timedelta(days=self.pick(1, 7, 30, 92)) if stretch else None,
                category=self.pick("marketing", "marketing", " Marketing", "sales", "enablement", "other", None),
                campaign_id=self.maybe(50, self.anybody("campaigns", ("c1", "c2"))),
                source=self.pick(None, "web", "fair"), team=self.maybe(40, self.anybody("teams", ("t1", "t2"))),
                amount=self.pick(None, *map(Decimal, ("100", "1000.01", "-50", "333.333333", "0"))),
                currency=self.pick("EUR", "EUR", "USD", "TRY", "GBP"), deleted_at=self.maybe(5, self.now),
            )  # fmt: skip
        rates = ("USD", "EUR", "0.95"), ("EUR", "USD", "1.05"), ("TRY", "USD", "0.02")
        for number, (source, target, rate) in enumerate(rates):
            since = (self.start + timedelta(days=90 * number)).date()
            self.add(
                "exchange_rates", FILES, id=f"f{number}", from_currency=source, to_currency=target,
                effective_from=since, rate=Decimal(rate),
            )  # fmt: skip
        for number in range(12):
            self.add(
                "unit_costs", FILES, id=f"k{number}", product_id=self.anybody("products", ("k1", "k2", "k3")),
                valid_from=self.day(), cost=Decimal(self.pick("5", "17.5")), currency=self.pick(*MONEY),
                deleted_at=self.maybe(8, self.now),
            )  # fmt: skip

    def plans(self) -> None:
        """Targets: of the company, teams and owners, for months and quarters, in two versions, of another currency."""
        first = self.now.date().replace(day=1)
        months = sorted({(first - timedelta(days=30 * back)).replace(day=1) for back in range(8)})
        scopes: tuple[tuple[str | None, str | None], ...] = (
            ("company", None), ("team", f"{HUB}:t1"), ("owner", f"{HUB}:u1"), ("owner", f"{HUB}:u2"),
            ("owner", f"only-users-{FORCE}"), ("user", "u3"), ("pipeline", f"{FORCE}:p1"), ("region", "Anadolu"),
            ("product", "only-products-alpha-hub"),
        )  # fmt: skip
        count = 0
        for scope_type, scope_id in scopes:
            for month in months:
                for version in range(self.pick(0, 1, 1, 2)):
                    count += 1
                    self.add(
                        "targets", FILES, id=f"g{count}", kpi_key=self.pick("revenue", "revenue", "won_deals_count"),
                        scope_type=scope_type, scope_id=scope_id, period_start=month,
                        period_end=(month + timedelta(days=32)).replace(day=1),
                        value=self.pick(*map(Decimal, ("1000", "250000", "0", "0.01"))),
                        currency=self.pick("EUR", None, "USD"), version=str(version),
                        valid_from=self.pick(None, self.start, self.now + timedelta(days=9)),
                        deleted_at=self.maybe(5, self.now),
                    )  # fmt: skip

    def market(self) -> None:
        """Prices of competitors: fresh, stale, twice on a day, in pounds; trainings, done and not."""
        today = self.now.astimezone(self.zone).date()
        for number in range(60):
            self.add(
                "competitor_prices", FILES, id=f"p{number}", product_id=self.anybody("products", ("k1", "k2", "k3")),
                competitor=self.pick("Acme", "رقیب", None), price=self.pick(None, Decimal(80), Decimal("120.5")),
                currency=self.pick(*MONEY), region=self.pick(None, "Ege"),
                observed_on=self.pick(self.day(), self.day(), today - timedelta(days=self.pick(0, 89, 90, 91))),
                deleted_at=self.maybe(5, self.now),
            )  # fmt: skip
            self.add(
                "training_events", FILES, id=f"e{number}", user_id=self.anybody("users", ("u1", "u2", "u21")),
                title="Müzakere", hours=self.pick(None, Decimal("1.5")),
                status=self.pick("completed", "enrolled", None),
                completed_on=self.maybe(85, self.day()), deleted_at=self.maybe(5, self.now),
            )  # fmt: skip

    def contracts(self) -> None:
        """Subscriptions that overlap, end, come back, begin in the future, are nobody's; and what is used of them."""
        today = self.now.astimezone(self.zone).date()
        for number in range(36):
            begin = self.day() - timedelta(days=self.pick(0, 0, 200))
            company = self.anybody("companies", ("1", "2", "5", "8", "m1", "m3"))
            end = self.maybe(55, begin + timedelta(days=self.pick(0, 30, 90, 365)))
            self.a_contract(f"n{number}", company, self.maybe(97, begin), end)
            if end is not None and self.happens(40):  # came back, at once or after a pause
                self.a_contract(f"n{number}-again", company, end + timedelta(days=self.pick(0, 5, 40)), None)
        self.a_contract("future", f"{HUB}:9", today + timedelta(days=30), None)
        for number in range(30):
            self.add(
                "product_usage", FILES, id=f"w{number}", company_id=self.anybody("companies", ("1", "2", "8")),
                product_id=self.anybody("products", ("k1", "k2")), day=self.day(),
                active_users=self.pick(None, 0, 3), events=self.pick(None, 0, 10),
            )  # fmt: skip

    def a_contract(self, id_: str, company: str | None, begin: date | None, end: date | None) -> None:
        """One subscription."""
        self.add(
            "subscriptions", FILES, id=id_, company_id=company, start_date=begin, end_date=end,
            product_id=self.anybody("products", ("k1", "k2")), mrr=self.pick(None, Decimal(100), Decimal("49.9")),
            currency=self.pick(*MONEY), status=self.pick("active", "canceled", None),
            deleted_at=self.maybe(4, self.now),
        )  # fmt: skip


def without(world: World, *tables: str) -> World:
    """The same world where some sources were never connected."""
    rows: dict[str, list[Row]] = {name: rows for name, rows in world.rows.items() if name not in tables}
    return replace(world, rows=rows)
