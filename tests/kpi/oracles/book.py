"""What the ADR says once for all KPIs, as plain loops over rows: scope, days, rates, owners, teams, dimensions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tests.kpi.oracles.bands import age_band, close_date_bucket, deal_size_band, probability_band, size_band
from tests.kpi.oracles.cells import Period
from tests.kpi.oracles.rows import (
    NONE,
    Row,
    activity_instant,
    is_call,
    is_live,
    is_negative,
    is_rep_activity,
    key_of,
    parsed,
    qualified,
    stage_member,
)

EXCLUDED_LOSS_REASONS = ("duplicate", "merged", "test")
LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(9000, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A deal as a KPI sees it: at its closing, at its creation, or at a moment while it was open.

    `instant` settles the team; `day` settles the rate, the age and the close date bucket. Where it is one person's
    part of a deal, `credit` is what that is worth.
    """

    deal: Row
    day: date
    instant: datetime
    owner_id: str | None
    pipeline_id: str | None
    stage_id: str | None
    amount: Decimal | None
    forecast_category: str | None
    close_date: date | None
    share: Decimal = Decimal(1)
    credit: Decimal | None = None


class Book:
    """All rows of a store, and the questions that several KPIs ask of them."""

    def __init__(
        self,
        rows: Mapping[str, Sequence[Row]],
        *,
        now: datetime,
        currency: str | None = None,
        time_zone: str | None = None,
        region_map: Mapping[str, str] | None = None,
        source_map: Mapping[str, str] | None = None,
        excluded_loss_reasons: Sequence[str] = EXCLUDED_LOSS_REASONS,
        funnel_mode: str = "reached",
        credit_mode: str = "owner",
    ) -> None:
        self.rows = rows
        self.now = now
        self.region_map = region_map or {}
        self.source_map = source_map or {}
        self.excluded_loss_reasons = excluded_loss_reasons
        self.funnel_mode = funnel_mode
        self.credit_mode = credit_mode
        accounts = sorted(self.table("accounts"), key=lambda row: row["connection"])
        self.account_of = {row["connection"]: row for row in accounts}
        first_account: Row = accounts[0] if accounts else {"base_currency": None, "time_zone": None}
        self.currency = currency or first_account["base_currency"]
        self.zone = ZoneInfo(time_zone or first_account["time_zone"] or "UTC")
        self.today = self.day_of(now)
        self._ends: dict[date, datetime] = {}
        self.memo: dict[str, Any] = {}

        self.companies = self.by_id("companies")
        self.contacts = self.by_id("contacts")
        self.users = self.by_id("users")
        self.pipelines = self.by_id("pipelines")
        self.stages = {(s["connection"], s["pipeline_id"], s["id"]): s for s in self.table("stages")}
        self.visits = self.live_by("deal_stage_changes", "deal_id")
        self.changes = self.live_by("deal_field_changes", "deal_id")
        self.lines = self.live_by("line_items", "deal_id")
        self.parts = self.live_by("deal_contacts", "deal_id")
        self.splits = self.live_by("deal_splits", "deal_id")
        self.links = self.live_by("activity_links", "activity_id")
        self.memberships = self.by("team_memberships", "user_id")
        self.deals = [deal for deal in self.table("deals") if self.in_scope(deal)]
        self.deal = {(deal["connection"], deal["id"]): deal for deal in self.deals}
        self.wins_of_company: dict[tuple[str, str], list[date]] = {}
        for deal in self.deals:
            day = self.close_day(deal)
            if self.is_won_deal(deal) and deal["company_id"] is not None and day is not None:
                company = self.survivor("companies", deal["connection"], deal["company_id"])
                self.wins_of_company.setdefault(company, []).append(day)
        self.closings = [sight for deal in self.deals if (sight := self.at_closing(deal)) is not None]
        self.creations = [sight for deal in self.deals if (sight := self.at_creation(deal)) is not None]
        self._open: dict[tuple[date, bool], list[Sight]] = {}

    # -------------------------------------------------------------------------------------------- rows

    def table(self, name: str) -> Sequence[Row]:
        """All rows of a table."""
        return self.rows.get(name, ())

    def by_id(self, name: str) -> dict[tuple[str, str], Row]:
        """Rows by connection and id."""
        return {(row["connection"], row["id"]): row for row in self.table(name)}

    def by(self, name: str, column: str) -> dict[tuple[str, str], list[Row]]:
        """Rows by connection and what they belong to."""
        found: dict[tuple[str, str], list[Row]] = {}
        for row in self.table(name):
            found.setdefault((row["connection"], row[column]), []).append(row)
        return found

    def live_by(self, name: str, column: str) -> dict[tuple[str, str], list[Row]]:
        """The same of live rows."""
        return {key: [row for row in rows if is_live(row)] for key, rows in self.by(name, column).items()}

    def first_day(self) -> date:
        """The day of the first event of all: where the periods begin."""
        days: list[date | None] = []
        for deal in self.deals:
            days.append(self.created_day(deal))
            if self.is_closed(deal):
                days.append(self.close_day(deal))
            for visit in self.visits.get(key_of(deal), []):
                days.append(self.day_of(visit["entered_at"]))
                if visit["exited_at"] is not None and visit["exited_at"] >= visit["entered_at"]:
                    days.append(self.day_of(visit["exited_at"]))
        for activity in self.table("activities"):
            if is_rep_activity(activity) or is_call(activity):
                days.append(self.day_or_none(activity_instant(activity)))
        for table, column in (("leads", "created_at"), ("tickets", "created_at"), ("survey_responses", "responded_at")):
            days += [self.day_or_none(row[column]) for row in self.table(table) if is_live(row)]
        for table, column in (("orders", "ordered_on"), ("training_events", "completed_on")):
            days += [row[column] for row in self.table(table) if is_live(row)]
        return min((day for day in days if day is not None), default=self.today)

    def has_rows(self, name: str, **values: str) -> bool:
        """Whether a table ever had a row, with these texts in it where they are given: whether its source is there."""
        return any(
            all((row[column] or "").strip().lower() == value for column, value in values.items())
            for row in self.table(name)
        )

    def survivor(self, table: str, connection: str, id_: str) -> tuple[str, str]:
        """The record that an id means after all merges (R5, R19)."""
        rows = self.index(table)
        for _ in range(20):
            row = rows.get((connection, id_))
            if row is None or row["merged_into_id"] is None:
                break
            id_ = row["merged_into_id"]
        return connection, id_

    def folded(self, table: str, connection: str, id_: str | None) -> Row:
        """The row of an id after all merges; an empty one where there is none."""
        empty: Row = {}
        return empty if id_ is None else self.index(table).get(self.survivor(table, connection, id_), empty)

    def index(self, table: str) -> dict[tuple[str, str], Row]:
        """Rows by connection and id, made once."""
        key = f"index of {table}"
        if key not in self.memo:
            self.memo[key] = self.by_id(table)
        found: dict[tuple[str, str], Row] = self.memo[key]
        return found

    def home(self, table: str, connection: str, id_: str | None) -> tuple[str, str] | None:
        """What an id in a row of one connection means: its own record, else that of the one connection that has it."""
        if id_ is None:
            return None
        named, colon, rest = id_.partition(":")
        if colon and named in self.account_of:
            return named, rest
        rows = self.index(table)
        if (connection, id_) in rows:
            return connection, id_
        others = [other for other in self.account_of if (other, id_) in rows]
        return (others[0] if len(others) == 1 else connection), id_

    # -------------------------------------------------------------------------------------------- days

    def day_of(self, instant: datetime) -> date:
        """The local date of an instant in the reporting zone."""
        return instant.astimezone(self.zone).date()

    def day_or_none(self, instant: datetime | None) -> date | None:
        """The same, of an instant that may be unknown."""
        return None if instant is None else self.day_of(instant)

    def end_of(self, day: date) -> datetime:
        """The last instant of a local day."""
        if day not in self._ends:
            midnight = datetime.combine(day + timedelta(days=1), time(0), tzinfo=self.zone)
            self._ends[day] = midnight.astimezone(UTC) - timedelta(microseconds=1)
        return self._ends[day]

    def created_day(self, deal: Row) -> date | None:
        """The local day on which a deal was created."""
        return self.day_or_none(deal["created_at"])

    def close_day(self, deal: Row) -> date | None:
        """The close date as it stands; else the local day of `closed_at`; else none."""
        close_date: date | None = deal["close_date"]
        return close_date if close_date is not None else self.day_or_none(deal["closed_at"])

    # -------------------------------------------------------------------------------------------- who counts

    def in_scope(self, deal: Row) -> bool:
        """Live, and not in a pipeline that is left out of KPIs."""
        pipeline = self.pipelines.get((deal["connection"], deal["pipeline_id"]))
        left_out = pipeline is not None and pipeline["include_in_kpis"] is False
        return is_live(deal) and not left_out

    def stage_flag(self, connection: str, pipeline_id: str | None, stage_id: str | None, flag: str) -> bool:
        """What a stage says of itself; an unknown stage says no."""
        stage = self.stages.get((connection, pipeline_id or "", stage_id or ""))
        return stage is not None and bool(stage[flag])

    def deal_flag(self, deal: Row, flag: str) -> bool:
        """What a deal says of itself; where it is silent, what its stage says."""
        if deal[flag] is not None:
            return bool(deal[flag])
        return self.stage_flag(deal["connection"], deal["pipeline_id"], deal["stage_id"], flag)

    def is_closed(self, deal: Row) -> bool:
        """Whether a deal is closed now."""
        return self.deal_flag(deal, "is_closed")

    def is_won(self, deal: Row) -> bool:
        """Whether a deal is closed and won now, credits among them."""
        return self.is_closed(deal) and self.deal_flag(deal, "is_won")

    def is_won_deal(self, deal: Row) -> bool:
        """Closed, won, not a credit."""
        return self.is_won(deal) and not is_negative(deal["amount"])

    def is_credit(self, deal: Row) -> bool:
        """Closed, won, with a negative amount."""
        return self.is_won(deal) and is_negative(deal["amount"])

    def is_lost_deal(self, deal: Row) -> bool:
        """Closed without a win, for a reason that counts."""
        reason = (deal["lost_reason"] or "").strip().lower()
        return (
            self.is_closed(deal)
            and not self.is_won(deal)
            and not is_negative(deal["amount"])
            and reason not in self.excluded_loss_reasons
        )

    # -------------------------------------------------------------------------------------------- people

    def reps(self) -> list[Row]:
        """Users who own or have owned a live deal, or whose role says so."""
        if "reps" not in self.memo:
            self.memo["reps"] = self._reps()
        found: list[Row] = self.memo["reps"]
        return found

    def _reps(self) -> list[Row]:
        owners = set()
        for deal in self.table("deals"):
            if is_live(deal):
                owners.add((deal["connection"], deal["owner_id"]))
                for change in self.changes.get(key_of(deal), []):
                    if change["field"] == "owner_id":
                        owners.add((deal["connection"], change["new_value"]))
        return [user for key, user in self.users.items() if key in owners or user["role"] == "rep"]

    def active_days(self, user: Row) -> tuple[date, date]:
        """The first and the last local day on which a user was active."""
        begin = self.day_or_none(user["active_from"])
        end = self.day_or_none(user["active_to"]) or self.day_or_none(user["deleted_at"])
        if end is None and user["is_active"] is False:
            end = self.day_or_none(user["updated_at"])
        return begin or FIRST_DAY, end or LAST_DAY

    def is_active(self, user: Row, period: Period) -> bool:
        """Whether a user was active on at least one day of a period."""
        first, last = self.active_days(user)
        return first <= last and first < period.end and last >= period.start

    def active_reps(self, period: Period) -> list[Row]:
        """Reps who were active in a period."""
        return [user for user in self.reps() if self.is_active(user, period)]

    def team_of(self, connection: str, owner_id: str | None, instant: datetime) -> str:
        """The owner's team at an instant: the primary one first, then the lowest id."""
        found = []
        for membership in self.memberships.get((connection, owner_id or ""), []):
            begin, end, gone = membership["valid_from"], membership["valid_to"], membership["deleted_at"]
            if (
                (begin is None or begin <= instant)
                and (end is None or end > instant)
                and (gone is None or gone > instant)
            ):
                found.append((not membership["is_primary"], membership["team_id"]))
        return f"{connection}:{min(found)[1]}" if found else NONE

    def teams_in(self, user: Row, period: Period) -> set[str]:
        """Every team of a rep while active in a period: a rep who changes teams counts in both."""
        first, last = self.active_days(user)
        begin = self.end_of(max(first, period.start) - timedelta(days=1)) + timedelta(microseconds=1)
        end = self.end_of(min(last, period.end - timedelta(days=1)))
        instants = [begin]
        for row in self.memberships.get(key_of(user), []):
            for instant in (row["valid_from"], row["valid_to"], row["deleted_at"]):
                if instant is not None and begin <= instant <= end:
                    instants.append(instant)
        return {self.team_of(user["connection"], user["id"], instant) for instant in instants}

    # -------------------------------------------------------------------------------------------- history

    def value_at(self, deal: Row, field: str, instant: datetime) -> Any:
        """A field at an instant: the newest change by then, else the earliest change, else as it stands."""
        changes = [c for c in self.changes.get(key_of(deal), []) if c["field"] == field]
        if not changes:
            return deal[field]
        changes.sort(key=lambda change: change["changed_at"])
        chosen = changes[0]
        for change in changes:
            if change["changed_at"] <= instant:
                chosen = change
        return parsed(field, chosen["new_value"])

    def at_closing(self, deal: Row) -> Sight | None:
        """A closed deal with the owner it had at its closing; none without a close day."""
        day = self.close_day(deal)
        if not self.is_closed(deal) or day is None:
            return None
        instant = deal["closed_at"] or self.end_of(day)
        return self.sight(deal, day, instant, self.value_at(deal, "owner_id", instant))

    def at_creation(self, deal: Row) -> Sight | None:
        """A deal with the owner it had at the end of the day on which it was created."""
        day = self.created_day(deal)
        if day is None:
            return None
        instant = self.end_of(day)
        return self.sight(deal, day, instant, self.value_at(deal, "owner_id", instant))

    def at_present(self, deal: Row) -> Sight:
        """A deal as it stands now."""
        return self.sight(deal, self.today, self.now, deal["owner_id"])

    def sight(self, deal: Row, day: date, instant: datetime, owner_id: str | None) -> Sight:
        """A deal as it stands, but for its owner."""
        return Sight(
            deal=deal,
            day=day,
            instant=instant,
            owner_id=owner_id,
            pipeline_id=deal["pipeline_id"],
            stage_id=deal["stage_id"],
            amount=deal["amount"],
            forecast_category=deal["forecast_category"],
            close_date=deal["close_date"],
        )

    def at_moment(self, deal: Row, day: date) -> Sight:
        """A deal as it was at the end of a day."""
        instant = self.end_of(day)
        pipeline_id, stage_id = deal["pipeline_id"], deal["stage_id"]
        latest = None
        for visit in self.visits.get(key_of(deal), []):
            if visit["entered_at"] <= instant and (latest is None or visit["entered_at"] > latest):
                latest = visit["entered_at"]
                pipeline_id, stage_id = visit["pipeline_id"], visit["stage_id"]
        return Sight(
            deal=deal,
            day=day,
            instant=instant,
            owner_id=self.value_at(deal, "owner_id", instant),
            pipeline_id=pipeline_id,
            stage_id=stage_id,
            amount=self.value_at(deal, "amount", instant),
            forecast_category=self.value_at(deal, "forecast_category", instant),
            close_date=self.value_at(deal, "close_date", instant),
        )

    def moment(self, period: Period) -> date:
        """The day on which a state is looked at: today in a running period, else its last day."""
        return self.today if period.has(self.today) else period.end - timedelta(days=1)

    def spans(self) -> list[tuple[date, date, Row]]:
        """From the created day to the close day, or for ever, of the deals that are no credits."""
        if "spans" not in self.memo:
            found = []
            for deal in self.deals:
                created, close = self.created_day(deal), self.close_day(deal)
                end = close if self.is_closed(deal) else LAST_DAY
                if created is not None and end is not None and not is_negative(deal["amount"]):
                    found.append((created, end, deal))
            self.memo["spans"] = found
        spans: list[tuple[date, date, Row]] = self.memo["spans"]
        return spans

    def open_between(self, period: Period) -> list[Row]:
        """Deals that were open at some time in a period."""
        return [deal for begin, end, deal in self.spans() if begin < period.end and end >= period.start]

    def open_deals(self, period: Period) -> list[Sight]:
        """Deals open at the end of a period's last day, or now where the period is running."""
        running = period.has(self.today)
        day = self.today if running else period.end - timedelta(days=1)
        if (day, running) not in self._open:
            if running:
                sights = [self.at_present(deal) for deal in self.deals if not self.is_closed(deal)]
            else:
                sights = [self.at_moment(deal, day) for deal in self.deals if self.was_open(deal, day)]
            self._open[day, running] = [sight for sight in sights if not is_negative(sight.amount)]
        return self._open[day, running]

    def was_open(self, deal: Row, day: date) -> bool:
        """Whether a deal was open at the end of a past day."""
        visits = self.visits.get(key_of(deal), [])
        if visits:
            instant = self.end_of(day)
            for visit in visits:
                lasts = visit["exited_at"] is None or visit["exited_at"] > instant
                closed = self.stage_flag(visit["connection"], visit["pipeline_id"], visit["stage_id"], "is_closed")
                if closed and visit["entered_at"] <= instant and lasts:
                    return False
            return any(visit["entered_at"] <= instant for visit in visits)
        created, close = self.created_day(deal), self.close_day(deal)
        if created is None or created > day:
            return False
        return not self.is_closed(deal) or (close is not None and close > day)

    # -------------------------------------------------------------------------------------------- money

    def currency_of(self, deal: Row) -> str | None:
        """The deal's currency; where it has none, its account's."""
        if deal["currency"] is not None:
            return str(deal["currency"])
        account = self.account_of.get(deal["connection"])
        return None if account is None else account["base_currency"]

    def rate(self, deal: Row, day: date) -> Decimal | None:
        """What one unit of the deal's money is worth in the reporting currency; none where nobody says."""
        currency = self.currency_of(deal)
        if currency is None:
            return None
        if currency == self.currency:
            return Decimal(1)
        account = self.account_of.get(deal["connection"])
        if account is not None and account["base_currency"] == self.currency and deal["fx_rate"] is not None:
            return Decimal(deal["fx_rate"])
        newest: Row | None = None
        for row in self.table("exchange_rates"):
            if (
                is_live(row)
                and row["connection"] == deal["connection"]
                and row["from_currency"] == currency
                and row["to_currency"] == self.currency
                and row["effective_from"] <= day
                and (newest is None or row["effective_from"] > newest["effective_from"])
            ):
                newest = row
        return None if newest is None else newest["rate"]

    def rate_on(self, connection: str, currency: str | None, day: date) -> Decimal | None:
        """What one unit of a currency is worth on a day; rates of other connections serve where the own has none."""
        account = self.account_of.get(connection)
        currency = currency or (self.currency if account is None else account["base_currency"])
        if currency is None:
            return None
        if currency == self.currency:
            return Decimal(1)
        rates = [
            row
            for row in self.table("exchange_rates")
            if is_live(row)
            and row["from_currency"] == currency
            and row["to_currency"] == self.currency
            and row["effective_from"] <= day
        ]
        for other in [connection, *sorted({row["connection"] for row in rates})]:
            own = [row for row in rates if row["connection"] == other]
            if own:
                newest: Row = max(own, key=lambda row: row["effective_from"])
                rate: Decimal = newest["rate"]
                return rate
        return None

    def worth_on(self, connection: str, currency: str | None, amount: Decimal | None, day: date) -> Decimal | None:
        """Any amount in the reporting currency, to six decimals; none where it or its rate is unknown."""
        rate = self.rate_on(connection, currency, day)
        if amount is None or rate is None:
            return None
        return (amount * rate).quantize(Decimal("0.000001"), rounding=ROUND_HALF_UP)

    def converted(self, deal: Row, amount: Decimal | None, day: date) -> Decimal | None:
        """An amount of a deal in the reporting currency, to six decimals; none where either is unknown."""
        rate = self.rate(deal, day)
        if amount is None or rate is None:
            return None
        return (amount * rate).quantize(Decimal("0.000001"), rounding=ROUND_HALF_UP)

    def worth(self, sight: Sight) -> Decimal | None:
        """What a deal, or one person's part of it, adds to a sum of money."""
        return sight.credit if sight.credit is not None else self.converted(sight.deal, sight.amount, sight.day)

    # -------------------------------------------------------------------------------------------- dimensions

    def member(self, sight: Sight, dimension: str | None) -> str:
        """Where a deal falls in a dimension; without one, into the total."""
        if dimension is None:
            return ""
        value = self.value_of(sight, dimension)
        return NONE if value is None else value

    def value_of(self, sight: Sight, dimension: str) -> str | None:
        """The same, or nothing."""
        deal = sight.deal
        connection = deal["connection"]
        company = self.folded("companies", connection, deal["company_id"])
        if dimension == "owner":
            return qualified(connection, sight.owner_id)
        if dimension == "team":
            return self.team_of(connection, sight.owner_id, sight.instant)
        if dimension == "pipeline":
            return qualified(connection, sight.pipeline_id)
        if dimension == "stage":
            return stage_member(connection, sight.pipeline_id, sight.stage_id)
        if dimension == "country":
            return company.get("country")
        if dimension == "region":
            mapped = self.region_map.get(company.get("country") or "")
            return deal["region"] or company.get("region") or mapped
        if dimension == "industry":
            return company.get("industry")
        if dimension == "size_band":
            return company.get("size_band") or size_band(company.get("employees"))
        if dimension == "source":
            return self.source_of(deal)
        if dimension == "source_category":
            return self.category_of(deal)
        if dimension == "campaign":
            return qualified(connection, deal["campaign_id"])
        if dimension == "channel":
            channel: str | None = deal["channel"]
            return channel
        if dimension == "currency":
            return self.currency_of(deal)
        if dimension == "product":
            return self.product_of(deal)
        if dimension == "deal_type":
            return self.type_of(deal)
        if dimension == "deal_size_band":
            return deal_size_band(self.converted(deal, sight.amount, sight.day))
        if dimension == "probability_band":
            return probability_band(deal["probability"])
        if dimension == "lost_reason":
            return (deal["lost_reason"] or "").strip() or None
        if dimension == "forecast_category":
            return sight.forecast_category
        if dimension == "close_date_bucket":
            return close_date_bucket(sight.close_date, sight.day)
        if dimension == "age_band":
            return age_band(self.created_day(deal), sight.day)
        raise ValueError(f"no such dimension of a deal: {dimension}")

    def source_of(self, deal: Row) -> str | None:
        """The deal's source, else that of the lead that became it, else its primary contact's."""
        contact = self.folded("contacts", deal["connection"], deal["primary_contact_id"])
        return deal["source"] or self.lead_of(deal).get("source") or contact.get("source")

    def category_of(self, deal: Row) -> str:
        """The deal's source category, else what the map makes of its source; the lead may say both."""
        if deal["source_category"] is not None:
            return str(deal["source_category"])
        said = None if deal["source"] is not None else self.lead_of(deal).get("source_category")
        return said or self.source_map.get(self.source_of(deal) or "") or "unknown"

    def lead_of(self, deal: Row) -> Row:
        """The first lead that became a deal; an empty row where none did."""
        if "leads of deals" not in self.memo:
            found: dict[tuple[str, str], list[Row]] = {}
            for lead in self.table("leads"):
                if is_live(lead) and lead["converted_deal_id"] is not None:
                    key = self.survivor("deals", lead["connection"], lead["converted_deal_id"])
                    found.setdefault(key, []).append(lead)
            self.memo["leads of deals"] = found
        leads = self.memo["leads of deals"].get(key_of(deal), [])
        empty: Row = {}
        return min(leads, key=lambda row: (row["created_at"] is None, row["created_at"], row["id"]), default=empty)

    def product_of(self, deal: Row) -> str | None:
        """The product of the deal's biggest line."""
        lines = self.lines.get(key_of(deal), [])
        if not lines:
            return None
        known = [line for line in lines if line["net_amount"] is not None]
        biggest = max((line["net_amount"] for line in known), default=None)
        ties = [line for line in lines if line["net_amount"] == biggest]
        chosen = min(ties, key=lambda line: str(line["id"]))
        return qualified(deal["connection"], chosen["product_id"])

    def type_of(self, deal: Row) -> str:
        """The deal's type; where it has none, whether its company had been won before."""
        if deal["deal_type"] is not None:
            return str(deal["deal_type"])
        created = self.created_day(deal)
        if deal["company_id"] is None:
            return "new_business"
        company = self.survivor("companies", deal["connection"], deal["company_id"])
        for won in self.wins_of_company.get(company, []):
            if created is not None and won < created:
                return "expansion"
        return "new_business"
