"""Marketing campaigns: their list, one of them, and what they cost."""

from decimal import Decimal
from typing import Any

import orjson

from dealmeter.sandbox.http import Answer
from dealmeter.sandbox.hubspot.call import Call
from dealmeter.sandbox.hubspot.errors import invalid, not_found
from dealmeter.sandbox.hubspot.kinds import CAMPAIGNS_SCOPE
from dealmeter.sandbox.hubspot.property import iso, shown
from dealmeter.sandbox.record import Kind, Record

PAGE, MOST = 50, 100
PROPERTIES = {
    "hs_name": "name",
    "hs_start_date": "starts_on",
    "hs_end_date": "ends_on",
    "hs_campaign_status": "status",
    "hs_currency_code": "currency",
    "hs_owner": "owner",
    "hs_utm": "utm",
    "hs_notes": "notes",
    "hs_audience": "audience",
    "hs_goal": "goal",
    "hs_budget_items_sum_amount": "budget",
    "hs_spend_items_sum_amount": "spent",
}


def campaigns(call: Call) -> Answer:
    """A page of campaigns with the properties that were asked for: without any, none is shown."""
    _need(call)
    size, start = call.number("limit", PAGE), call.number("after", 0)
    if not 1 <= size <= MOST:
        raise invalid(f"limit must be between 1 and {MOST}")
    shelf = call.portal.world.tables[Kind.CAMPAIGN].live
    found, following = shelf.page(start, call.shortened(size))
    body: dict[str, Any] = {"total": len(shelf), "results": [_campaign(call, record) for record in found]}
    if following is not None:
        body["paging"] = {"next": {"after": str(following), "link": call.link(str(following))}}
    return Answer(200, orjson.dumps(body))


def one_campaign(call: Call) -> Answer:
    _need(call)
    return Answer(200, orjson.dumps(_campaign(call, _found(call))))


def budget(call: Call) -> Answer:
    """The items of a campaign's budget and spending, and their sums. Times are numbers here, unlike elsewhere."""
    _need(call)
    record, world = _found(call), call.portal.world
    items = [world.find(Kind.SPEND_ITEM, id) for id in world.linked(Kind.CAMPAIGN, record.id, Kind.SPEND_ITEM)]
    spent = [_item(item) for item in items if item is not None]
    total = sum((Decimal(str(item["amount"])) for item in spent), Decimal(0))
    planned = Decimal(str(record.fields.get("budget") or 0))
    body = {
        "currencyCode": record.fields.get("currency"),
        "budgetTotal": float(planned),
        "spendTotal": float(total),
        "remainingBudget": float(planned - total),
        "budgetItems": [],
        "spendItems": spent,
    }
    return Answer(200, orjson.dumps(body))


def _need(call: Call) -> None:
    call.include("campaigns")
    call.need(CAMPAIGNS_SCOPE)


def _campaign(call: Call, record: Record) -> dict[str, Any]:
    names = [name for name in call.names("properties") if name in PROPERTIES]
    return {
        "id": record.fields.get("uuid"),
        "properties": {name: shown(record.fields.get(PROPERTIES[name])) for name in names},
        "createdAt": iso(record.created),
        "updatedAt": iso(record.modified),
    }


def _item(record: Record) -> dict[str, Any]:
    return {
        "id": str(record.id),
        "name": record.fields.get("name"),
        "amount": float(str(record.fields.get("amount"))),
        "order": int(str(record.fields.get("order") or 0)),
        "description": record.fields.get("description"),
        "createdAt": record.created,
        "updatedAt": record.modified,
    }


def _found(call: Call) -> Record:
    asked = call.place["id"]
    for record in call.portal.world.tables[Kind.CAMPAIGN].live:
        if record.fields.get("uuid") == asked:
            return record
    raise not_found(f"Campaign {asked} not found")
