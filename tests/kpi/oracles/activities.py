"""Oracles of the KPIs that count what reps do."""

from datetime import date, datetime

from tests.kpi.oracles.book import LONG_AGO, Book
from tests.kpi.oracles.cells import Cell, Period, count, ratio
from tests.kpi.oracles.closed_deals import KINDS, kind_of_rep, per_head
from tests.kpi.oracles.rows import (
    NONE,
    Row,
    activity_instant,
    is_call,
    is_demo,
    is_live,
    is_negative,
    is_rep_activity,
    key_of,
    qualified,
    stage_member,
)

OF_DEAL = ("pipeline", "stage", "region")


def deal_about(book: Book, activity: Row) -> Row | None:
    """The deal that an activity is linked to; of several the one with the lowest id."""
    found = []
    for link in book.links.get(key_of(activity), []):
        if link["entity"] == "deals":
            deal = book.deal.get(book.survivor("deals", link["connection"], link["entity_id"]))
            if deal is not None:
                found.append(deal)
    return min(found, key=lambda deal: str(deal["id"]), default=None)


def activity_member(book: Book, activity: Row, instant: datetime, dimension: str | None) -> str:
    """Where an activity falls in a dimension; without one, into the total."""
    if dimension is None:
        return ""
    if dimension == "owner":
        return qualified(activity["connection"], activity["owner_id"]) or NONE
    if dimension == "team":
        return book.team_of(activity["connection"], activity["owner_id"], instant)
    if dimension in OF_DEAL:
        deal = deal_about(book, activity)
        return NONE if deal is None else book.member(book.at_present(deal), dimension)
    if dimension == "channel":
        kind = activity["type"]
        return "phone" if kind == "call" else activity["subtype"] or kind if kind == "message" else kind
    return activity["type" if dimension == "activity_type" else dimension] or NONE


def sales_activity_count(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Rep activities."""
    found = {"": 0} if dimension is None else {}
    for activity in book.table("activities"):
        instant = activity_instant(activity)
        if instant is not None and is_rep_activity(activity) and period.has(book.day_of(instant)):
            member = activity_member(book, activity, instant, dimension)
            if dimension == "activity_type" and is_demo(activity):
                member = "demo"
            found[member] = found.get(member, 0) + 1
    return {member: count(rows) for member, rows in found.items()}


def calls_in(book: Book, period: Period) -> list[Row]:
    """Calls made in a period."""
    return [
        call for call in book.table("activities") if is_call(call) and period.has(book.day_or_none(call["occurred_at"]))
    ]


def calls_per_rep(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Calls made by reps, by active reps; of one rep alone, by one."""
    reps = {key_of(user): user for user in book.reps()}
    calls: dict[str, int] = {}
    for call in calls_in(book, period):
        user = reps.get((call["connection"], call["owner_id"] or ""))
        if user is None:
            continue
        if dimension == "hour":
            member = f"{call['occurred_at'].astimezone(book.zone).hour:02}"
        elif dimension in KINDS:
            member = kind_of_rep(book, user, book.day_of(call["occurred_at"]), dimension)
        else:
            member = activity_member(book, call, call["occurred_at"], dimension)
        calls[member] = calls.get(member, 0) + 1
    return per_head(book, period, dimension, calls)


def was_open_between(book: Book, deal: Row, first: date, last: date) -> bool:
    """Whether a deal was open on some day from `first` to `last`, by its created day and its close day."""
    created, close = book.created_day(deal), book.close_day(deal)
    if is_negative(deal["amount"]) or created is None or created > last:
        return False
    return not book.is_closed(deal) or (close is not None and close >= first)


def last_stage_change(book: Book, deal: Row, by: datetime) -> datetime:
    """When a deal last entered a stage, by an instant."""
    entered = [visit["entered_at"] for visit in book.visits.get(key_of(deal), [])]
    return max((instant for instant in entered if instant <= by), default=LONG_AGO)


def linked_deal(book: Book, connection: str, link: Row) -> Row | None:
    """The deal that a link means, or the one that the lead that it means became."""
    if link["entity"] == "deals":
        return book.deal.get(book.survivor("deals", connection, link["entity_id"]))
    if link["entity"] == "leads":
        lead = book.folded("leads", connection, link["entity_id"])
        if lead and is_live(lead) and lead["converted_deal_id"] is not None:
            return book.deal.get(book.survivor("deals", connection, lead["converted_deal_id"]))
    return None


def deal_of_call(book: Book, call: Row) -> Row | None:
    """The one deal, no credit, that a call counts for: a linked one, else an open one of its contacts or companies."""
    connection, day = call["connection"], book.day_of(call["occurred_at"])
    links = book.links.get(key_of(call), [])
    linked = [
        deal for link in links if (deal := linked_deal(book, connection, link)) is not None and not book.is_credit(deal)
    ]
    if not linked:
        contacts, companies = (
            {book.survivor(entity, connection, link["entity_id"]) for link in links if link["entity"] == entity}
            for entity in ("contacts", "companies")
        )
        linked = [
            deal
            for deal in book.deals
            if deal["connection"] == connection
            and (
                book.survivor("companies", connection, deal["company_id"] or "") in companies
                or contacts & {book.survivor("contacts", connection, id_) for id_ in contacts_of(book, deal)}
            )
            and was_open_between(book, deal, day, day)
        ]
    chosen = None
    for deal in sorted(linked, key=lambda deal: str(deal["id"])):
        by = book.end_of(day)
        if chosen is None or last_stage_change(book, deal, by) > last_stage_change(book, chosen, by):
            chosen = deal
    return chosen


def contacts_of(book: Book, deal: Row) -> set[str]:
    """The contacts with a part in a deal."""
    parts = book.parts.get(key_of(deal), [])
    return {part["contact_id"] for part in parts} | ({deal["primary_contact_id"]} - {None})


def deal_member(book: Book, deal: Row, dimension: str | None) -> str:
    """Where a deal falls, by the owner it had at closing, or has."""
    return book.member(book.at_closing(deal) or book.at_present(deal), dimension)


OF_CALL = ("outcome", "call_stage")


def member_of_call(book: Book, call: Row, deal: Row, dimension: str | None) -> str:
    """Where a call for a deal falls: by itself, by the deal's stage on its day, or as the deal does."""
    if dimension == "outcome":
        return call["outcome"] or NONE
    if dimension == "call_stage":
        sight = book.at_moment(deal, book.day_of(call["occurred_at"]))
        return stage_member(deal["connection"], sight.pipeline_id, sight.stage_id) or NONE
    return deal_member(book, deal, dimension)


def calls_per_opportunity(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Calls tied to a deal, by the deals that were open at some time in the period."""
    calls: dict[str, int] = {}
    for call in calls_in(book, period):
        deal = deal_of_call(book, call)
        if deal is not None:
            member = member_of_call(book, call, deal, dimension)
            calls[member] = calls.get(member, 0) + 1
    if dimension in OF_CALL:
        everything = len(book.open_between(period))
        return {member: ratio(made, everything, everything) for member, made in calls.items()}
    deals = {"": 0} if dimension is None else {}
    for deal in book.open_between(period):
        member = deal_member(book, deal, dimension)
        deals[member] = deals.get(member, 0) + 1
    return {
        member: ratio(calls.get(member, 0), deals.get(member, 0), deals.get(member, 0))
        for member in calls.keys() | deals.keys()
    }
