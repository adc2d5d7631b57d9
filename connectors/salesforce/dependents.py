"""Dependents: what hangs on the records of a kind and is only right as a whole: histories, contact roles, prices.

A change of one names its parent, and then all of the parent's are read; every so often those of all parents are.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from connectors.base import Children, Context, Cursor, Page
from connectors.salesforce.bulk import JobGoneError
from connectors.salesforce.client import Json
from connectors.salesforce.history import deal_past, lead_past
from connectors.salesforce.kinds import Kind
from connectors.salesforce.objects import SECOND, Place, Rows, instant
from connectors.salesforce.refusals import TooLargeError
from connectors.salesforce.settings import Cadence
from connectors.salesforce.shapes import LINKED, RESPONSES, Account, Raw, mail_way, moment
from connectors.salesforce.soql import between
from store.records import (
    Activity,
    Deal,
    DealContact,
    Detail,
    MeetingInvite,
    Product,
    Statement,
    Ticket,
)

BLOCK = 500
ByObject = Mapping[str, Sequence[Raw]]
Say = Callable[[Sequence[str], ByObject, Account], Iterable[Statement]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Rows that hang on a parent, by the field that names it. `only` are conditions, used where the org has the field.

    An `optional` source may be missing.
    """

    object: str
    parent: str
    fields: tuple[str, ...]
    only: tuple[tuple[str, str], ...] = ()
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependents:
    """A pass over the dependents of a kind. `again` names the cadence at which all are read; `complete` is the detail
    whose sets are complete: others of the same parents are gone."""

    name: str
    of: str
    sources: tuple[Source, ...]
    say: Say
    again: str
    complete: type[Detail] | None = None
    key: str = ""


def _roles(ids: Sequence[str], rows: ByObject, account: Account) -> Iterable[Statement]:
    """The contacts of deals, and which of them is the primary one."""
    primary: dict[str, str | None] = dict.fromkeys(ids)
    roles: dict[tuple[str, str], DealContact] = {}
    for raw in sorted(rows.get("OpportunityContactRole", ()), key=lambda raw: raw.get("IsPrimary") is True):
        deal, contact = raw.get("OpportunityId"), raw.get("ContactId")
        if deal not in primary or not contact:
            continue
        first = raw.get("IsPrimary") is True
        if first:
            primary[deal] = contact
        roles[deal, contact] = DealContact.of(
            {"deal_id": deal, "contact_id": contact, "role": raw.get("Role"), "is_primary": first}
        )
    yield from roles.values()
    for id_, contact in primary.items():
        yield Deal.of({"id": id_, "primary_contact_id": contact})


def _prices(ids: Sequence[str], rows: ByObject, account: Account) -> Iterable[Statement]:
    """The standard price of products, in the org's own currency where there are several."""
    chosen: dict[str, Raw] = {}
    for raw in rows.get("PricebookEntry", ()):
        product, currency = str(raw.get("Product2Id")), raw.get("CurrencyIsoCode")
        if product not in chosen or currency == account.currency:
            chosen[product] = raw
    for id_ in ids:
        raw = chosen.get(id_, {})
        currency = raw.get("CurrencyIsoCode") or (account.currency if raw else None)
        yield Product.of({"id": id_, "list_price": raw.get("UnitPrice"), "currency": currency})


def _invites(ids: Sequence[str], rows: ByObject, account: Account) -> Iterable[Statement]:
    """What invited contacts have answered."""
    wanted = set(ids)
    for raw in rows.get("EventRelation", ()):
        contact = str(raw.get("RelationId") or "")
        if raw.get("EventId") in wanted and LINKED.get(contact[:3]) == "contacts" and raw.get("IsWhat") is not True:
            status = RESPONSES.get(str(raw.get("Status")), "invited")
            yield MeetingInvite.of({"activity_id": raw["EventId"], "contact_id": contact, "status": status})


def _mails(ids: Sequence[str], rows: ByObject, account: Account) -> Iterable[Statement]:
    """What mails say of the tasks that stand for them."""
    for raw in rows.get("EmailMessage", ()):
        direction, outcome = mail_way(raw)
        yield Activity.of(
            {
                "id": raw["ActivityId"],
                "type": "email",
                "direction": direction,
                "outcome": outcome,
                "thread_id": raw.get("ThreadIdentifier"),
            }
        )


def _responses(ids: Sequence[str], rows: ByObject, account: Account) -> Iterable[Statement]:
    """The first mail that went out about each case."""
    first: dict[str, datetime | None] = dict.fromkeys(ids)
    for raw in rows.get("EmailMessage", ()):
        case, at = str(raw.get("ParentId")), moment(raw.get("MessageDate"))
        if case in first and at is not None and mail_way(raw)[0] == "outbound":
            known = first[case]
            first[case] = at if known is None else min(known, at)
    for id_, found in first.items():
        if found is not None:
            yield Ticket.of({"id": id_, "first_response_at": found})


