"""Oracles of the KPIs that follow deals through the stages of their pipelines."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from tests.kpi.oracles.book import LONG_AGO, Book
from tests.kpi.oracles.cells import Cell, Period, mean, ratio
from tests.kpi.oracles.customers import live_leads
from tests.kpi.oracles.events import Event, Member, mean_of, quantile_of, remembered
from tests.kpi.oracles.leads import is_converted
from tests.kpi.oracles.rows import NONE, Row, is_live, key_of, qualified, stage_member

Place = tuple[str, str]
"""A pipeline: connection and id."""
OF_LEADS = ("lead", "leads")


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """A deal or a lead on its way: the stages that it entered and when, lost ones aside, and what became of it."""

    entries: Sequence[tuple[Row, datetime]]
    is_won: bool
    is_lost: bool
    pipeline: Place | None = None
    won_day: date | None = None


def pipeline_of(stage: Row) -> Place:
    """Where a stage stands."""
    return stage["connection"], stage["pipeline_id"]


def is_of_leads(book: Book, stage: Row) -> bool:
    """Whether leads, and not deals, go through a stage."""
    pipeline = book.pipelines.get(pipeline_of(stage))
    return pipeline is not None and pipeline["object"] in OF_LEADS


def is_lost_stage(stage: Row) -> bool:
    """A closed stage that isn't won leads nowhere."""
    return bool(stage["is_closed"] and not stage["is_won"])


def journeys(book: Book) -> dict[bool, list[Journey]]:
    """All of them: of deals (False) and of leads (True)."""
    if "journeys" not in book.memo:
        book.memo["journeys"] = {False: list(_of_deals(book)), True: list(_of_leads(book))}
    found: dict[bool, list[Journey]] = book.memo["journeys"]
    return found


def _of_deals(book: Book) -> Iterator[Journey]:
    for deal in book.deals:
        if book.is_credit(deal):
            continue
        entered = []
        for visit in book.visits.get(key_of(deal), []):
            stage = book.stages.get((visit["connection"], visit["pipeline_id"], visit["stage_id"]))
            if stage is not None and not is_lost_stage(stage):
                entered.append((stage, visit["entered_at"]))
        yield Journey(
            entries=entered,
            is_won=book.is_won_deal(deal),
            is_lost=book.is_closed(deal) and not book.is_won(deal),
            pipeline=None if deal["pipeline_id"] is None else (deal["connection"], deal["pipeline_id"]),
            won_day=book.close_day(deal) if book.is_won_deal(deal) else None,
        )


def _of_leads(book: Book) -> Iterator[Journey]:
    changes: dict[tuple[str, str], list[Row]] = {}
    for change in book.table("lead_stage_changes"):
        if is_live(change):
            whose = book.survivor("leads", change["connection"], change["lead_id"])
            changes.setdefault(whose, []).append(change)
    for lead in live_leads(book):
        entered = [
            (stage, change["changed_at"])
            for change in changes.get(key_of(lead), [])
            for stage in book.stages.values()
            if (stage["connection"], stage["id"]) == (lead["connection"], change["to_stage"])
            and is_of_leads(book, stage)
            and not is_lost_stage(stage)
        ]
        yield Journey(
            entries=entered,
            is_won=lead["converted_at"] is not None or is_converted(book, lead),
            is_lost=lead["disqualified_at"] is not None,
        )


def reached(book: Book, journey: Journey, stage: Row) -> tuple[date | None, bool]:
    """The day on which it first reached a stage or a later one, and whether it reached a later one or was won."""
    ahead = [
        (entered["sort_order"] - stage["sort_order"], instant)
        for entered, instant in journey.entries
        if pipeline_of(entered) == pipeline_of(stage) and entered["sort_order"] >= stage["sort_order"]
    ]
    goes_on = journey.is_won or any(steps > 0 for steps, _ in ahead)
    if ahead:
        return book.day_of(min(instant for _, instant in ahead)), goes_on
    return (journey.won_day if journey.pipeline == pipeline_of(stage) else None), goes_on


