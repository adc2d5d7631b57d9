"""Oracles of the KPIs that follow leads."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from statistics import median

from tests.kpi.oracles.activities import contacts_of
from tests.kpi.oracles.book import Book
from tests.kpi.oracles.cells import Cell, Period, count, ratio
from tests.kpi.oracles.customers import (
    as_company,
    as_person,
    attribute_of,
    created_day_of_lead,
    created_instant_of_lead,
    live_leads,
)
from tests.kpi.oracles.events import Event, Member, count_of, mean_of, quantile_of, quotient_of, remembered, share_of
from tests.kpi.oracles.rows import NONE, Row, activity_instant, is_rep_activity, key_of, qualified

DAY_OF_MICROSECONDS = Decimal(86_400_000_000)
LEVELS = (None, "mql", "sal", "sql")


def place_of(book: Book, lead: Row) -> Member:
    """Where a lead falls."""
    connection = lead["connection"]
    contact = book.folded("contacts", connection, lead["contact_id"])
    company = book.folded("companies", connection, lead["company_id"] or contact.get("company_id"))
    source = lead["source"] or contact.get("source")

    def member(dimension: str) -> str | None:
        value: str | None
        if dimension == "owner":
            return qualified(connection, lead["owner_id"])
        if dimension == "team":
            created = created_instant_of_lead(book, lead)
            value = NONE if created is None else book.team_of(connection, lead["owner_id"], created)
            return None if value == NONE else value
        if dimension == "source":
            return source
        if dimension == "source_category":
            return lead["source_category"] or book.source_map.get(source or "") or "unknown"
        if dimension == "campaign":
            return qualified(connection, lead["campaign_id"])
        if dimension == "channel":
            campaign: Row = book.index("campaigns").get((connection, lead["campaign_id"]), {})
            value = campaign.get("channel")
            return value
        if dimension == "country":
            return company.get("country") or contact.get("country")
        if dimension == "region":
            country = company.get("country") or contact.get("country")
            return company.get("region") or book.region_map.get(country or "")
        if dimension in ("industry", "size_band"):
            return attribute_of(book, connection, company, dimension)
        if dimension == "level":
            value = lead["qualified_level"]
            return value
        if dimension == "lead_stage":
            return qualified(connection, lead["stage_id"])
        if dimension == "lead_status":
            value = lead["status"]
            return value
        raise ValueError(f"no such dimension of a lead: {dimension}")

    return member


# ------------------------------------------------------------------------------------------------ creation


@remembered
def created_leads(book: Book) -> Iterable[Event]:
    """Leads on the day of their creation; `good` where they were qualified."""
    for lead in live_leads(book):
        day = created_day_of_lead(book, lead)
        if day is not None:
            yield Event(day=day, of=place_of(book, lead), who=lead, good=lead["qualified_at"] is not None)


@remembered
def qualified_leads(book: Book) -> Iterable[Event]:
    """Leads on the day of their qualification."""
    for lead in live_leads(book):
        if lead["qualified_at"] is not None:
            yield Event(day=book.day_of(lead["qualified_at"]), of=place_of(book, lead), who=lead)


@remembered
def won_new_business(book: Book) -> Iterable[Event]:
    """Won deals of new business on their close day."""
    for sight in book.closings:
        if book.is_won_deal(sight.deal) and book.type_of(sight.deal) == "new_business":
            yield Event(
                day=sight.day,
                of=lambda dimension, sight=sight: book.value_of(sight, dimension),  # type: ignore[misc]
            )


leads_created = count_of(created_leads)
qualified_leads_total = count_of(qualified_leads)
lead_qualification_rate = share_of(created_leads)
lead_to_close_ratio = quotient_of(won_new_business, created_leads)


def qualified_leads_count(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Leads qualified; by level, those of a high one passed the lower ones too."""
    cells = qualified_leads_total(book, period, dimension)
    if dimension == "level":
        leads = [event.who for event in qualified_leads(book).within(period)]
        passed = [lead for lead in leads if rank_of(lead) > LEVELS.index("mql")]
        if passed:
            before = cells.get("MQL")
            cells["MQL"] = count(len(passed) + (before.n or 0 if before else 0))
    return cells