LIVE = (("IsDeleted", "IsDeleted = false"),)
MAIL = ("Incoming", "Status", "IsBounced", "MessageDate", "ThreadIdentifier")

DEPENDENTS: tuple[Dependents, ...] = (
    Dependents(
        name="history",
        of="deals",
        sources=(
            Source(
                object="OpportunityHistory",
                parent="OpportunityId",
                fields=(
                    *("CreatedDate", "CreatedById", "StageName", "Amount", "CloseDate", "ForecastCategory"),
                    "Opportunity.RecordTypeId",
                ),
                only=LIVE,
            ),
            Source(
                object="OpportunityFieldHistory",
                parent="OpportunityId",
                fields=("CreatedDate", "CreatedById", "Field", "OldValue", "NewValue"),
                only=(("Field", "Field IN ('Owner', 'RecordType')"),),
                optional=True,
            ),
        ),
        say=deal_past,
        again="history",
    ),
    Dependents(
        name="links",
        of="deals",
        sources=(
            Source(
                object="OpportunityContactRole",
                parent="OpportunityId",
                fields=("ContactId", "Role", "IsPrimary"),
                only=LIVE,
            ),
        ),
        say=_roles,
        again="links",
        complete=DealContact,
        key="deal_id",
    ),
    Dependents(
        name="history",
        of="leads",
        sources=(
            Source(
                object="LeadHistory",
                parent="LeadId",
                fields=("CreatedDate", "CreatedById", "Field", "OldValue", "NewValue"),
                only=(("Field", "Field IN ('Status', 'Owner')"),),
                optional=True,
            ),
            Source(object="Lead", parent="Id", fields=("CreatedDate", "Status")),
        ),
        say=lead_past,
        again="history",
    ),
    Dependents(
        name="prices",
        of="products",
        sources=(
            Source(
                object="PricebookEntry",
                parent="Product2Id",
                fields=("UnitPrice", "CurrencyIsoCode"),
                only=(*LIVE, ("Pricebook2Id", "Pricebook2.IsStandard = true")),
            ),
        ),
        say=_prices,
        again="links",
    ),
    Dependents(
        name="invites",
        of="meetings",
        sources=(
            Source(object="EventRelation", parent="EventId", fields=("RelationId", "Status", "IsWhat"), only=LIVE),
        ),
        say=_invites,
        again="links",
        complete=MeetingInvite,
        key="activity_id",
    ),
    Dependents(
        name="emails",
        of="tasks",
        sources=(Source(object="EmailMessage", parent="ActivityId", fields=MAIL, only=LIVE, optional=True),),
        say=_mails,
        again="history",
    ),
    Dependents(
        name="responses",
        of="tickets",
        sources=(Source(object="EmailMessage", parent="ParentId", fields=MAIL, only=LIVE, optional=True),),
        say=_responses,
        again="history",
    ),
)
BY_STREAM: Mapping[str, Dependents] = {f"{each.of}.{each.name}": each for each in DEPENDENTS}


class NotInOrderError(Exception):
    """Salesforce sorts ids in another way than we do, or can't sort them any more."""


class Walk:
    """Rows in the order of their parents, taken a stretch at a time."""

    def __init__(self, rows: Iterator[Json], parent: str) -> None:
        self._rows = rows
        self._parent = parent
        self._ahead: Json | None = None
        self._reached = ""
        self.broken = False

    def until(self, last: str) -> Iterator[Json]:
        """The rows of parents up to one. Raises NotInOrderError, TooLargeError."""
        if self.broken:
            raise NotInOrderError
        while (row := self._ahead or next(self._rows, None)) is not None:
            self._ahead = None
            parent = str(row[self._parent])
            if parent < self._reached:
                raise NotInOrderError
            if parent > last:
                self._ahead = row
                return
            self._reached = parent
            yield row


