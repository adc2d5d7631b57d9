"""Oracles of what passes between people and customers: conversations, meetings, answers, requests, prices."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from tests.kpi.oracles.activities import activity_member
from tests.kpi.oracles.book import Book
from tests.kpi.oracles.cells import MISSING, Cell, Period, mean, ratio
from tests.kpi.oracles.customers import (
    Customer,
    as_company,
    attribute,
    attribute_of,
    customer_of_deal,
    customer_of_lead,
    live_leads,
    own_attribute,
    person_or_company,
    runs_on,
    subscriptions,
    wins,
)
from tests.kpi.oracles.events import Event, Member, mean_of, quantile_of, quotient_of, remembered, share_of
from tests.kpi.oracles.rows import NONE, Row, activity_instant, is_demo, is_held, is_live, key_of, qualified

# ------------------------------------------------------------------------------------------------ demos


def place_of(book: Book, activity: Row) -> Member:
    """Where an activity falls."""
    instant = activity_instant(activity) or book.now

    def member(dimension: str) -> str | None:
        found = activity_member(book, activity, instant, dimension)
        return None if found == NONE else found

    return member


def is_conversation(activity: Row) -> bool:
    """A call that was answered, or any other meeting held."""
    if not is_live(activity) or activity["is_automated"]:
        return False
    if activity["type"] == "call":
        return bool(activity["outcome"] == "connected")
    return is_held(activity) and not is_demo(activity)


@remembered
def demos(book: Book) -> Iterable[Event]:
    """Demos held."""
    for activity in book.table("activities"):
        if activity["occurred_at"] is not None and is_demo(activity):
            yield Event(day=book.day_of(activity["occurred_at"]), of=place_of(book, activity), who=activity)


@remembered
def conversations(book: Book) -> Iterable[Event]:
    """Conversations had."""
    for activity in book.table("activities"):
        if activity["occurred_at"] is not None and is_conversation(activity):
            yield Event(day=book.day_of(activity["occurred_at"]), of=place_of(book, activity), who=activity)


conversation_to_demo_ratio = quotient_of(demos, conversations)


# ------------------------------------------------------------------------------------------------ meetings


@remembered
def invitations(book: Book) -> Iterable[Event]:
    """Contacts invited to meetings; `good` where they accepted."""
    meetings = {key_of(row): row for row in book.table("activities") if row["type"] == "meeting" and is_live(row)}
    for invite in book.table("meeting_invites"):
        meeting = meetings.get((invite["connection"], invite["activity_id"]))
        if invite["deleted_at"] is not None or meeting is None or meeting["occurred_at"] is None:
            continue
        status = (invite["status"] or "").strip().lower()
        yield Event(
            day=book.day_of(meeting["occurred_at"]),
            of=_place_of_invite(book, meeting, invite),
            who=book.survivor("contacts", invite["connection"], invite["contact_id"]),
            good=status in ("accepted", "rescheduled") or meeting["outcome"] == "rescheduled",
        )


def _place_of_invite(book: Book, meeting: Row, invite: Row) -> Member:
    connection = invite["connection"]
    contact = book.folded("contacts", connection, invite["contact_id"])
    company = book.folded("companies", connection, contact.get("company_id"))
    of_meeting = place_of(book, meeting)

    def member(dimension: str) -> str | None:
        value: str | None
        if dimension == "meeting_type":
            value = meeting["subtype"]
            return value
        if dimension in ("owner", "team"):
            return of_meeting(dimension)
        if dimension == "source":
            value = contact.get("source")
            return value
        country = company.get("country") or contact.get("country")
        if dimension == "country":
            return country
        return company.get("region") or book.region_map.get(country or "")

    return member


def meeting_acceptance_rate(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Of the distinct contacts invited, those who accepted at least once."""
    if not book.has_rows("meeting_invites"):
        return {"": MISSING} if dimension is None else {}
    cells = {}
    for member, events in invitations(book).by(period, dimension).items():
        invited = {event.who for event in events}
        accepted = {event.who for event in events if event.good}
        cells[member] = ratio(len(accepted), len(invited), len(invited))
    return cells


# ------------------------------------------------------------------------------------------------ answers


def customer_of_answer(book: Book, answer: Row) -> Customer | None:
    """Who answered: the company, else the contact's, else the contact."""
    company = book.home("companies", answer["connection"], answer["company_id"])
    if company is not None:
        return as_company(book, *company)
    contact = book.home("contacts", answer["connection"], answer.get("contact_id"))
    return None if contact is None else person_or_company(book, *contact)


