"""Which path leads where."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from dealmeter.sandbox.http import Answer
from dealmeter.sandbox.salesforce import describes, queries, replication
from dealmeter.sandbox.salesforce.bulk import endpoints as bulk
from dealmeter.sandbox.salesforce.service import Call

Endpoint = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """`kind` is what the request log counts."""

    method: str
    pattern: re.Pattern[str]
    kind: str
    endpoint: Endpoint


def _route(method: str, path: str, kind: str, endpoint: Endpoint) -> Route:
    """`{name}` stands for one part of the path; a slash at the end is as good as none."""
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
    return Route(method, re.compile(f"{pattern}/?", re.IGNORECASE), kind, endpoint)


ROUTES = (
    _route("GET", "", "resources", describes.resources),
    _route("GET", "/limits", "limits", describes.limits),
    _route("GET", "/limits/recordCount", "limits", describes.record_count),
    _route("GET", "/sobjects", "describe", describes.global_describe),
    _route("GET", "/sobjects/{sobject}", "describe", describes.basic),
    _route("GET", "/sobjects/{sobject}/describe", "describe", describes.describe),
    _route("GET", "/sobjects/{sobject}/updated", "updated", replication.updated),
    _route("GET", "/sobjects/{sobject}/deleted", "deleted", replication.deleted),
    _route("GET", "/sobjects/{sobject}/{id}", "one", describes.record),
    _route("GET", "/query", "query", queries.query),
    _route("GET", "/queryAll", "query", queries.query_all),
    _route("GET", "/query/{locator}", "page", queries.more),
    _route("GET", "/queryAll/{locator}", "page", queries.more),
    _route("POST", "/jobs/query", "job", bulk.create),
    _route("GET", "/jobs/query", "job", bulk.listed),
    _route("GET", "/jobs/query/{job}", "poll", bulk.state),
    _route("PATCH", "/jobs/query/{job}", "job", bulk.abort),
    _route("DELETE", "/jobs/query/{job}", "job", bulk.delete),
    _route("GET", "/jobs/query/{job}/results", "results", bulk.results),
    _route("GET", "/jobs/query/{job}/resultPages", "results", bulk.result_pages),
)
_DATA = re.compile(r"/services/data/v(\d+\.\d)(/.*)?")


@dataclass(frozen=True, slots=True)
class Match:
    route: Route
    place: dict[str, str]


def version_of(path: str) -> tuple[float, str] | None:
    """The version in a data path and what follows; None when it is no data path."""
    found = _DATA.fullmatch(path)
    return (float(found[1]), found[2] or "") if found else None


def match(method: str, rest: str) -> Match | None:
    """Where a request goes, by its method and the path behind the version."""
    for route in ROUTES:
        found = route.pattern.fullmatch(rest) if route.method == method else None
        if found:
            return Match(route, {name: unquote(part) for name, part in found.groupdict().items()})
    return None


def allowed(rest: str) -> list[str]:
    """The methods with which a path could be asked."""
    return [route.method for route in ROUTES if route.pattern.fullmatch(rest)]