@dataclass(frozen=True, slots=True, kw_only=True)
class DependentsPass:
    """Reads the dependents of one kind. A cursor is `{"began", "last"}` (all parents, up to one), `{"since", "swept"}`
    (between runs), or `{"since", "swept", "until", "source", "at"}` (in a window of one source)."""

    what: Dependents
    kind: Kind
    rows: Mapping[str, Rows]
    account: Account
    context: Context
    cadence: Cadence

    def read(self, cursor: Cursor) -> Iterator[Page]:
        """All of them the first time and on the cadence; later those of parents where one has changed."""
        every: timedelta = getattr(self.cadence, self.what.again)
        if "since" not in cursor:
            yield from self._all(cursor)
        elif "until" not in cursor and self._now() - instant(cursor["swept"]) >= every:
            yield from self._all({})
        else:
            yield from self._changed(cursor)

    # ------------------------------------------------------------------------------------------------ all of them

    def _all(self, cursor: Cursor) -> Iterator[Page]:
        """Block by block of the parents that we know; each object is asked for once, in the order of its parents."""
        began, last = str(cursor.get("began") or self._now().isoformat()), str(cursor.get("last", ""))
        walks: dict[str, Walk] = {}
        while ids := self.context.known.ids(self.kind.record, last, BLOCK, self.kind.prefix):
            last, read_at = ids[-1], self._now()
            rows = {source.object: self._of_block(source, ids, walks) for source in self.what.sources}
            yield self._page(ids, rows, {"began": began, "last": last}, read_at)
        yield Page(cursor={"since": began, "swept": began}, read_at=self._now(), notes=self._notes)

    def _of_block(self, source: Source, ids: Sequence[str], walks: dict[str, "Walk"]) -> list[Json]:
        """The rows of parents that lie side by side; by name where they can't be walked in order."""
        rows = self._readable(source)
        if rows is None:
            return []
        if source.object not in walks:
            fields = (*source.fields, source.parent, "Id")
            ordered = rows.ordered(source.parent, fields, ids[0], *rows.conditions(source.only))
            walks[source.object] = Walk(ordered, source.parent)
        try:
            wanted = set(ids)
            return [row for row in walks[source.object].until(ids[-1]) if row[source.parent] in wanted]
        except (TooLargeError, NotInOrderError):
            walks[source.object].broken = True
            return self._of(source, ids)

    # ---------------------------------------------------------------------------------------------- what has changed

    def _changed(self, cursor: Cursor) -> Iterator[Page]:
        since, swept = cursor["since"], cursor["swept"]
        until = instant(cursor["until"]) if "until" in cursor else self._now() + SECOND
        first, place = int(cursor.get("source", 0)), cursor.get("at") or {}
        start = instant(since) - self.cadence.overlap
        frame = {"since": since, "swept": swept, "until": until.isoformat()}
        for number, source in enumerate(self.what.sources):
            if number >= first:
                yield from self._window(source, start, until, {**frame, "source": number}, place)
                place = {}
        yield Page(cursor={"since": until.isoformat(), "swept": swept}, read_at=self._now(), notes=self._notes)

    def _window(
        self, source: Source, start: datetime, until: datetime, frame: Mapping[str, Any], place: Place
    ) -> Iterator[Page]:
        rows = self._readable(source)
        if rows is None:
            return
        only = [
            condition
            for name, condition in source.only
            if name != "IsDeleted" and rows.org.visible(rows.object, (name,))
        ]
        window = between(rows.stamp, start, until)
        try:
            for block in rows.surely(("Id", source.parent), window, *only, place=place):
                behind = {**frame, "at": block.place} if block.place is not None else frame
                ids = sorted({str(row[source.parent]) for row in block.rows if row.get(source.parent)})
                parts = [ids[first : first + BLOCK] for first in range(0, len(ids), BLOCK)]
                for part in parts:
                    read_at = self._now()
                    found = {other.object: self._of(other, part) for other in self.what.sources}
                    yield self._page(part, found, behind if part is parts[-1] else {**frame, "at": place}, read_at)
                if not parts and block.place is not None:
                    yield Page(cursor=behind, read_at=block.read_at)
                place = block.place or {}
        except JobGoneError:
            yield from self._window(source, start, until, frame, {})

    def _of(self, source: Source, ids: Sequence[str]) -> list[Json]:
        rows = self._readable(source)
        if rows is None:
            return []
        return rows.among(source.parent, (*source.fields, source.parent, "Id"), ids, *rows.conditions(source.only))

    # ----------------------------------------------------------------------------------------------------- shared

    def _page(self, ids: Sequence[str], rows: ByObject, cursor: Cursor, read_at: datetime) -> Page:
        said = list(self.what.say(ids, rows, self.account))
        page = Page(cursor=cursor, read_at=read_at, read=sum(map(len, rows.values())), records=said)
        if self.what.complete is None:
            return page
        details = [each for each in said if isinstance(each, self.what.complete)]
        complete = Children(detail=self.what.complete, parent=self.what.key, parent_ids=frozenset(ids), details=details)
        records = [each for each in said if not isinstance(each, self.what.complete)]
        return replace(page, records=records, children=[complete])

    def _readable(self, source: Source) -> Rows | None:
        """The rows of a source; None where it is optional and not there."""
        rows = self.rows[source.object]
        return None if source.optional and not rows.org.has(source.object) else rows

    @property
    def _notes(self) -> list[str]:
        missing = [source.object for source in self.what.sources if self._readable(source) is None]
        notes = [
            f"{self.what.of}.{self.what.name}: the org has no {name} (or the user may not see it)" for name in missing
        ]
        return [*notes, *(note for rows in self.rows.values() for note in rows.notes)]

    def _now(self) -> datetime:
        return next(iter(self.rows.values())).client.now()
