"""Marketing campaigns and what they cost. HubSpot gives no search and no recycle bin here: each run lists them all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any

from connectors.base import Context, Meter, Page
from connectors.brake import brake
from connectors.hubspot.client import Client, Json
from connectors.hubspot.paging import pages
from connectors.hubspot.settings import Cadence
from connectors.hubspot.shapes import moment
from store.records import Campaign, Record, Spend

PAGE = 100
IDS = 500
PROPERTIES = ("hs_name", "hs_start_date", "hs_end_date", "hs_currency_code", "hs_budget_items_sum_amount")
EARLIEST = datetime(2006, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaigns:
    """The campaigns of one account, whose currency and time zone are given."""

    client: Client
    context: Context
    cadence: Cadence
    meter: Meter
    currency: str | None
    zone: tzinfo

    def read(self, *, all_costs: bool) -> Iterator[Page]:
        """New and changed campaigns with their costs, or all of them: adding a cost may not touch a campaign's time.

        Each costs a request of its own. What is not listed any more becomes a tombstone, and its costs with it.
        """
        listed: set[str] = set()
        for raws in self._listed():
            read_at = self.client.now()
            versions = {str(raw["id"]): moment(raw.get("updatedAt")) or EARLIEST for raw in raws}
            listed |= set(versions)
            wanted = set(versions) if all_costs else self.context.known.stale(Campaign, versions) if versions else set()
            made = [record for raw in raws if str(raw["id"]) in wanted for record in self._one(raw, read_at)]
            yield Page(cursor={}, read_at=read_at, read=len(wanted), records=made)
        read_at = self.client.now()
        gone = [id_ for id_ in self._known(Campaign, "") if id_ not in listed]
        live = self.context.known.live(Campaign)
        brake(self.context, "campaigns", gone=len(gone), live=live, share=self.cadence.shrink, crm="HubSpot")
        tombstones = [record for id_ in gone for record in self._gone(id_, read_at)]
        yield Page(cursor={}, read_at=read_at, records=tombstones)

    def _listed(self) -> Iterator[list[Json]]:
        query = [("limit", PAGE), ("properties", ",".join(PROPERTIES))]
        return (raws for raws, _ in pages(self.client, self.client.paths.campaigns(), query, self.meter))

    def _one(self, raw: Json, read_at: datetime) -> Iterator[Record]:
        id_, properties = str(raw["id"]), raw.get("properties") or {}
        costs = self.client.get(self.client.paths.campaign_costs(id_), (), self.meter)
        start, end = (_day(properties.get(f"hs_{edge}_date")) for edge in ("start", "end"))
        currency = costs.get("currencyCode") or properties.get("hs_currency_code") or self.currency
        yield Campaign(
            id=id_,
            name=properties.get("hs_name"),
            start_date=start,
            end_date=end,
            budget=_amount(costs.get("budgetTotal") or properties.get("hs_budget_items_sum_amount")),
            actual_cost=_amount(costs.get("spendTotal")),
            currency=currency,
            created_at=raw.get("createdAt"),
            updated_at=raw.get("updatedAt"),
            deleted_at=None,
        )
        items = [_spend(id_, item, currency, self.zone) for item in costs.get("spendItems") or ()]
        yield from items
        left = set(self._known(Spend, f"{id_}:")) - {item.id for item in items}
        yield from (Spend(id=gone, deleted_at=read_at) for gone in sorted(left))

    def _gone(self, id_: str, read_at: datetime) -> Iterator[Record]:
        yield Campaign(id=id_, deleted_at=read_at)
        yield from (Spend(id=item, deleted_at=read_at) for item in self._known(Spend, f"{id_}:"))

    def _known(self, record: type[Record], prefix: str) -> Sequence[str]:
        found: list[str] = []
        while ids := self.context.known.ids(record, found[-1] if found else "", IDS, prefix):
            found += ids
        return found


def _spend(campaign: str, item: Mapping[str, Any], currency: str | None, zone: tzinfo) -> Spend:
    """A cost was spent on the local day when somebody wrote it down: HubSpot asks for no other."""
    at = _instant(item.get("createdAt"))
    return Spend(
        id=f"{campaign}:{item['id']}",
        spent_on=at.astimezone(zone).date() if at is not None else None,
        category="marketing",
        campaign_id=campaign,
        amount=_amount(item.get("amount")),
        currency=currency,
        created_at=at,
        updated_at=_instant(item.get("updatedAt")) or at,
        deleted_at=None,
    )


def _instant(told: Any) -> datetime | None:
    """Milliseconds since 1970, as a number or as text, or ISO 8601."""
    return moment(str(told)) if told else None


def _amount(told: Any) -> Decimal | None:
    return None if told is None or told == "" else Decimal(str(told))


def _day(told: str | None) -> Any:
    """A pure date, in either of the ways in which HubSpot writes one."""
    if not told:
        return None
    at = moment(told) if told.isdigit() or "T" in told else None
    return at.date() if at is not None else told
