"""Salesforce's twin: the sandbox Salesforce over HTTP."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from connectors.salesforce.kinds import KINDS as ALL
from dealmeter.sandbox.generate import generate
from dealmeter.sandbox.record import Kind
from dealmeter.sandbox.record import Record as Row
from dealmeter.sandbox.salesforce import SalesforceSandbox
from dealmeter.sandbox.salesforce.field import field
from store.records import Company, Deal, Product, Record
from sync.clock import Clock
from tests.rig import NOW, Times

OBJECTS = {Deal: "Opportunity", Product: "Product2", Company: "Account"}
KINDS = {Deal: Kind.DEAL, Product: Kind.PRODUCT, Company: Kind.COMPANY}
OPTIONAL = [kind.name for kind in ALL if kind.optional]
AMOUNT = "Worth__c"
"""A custom field of the opportunities here: a standard one never changes its type, nor holds a text for a number."""
NAMES = {"name": "Name", "amount": AMOUNT}


class SalesforceTwin:
    """A world without deals and products, served as a Salesforce org that likes short pages."""

    crm: ClassVar[str] = "salesforce"
    cannot: ClassVar[Mapping[str, str]] = {
        "search_window": "Salesforce shows a window of changes in the order of ids, however many share an instant",
    }
    window: ClassVar[int] = 2_000
    merges: ClassVar[type[Record]] = Company

    def __init__(self, folder: Path) -> None:
        self._world = generate(7, 1, contacts=1, activities_per_deal=0, now=NOW, frozen=True, extras=False)
        self._sandbox = SalesforceSandbox(self._world)
        self._sandbox.behaviour.short_pages = 1.0
        self._secret = self._sandbox.credentials.client_secret
        self._times = Times(self._world)
        self._stage = self._world.pipelines[0].stages[0].label
        self._become("currency")
        for kind in (Kind.LINE_ITEM, *KINDS.values()):
            self._world.archive(kind, list(self._world.tables[kind].live.ids))
            for id_ in list(self._world.tables[kind].archived.ids):
                self._world.purge(kind, id_)

    def start(self) -> None:
        self._sandbox.start()

    def stop(self) -> None:
        self._sandbox.stop()

    def connection(self) -> Mapping[str, Any]:
        return {
            "login_url": "https://acme.my.salesforce.com",
            "consumer_key": "sandbox-client",
            "consumer_secret": self._secret,
            "base_url": self._sandbox.url,
            "exclude": OPTIONAL,
            "fields": {"deals": {"amount": AMOUNT}},
        }

    def clock(self) -> Clock:
        return self._times.clock()

    def later(self, by: timedelta) -> None:
        self._world.clock.advance(by)

    def create(self, entity: type[Record], values: Mapping[str, str], count: int = 1) -> Sequence[str]:
        needed = {"StageName": self._stage, "CloseDate": NOW.date().isoformat()} if entity is Deal else {}
        return [self._sandbox.edits.create(OBJECTS[entity], needed | _theirs(values)) for _ in range(count)]

    def update(self, entity: type[Record], ids: Sequence[str], values: Mapping[str, str]) -> None:
        self._sandbox.edits.update(OBJECTS[entity], ids, _theirs(values))

    def delete(self, entity: type[Record], ids: Sequence[str]) -> None:
        self._sandbox.edits.delete(ids)

    def restore(self, entity: type[Record], id_: str) -> None:
        self._sandbox.edits.undelete(id_)

    def merge(self, entity: type[Record], first: str, second: str) -> str:
        self._sandbox.edits.merge(first, second)
        return first

    def truth(self, entity: type[Record]) -> Mapping[str, str]:
        live, name = self._world.tables[KINDS[entity]].live, OBJECTS[entity]
        return {self._sandbox.edits.id(name, KINDS[entity], record.id): str(record.fields["name"]) for record in live}

    def limit(self, times: int) -> None:
        self._sandbox.faults.next("403_concurrent", times=times)

    def expire(self) -> None:
        """The session ends, and the app has got another secret."""
        self._sandbox.credentials.client_secret = "another"  # the sandbox has no secrets
        self._sandbox.expire_sessions()

    def renew(self) -> None:
        self._sandbox.credentials.client_secret = self._secret
        self._sandbox.hide()

    def withhold(self, entity: type[Record]) -> None:
        self._sandbox.hide([OBJECTS[entity]])

    def change_type(self, entity: type[Record], field: str) -> None:
        self._become("string")

    def _become(self, type_: str) -> None:
        """The type of the amount. A value that doesn't fit is shown all the same: somebody's formula made it."""
        made = field(AMOUNT, type_, _worth if type_ == "currency" else _written, store=lambda value: {AMOUNT: value})
        self._sandbox.schema.define("Opportunity", made)


def _written(deal: Row) -> str | None:
    value = deal.fields.get(AMOUNT)
    return None if value is None else str(value)


def _worth(deal: Row) -> float | str | None:
    written = _written(deal)
    return written if written is None or not written.replace(".", "", 1).isdigit() else float(written)


def _theirs(values: Mapping[str, str]) -> dict[str, str]:
    return {NAMES[name]: value for name, value in values.items()}