def place_of_customer(book: Book, customer: Customer | None) -> Member:
    """Where a customer falls; nobody falls nowhere."""
    return lambda dimension: None if customer is None else attribute(book, customer, dimension)


def sentiment_of(answer: Row) -> str | None:
    """What an answer feels: as it says, else by its score; none where neither tells."""
    said = (answer["sentiment"] or "").strip().lower()
    if said in ("positive", "neutral", "negative"):
        return said
    kind, score = (answer["type"] or "").strip().lower(), answer["score"]
    scales = {"nps": (0, 7, 9, 10), "csat": (1, 3, 4, 5), "review": (1, 3, 4, 5), "ces": (1, 4, 5, 7)}
    if score is None or kind not in scales:
        return None
    least, neutral, positive, most = scales[kind]
    if not least <= score <= most:
        return None
    if score >= positive:
        return "positive"
    return "neutral" if score >= neutral else "negative"


def _answers(book: Book, feeling: str) -> Iterable[Event]:
    for answer in book.table("survey_responses"):
        found = sentiment_of(answer)
        if is_live(answer) and answer["responded_at"] is not None and found is not None:
            day = book.day_of(answer["responded_at"])
            of = place_of_customer(book, customer_of_answer(book, answer))
            yield Event(
                day=day,
                of=lambda d, of=of, answer=answer: answer["type"] if d == "survey_type" else of(d),  # type: ignore[misc]
                good=found == feeling,
            )


@remembered
def happy_answers(book: Book) -> Iterable[Event]:
    """Answers whose feeling is known; `good` the positive ones."""
    return _answers(book, "positive")


@remembered
def unhappy_answers(book: Book) -> Iterable[Event]:
    """The same; `good` the negative ones."""
    return _answers(book, "negative")


positive_response_rate = share_of(happy_answers)
negative_response_rate = share_of(unhappy_answers)


@remembered
def scores(book: Book) -> Iterable[Event]:
    """Valid answers to the question whether they would recommend us: of a person and a survey the latest."""
    latest: dict[Any, Row] = {}
    for answer in book.table("survey_responses"):
        valid = answer["score"] is not None and 0 <= answer["score"] <= 10
        if not is_live(answer) or (answer["type"] or "").strip().lower() != "nps" or not valid:
            continue
        if answer["responded_at"] is None:
            continue
        person = book.home("contacts", answer["connection"], answer["contact_id"])
        alone = person is None or answer["survey_id"] is None
        who = key_of(answer) if alone else (book.survivor("contacts", *person), answer["survey_id"])  # type: ignore[misc]
        rival = latest.get(who)
        if rival is None or (answer["responded_at"], answer["id"]) > (rival["responded_at"], rival["id"]):
            latest[who] = answer
    for answer in latest.values():
        day = book.day_of(answer["responded_at"])
        of = place_of_customer(book, customer_of_answer(book, answer))
        yield Event(
            day=day,
            of=lambda d, of=of, answer=answer: answer["survey_id"] if d == "survey" else of(d),  # type: ignore[misc]
            worth=Decimal(100) if answer["score"] >= 9 else Decimal(0) if answer["score"] >= 7 else Decimal(-100),
        )


net_promoter_score = mean_of(scores)


# ------------------------------------------------------------------------------------------------ touches


def is_touch(activity: Row) -> bool:
    """Something that reached somebody, in either direction."""
    kind, outcome = activity["type"], activity["outcome"]
    if not is_live(activity) or activity["is_automated"]:
        return False
    if kind == "call":
        return outcome not in ("canceled", "open")
    if kind in ("email", "message"):
        return outcome not in ("failed", "bounced", "open")
    return bool(kind == "meeting" and outcome == "completed")


def customers_of(book: Book, activity: Row) -> set[Customer]:
    """Whom an activity was with."""
    if "leads by key" not in book.memo:
        book.memo["leads by key"] = {key_of(lead): lead for lead in live_leads(book)}
    found = set()
    for link in book.links.get(key_of(activity), []):
        connection, id_ = link["connection"], link["entity_id"]
        if link["entity"] == "companies":
            found.add(as_company(book, connection, id_))
        elif link["entity"] == "contacts":
            found.add(person_or_company(book, connection, id_))
        elif link["entity"] == "deals":
            deal = book.deal.get(book.survivor("deals", connection, id_))
            if deal is not None:
                found.add(customer_of_deal(book, deal))
        elif link["entity"] == "leads":
            lead = book.memo["leads by key"].get(book.survivor("leads", connection, id_))
            if lead is not None:
                found.add(customer_of_lead(book, lead))
    return found


