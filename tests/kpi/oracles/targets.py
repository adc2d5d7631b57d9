"""Oracles of targets: how much of one is reached, how many customers are still needed for it, who learns."""

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from tests.kpi.oracles.book import LONG_AGO, Book
from tests.kpi.oracles.cells import MISSING, Cell, Period, ratio
from tests.kpi.oracles.closed_deals import KINDS, kind_of_rep, per_head, revenue, revenue_per_customer
from tests.kpi.oracles.customers import ceiling, trailing_year
from tests.kpi.oracles.rows import NONE, Row, is_live, key_of, qualified

TABLES = {"owner": "users", "team": "teams", "pipeline": "pipelines", "product": "products"}
SCOPES = {"": "", "company": "", "user": "owner", "rep": "owner"}
Span = tuple[date, date]


def scope_of(book: Book, target: Row) -> tuple[str, str]:
    """The dimension and the member that a target is for; empty for the company."""
    kind = (target["scope_type"] or "").strip().lower()
    dimension = SCOPES.get(kind, kind)
    if not dimension:
        return "", ""
    home = book.home(TABLES[dimension], target["connection"], target["scope_id"]) if dimension in TABLES else None
    return dimension, target["scope_id"] if home is None else ":".join(home)


def targets_in_force(book: Book, kpi: str) -> dict[tuple[str, str], dict[Span, Row]]:
    """By scope and span the newest version that is valid by now."""
    newest: dict[tuple[str, str], dict[Span, Row]] = {}
    for row in book.table("targets"):
        begins = row["valid_from"] or LONG_AGO
        if not is_live(row) or row["kpi_key"] != kpi or row["value"] is None or begins > book.now:
            continue
        spans = newest.setdefault(scope_of(book, row), {})
        span = row["period_start"], row["period_end"]
        rival = spans.get(span)
        rank = begins, row["version"] or "", row["id"]
        if rival is None or rank > (rival["valid_from"] or LONG_AGO, rival["version"] or "", rival["id"]):
            spans[span] = row
    return newest


def value_of(book: Book, target: Row) -> Decimal | None:
    """A target in the reporting currency, at the rate of its first day."""
    if target["currency"] is None:
        value: Decimal = target["value"]
        return value
    return book.worth_on(target["connection"], target["currency"], target["value"], target["period_start"])


def own_target(spans: dict[Span, Row], period: Period) -> list[Row]:
    """A scope's own targets for a period: of these very days, else parts that make it up without gap or overlap."""
    if (period.start, period.end) in spans:
        return [spans[period.start, period.end]]
    inside = sorted(span for span in spans if period.start <= span[0] and span[1] <= period.end)
    at = period.start
    for start, end in inside:
        if start != at:
            return []
        at = end
    return [spans[span] for span in inside] if at == period.end else []


def added(values: Iterable[Decimal | None]) -> Decimal | None:
    """Targets together; unknown where one of them is."""
    parts = list(values)
    return None if None in parts else sum((part or Decimal(0) for part in parts), Decimal(0))


def team_of_target(book: Book, member: str, period: Period) -> str:
    """The team of an owner on the last day of a target, or now."""
    connection, _, owner = member.partition(":")
    return book.team_of(connection, owner, min(book.end_of(period.end - timedelta(days=1)), book.now))


def targets(book: Book, kpi: str, period: Period, dimension: str | None) -> dict[str, Decimal | None]:
    """The targets of a period by member; nothing for those whose money has no rate."""
    own: dict[str, dict[str, Decimal | None]] = {}
    for (kind, member), spans in targets_in_force(book, kpi).items():
        if rows := own_target(spans, period):
            own.setdefault(kind, {})[member] = added(value_of(book, row) for row in rows)
    found = dict(own.get(dimension or "", {}))
    if dimension == "team":
        people: dict[str, list[Decimal | None]] = {}
        for member, value in own.get("owner", {}).items():
            people.setdefault(team_of_target(book, member, period), []).append(value)
        found = {team: added(values) for team, values in people.items() if team != NONE} | found
    if dimension is None and not found:
        below = own.get("team") or own.get("owner")
        if below:
            found[""] = added(below.values())
    return found


