"""Associations: what HubSpot's objects are tied to, read a thousand at a time."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from connectors.base import Children, Meter
from connectors.errors import MissingScopeError, UnexpectedResponseError
from connectors.hubspot.client import Client
from connectors.hubspot.kind import Kind
from connectors.hubspot.paging import results
from store.records import ActivityLink, DealContact, Detail

INPUTS = 1000
PRIMARY = {5, 1, 26, 578}
"""Type ids that mark the primary one: the company of a deal, a contact or a ticket, the contact of a lead."""

Ties = Mapping[str, Mapping[str, bool]]
"""Our object's id -> the ids of what it is tied to, and whether that is the primary one."""


@dataclass(slots=True)
class Linked:
    """What links say: fields of the records themselves (by our id), and complete sets of details."""

    fields: dict[str, dict[str, Any]] = field(default_factory=dict)
    children: list[Children] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """The links of one kind of object to some others. `refused` fills with those that the token may not see."""

    client: Client
    kind: Kind
    targets: tuple[str, ...]
    refused: dict[str, str] = field(default_factory=dict)

    def read(self, ids: Sequence[str], meter: Meter, pool: Executor) -> Linked:
        """The links of these HubSpot ids."""
        linked = Linked()
        if not ids or not self.targets:
            return linked
        targets = [target for target in self.targets if target not in self.refused]
        answers = pool.map(lambda target: self._ties(ids, target, meter), targets)
        tied = {target: ties for target, ties in zip(targets, answers, strict=True) if ties is not None}
        if self.kind.name in FIELDS:
            _fields(self.kind, ids, tied, linked)
        elif self.kind.prefix:
            _activity(self.kind, ids, tied, linked)
        if self.kind.name == "deals":
            _deal_contacts(ids, tied, linked)
        return linked

    def gaps(self) -> list[str]:
        """What the token may not see, for people."""
        return [
            f"{self.kind.name}: their links to {target} can't be read ({why}); what is known of them stays as it was"
            for target, why in sorted(self.refused.items())
        ]

    def _ties(self, ids: Sequence[str], target: str, meter: Meter) -> Ties | None:
        """What each id is tied to; None where the token may not see such objects: nothing is known, nothing changes."""
        ties: dict[str, dict[str, bool]] = defaultdict(dict)
        waiting: list[dict[str, str]] = [{"id": id_} for id_ in ids]
        while waiting:
            batch, waiting = waiting[:INPUTS], waiting[INPUTS:]
            try:
                waiting += self._batch(batch, target, meter, ties)
            except MissingScopeError as error:
                self.refused[target] = f"needs {' or '.join(error.scopes)}" if error.scopes else str(error)
                return None
        return ties

    def _batch(
        self, inputs: list[dict[str, str]], target: str, meter: Meter, ties: dict[str, dict[str, bool]]
    ) -> list[dict[str, str]]:
        """Reads a batch into `ties`; answers the inputs whose links go on."""
        path = self.client.paths.associations(self.kind.path, target)
        try:
            answer = self.client.associations(path, {"inputs": inputs}, meter)
        except UnexpectedResponseError:
            if len(inputs) == 1:
                raise
            half = len(inputs) // 2  # one malformed id refuses its whole batch: find it
            return self._batch(inputs[:half], target, meter, ties) + self._batch(inputs[half:], target, meter, ties)
        going_on: list[dict[str, str]] = []
        for result in results(answer, path):
            from_id = str(result["from"]["id"])
            for to in result.get("to") or ():
                primary = any(kind.get("typeId") in PRIMARY for kind in to.get("associationTypes") or ())
                to_id = str(to["toObjectId"])
                ties[from_id][to_id] = ties[from_id].get(to_id, False) or primary
            following = ((result.get("paging") or {}).get("next") or {}).get("after")
            if following:
                going_on.append({"id": from_id, "after": str(following)})
        _refuse_unknown(answer, path)
        return going_on


def _refuse_unknown(answer: Mapping[str, Any], path: str) -> None:
    """An id without links and an id that is gone are no errors; anything else is."""
    for error in answer.get("errors") or ():
        if error.get("category") != "OBJECT_NOT_FOUND":
            raise UnexpectedResponseError(f"HubSpot answered {path} with: {error.get('message') or error}")


def _chosen(ties: Mapping[str, bool]) -> str | None:
    """The primary one, else the one with the lowest id."""
    return min(ties, key=lambda id_: (not ties[id_], len(id_), id_), default=None)


# ------------------------------------------------------------------------------------------ what the links mean


def _fields(kind: Kind, ids: Sequence[str], tied: Mapping[str, Ties], linked: Linked) -> None:
    """One of those that an object is tied to becomes a field of its record; links that we may not see say nothing."""
    for target, name in FIELDS[kind.name].items():
        ties = tied.get(target)
        if ties is not None:
            for id_ in ids:
                linked.fields.setdefault(id_, {})[name] = _chosen(ties.get(id_, {}))


def _deal_contacts(ids: Sequence[str], tied: Mapping[str, Ties], linked: Linked) -> None:
    contacts = tied.get("contacts")
    if contacts is None:
        return
    details = [
        DealContact.of(
            {
                "deal_id": id_,
                "contact_id": contact,
                "is_primary": contact == linked.fields[id_]["primary_contact_id"],
            }
        )
        for id_ in ids
        for contact in contacts.get(id_, {})
    ]
    linked.children.append(_complete(DealContact, "deal_id", ids, details))


def _activity(kind: Kind, ids: Sequence[str], tied: Mapping[str, Ties], linked: Linked) -> None:
    ours = [kind.prefix + id_ for id_ in ids]
    for entity, ties in tied.items():
        details = [
            ActivityLink.of({"activity_id": kind.prefix + id_, "entity": entity, "entity_id": to_id})
            for id_ in ids
            for to_id in ties.get(id_, {})
        ]
        linked.children.append(_complete(ActivityLink, "activity_id", ours, details, {"entity": entity}))


def _complete(
    detail: type[Detail],
    parent: str,
    ids: Sequence[str],
    details: Sequence[Detail],
    within: Mapping[str, str] = MappingProxyType({}),
) -> Children:
    return Children(detail=detail, parent=parent, parent_ids=frozenset(ids), details=details, within=within)


FIELDS: Mapping[str, Mapping[str, str]] = {
    "contacts": {"companies": "company_id"},
    "deals": {"companies": "company_id", "contacts": "primary_contact_id"},
    "line_items": {"deals": "deal_id"},
    "leads": {"contacts": "contact_id", "companies": "company_id", "deals": "converted_deal_id"},
    "orders": {"companies": "company_id", "deals": "deal_id"},
    "subscriptions": {"companies": "company_id"},
    "tickets": {"companies": "company_id"},
    "feedback": {"contacts": "contact_id", "companies": "company_id"},
}
"""By kind: the field that says what it is tied to. Activities are tied to whatever they are about."""
