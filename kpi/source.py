"""Columns out of the store into DuckDB: Arrow streams through ADBC, and only what the facts need.

Deals, activities and what hangs on them come live only. What gives them names, countries, sources comes with its
tombstones: what a deleted company was stays told.
"""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
from duckdb import DuckDBPyConnection
from sqlalchemy import Table

from kpi.copier import LOST, Step
from kpi.copier import copy as copy_rows
from store.columns import DecimalType, InstantType, JsonType
from store.database import Database
from store.records import (
    Account,
    Activity,
    ActivityLink,
    Campaign,
    Company,
    CompetitorPrice,
    Contact,
    Deal,
    DealContact,
    DealFieldChange,
    DealSplit,
    DealStageChange,
    ExchangeRate,
    Lead,
    LeadStageChange,
    LineItem,
    MeetingInvite,
    Order,
    Pipeline,
    Product,
    ProductUsage,
    Spend,
    Stage,
    Subscription,
    SurveyResponse,
    Target,
    Team,
    TeamMembership,
    Ticket,
    TrainingEvent,
    UnitCost,
    User,
)
from store.schema import TABLES

TYPES: Mapping[str, tuple[str, str]] = {
    "text": ("''", "{}"),
    "instant": ("'2000-01-01 00:00:00.000000'", "CAST({} AS TIMESTAMP)"),
    "day": ("'2000-01-01'", "CAST({} AS DATE)"),
    "decimal": ("0.5", "exact({})"),
    "double": ("0.5", "CAST({} AS DOUBLE)"),
    "json": ("''", "{}"),
    "bool": ("0", "CAST({} AS BOOLEAN)"),
    "int": ("0", "CAST({} AS BIGINT)"),
}
"""Of each kind: a typed value to lead a SQLite stream with, and how DuckDB reads it."""
EXACT = """CREATE OR REPLACE MACRO exact(x) AS
    CASE WHEN abs(CAST(x AS DOUBLE)) < 1e9 THEN CAST(x AS DECIMAL(38, 6))
    ELSE CAST(CAST(x AS VARCHAR) AS DECIMAL(38, 6)) END"""
