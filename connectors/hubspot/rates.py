"""Exchange rates as the account keeps them: every one that was ever set, each valid from a local day on."""

from collections.abc import Iterator
from datetime import tzinfo
from decimal import Decimal

from connectors.base import Context, Meter, Page
from connectors.brake import brake
from connectors.hubspot.client import Client, Json
from connectors.hubspot.paging import pages
from connectors.hubspot.settings import Cadence
from connectors.hubspot.shapes import day
from store.records import ExchangeRate

PAGE = 100


def rates(client: Client, context: Context, cadence: Cadence, meter: Meter, zone: tzinfo) -> Iterator[Page]:
    """All rates; one that was deleted becomes a tombstone."""
    listed: set[str] = set()
    for raws, _ in pages(client, client.paths.exchange_rates(), [("limit", PAGE)], meter):
        read_at = client.now()
        listed |= {str(raw["id"]) for raw in raws}
        yield Page(cursor={}, read_at=read_at, read=len(raws), records=[_rate(raw, zone) for raw in raws])
    read_at = client.now()
    known = [str(row["id"]) for row in context.known.rows(ExchangeRate)]
    gone = [id_ for id_ in known if id_ not in listed]
    brake(context, "exchange_rates", gone=len(gone), live=len(known), share=cadence.shrink, crm="HubSpot")
    yield Page(cursor={}, read_at=read_at, records=[ExchangeRate(id=id_, deleted_at=read_at) for id_ in gone])


def _rate(raw: Json, zone: tzinfo) -> ExchangeRate:
    return ExchangeRate.of(
        {
            "id": str(raw["id"]),
            "from_currency": raw.get("fromCurrencyCode"),
            "to_currency": raw.get("toCurrencyCode"),
            "effective_from": day(raw.get("effectiveAt"), zone),
            "rate": Decimal(str(raw["conversionRate"])),
            "source": "crm",
            "created_at": raw.get("createdAt"),
            "updated_at": raw.get("updatedAt"),
            "deleted_at": None,
        }
    )
