"""A ledger for tests: a company written straight into the store, computed, and asked for single values."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import orjson

from kpi.engine import Computation, compute
from kpi.settings import KpiSettings
from store.database import Database
from store.records import Account, Deal, Pipeline, Stage, Statement, Team, TeamMembership, User
from store.schema import TABLES
from store.snapshots import latest
from store.upsert import upsert

NOW = datetime(2026, 6, 15, 10, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Ledger:
    """One connection, `crm`, with pipeline `p` (stages new, offer, won, lost) and reporting in EUR and UTC."""

    def __init__(self, database: Database, *, only: tuple[str, ...] | None = None, **account: Any) -> None:
        self.database = database
        self.settings = KpiSettings(calendars=("gregorian",), include=only)
        self.add(Account, id="1", **{"base_currency": "EUR", "time_zone": "UTC", **account})
        self.add(Pipeline, id="p", name="Sales")
        for order, (name, closed) in enumerate((("new", False), ("offer", False), ("won", True), ("lost", True))):
            self.add(
                Stage, pipeline_id="p", id=name, name=name, sort_order=order, is_closed=closed, is_won=name == "won"
            )
        for name in ("ann", "bob"):
            self.add(User, id=name, name=name.title(), is_active=True, role="rep")
        self.add(Team, id="t", name="Team")
        self.add(TeamMembership, user_id="ann", team_id="t")

    def set(self, **settings: Any) -> None:
        """Change settings."""
        self.settings = KpiSettings(**{**self.settings.model_dump(exclude_defaults=True), **settings})

    def add(self, record: type[Statement], **values: Any) -> None:
        """Write a row, or change it."""
        row = {"connection": "crm", "first_seen_at": LONG_AGO, "last_seen_at": LONG_AGO, **values}
        with self.database.write() as tx:
            upsert(tx, TABLES[record], [row])

    def deal(self, id: str, **values: Any) -> None:
        """An open deal of Ann's for 100 EUR, made on 1 March 2026, or what is said."""
        common = {"pipeline_id": "p", "stage_id": "new", "owner_id": "ann", "amount": Decimal(100), "currency": "EUR",
                  "is_closed": False, "is_won": False, "created_at": at("2026-03-01 09:00")}  # fmt: skip
        self.add(Deal, id=id, **{**common, **values})

    def won(self, id: str, day: str, **values: Any) -> None:
        """A deal won on a day."""
        closing = {"stage_id": "won", "is_closed": True, "is_won": True, "close_date": date.fromisoformat(day)}
        self.deal(id, **{**closing, "closed_at": at(f"{day} 12:00"), **values})

    def lost(self, id: str, day: str, **values: Any) -> None:
        """A deal lost on a day."""
        self.won(id, day, **{"stage_id": "lost", "is_won": False, **values})

    def compute(self, now: datetime = NOW) -> Computation:
        """Compute, and hold the invariants."""
        done = compute(self.database, self.settings, now=now)
        assert not done.broken
        return done

    def row(
        self, key: str, start: str, grain: str = "month", calendar: str = "gregorian", **dims: str
    ) -> Mapping[str, Any]:
        """The newest row of a series."""
        found = self.rows(key, period_start=date.fromisoformat(start), grain=grain, calendar=calendar, dims=dims)
        assert len(found) == 1, f"{len(found)} rows"
        return found[0]

    def rows(self, key: str, *, dims: Mapping[str, str] | None = None, **where: Any) -> list[Mapping[str, Any]]:
        """The newest rows of a KPI."""
        with self.database.read() as tx:
            rows = [dict(row) for row in latest(tx, kpi_key=key, **where)]
        return [row for row in rows if dims is None or row["dims"] == dims]

    def value(self, key: str, start: str = "2026-04-01", grain: str = "month", **dims: str) -> Any:
        """A value, or the status of a missing one."""
        row = self.row(key, start, grain, **dims)
        return row["status"] if row["value"] is None else row["value"]

    def everything(self) -> dict[str, Any]:
        """Every value by its series, to compare two ledgers."""
        with self.database.read() as tx:
            return {
                row["series"]: orjson.dumps(
                    [row["kpi_key"], row["grain"], row["period_start"], row["dims"], str(row["value"]), row["n"],
                     row["status"], str(row["numerator"]), str(row["denominator"]), row["flags"], row["coverage"]]
                )
                for row in latest(tx)
            }  # fmt: skip