def quota_attainment_pct(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Revenue by its target."""
    wanted, actual = targets(book, "revenue", period, dimension), revenue(book, period, dimension)
    cells = {}
    for member in wanted.keys() | ({""} if dimension is None else set()):
        reached = actual[member].numerator if member in actual else Decimal(0)
        n = (actual[member].n or 0) if member in actual else 0
        if member not in wanted:
            cells[member] = Cell(value=None, numerator=reached, denominator=Decimal(0), n=n, status="no_target")
        elif (target := wanted[member]) is None:
            cells[member] = Cell(value=None, numerator=reached, denominator=None, n=n, status="fx_missing")
        else:
            cells[member] = ratio(reached or Decimal(0), target, n)
    return cells


def customers_needed_for_target(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """How many customers like those of the last year are still missing."""
    wanted, actual = targets(book, "revenue", period, dimension), revenue(book, period, dimension)
    year = revenue_per_customer(book, trailing_year(book, period), dimension)
    own = revenue_per_customer(book, period, dimension)
    cells = {}
    for member in wanted.keys() | ({""} if dimension is None else set()):
        each = next((c for c in (year.get(member), own.get(member)) if c is not None and c.value is not None), None)
        n = 0 if each is None else each.n
        if member not in wanted:
            cells[member] = Cell(value=None, numerator=None, denominator=None, n=0, status="no_target")
            continue
        if (target := wanted[member]) is None:
            cells[member] = Cell(value=None, numerator=None, denominator=None, n=0, status="fx_missing")
            continue
        reached = actual[member].numerator if member in actual else Decimal(0)
        missing = max(Decimal(0), target - (reached or Decimal(0)))
        if each is not None and each.value and each.value > 0 and missing == 0:
            cells[member] = Cell(value=Decimal(0), numerator=Decimal(0), denominator=each.value, n=n)
        elif each is None or not each.value:
            cells[member] = Cell(value=None, numerator=missing, denominator=None, n=n, status="zero_denominator")
        elif each.value < 0:
            cells[member] = Cell(value=None, numerator=missing, denominator=each.value, n=n, status="negative_base")
        else:
            value = ceiling(missing / each.value)
            cells[member] = Cell(value=value, numerator=missing, denominator=each.value, n=n)
    return cells


# ------------------------------------------------------------------------------------------------ learning


def learning_rate(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Completed trainings of reps, by active reps; of one rep alone, by one."""
    return _learned(book, period, dimension, lambda trainings: len(trainings))


def learning_hours_per_rep(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Their hours."""
    return _learned(book, period, dimension, lambda trainings: sum(row["hours"] or 0 for _, row in trainings))


def learners_share(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Those who completed any on a day on which they were active."""

    def learners(trainings: list[tuple[Any, Row]]) -> int:
        found = set()
        for user, event in trainings:
            first, last = book.active_days(book.users[user])
            if first <= event["completed_on"] <= last:
                found.add(user)
        return len(found)

    return _learned(book, period, dimension, learners)


def _learned(
    book: Book, period: Period, dimension: str | None, measure: Callable[[list[tuple[Any, Row]]], Any]
) -> dict[str, Cell]:
    if not book.has_rows("training_events"):
        return {"": MISSING} if dimension is None else {}
    reps = {key_of(user): user for user in book.reps()}
    done: dict[str, list[tuple[Any, Row]]] = {}
    for event in book.table("training_events"):
        user = book.home("users", event["connection"], event["user_id"])
        status = (event["status"] or "completed").strip().lower()
        if not is_live(event) or status != "completed" or not period.has(event["completed_on"]) or user not in reps:
            continue
        member = ""
        if dimension == "owner":
            member = qualified(*user) or NONE
        elif dimension == "team":
            member = book.team_of(*user, book.end_of(event["completed_on"]))
        elif dimension == "skill":
            member = event["kind"] or NONE
        elif dimension in KINDS:
            member = kind_of_rep(book, reps[user], event["completed_on"], dimension)
        done.setdefault(member, []).append((user, event))
    return per_head(book, period, dimension, {member: measure(found) for member, found in done.items()})
