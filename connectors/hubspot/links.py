"""Associations: what HubSpot's objects are tied to, read a thousand at a time."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from connectors.base import Children, Meter
from connectors.errors import MissingScopeError, UnexpectedResponseError
from connectors.hubspot.client import Client
from connectors.hubspot.kinds import Kind
from store.records import ActivityLink, DealContact, Detail

INPUTS = 1000
PRIMARY = {5, 1}
"""Type ids that mark the primary company: of a deal, of a contact."""

Ties = Mapping[str, Mapping[str, bool]]
"""Our object's id -> the ids of what it is tied to, and whether that is the primary one."""


@dataclass(slots=True)
class Linked:
    """What links say: fields of the records themselves (by our id), and complete sets of details."""

    fields: dict[str, dict[str, Any]] = field(default_factory=dict)
    children: list[Children] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """The links of one kind of object. `targets` are the kinds that the token may see."""

    client: Client
    kind: Kind
    targets: tuple[str, ...]

    def read(self, ids: Sequence[str], meter: Meter, pool: Executor) -> Linked:
        """The links of these HubSpot ids."""
        linked = Linked()
        if not ids or not self.targets:
            return linked
        answers = pool.map(lambda target: self._ties(ids, target, meter), self.targets)
        tied = {target: ties for target, ties in zip(self.targets, answers, strict=True) if ties is not None}
        MEANINGS.get(self.kind.name, _activity)(self.kind, ids, tied, linked)
        return linked

    def _ties(self, ids: Sequence[str], target: str, meter: Meter) -> Ties | None:
        """What each id is tied to; None where the token may not see such objects: nothing is known, nothing changes."""
        ties: dict[str, dict[str, bool]] = defaultdict(dict)
        waiting: list[dict[str, str]] = [{"id": id_} for id_ in ids]
        while waiting:
            batch, waiting = waiting[:INPUTS], waiting[INPUTS:]
            try:
                waiting += self._batch(batch, target, meter, ties)
            except MissingScopeError:
                return None
        return ties

    def _batch(
        self, inputs: list[dict[str, str]], target: str, meter: Meter, ties: dict[str, dict[str, bool]]
    ) -> list[dict[str, str]]:
        """Reads a batch into `ties`; answers the inputs whose links go on."""
        path = self.client.paths.associations(self.kind.name, target)
        try:
            answer = self.client.associations(path, {"inputs": inputs}, meter)
        except UnexpectedResponseError:
            if len(inputs) == 1:
                raise
            half = len(inputs) // 2  # one malformed id refuses its whole batch: find it
            return self._batch(inputs[:half], target, meter, ties) + self._batch(inputs[half:], target, meter, ties)
        going_on: list[dict[str, str]] = []
        for result in answer.get("results") or ():
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


def _deal(kind: Kind, ids: Sequence[str], tied: Mapping[str, Ties], linked: Linked) -> None:
    companies, contacts = tied.get("companies"), tied.get("contacts")
    for id_ in ids:
        fields = linked.fields.setdefault(id_, {})
        if companies is not None:
            fields["company_id"] = _chosen(companies.get(id_, {}))
        if contacts is not None:
            fields["primary_contact_id"] = _chosen(contacts.get(id_, {}))
    if contacts is not None:
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


def _contact(kind: Kind, ids: Sequence[str], tied: Mapping[str, Ties], linked: Linked) -> None:
    companies = tied.get("companies")
    if companies is not None:
        linked.fields.update({id_: {"company_id": _chosen(companies.get(id_, {}))} for id_ in ids})


def _line_item(kind: Kind, ids: Sequence[str], tied: Mapping[str, Ties], linked: Linked) -> None:
    deals = tied.get("deals")
    if deals is not None:
        linked.fields.update({id_: {"deal_id": _chosen(deals.get(id_, {}))} for id_ in ids})


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


Meaning = Callable[[Kind, Sequence[str], Mapping[str, Ties], Linked], None]
MEANINGS: Mapping[str, Meaning] = {"contacts": _contact, "deals": _deal, "line_items": _line_item}
"""What the links of a kind mean; activities are tied to whatever they are about."""