LIVE = "deleted_at IS NULL AND merged_into_id IS NULL"
LIVE_DETAIL = "deleted_at IS NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """What of one table is copied, and under which name. `decimals` says what they become: decimal or double."""

    table: Table
    columns: tuple[str, ...]
    where: str = "1 = 1"
    into: str = ""
    decimals: str = "decimal"


def _copy(record: type[Any], columns: str, where: str = "1 = 1") -> Copy:
    return Copy(table=TABLES[record], columns=tuple(columns.split()), where=where)


COPIES = (
    _copy(Account, "connection base_currency time_zone fiscal_year_start week_start", LIVE),
    _copy(User, "connection id name email role is_active active_from active_to updated_at deleted_at "
          "merged_into_id"),
    _copy(Team, "connection id name"),
    _copy(TeamMembership, "connection user_id team_id is_primary valid_from valid_to deleted_at"),
    _copy(Company, "connection id name country region industry employees size_band owner_id source deleted_at "
          "merged_into_id"),
    _copy(Contact, "connection id company_id email owner_id source country deleted_at merged_into_id"),
    _copy(Lead, "connection id contact_id company_id owner_id source source_category campaign_id status stage_id "
          "first_contacted_at qualified_at qualified_level converted_at converted_deal_id disqualified_at created_at "
          "deleted_at merged_into_id"),
    _copy(LeadStageChange, "connection lead_id changed_at to_stage", LIVE_DETAIL),
    _copy(Campaign, "connection id name channel start_date end_date budget actual_cost currency deleted_at"),
    _copy(Pipeline, "connection id name object include_in_kpis"),
    _copy(Stage, "connection pipeline_id id name sort_order is_closed is_won"),
    _copy(Deal, "connection id pipeline_id stage_id owner_id company_id primary_contact_id amount currency fx_rate "
          "probability forecast_category close_date closed_at is_closed is_won deal_type source source_category "
          "campaign_id channel region lost_reason created_at", LIVE),
    _copy(DealStageChange, "connection deal_id entered_at pipeline_id stage_id exited_at", LIVE_DETAIL),
    _copy(DealFieldChange, "connection deal_id field changed_at new_value",
          LIVE_DETAIL + " AND field IN ('amount', 'owner_id', 'forecast_category', 'close_date')"),
    _copy(DealContact, "connection deal_id contact_id", LIVE_DETAIL),
    _copy(Product, "connection id name list_price unit_cost currency"),
    _copy(LineItem, "connection id deal_id product_id quantity list_price unit_price unit_cost net_amount", LIVE),
    _copy(DealSplit, "connection id deal_id user_id percent amount kind", LIVE),
    _copy(Order, "connection id deal_id company_id ordered_on amount currency status deleted_at merged_into_id"),
    _copy(Spend, "connection id spent_on period_start period_end category campaign_id source team amount currency",
          LIVE),
    _copy(UnitCost, "connection id product_id valid_from cost currency", LIVE),
    _copy(TrainingEvent, "connection id user_id kind hours status completed_on", LIVE),
    _copy(CompetitorPrice, "connection id product_id competitor price currency region observed_on", LIVE),
    _copy(ExchangeRate, "connection id from_currency to_currency effective_from rate", LIVE),
    _copy(Target, "connection id kpi_key scope_type scope_id period_start period_end value currency version "
          "valid_from", LIVE),
    _copy(Activity, "connection id type subtype direction owner_id occurred_at completed_at outcome is_automated",
          LIVE + " AND type IN ('call', 'email', 'message', 'meeting', 'task')"),
    _copy(ActivityLink, "connection activity_id entity entity_id",
          LIVE_DETAIL + " AND entity IN ('deals', 'contacts', 'companies', 'leads')"),
    replace(_copy(Deal, "connection id merged_into_id", "merged_into_id IS NOT NULL"), into="merged_deals"),
    replace(_copy(Activity, "connection id subject", LIVE + " AND type = 'meeting' AND subject IS NOT NULL"),
            into="meeting_titles"),
    _copy(MeetingInvite, "connection activity_id contact_id status", LIVE_DETAIL),
    _copy(Ticket, "connection id company_id owner_id priority created_at first_response_at", LIVE),
    _copy(SurveyResponse, "connection id type score sentiment responded_at company_id contact_id survey_id", LIVE),
    _copy(Subscription, "connection id company_id product_id mrr currency start_date end_date", LIVE),
    _copy(ProductUsage, "connection id company_id product_id day active_users events", LIVE),
)  # fmt: skip


class UnreadableStoreError(Exception):
    """The process that reads the SQLite file failed; its own words are in the message."""


class Source:
    """A way to copy columns of a store into a DuckDB, through files in `folder` where the store is SQLite."""

    def __init__(self, database: Database, duck: DuckDBPyConnection, folder: Path, *, memory: str) -> None:
        self._database, self._duck, self._folder, self._memory = database, duck, folder, memory
        self._files = 0

    @property
    def is_sqlite(self) -> bool:
        """Whether the store is a SQLite file."""
        return self._database.is_sqlite

    def copy(self, copies: Sequence[Copy]) -> None:
        """Copy tables, all as of one moment of the store. Raises LostRowsError where something got lost."""
        steps = [step_of(copy, is_sqlite=self._database.is_sqlite) for copy in copies]
        if self._database.is_sqlite:
            self._copy_sqlite(copies, steps)
        else:
            self._copy_postgresql(steps)

    def _copy_sqlite(self, copies: Sequence[Copy], steps: list[Step]) -> None:
        self._files += 1
        name = f"source_{self._files}"
        target = self._folder / f"{name}.duckdb"
        plan = {
            "database": self._database.url.database,
            "target": str(target),
            "memory": self._memory,
            "prepare": EXACT,
            "steps": steps,
        }
        child = subprocess.run(  # noqa: S603  # our own interpreter and module
            [sys.executable, str(Path(__file__).with_name("copier.py"))],
            input=orjson.dumps(plan),
            capture_output=True,
            check=False,
        )
        if child.returncode:
            raise UnreadableStoreError(child.stderr.decode(errors="replace").strip())
        self._duck.execute(f"ATTACH '{target}' AS {name} (READ_ONLY)")
        for copy in copies:
            self._duck.execute(f"CREATE OR REPLACE VIEW {_name(copy)} AS SELECT * FROM {name}.{_name(copy)}")

    def _copy_postgresql(self, steps: list[Step]) -> None:
        from adbc_driver_postgresql import dbapi  # type: ignore[import-untyped]  # it has no stubs

        self._duck.execute(EXACT)
        address = self._database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        with dbapi.connect(address, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            copy_rows(cursor, self._duck, steps)
            cursor.execute("COMMIT")


def _name(copy: Copy) -> str:
    return copy.into or copy.table.name


def kinds_of(copy: Copy) -> dict[str, str]:
    """What each of its columns is: one of `TYPES`."""
    return {name: _kind(copy.table, name, copy.decimals) for name in copy.columns}


def step_of(copy: Copy, *, is_sqlite: bool) -> Step:
    """The SQL of one copy. SQLite streams are led by a typed row: the driver takes types from what comes first.

    Each row comes with a number that tells which of its columns the source had filled, so that a value that gets lost
    is an error; a last row, -1, says that the stream came to its end, and is counted by the sequence `ends`.
    """
    kinds = kinds_of(copy)
    bits = (f"CASE WHEN {name} IS NULL THEN 0 ELSE {2 << place} END" for place, name in enumerate(kinds))
    filled, none = " + ".join(["1", *bits]), ", ".join("NULL" for _ in kinds)
    rows = ", ".join(name if is_sqlite else _cast(name, kind) for name, kind in kinds.items())
    lead = ", ".join(f"{TYPES[kind][0]} AS {name}" for name, kind in kinds.items())
    body = f"SELECT {filled} AS filled, {rows} FROM {copy.table.name} WHERE {copy.where} UNION ALL SELECT -1, {none}"
    read = ", ".join(f"{TYPES[kind][1].format(name)} AS {name}" for name, kind in kinds.items())
    return {
        "query": f"SELECT 0 AS filled, {lead} UNION ALL {body}" if is_sqlite else body,
        "create": f"CREATE OR REPLACE TABLE {_name(copy)} AS SELECT {read} FROM incoming WHERE CASE "
        f"WHEN filled = 0 THEN false WHEN filled = -1 THEN nextval('ends') IS NULL WHEN filled = {filled} THEN true "
        f"ELSE error('{LOST}') END",
    }


def _cast(name: str, kind: str) -> str:
    if kind == "instant":
        return f"{name} AT TIME ZONE 'UTC' AS {name}"
    return f"CAST({name} AS text) AS {name}" if kind in ("decimal", "double", "json") else name


def _kind(table: Table, name: str, decimals: str) -> str:
    kind = table.c[name].type
    if isinstance(kind, InstantType):
        return "instant"
    if isinstance(kind, DecimalType):
        return decimals
    if isinstance(kind, JsonType):
        return "json"
    return {"date": "day", "bool": "bool", "int": "int"}.get(kind.python_type.__name__, "text")


def accounts(database: Database) -> list[dict[str, object]]:
    """The connected accounts, by connection: they fill what the settings leave open."""
    table = TABLES[Account]
    with database.read() as tx:
        rows = tx.execute(table.select().where(table.c.deleted_at.is_(None)).order_by(table.c.connection))
        return [dict(row._mapping) for row in rows]
