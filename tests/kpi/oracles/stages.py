"""Oracles of the KPIs that follow deals through the stages of their pipelines."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal

from tests.kpi.oracles.book import Book
from tests.kpi.oracles.cells import Cell, Period, mean, ratio
from tests.kpi.oracles.events import Event, Member, mean_of, quantile_of, remembered
from tests.kpi.oracles.rows import NONE, Row, key_of, qualified, stage_member


def entries(book: Book, deal: Row, stage: Row, *, later: bool) -> list[Row]:
    """A deal's visits to a stage or a later one of its pipeline (or only to later ones), lost stages aside."""
    found = []
    for visit in book.visits.get(key_of(deal), []):
        reached = book.stages.get((visit["connection"], visit["pipeline_id"], visit["stage_id"]))
        if reached is None or reached["pipeline_id"] != stage["pipeline_id"]:
            continue
        if reached["is_closed"] and not reached["is_won"]:
            continue
        ahead = reached["sort_order"] - stage["sort_order"]
        if ahead > 0 or (ahead == 0 and not later):
            found.append(visit)
    return found


def day_reached(book: Book, deal: Row, stage: Row) -> date | None:
    """The day on which a deal first reached a stage or a later one."""
    reached = entries(book, deal, stage, later=False)
    if reached:
        return book.day_of(min(visit["entered_at"] for visit in reached))
    if book.is_won_deal(deal) and deal["pipeline_id"] == stage["pipeline_id"]:
        return book.close_day(deal)
    return None


def stage_conversion_rate(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Of the deals that reached a stage, those that reached a later one or were won."""
    cells: dict[str, Cell] = {}
    if dimension != "stage":
        return cells
    for (connection, pipeline_id, stage_id), stage in book.stages.items():
        if stage["is_closed"]:
            continue
        cohort = [
            deal
            for deal in book.deals
            if deal["connection"] == connection
            and not book.is_credit(deal)
            and period.has(day_reached(book, deal, stage))
        ]
        went_on = [deal for deal in cohort if book.is_won_deal(deal) or entries(book, deal, stage, later=True)]
        if cohort:
            member = f"{connection}:{pipeline_id}/{stage_id}"
            cells[member] = ratio(len(went_on), len(cohort), len(cohort))
    return cells


def stage_drop_off_rate(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Of the deals that reached a stage, those that got no further, stayed in its pipeline and were closed unwon."""
    cells: dict[str, Cell] = {}
    if dimension != "stage":
        return cells
    for (connection, pipeline_id, stage_id), stage in book.stages.items():
        if stage["is_closed"]:
            continue
        cohort = [
            deal
            for deal in book.deals
            if deal["connection"] == connection
            and not book.is_credit(deal)
            and period.has(day_reached(book, deal, stage))
        ]
        dropped = [
            deal
            for deal in cohort
            if book.is_closed(deal)
            and not book.is_won(deal)
            and deal["pipeline_id"] == pipeline_id
            and not entries(book, deal, stage, later=True)
        ]
        if cohort:
            cells[f"{connection}:{pipeline_id}/{stage_id}"] = ratio(len(dropped), len(cohort), len(cohort))
    return cells


@remembered
def stays(book: Book) -> Iterable[Event]:
    """Visits to open stages with their lengths, in days, on the day on which they ended."""
    for deal in book.deals:
        if book.is_credit(deal):
            continue
        for visit in book.visits.get(key_of(deal), []):
            connection, pipeline_id, stage_id = visit["connection"], visit["pipeline_id"], visit["stage_id"]
            day = book.day_or_none(visit["exited_at"])
            if day is None or visit["exited_at"] < visit["entered_at"]:
                continue
            if book.stage_flag(connection, pipeline_id, stage_id, "is_closed"):
                continue
            stay = visit["exited_at"] - visit["entered_at"]
            microseconds = (stay.days * 86400 + stay.seconds) * 1_000_000 + stay.microseconds
            yield Event(
                day=day,
                of=place_of_stay(book, deal, visit, day),
                worth=Decimal(microseconds) / Decimal(86_400_000_000),
                who=key_of(deal),
            )


def place_of_stay(book: Book, deal: Row, visit: Row, day: date) -> Member:
    """Where a visit falls: its stage, its pipeline, who owned the deal when it ended."""
    connection, pipeline_id = visit["connection"], visit["pipeline_id"]
    members = {
        "stage": stage_member(connection, pipeline_id, visit["stage_id"]),
        "pipeline": qualified(connection, pipeline_id),
        "owner": qualified(connection, book.value_at(deal, "owner_id", book.end_of(day))),
        "deal_outcome": "open" if not book.is_closed(deal) else "won" if book.is_won(deal) else "lost",
    }
    sight = book.at_present(deal)
    return lambda dimension: members[dimension] if dimension in members else book.value_of(sight, dimension)


def deal_stage_cycle_time_open_visits(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """The mean age of the visits to open stages that run at the end of a period, or now."""
    day, running = book.moment(period), period.has(book.today)
    instant = book.now if running else book.end_of(day)
    found: dict[str, list[Decimal]] = {"": []} if dimension is None else {}
    for sight in book.open_deals(period):
        visits = [visit for visit in book.visits.get(key_of(sight.deal), []) if visit["entered_at"] <= instant]
        if not visits:
            continue
        visit = max(visits, key=lambda visit: visit["entered_at"])
        stage = visit["connection"], visit["pipeline_id"], visit["stage_id"]
        lasts = visit["exited_at"] is None or visit["exited_at"] > instant
        if lasts and not book.stage_flag(*stage, "is_closed"):
            age = Decimal((instant - visit["entered_at"]) // timedelta(microseconds=1)) / Decimal(86_400_000_000)
            member = "" if dimension is None else place_of_stay(book, sight.deal, visit, day)(dimension) or NONE
            found.setdefault(member, []).append(age)
    return {member: mean(ages) for member, ages in found.items()}


deal_stage_cycle_time = mean_of(stays)
deal_stage_cycle_time_median = quantile_of(stays, "0.5")
deal_stage_cycle_time_p90 = quantile_of(stays, "0.9")


@remembered
def whole_stays(book: Book) -> Iterable[Event]:
    """The time of each deal in each stage, all its visits together, on the day of the last exit."""
    together: dict[tuple[object, str | None], list[Event]] = {}
    for stay in stays(book):
        together.setdefault((stay.who, stay.of("stage")), []).append(stay)
    for visits in together.values():
        last = max(visits, key=lambda visit: visit.day)
        length = sum((visit.worth or Decimal(0) for visit in visits), Decimal(0))
        yield Event(day=last.day, of=last.of, worth=length, who=last.who)


deal_stage_cycle_time_cumulative = mean_of(whole_stays)
