"""Everything that the endpoints of one org share."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs

import orjson

from dealmeter.sandbox.http import Request
from dealmeter.sandbox.salesforce.bulk.jobs import Jobs
from dealmeter.sandbox.salesforce.cursors import Cursors
from dealmeter.sandbox.salesforce.errors import RefusedError
from dealmeter.sandbox.salesforce.limits import Meter
from dealmeter.sandbox.salesforce.org import Org
from dealmeter.sandbox.salesforce.schema import Schema
from dealmeter.sandbox.salesforce.sobject import SObject
from dealmeter.sandbox.salesforce.tokens import Session


@dataclass(slots=True)
class Behaviour:
    """How the org behaves today; may be changed at any time.

    `short_pages`: share of the pages that are shorter than asked for. `slow_above` (and `bulk_slow_above`): queries
    that must look at more rows time out. `clock_skew_s`: by how much the Date header is wrong. `strip_headers`: a proxy
    takes the Sforce- headers away. `no_bulk`: types that Bulk refuses.
    `log_days`: how far back the delete log reaches. `bulk_steps`: how many looks a Bulk job takes until it is complete.
    `bulk_rows`: rows per result page unless asked. `bulk_fates`: what becomes of the coming jobs.
    """

    short_pages: float = 0.0
    slow_above: int | None = None
    clock_skew_s: float = 0.0
    strip_headers: bool = False
    no_bulk: set[str] = field(default_factory=set)
    log_days: float = 15.0
    bulk_slow_above: int | None = None
    bulk_steps: int = 2
    bulk_rows: int = 100_000
    bulk_fates: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Service:
    """Parts that live as long as the server."""

    org: Org
    schema: Schema
    meter: Meter
    cursors: Cursors
    jobs: Jobs
    behaviour: Behaviour


@dataclass(frozen=True)
class Call:
    """One request to a data endpoint. `shorten` makes a page shorter than asked for."""

    request: Request
    service: Service
    place: dict[str, str]
    version: float
    session: Session
    shorten: bool = False

    @property
    def base(self) -> str:
        return f"/services/data/v{self.version:.1f}"

    @cached_property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(self.request.query, keep_blank_values=True)

    @cached_property
    def json(self) -> dict[str, Any]:
        try:
            body = orjson.loads(self.request.body or b"{}")
        except orjson.JSONDecodeError as problem:
            raise RefusedError(400, "JSON_PARSER_ERROR", f"Unexpected character: {problem}") from problem
        if not isinstance(body, dict):
            raise RefusedError(400, "JSON_PARSER_ERROR", "The HTTP entity body must be a JSON object")
        return body

    def text(self, name: str, default: str = "") -> str:
        return self.query.get(name, [default])[-1]

    def find(self, name: str) -> SObject | None:
        return self.service.schema.find(name, self.session.user, self.version)
