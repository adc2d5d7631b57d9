"""Changes to the world in HubSpot's words: its object and property names, its text values."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

from dealmeter.sandbox.hubspot.kinds import TYPES, object_type
from dealmeter.sandbox.hubspot.portal import Portal
from dealmeter.sandbox.life import live
from dealmeter.sandbox.record import Fields, Kind, Record

Id = int | str
Values = Mapping[str, str | None]


class Edits:
    """What a person in HubSpot's user interface could do, plus a few things only HubSpot does."""

    def __init__(self, portal: Portal) -> None:
        self._portal, self._world = portal, portal.world

    def create(self, type: str, properties: Values) -> str:
        """A new record; returns its id."""
        kind = _kind(type)
        return str(self._world.create(kind, self._fields(kind, properties)).id)

    def update(self, type: str, ids: Id | Iterable[Id], properties: Values, *, touch: bool = True) -> None:
        """Set properties of one record or of many at one identical millisecond; any text goes, also "N/A".

        None removes a value, "" clears it. `touch=False` leaves the modified stamp as it was.
        """
        kind = _kind(type)
        self._world.update(kind, _ids(ids), self._fields(kind, properties), touch=touch)

    def bulk(self, type: str, count: int, properties: Values) -> list[str]:
        """Edit the first `count` records in one millisecond, as an import does; returns their ids."""
        ids = list(self._world.tables[_kind(type)].live.ids[:count])
        self.update(type, ids, properties)
        return [str(id) for id in ids]

    def archive(self, type: str, ids: Id | Iterable[Id]) -> None:
        self._world.archive(_kind(type), _ids(ids))

    def restore(self, type: str, id: Id, *, touch: bool = False) -> None:
        self._world.restore(_kind(type), int(id), touch=touch)

    def purge(self, type: str, id: Id) -> None:
        """GDPR or hard delete: gone from every listing."""
        self._world.purge(_kind(type), int(id))

    def merge(self, type: str, primary: Id, other: Id) -> str:
        """Returns the NEW id of the survivor."""
        return str(self._world.merge(_kind(type), int(primary), int(other)).id)

    def associate(self, type: str, id: Id, to: str, to_id: Id, *, primary: bool = False) -> None:
        self._world.associate(_kind(type), int(id), _kind(to), int(to_id), primary=primary)

    def dissociate(self, type: str, id: Id, to: str, to_id: Id) -> None:
        self._world.dissociate(_kind(type), int(id), _kind(to), int(to_id))

    def recalculate(self, ids: Iterable[Id] | None = None, *, seed: int = 7) -> list[str]:
        """New deal scores and predictions (all deals unless named), without any modified stamp."""
        rng, shelf = Random(f"{seed}:scores"), self._world.tables[Kind.DEAL].live
        chosen = list(shelf.ids) if ids is None else _ids(ids)
        scores: dict[int, Fields] = {
            id: {"score": str(rng.randint(0, 100)), "predicted_amount": f"{rng.uniform(100, 90_000):.2f}"}
            for id in chosen
        }
        self._world.recalculate(Kind.DEAL, scores)
        return [str(id) for id in chosen]

    def live(self, duration: timedelta, *, changes: int = 50, seed: int = 7) -> dict[str, int]:
        """Let a busy stretch of working life pass; the clock ends `duration` later. Counts what happened."""
        return live(self._world, duration, changes=changes, seed=seed)

    def truth(self, type: str | None = None) -> dict[str, Any]:
        """What there is, per object type: living ids with their values, archived ids, and sums per deal stage."""
        with self._world.lock:
            found: dict[str, Any] = {
                of.name: self._truth(of.kind) for of in TYPES if type is None or object_type(type) is of
            }
            if "deals" in found:
                found["deals"]["by_stage"] = self._by_stage()
            return found

    def _truth(self, kind: Kind) -> dict[str, Any]:
        table = self._world.tables[kind]
        return {
            "count": len(table.live),
            "live": {str(record.id): self._shown(kind, record) for record in table.live},
            "archived": [str(id) for id in table.archived.ids],
        }

    def _shown(self, kind: Kind, record: Record) -> dict[str, str | None]:
        properties = self._portal.properties(kind)
        names = _SHOWN.get(kind, ())
        return {name: properties[name].read(record) for name in names if name in properties}

    def _by_stage(self) -> dict[str, dict[str, Any]]:
        """Deals, amounts as typed and amounts in the account's currency per stage, exact and rounded to the cent."""
        sums: dict[str, list[Decimal]] = {}
        home = self._portal.properties(Kind.DEAL)["amount_in_home_currency"]
        for record in self._world.tables[Kind.DEAL].live:
            entry = sums.setdefault(str(record.fields.get("stage")), [Decimal(0)] * 3)
            entry[0] += 1
            entry[1] += _amount(record.fields.get("amount"))
            entry[2] += _amount(home.read(record))
        return {
            stage: {"deals": int(count), "amount": _cents(amount), "amount_in_home_currency": _cents(in_home)}
            for stage, (count, amount, in_home) in sorted(sums.items())
        }

    def _fields(self, kind: Kind, properties: Values) -> Fields:
        return self._portal.fields(kind, dict(properties))


_SHOWN: dict[Kind, tuple[str, ...]] = {
    Kind.DEAL: ("dealname", "amount", "dealstage", "pipeline", "closedate", "hubspot_owner_id", "hs_lastmodifieddate"),
    Kind.CONTACT: ("email", "lifecyclestage", "lastmodifieddate"),
    Kind.COMPANY: ("name", "domain", "hs_lastmodifieddate"),
    Kind.LINE_ITEM: ("name", "amount", "hs_product_id", "hs_lastmodifieddate"),
    Kind.LEAD: ("hs_lead_name", "hs_pipeline_stage", "hs_lastmodifieddate"),
    Kind.TICKET: ("subject", "hs_pipeline_stage", "hs_lastmodifieddate"),
    Kind.GOAL: ("hs_goal_name", "hs_target_amount", "hs_lastmodifieddate"),
}


def _kind(type: str) -> Kind:
    return object_type(type).kind


def _ids(ids: Id | Iterable[Id]) -> list[int]:
    return [int(ids)] if isinstance(ids, int | str) else [int(id) for id in ids]


def _amount(text: object) -> Decimal:
    try:
        return Decimal(str(text)) if text else Decimal(0)
    except ArithmeticError:
        return Decimal(0)


def _cents(amount: Decimal) -> str:
    return f"{amount:.2f}"
