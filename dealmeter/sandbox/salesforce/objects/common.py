"""Fields that nearly every object type has, and short ways to say where a value comes from."""

from collections.abc import Iterable
from datetime import datetime, time
from typing import Any

from dealmeter.sandbox.clock import milliseconds
from dealmeter.sandbox.record import Kind, Record, Value
from dealmeter.sandbox.salesforce import ids
from dealmeter.sandbox.salesforce.field import Field, Read, Store, field, reference
from dealmeter.sandbox.salesforce.org import Org
from dealmeter.sandbox.salesforce.sobject import SObject
from dealmeter.sandbox.salesforce.source import Source
from dealmeter.sandbox.salesforce.texts import day as parse_day
from dealmeter.sandbox.salesforce.texts import moment, number


def sobject(name: str, prefix: str, source: Source, fields: Iterable[Field], **more: Any) -> SObject:
    """A type whose label is its name."""
    return SObject(name=name, prefix=prefix, label=name, source=source, field_list=tuple(fields), **more)


def audit(org: Org, prefix: str, *, deletable: bool = True) -> list[Field]:
    """Id, deletion, creation and modification of a record of one kind."""
    fields = [
        field("Id", "id", lambda record: ids.text(prefix, record.id), nillable=False),
        field("CreatedDate", "datetime", lambda record: moment(record.created), nillable=False),
        reference("CreatedById", "User", org.owner, nillable=False),
        field("LastModifiedDate", "datetime", lambda record: moment(record.modified), nillable=False),
        reference("LastModifiedById", "User", org.owner, nillable=False),
        field("SystemModstamp", "datetime", lambda record: moment(record.modified), nillable=False),
    ]
    if deletable:
        fields.insert(1, field("IsDeleted", "boolean", lambda record: record.archived is not None))
    return fields


def owner_field(org: Org, *, queues: bool = False) -> Field:
    """Somebody, or with `queues` maybe a queue."""
    return reference(
        "OwnerId",
        ("User", "Group") if queues else "User",
        (lambda record: org.holder(record.fields.get("owner"))) if queues else org.owner,
        nillable=False,
        store=lambda value: {"owner": str_number(value)},
    )


def currency_field(org: Org) -> list[Field]:
    """There with multi-currency only."""
    if not org.features.multi_currency:
        return []
    return [
        field(
            "CurrencyIsoCode",
            "picklist",
            org.currency,
            nillable=False,
            picklist=lambda: {org.world.account.currency: 1, **org.world.account.rates},
            store=lambda value: {"currency": value},
        )
    ]


def settings_audit() -> list[Field]:
    """For rows that are mappings with all these under their names."""
    return [
        field("Id", "id", nillable=False),
        field("CreatedDate", "datetime", nillable=False),
        field("LastModifiedDate", "datetime", nillable=False),
        field("SystemModstamp", "datetime", nillable=False),
    ]


def settings_row(prefix: str, serial: int, ms: int, **values: Any) -> dict[str, Any]:
    """A row of settings as old as `ms`."""
    at = moment(ms)
    return {
        "Id": ids.text(prefix, serial),
        "CreatedDate": at,
        "LastModifiedDate": at,
        "SystemModstamp": at,
        "IsDeleted": False,
        **values,
    }


def of(name: str) -> Read:
    """A field of the world as it stands; cleared is null."""
    return lambda record: record.fields.get(name) or None


def kept(name: str) -> Store:
    return lambda value: {name: None if value is None else str(value)}


def text(name: str, field_of_world: str, type: str = "string", **more: Any) -> Field:
    """A text that people write."""
    return field(name, type, of(field_of_world), store=kept(field_of_world), **more)


def amount(name: str, field_of_world: str, type: str = "currency", scale: int = 2, **more: Any) -> Field:
    """A number that people write."""
    return field(
        name,
        type,
        lambda record: number(record.fields.get(field_of_world), scale),
        store=kept(field_of_world),
        scale=scale,
        **more,
    )


def instant_field(name: str, field_of_world: str, **more: Any) -> Field:
    """An instant of the world."""

    def read(record: Record) -> str | None:
        at = record.fields.get(field_of_world)
        return moment(at) if isinstance(at, int) else None

    return field(name, "datetime", read, **more)


def day_field(org: Org, name: str, field_of_world: str, **more: Any) -> Field:
    """The local day of an instant of the world; written, it becomes noon of that day."""

    def store(value: object) -> dict[str, Value]:
        return {field_of_world: None if value is None else local_noon(org, str(value))}

    return field(name, "date", lambda record: org.day(record.fields.get(field_of_world)), store=store, **more)


def local_noon(org: Org, text: str) -> int:
    """Noon of a local day, in milliseconds."""
    return milliseconds(datetime.combine(parse_day(text), time(12), org.zone))


def link(org: Org, name: str, to: str, prefix: str, kind: Kind, far: Kind, **more: Any) -> Field:
    """A reference that the world keeps as a link."""

    def read(record: Record) -> str | None:
        other = org.linked(kind, record.id, far)
        return None if other is None else ids.text(prefix, other)

    return reference(name, to, read, **more)


def named(name: str, to: str, prefix: str, field_of_world: str, **more: Any) -> Field:
    """A reference that the world keeps as a field with the other record's number."""

    def read(record: Record) -> str | None:
        other = record.fields.get(field_of_world)
        return ids.text(prefix, int(other)) if other else None

    return reference(name, to, read, store=lambda value: {field_of_world: str_number(value)}, **more)


def str_number(id: object) -> str | None:
    """The world's number in a Salesforce id (a plain number stays)."""
    if id is None:
        return None
    parsed = ids.parse(str(id))
    return str(ids.code_and_number(parsed[1])[1]) if parsed else str(id)


def custom(org: Org, kind: Kind) -> list[Field]:
    """Fields of the world that no standard field covers, declared by whoever built the world."""
    names = org.world.custom_fields.get(kind, {})
    return [text(f"{name.title()}__c", name, label=label) for name, label in names.items()]
