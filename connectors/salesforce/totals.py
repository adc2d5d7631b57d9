"""Salesforce's own totals: counts, and of opportunities the sums of their amounts, by record type and stage."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from connectors.errors import BadCredentialsError, ConnectorError, MissingScopeError, TryLaterError
from connectors.salesforce.objects import Objects
from connectors.salesforce.shapes import ONE_PIPELINE
from connectors.salesforce.soql import instant, select
from connectors.totals import Movement, Total

CURRENCY = "CurrencyIsoCode"


def totals(kinds: Sequence[Objects]) -> Iterator[Total]:
    """Every kind that can be read."""
    for objects in kinds:
        kind = objects.kind
        try:
            yield from _deals(objects) if kind.name == "deals" else [_whole(objects)]
        except (BadCredentialsError, TryLaterError):
            raise
        except ConnectorError as error:
            if not (kind.optional and isinstance(error, MissingScopeError)):
                yield Total(stream=kind.name, entity=kind.record, count=None, prefix=kind.prefix, why=str(error))


def moved(objects: Objects, since: datetime) -> Movement:
    """What happened to a kind since a moment; deletions are unknown where the object doesn't show them."""
    rows, after = objects.rows, instant(since)
    touched = f"{rows.stamp} >= {after}"
    made = f"CreatedDate >= {after}" if rows.org.visible(rows.object, ("CreatedDate",)) else touched
    gone = rows.conditions([("IsDeleted", "IsDeleted = true")])
    return Movement(
        created=_count(objects, *_live(objects), made),
        changed=_count(objects, *_live(objects), touched),
        deleted=_count(objects, *gone, touched) if gone else None,
    )


def _whole(objects: Objects) -> Total:
    kind = objects.kind
    return Total(stream=kind.name, entity=kind.record, count=_count(objects, *_live(objects)), prefix=kind.prefix)


def _deals(objects: Objects) -> Iterator[Total]:
    """Opportunities by record type and stage, and all of them together."""
    rows, names = objects.rows, objects.translator.fields
    pipeline, stage, amount = names["pipeline_id"], names["stage_id"], names["amount"]
    group = [name for name in rows.org.visible(rows.object, (pipeline, stage)) if "." not in name]
    total = [f"SUM({amount}) total"] if _adds_up(objects, amount) else []
    soql = select([*group, "COUNT(Id) found", *total], rows.object, *_live(objects), group=group)
    parts = [_part(objects, raw, pipeline, stage, sums=bool(total)) for raw in _asked(objects, soql)]
    sums = {"amount": sum((part.sums["amount"] for part in parts), Decimal(0))} if total else {}
    kind = objects.kind
    yield Total(stream=kind.name, entity=kind.record, count=sum(part.count or 0 for part in parts), sums=sums)
    yield from parts if stage in group else ()


def _part(objects: Objects, raw: Any, pipeline: str, stage: str, *, sums: bool) -> Total:
    kind = objects.kind
    return Total(
        stream=kind.name,
        entity=kind.record,
        count=int(raw["found"]),
        within={"pipeline_id": str(raw.get(pipeline) or ONE_PIPELINE), "stage_id": raw.get(stage)},
        sums={"amount": Decimal(str(raw.get("total") or 0))} if sums else {},
    )


def _adds_up(objects: Objects, amount: str) -> bool:
    """Whether a sum says something: in an org of several currencies it is converted, at rates of its own."""
    org, name = objects.rows.org, objects.rows.object
    found = org.fields(name)
    return amount in found and found[amount].type in {"currency", "double"} and not org.visible(name, (CURRENCY,))


def _live(objects: Objects) -> list[str]:
    return [*objects.rows.conditions([("IsDeleted", "IsDeleted = false")]), *objects.only]


def _count(objects: Objects, *conditions: str) -> int:
    found = _asked(objects, select(["COUNT(Id) found"], objects.rows.object, *conditions))
    return int(found[0]["found"]) if found else 0


def _asked(objects: Objects, soql: str) -> list[Any]:
    """The groups of a query: at most 2,000, which come at once."""
    return list(objects.rows.client.query(soql, objects.rows.meter)["records"])
