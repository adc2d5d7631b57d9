"""HubSpot's paths, numbered and dated, and what answers them."""

import re
from collections.abc import Callable
from typing import NamedTuple

from dealmeter.sandbox.http import Answer
from dealmeter.sandbox.hubspot import associations, marketing, money, objects, reference
from dealmeter.sandbox.hubspot.call import Call

Endpoint = Callable[[Call], Answer]


class Route(NamedTuple):
    """`endpoint` None: answered by the sandbox itself, which knows the searches and the limits."""

    method: str
    pattern: re.Pattern[str]
    kind: str
    endpoint: Endpoint | None


class Match(NamedTuple):
    route: Route
    place: dict[str, str]
    version: str


_DATED = r"(?P<dated>2026-0[39])"
_TYPE, _ID, _FROM, _TO = r"(?P<type>[^/]+)", r"(?P<id>[^/]+)", r"(?P<from>[^/]+)", r"(?P<to>[^/]+)"


def _route(method: str, old: str, dated: str, rest: str, kind: str, endpoint: Endpoint | None) -> Route:
    """`old` and `dated` are the two ways to write the start of the same path."""
    starts = "|".join(start for start in (old, dated.replace("DATED", _DATED)) if start)
    return Route(method, re.compile(f"(?:{starts}){rest}"), kind, endpoint)


_OBJECTS = (r"/crm/v3/objects", r"/crm/objects/DATED")
_ONE_ASSOCIATED = (r"/crm/v4/objects", r"/crm/objects/DATED")
_ASSOCIATIONS = (r"/crm/v4/associations", r"/crm/associations/DATED")
_PIPELINES = (r"/crm/v3/pipelines", r"/crm/pipelines/DATED")
_PROPERTIES = (r"/crm/v3/properties", r"/crm/properties/DATED")
_ACCOUNT = (r"/account-info/v3", r"/account-info/DATED")
_CAMPAIGNS = (r"/marketing/v3/campaigns", r"/marketing/campaigns/DATED")
_CURRENCIES = (r"/settings/v3/currencies", r"/settings/currencies/DATED")

ROUTES: tuple[Route, ...] = (
    _route("GET", *_OBJECTS, f"/{_TYPE}", "list", objects.list_objects),
    _route("GET", *_OBJECTS, f"/{_TYPE}/{_ID}", "one", objects.one_object),
    _route("POST", *_OBJECTS, f"/{_TYPE}/batch/read", "batch", objects.batch_read),
    _route("POST", *_OBJECTS, f"/{_TYPE}/search", "search", None),
    _route(
        "GET", *_ONE_ASSOCIATED, f"/{_TYPE}/{_ID}/associations/{_TO}", "associations", associations.record_associations
    ),
    _route("POST", *_ASSOCIATIONS, f"/{_FROM}/{_TO}/batch/read", "associations", associations.batch_associations),
    _route("GET", *_ASSOCIATIONS, f"/{_FROM}/{_TO}/labels", "labels", associations.labels),
    _route("GET", "/crm/v3/owners/?", "/crm/owners/DATED/?", "", "owners", reference.owners),
    _route("GET", *_PIPELINES, f"/{_TYPE}", "pipelines", reference.pipelines),
    _route("GET", *_PIPELINES, f"/{_TYPE}/{_ID}", "pipelines", reference.one_pipeline),
    _route("GET", *_PROPERTIES, f"/{_TYPE}", "properties", reference.properties),
    _route("GET", *_PROPERTIES, f"/{_TYPE}/{_ID}", "properties", reference.one_property),
    _route("GET", *_ACCOUNT, "/details", "account", reference.account),
    _route("GET", *_ACCOUNT, "/api-usage/daily/private-apps", "usage", None),
    _route("GET", "/crm/v3/limits", "/crm/limits/DATED", "/records", "limits", reference.record_limits),
    _route("GET", *_CAMPAIGNS, "/?", "campaigns", marketing.campaigns),
    _route("GET", *_CAMPAIGNS, f"/{_ID}", "campaigns", marketing.one_campaign),
    _route("GET", *_CAMPAIGNS, f"/{_ID}/budget/totals", "campaigns", marketing.budget),
    _route("GET", *_CURRENCIES, "/company-currency", "currencies", money.company_currency),
    _route("GET", *_CURRENCIES, "/codes", "currencies", money.codes),
    _route("GET", *_CURRENCIES, "/exchange-rates", "currencies", money.rates),
    _route("GET", *_CURRENCIES, "/exchange-rates/current", "currencies", money.present_rates),
    _route("GET", "/calling/v1", "", "/dispositions", "dispositions", reference.dispositions),
)


def match(method: str, path: str) -> Match | None:
    """The route that a request takes."""
    for route in ROUTES:
        found = route.pattern.fullmatch(path) if route.method == method else None
        if found:
            place = {name: text for name, text in found.groupdict().items() if text is not None}
            return Match(route, place, place.get("dated", "v3"))
    return None