OF_CUSTOMER = ("country", "region", "industry", "size_band", "source")


@remembered
def touches(book: Book) -> Iterable[Event]:
    """Touches, one for each customer that they reached."""
    for activity in book.table("activities"):
        if not is_touch(activity) or activity["occurred_at"] is None:
            continue
        day, of_activity = book.day_of(activity["occurred_at"]), place_of(book, activity)
        for customer in customers_of(book, activity):
            of_customer = partial(own_attribute, book, customer)
            yield Event(
                day=day,
                of=lambda d, one=of_activity, other=of_customer: (other if d in OF_CUSTOMER else one)(d),  # type: ignore[misc]
                who=customer,
            )


def touchpoints_per_customer(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Touches by distinct customers touched."""
    cells = {}
    for member, events in touches(book).by(period, dimension).items():
        people = {event.who for event in events}
        cells[member] = ratio(len(events), len(people), len(people))
    return cells


def touchpoints_until_win(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """How often the customer of a won deal had been touched by its close day, on the mean."""
    days: dict[Customer, list[date]] = {}
    for event in touches(book):
        days.setdefault(event.who, []).append(event.day)
    found: dict[str, list[Decimal]] = {"": []} if dimension is None else {}
    for sight in book.closings:
        if book.is_won_deal(sight.deal) and period.has(sight.day):
            by_then = [day for day in days.get(customer_of_deal(book, sight.deal), []) if day <= sight.day]
            found.setdefault(book.member(sight, dimension), []).append(Decimal(len(by_then)))
    return {member: mean(numbers) for member, numbers in found.items()}


def conversation_to_demo_cohort(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """Of those talked to in a period, who saw a demo within thirty days of one of the conversations."""
    shown: dict[Customer, list[date]] = {}
    for event in demos(book):
        for prospect in customers_of(book, event.who):
            shown.setdefault(prospect, []).append(event.day)
    cells = {}
    for member, events in conversations(book).by(period, dimension).items():
        talked: set[Customer] = set()
        seen: set[Customer] = set()
        for event in events:
            for prospect in customers_of(book, event.who):
                talked.add(prospect)
                if any(event.day <= day <= event.day + timedelta(days=30) for day in shown.get(prospect, [])):
                    seen.add(prospect)
        if talked or dimension is None:
            cells[member] = ratio(len(seen), len(talked), len(talked))
    return cells


# ------------------------------------------------------------------------------------------------ engagement


def points_of(activity: Row) -> int:
    """What an interaction is worth."""
    if not is_live(activity) or activity["is_automated"]:
        return 0
    if activity["type"] in ("email", "message") and activity["direction"] == "inbound":
        return 3 if is_touch(activity) else 0
    if activity["type"] == "meeting":
        return 5 if activity["outcome"] == "completed" else 0
    return 3 if activity["type"] == "call" and activity["outcome"] == "connected" else 0


def interactions(book: Book) -> list[tuple[date, Customer, int]]:
    """Everything that counts, by day and customer."""
    if "interactions" not in book.memo:
        found = []
        for activity in book.table("activities"):
            points = points_of(activity)
            if points and activity["occurred_at"] is not None:
                day = book.day_of(activity["occurred_at"])
                found += [(day, customer, points) for customer in customers_of(book, activity)]
        for answer in book.table("survey_responses"):
            who = customer_of_answer(book, answer)
            if is_live(answer) and answer["responded_at"] is not None and who is not None:
                found.append((book.day_of(answer["responded_at"]), who, 2))
        for ticket in book.table("tickets"):
            company = book.home("companies", ticket["connection"], ticket["company_id"])
            if is_live(ticket) and ticket["created_at"] is not None and company is not None:
                found.append((book.day_of(ticket["created_at"]), as_company(book, *company), 1))
        book.memo["interactions"] = found
    known: list[tuple[date, Customer, int]] = book.memo["interactions"]
    return known


def customer_engagement_score(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """The mean of what customers did in thirty days, at most a hundred each."""
    day = book.moment(period)
    buyers = {customer for customer, sights in wins(book).items() if any(sight.day <= day for sight in sights)}
    payers = {c for c, rows in subscriptions(book).items() if any(runs_on(row, day) for row in rows)}
    points: dict[Customer, int] = dict.fromkeys(buyers | payers, 0)
    for when, customer, worth in interactions(book):
        if customer in points and day - timedelta(days=30) < when <= day:
            points[customer] += worth
    groups: dict[str, list[int]] = {"": []} if dimension is None else {}
    for customer, found in points.items():
        member = "" if dimension is None else attribute(book, customer, dimension) or NONE
        groups.setdefault(member, []).append(min(100, found))
    return {member: ratio(sum(found), len(found), len(found)) for member, found in groups.items()}


# ------------------------------------------------------------------------------------------------ requests


@remembered
def answered_tickets(book: Book) -> Iterable[Event]:
    """Tickets that were answered, with the minutes that it took, on the day on which they came."""
    for ticket in book.table("tickets"):
        came, answered = ticket["created_at"], ticket["first_response_at"]
        if not is_live(ticket) or came is None or answered is None or answered < came:
            continue
        gap = answered - came
        microseconds = (gap.days * 86400 + gap.seconds) * 1_000_000 + gap.microseconds
        yield Event(
            day=book.day_of(came),
            of=_place_of_ticket(book, ticket, came),
            worth=Decimal(microseconds) / Decimal(60_000_000),
        )


def _place_of_ticket(book: Book, ticket: Row, came: Any) -> Member:
    connection = ticket["connection"]
    company = book.home("companies", connection, ticket["company_id"])
    row: Row = {} if company is None else book.folded("companies", *company)

    def member(dimension: str) -> str | None:
        value: str | None
        if dimension == "owner":
            return qualified(connection, ticket["owner_id"])
        if dimension == "team":
            value = book.team_of(connection, ticket["owner_id"], came)
            return None if value == NONE else value
        if dimension == "channel":
            return "ticket"
        if dimension == "priority":
            value = ticket["priority"]
            return value
        return attribute_of(book, connection, row, dimension)

    return member


response_time = mean_of(answered_tickets)
response_time_median = quantile_of(answered_tickets, "0.5")
response_time_p90 = quantile_of(answered_tickets, "0.9")


# ------------------------------------------------------------------------------------------------ prices


def competitor_price_index(book: Book, period: Period, dimension: str | None) -> dict[str, Cell]:
    """The mean over products of our list price by the mean of the competitors' latest prices."""
    if not book.has_rows("competitor_prices"):
        return {"": MISSING} if dimension is None else {}
    day = book.moment(period)
    latest: dict[tuple[tuple[str, str], str], Row] = {}
    for row in book.table("competitor_prices"):
        product = book.home("products", row["connection"], row["product_id"])
        seen = row["observed_on"]
        if not is_live(row) or row["price"] is None or product is None or seen is None:
            continue
        if not day - timedelta(days=90) <= seen <= day:
            continue
        if book.worth_on(row["connection"], row["currency"], row["price"], seen) is None:
            continue
        place = product, row["competitor"] or ""
        rival = latest.get(place)
        if rival is None or (seen, row["id"]) > (rival["observed_on"], rival["id"]):
            latest[place] = row
    prices: dict[tuple[str, tuple[str, str]], list[Decimal]] = {}
    for (product, _), row in latest.items():
        price = book.worth_on(row["connection"], row["currency"], row["price"], row["observed_on"])
        if price is not None:
            member = ""
            if dimension == "product":
                member = ":".join(product)
            elif dimension == "currency":
                account = book.account_of.get(product[0])
                base = None if account is None else account["base_currency"]
                member = book.index("products").get(product, {}).get("currency") or base or NONE
            elif dimension is not None:
                member = row[dimension] or NONE
            prices.setdefault((member, product), []).append(price)
    groups: dict[str, list[Decimal]] = {"": []} if dimension is None else {}
    for (member, product), found in prices.items():
        own: Row = book.index("products").get(product, {})
        ours = book.worth_on(product[0], own.get("currency"), own.get("list_price"), day)
        theirs = sum(found, Decimal(0)) / len(found)
        if ours is not None and theirs:
            groups.setdefault(member, []).append(ours / theirs)
    return {member: ratio(sum(found, Decimal(0)), len(found), len(found)) for member, found in groups.items()}
