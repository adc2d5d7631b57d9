"""HubSpot's own totals: a search tells how many records it finds, whatever it gives of them. It adds no amounts up."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice

from connectors.base import Meter
from connectors.errors import BadCredentialsError, ConnectorError, MissingScopeError, TryLaterError
from connectors.hubspot.client import Client, Json
from connectors.hubspot.kind import Kind
from connectors.hubspot.objects import LIST_PAGE
from connectors.hubspot.paging import pages
from connectors.hubspot.refusals import NotThereError
from connectors.hubspot.shapes import moment
from connectors.totals import Movement, Total

CREATED = ("hs_createdate", "createdate")
"""When HubSpot made a record; the second one can be set by hand."""
MOST_ARCHIVED = 50
"""Pages of the recycle bin that we look through: it can be asked for no span of time."""
Filter = Mapping[str, str]


def totals(
    client: Client, meter: Meter, kinds: Sequence[Kind], pipelines: Callable[[], Sequence[Json]]
) -> Iterator[Total]:
    """Every kind that can be read, and the deals of each stage."""
    for kind in kinds:
        try:
            count = _count(client, meter, kind)
        except (BadCredentialsError, TryLaterError):
            raise
        except (MissingScopeError, NotThereError) as error:
            if not kind.optional:
                yield _untold(kind, error)
        except ConnectorError as error:  # not every kind can be searched
            yield _untold(kind, error)
        else:
            yield Total(stream=kind.name, entity=kind.record, count=count, prefix=kind.prefix)
            if kind.name == "deals":
                stages = dict.fromkeys(str(stage["id"]) for raw in pipelines() for stage in raw.get("stages") or ())
                for stage in stages:
                    count = _count(client, meter, kind, _is(kind.fields["stage_id"], "EQ", stage))
                    yield Total(stream=kind.name, entity=kind.record, count=count, within={"stage_id": stage})


def moved(client: Client, meter: Meter, kind: Kind, there: Collection[str], since: datetime) -> Movement:
    """What happened to a kind since a moment; deletions are unknown where too much is in the recycle bin."""
    made = next((name for name in CREATED if name in there), kind.modified)
    after = str(int(since.timestamp() * 1000))
    return Movement(
        created=_count(client, meter, kind, _is(made, "GTE", after)),
        changed=_count(client, meter, kind, _is(kind.modified, "GTE", after)),
        deleted=_archived(client, meter, kind, since),
    )


def _archived(client: Client, meter: Meter, kind: Kind, since: datetime) -> int | None:
    binned = list(islice(_bin(client, meter, kind), MOST_ARCHIVED + 1))
    if len(binned) > MOST_ARCHIVED:
        return None
    times = [moment(raw.get("archivedAt")) for raws in binned for raw in raws]
    return sum(at is not None and at >= since for at in times)


def _bin(client: Client, meter: Meter, kind: Kind) -> Iterator[list[Json]]:
    query = [("limit", LIST_PAGE), ("archived", "true"), ("properties", "hs_object_id")]
    return (raws for raws, _ in pages(client, client.paths.objects(kind.path), query, meter))


def _is(name: str, operator: str, value: str) -> Filter:
    return {"propertyName": name, "operator": operator, "value": value}


def _count(client: Client, meter: Meter, kind: Kind, *filters: Filter) -> int:
    groups = [{"filters": list(filters)}] if filters else []
    body = {"filterGroups": groups, "properties": ["hs_object_id"], "limit": 1}
    return int(client.search(client.paths.search(kind.path), body, meter)["total"])


def _untold(kind: Kind, error: ConnectorError) -> Total:
    return Total(stream=kind.name, entity=kind.record, count=None, prefix=kind.prefix, why=str(error))
