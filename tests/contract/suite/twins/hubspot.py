"""HubSpot's twin: the sandbox HubSpot over HTTP."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from connectors.hubspot.kinds import BY_NAME
from dealmeter.sandbox.generate import generate
from dealmeter.sandbox.hubspot import HubSpotSandbox
from dealmeter.sandbox.record import Kind
from store.records import Deal, Product, Record
from sync.clock import Clock
from tests.rig import NOW, Times

KINDS = {Deal: Kind.DEAL, Product: Kind.PRODUCT}
SCOPES = {Deal: "crm.objects.deals.read", Product: "crm.objects.products.read"}
ALL = (
    "oauth", "crm.objects.owners.read", "crm.objects.deals.read", "crm.objects.contacts.read",
    "crm.objects.companies.read", "crm.objects.products.read", "crm.objects.line_items.read", "sales-email-read",
)  # fmt: skip


class HubSpotTwin:
    """A world without deals and products, served as a HubSpot account."""

    crm: ClassVar[str] = "hubspot"
    cannot: ClassVar[Mapping[str, str]] = {}
    window: ClassVar[int] = 10_000
    merges: ClassVar[type[Record]] = Deal

    def __init__(self, folder: Path) -> None:
        self._world = generate(7, 1, contacts=1, activities_per_deal=0, now=NOW, frozen=True)
        self._sandbox = HubSpotSandbox(self._world)
        self._times = Times(self._world)
        self._pipeline = self._world.pipelines[0]
        for kind in (Kind.LINE_ITEM, *KINDS.values()):
            self._world.archive(kind, list(self._world.tables[kind].live.ids))
            for id_ in list(self._world.tables[kind].archived.ids):
                self._world.purge(kind, id_)

    def start(self) -> None:
        self._sandbox.start()

    def stop(self) -> None:
        self._sandbox.stop()

    def connection(self) -> Mapping[str, Any]:
        budget = {"burst_limit": 100_000, "search_per_second": 5}
        return {"access_token": "sandbox-token", "base_url": self._sandbox.url, "budget": budget}

    def clock(self) -> Clock:
        return self._times.clock()

    def later(self, by: timedelta) -> None:
        self._world.clock.advance(by)

    def create(self, entity: type[Record], values: Mapping[str, str], count: int = 1) -> Sequence[str]:
        needed = {"pipeline": self._pipeline.id, "dealstage": self._pipeline.stages[0].id} if entity is Deal else {}
        return [self._sandbox.edits.create(entity.table, needed | _theirs(entity, values)) for _ in range(count)]

    def update(self, entity: type[Record], ids: Sequence[str], values: Mapping[str, str]) -> None:
        self._sandbox.edits.update(entity.table, ids, _theirs(entity, values))

    def delete(self, entity: type[Record], ids: Sequence[str]) -> None:
        self._sandbox.edits.archive(entity.table, ids)

    def restore(self, entity: type[Record], id_: str) -> None:
        self._sandbox.edits.restore(entity.table, id_)

    def merge(self, entity: type[Record], first: str, second: str) -> str:
        return self._sandbox.edits.merge(entity.table, first, second)

    def truth(self, entity: type[Record]) -> Mapping[str, str]:
        return {str(record.id): str(record.fields["name"]) for record in self._world.tables[KINDS[entity]].live}

    def limit(self, times: int) -> None:
        self._sandbox.faults.next("429_secondly", times=times)

    def expire(self) -> None:
        self._sandbox.expire_token()

    def renew(self) -> None:
        self._sandbox.set_scopes(None)

    def withhold(self, entity: type[Record]) -> None:
        self._sandbox.set_scopes(set(ALL) - {SCOPES[entity]})

    def change_type(self, entity: type[Record], field: str) -> None:
        self._sandbox.portal.define(KINDS[entity], BY_NAME[entity.table].fields[field], type="string")


def _theirs(entity: type[Record], values: Mapping[str, str]) -> dict[str, str | None]:
    return {BY_NAME[entity.table].fields[name]: value for name, value in values.items()}
