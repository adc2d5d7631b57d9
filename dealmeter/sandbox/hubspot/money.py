"""Currencies of the account and their exchange rates, present and past."""

from typing import Any

import orjson

from dealmeter.sandbox.account import Rate
from dealmeter.sandbox.http import Answer
from dealmeter.sandbox.hubspot.call import Call
from dealmeter.sandbox.hubspot.errors import invalid
from dealmeter.sandbox.hubspot.kinds import CURRENCIES_SCOPE
from dealmeter.sandbox.hubspot.property import iso

PAGE = 100
NAMES = {"EUR": "Euro", "USD": "US Dollar", "TRY": "Turkish Lira"}


def company_currency(call: Call) -> Answer:
    call.need(CURRENCIES_SCOPE)
    return _json({"id": call.portal.world.account.currency, "createdAt": iso(0)})


def codes(call: Call) -> Answer:
    call.need(CURRENCIES_SCOPE)
    account = call.portal.world.account
    known = dict.fromkeys((account.currency, *account.rates))
    return _json({"results": [{"currencyCode": code, "currencyName": NAMES.get(code, code)} for code in known]})


def rates(call: Call) -> Answer:
    """Every rate that was ever set, in the order of their ids; `after` is the next id."""
    call.need(CURRENCIES_SCOPE)
    size, start = call.number("limit", PAGE), call.number("after", 0)
    if not 1 <= size <= PAGE:
        raise invalid(f"limit must be between 1 and {PAGE}")
    wanted = call.text("fromCurrencyCode")
    ordered = sorted(call.portal.world.rates, key=lambda rate: rate.id)
    chosen = [rate for rate in ordered if rate.id >= start and wanted in ("", rate.currency)]
    size = call.shortened(size)
    body: dict[str, Any] = {"results": [_rate(call, rate) for rate in chosen[:size]]}
    if len(chosen) > size:
        after = str(chosen[size].id)
        body["paging"] = {"next": {"after": after, "link": call.link(after)}}
    return _json(body)


def present_rates(call: Call) -> Answer:
    call.need(CURRENCIES_SCOPE)
    return _json({"results": [_rate(call, rate) for rate in call.portal.world.rates if rate.until is None]})


def _rate(call: Call, rate: Rate) -> dict[str, Any]:
    return {
        "id": str(rate.id),
        "fromCurrencyCode": rate.currency,
        "toCurrencyCode": call.portal.world.account.currency,
        "conversionRate": float(rate.worth),
        "effectiveAt": iso(rate.since),
        "createdAt": iso(rate.since),
        "updatedAt": iso(rate.since),
        "visibleInUI": True,
    }


def _json(body: Any) -> Answer:
    return Answer(200, orjson.dumps(body))