def leads_by_source(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """The share of a source in all leads of the period."""
    if not book.has_rows("leads") or dimension is None:
        return {}
    whole = len(created_leads(book).within(period))
    groups = created_leads(book).by(period, dimension)
    return {
        ("unknown" if dimension == "source" and member == NONE else member): ratio(len(events), whole, whole)
        for member, events in groups.items()
    }


# ------------------------------------------------------------------------------------------------ conversion


def won_deal_of(book: Book, lead: Row) -> Row | None:
    """The deal that a lead says that it became, where that is won."""
    deal = book.deal.get(book.survivor("deals", lead["connection"], lead["converted_deal_id"] or ""))
    return deal if deal is not None and book.is_won_deal(deal) else None


def conversion_window(book: Book) -> Decimal:
    """How many days after its creation a lead without a link may still be matched with a won deal."""
    if "conversion window" not in book.memo:
        days = []
        for lead in live_leads(book):
            deal, created = won_deal_of(book, lead), created_day_of_lead(book, lead)
            close = None if deal is None else book.close_day(deal)
            if created is not None and close is not None and close >= created:
                days.append(Decimal((close - created).days))
        book.memo["conversion window"] = max(Decimal(30), Decimal("1.5") * median(days or [Decimal(0)]))
    window: Decimal = book.memo["conversion window"]
    return window


def is_match(book: Book, lead: Row, deal: Row) -> bool:
    """Whether a won deal is what came of a lead that names none."""
    if deal["connection"] != lead["connection"] or not book.is_won_deal(deal):
        return False
    connection = lead["connection"]
    if lead["contact_id"] is not None:
        person = as_person(book, connection, lead["contact_id"])
        if person not in {as_person(book, connection, id_) for id_ in contacts_of(book, deal)}:
            return False
    elif (
        lead["company_id"] is None
        or deal["company_id"] is None
        or as_company(book, connection, lead["company_id"]) != as_company(book, connection, deal["company_id"])
    ):
        return False
    created, begun, close = created_day_of_lead(book, lead), book.created_day(deal), book.close_day(deal)
    if created is None or begun is None or close is None or begun < created:
        return False
    return 0 <= (close - created).days <= conversion_window(book)


def is_converted(book: Book, lead: Row) -> bool:
    """Whether a lead led to a win."""
    if lead["converted_deal_id"] is not None:
        return won_deal_of(book, lead) is not None
    return any(is_match(book, lead, deal) for deal in book.deals)


@remembered
def leads_with_their_end(book: Book) -> Iterable[Event]:
    """Created leads; `good` where a win came of them."""
    for event in created_leads(book):
        yield Event(day=event.day, of=event.of, good=is_converted(book, event.who))


@remembered
def best_leads_with_their_end(book: Book) -> Iterable[Event]:
    """Qualified leads of the highest level in use; `good` where a win came of them."""
    ranks = [rank_of(event.who) for event in qualified_leads(book)]
    for event in qualified_leads(book):
        if rank_of(event.who) == max(ranks):
            yield Event(day=event.day, of=event.of, good=is_converted(book, event.who))


def rank_of(lead: Row) -> int:
    """How high a lead's level is."""
    level = (lead["qualified_level"] or "").strip().lower() or None
    return LEVELS.index(level) if level in LEVELS else 0


lead_conversion_rate = share_of(leads_with_their_end)
qualified_lead_conversion_rate = share_of(best_leads_with_their_end)


# ------------------------------------------------------------------------------------------------ contact


def linked_to(book: Book, entity: str) -> dict[tuple[str, str], list[Row]]:
    """Rep activities by what they are linked to."""
    name = f"rep activities of {entity}"
    if name not in book.memo:
        found: dict[tuple[str, str], list[Row]] = {}
        for activity in book.table("activities"):
            if not is_rep_activity(activity) or activity_instant(activity) is None:
                continue
            for link in book.links.get(key_of(activity), []):
                if link["entity"] == entity:
                    key = book.survivor(entity, link["connection"], link["entity_id"])
                    found.setdefault(key, []).append(activity)
        book.memo[name] = found
    known: dict[tuple[str, str], list[Row]] = book.memo[name]
    return known


def instants(activities: Iterable[Row]) -> list[datetime]:
    """When each of them happened, in order; one that came on several ways counts once."""
    by_key = {key_of(activity): activity_instant(activity) for activity in activities}
    return sorted(instant for instant in by_key.values() if instant is not None)


def touches_of_lead(book: Book, lead: Row) -> list[datetime]:
    """Rep activities of a lead, of its contact, of the deal that it became, since its creation."""
    connection = lead["connection"]
    found = list(linked_to(book, "leads").get(key_of(lead), []))
    if lead["contact_id"] is not None:
        found += linked_to(book, "contacts").get(book.survivor("contacts", connection, lead["contact_id"]), [])
    if lead["converted_deal_id"] is not None:
        found += linked_to(book, "deals").get(book.survivor("deals", connection, lead["converted_deal_id"]), [])
    since = created_instant_of_lead(book, lead)
    return [instant for instant in instants(found) if since is not None and instant >= since]


@remembered
def contacted_leads(book: Book) -> Iterable[Event]:
    """Created leads that somebody contacted; `good` where somebody did again within fourteen days."""
    for event in created_leads(book):
        touches = touches_of_lead(book, event.who)
        if touches:
            again = len(touches) > 1 and touches[1] <= touches[0] + timedelta(days=14)
            yield Event(day=event.day, of=event.of, good=again)


lead_follow_up_rate = share_of(contacted_leads)


# ------------------------------------------------------------------------------------------------ durations


def days_between(first: datetime, second: datetime) -> Decimal:
    """Elapsed days."""
    gap = second - first
    return Decimal((gap.days * 86400 + gap.seconds) * 1_000_000 + gap.microseconds) / DAY_OF_MICROSECONDS


@remembered
def lead_steps(book: Book) -> Iterable[Event]:
    """From one step of a lead to the next, on the day of the later."""
    for lead in live_leads(book):
        created = created_instant_of_lead(book, lead)
        touched = lead["first_contacted_at"] or next(iter(touches_of_lead(book, lead)), None)
        steps = {
            "created_to_contacted": (created, touched),
            "contacted_to_qualified": (touched, lead["qualified_at"]),
            "qualified_to_converted": (lead["qualified_at"], lead["converted_at"]),
        }
        for name, (first, second) in steps.items():
            if first is None or second is None:
                continue
            day, length = book.day_of(second), days_between(first, second)
            if name == "qualified_to_converted" and second.time() == time(
                0
            ):  # no instant: a date, as Salesforce says it
                day = second.date()
                length = Decimal((day - book.day_of(first)).days)
            if length >= 0:
                place = place_of(book, lead)
                yield Event(
                    day=day,
                    of=lambda d, name=name, place=place: name if d == "stage_pair" else place(d),  # type: ignore[misc]
                    worth=length,
                )


lead_stage_cycle_time = mean_of(lead_steps)
lead_stage_cycle_time_median = quantile_of(lead_steps, "0.5")
lead_stage_cycle_time_p90 = quantile_of(lead_steps, "0.9")


def first_contact_day(book: Book, deal: Row) -> date | None:
    """The day of the first rep activity with anybody behind a deal; else that on which its lead was created."""
    connection = deal["connection"]
    leads = [
        lead
        for lead in live_leads(book)
        if lead["converted_deal_id"] is not None
        and book.survivor("deals", lead["connection"], lead["converted_deal_id"]) == key_of(deal)
    ]
    people = contacts_of(book, deal) | {lead["contact_id"] for lead in leads if lead["contact_id"] is not None}
    found = list(linked_to(book, "deals").get(key_of(deal), []))
    for lead in leads:
        found += linked_to(book, "leads").get(key_of(lead), [])
    for person in people:
        found += linked_to(book, "contacts").get(book.survivor("contacts", connection, person), [])
    if found:
        return book.day_of(instants(found)[0])
    days = [day for lead in leads if (day := created_day_of_lead(book, lead)) is not None]
    return min(days, default=None)


@remembered
def contact_to_close(book: Book) -> Iterable[Event]:
    """Won deals of new business with the days from the first contact to the close day."""
    for sight in book.closings:
        if book.is_won_deal(sight.deal) and book.type_of(sight.deal) == "new_business":
            first = first_contact_day(book, sight.deal)
            if first is not None and first <= sight.day:
                yield Event(
                    day=sight.day,
                    of=lambda dimension, sight=sight: book.value_of(sight, dimension),  # type: ignore[misc]
                    worth=Decimal((sight.day - first).days),
                )


first_contact_to_close_time = mean_of(contact_to_close)
first_contact_to_close_time_median = quantile_of(contact_to_close, "0.5")
first_contact_to_close_time_p90 = quantile_of(contact_to_close, "0.9")