def reached_in_order(book: Book, journey: Journey, stage: Row) -> tuple[date | None, bool]:
    """The day on which it first was in a stage after all steps before it, and whether it took the next step."""
    steps = sorted({
        other["sort_order"]
        for other in book.stages.values()
        if pipeline_of(other) == pipeline_of(stage) and not other["is_closed"]
    })  # fmt: skip
    here = [e for e in journey.entries if pipeline_of(e[0]) == pipeline_of(stage) and not e[0]["is_closed"]]
    taken: list[datetime] = []
    for order in steps:
        instants = [at for one, at in here if one["sort_order"] == order and at >= max(taken, default=LONG_AGO)]
        if not instants:
            break
        taken.append(min(instants))
    place = steps.index(stage["sort_order"])
    if place >= len(taken):
        return None, False
    own = [instant for one, instant in here if one["id"] == stage["id"] and instant >= taken[place]]
    goes_on = journey.is_won if place == len(steps) - 1 else len(taken) > place + 1
    return (book.day_of(min(own)) if own else None), goes_on


FUNNELS = {"reached": reached, "strict": reached_in_order}


def funnel(book: Book) -> dict[str, list[tuple[date, bool, bool]]]:
    """Per open stage who reached it: the day, whether it went on, whether it was lost there."""
    if "funnel" not in book.memo:
        found: dict[str, list[tuple[date, bool, bool]]] = {}
        for (connection, pipeline_id, stage_id), stage in book.stages.items():
            for journey in journeys(book)[is_of_leads(book, stage)] if not stage["is_closed"] else ():
                day, goes_on = FUNNELS[book.funnel_mode](book, journey, stage)
                is_here = journey.pipeline in (None, pipeline_of(stage))
                if day is not None:
                    fate = day, goes_on, not goes_on and is_here and journey.is_lost
                    found.setdefault(f"{connection}:{pipeline_id}/{stage_id}", []).append(fate)
        book.memo["funnel"] = found
    fates: dict[str, list[tuple[date, bool, bool]]] = book.memo["funnel"]
    return fates


def _share(book: Book, period: Period, dimension: str | None, fate: int) -> dict[str, Cell]:
    cells = {}
    for member, everybody in funnel(book).items() if dimension == "stage" else ():
        cohort = [one for one in everybody if period.has(one[0])]
        if cohort:
            cells[member] = ratio(sum(bool(one[fate]) for one in cohort), len(cohort), len(cohort))
    return cells


def stage_conversion_rate(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Of those who reached a stage, those who reached a later one or were won."""
    return _share(book, period, dimension, 1)


def stage_drop_off_rate(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Of those who reached a stage, those who got no further, stayed in its pipeline and were closed unwon."""
    return _share(book, period, dimension, 2)


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
                of=place_of_stay(book, deal, visit, book.value_at(deal, "owner_id", book.end_of(day))),
                worth=Decimal(microseconds) / Decimal(86_400_000_000),
            )


def place_of_stay(book: Book, deal: Row, visit: Row, owner_id: str | None) -> Member:
    """Where a visit falls: its stage, its pipeline, who owned the deal when it was looked at."""
    connection, pipeline_id = visit["connection"], visit["pipeline_id"]
    members = {
        "stage": stage_member(connection, pipeline_id, visit["stage_id"]),
        "pipeline": qualified(connection, pipeline_id),
        "owner": qualified(connection, owner_id),
        "deal_outcome": "open" if not book.is_closed(deal) else "won" if book.is_won(deal) else "lost",
    }
    sight = book.at_present(deal)
    return lambda dimension: members[dimension] if dimension in members else book.value_of(sight, dimension)


def deal_stage_cycle_time_open_visits(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """The mean age of the visits to open stages that run at the end of a period, or now."""
    day = book.moment(period)
    instant = book.end_of(day)
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
            member = place_of_stay(book, sight.deal, visit, sight.owner_id)(dimension) or NONE if dimension else ""
            found.setdefault(member, []).append(age)
    return {member: mean(ages) for member, ages in found.items()}


deal_stage_cycle_time = mean_of(stays)
deal_stage_cycle_time_median = quantile_of(stays, "0.5")
deal_stage_cycle_time_p90 = quantile_of(stays, "0.9")
