"""Faults as Salesforce's clients meet them: refusals, error pages, and answers that break off."""

import gzip
from collections.abc import Callable
from dataclasses import replace

import orjson

from dealmeter.sandbox.faults import Fault
from dealmeter.sandbox.http import Answer
from dealmeter.sandbox.salesforce.errors import (
    RefusedError,
    concurrent_limit,
    daily_limit,
    html,
    invalid_locator,
    invalid_session,
    query_timeout,
)
from dealmeter.sandbox.salesforce.soql.mistakes import no_such_column
from dealmeter.sandbox.spoiling import Spoil, deep, half_an_emoji

LONGEST_TARGET = 16_384
MAINTENANCE = "We are down for maintenance."
Instead = Callable[[Fault], Answer]


def _refused(error: RefusedError) -> Instead:
    return lambda fault: error.answer()


def _page(status: int, title: str, text: str = "") -> Instead:
    return lambda fault: html(status, title, text)


def too_long() -> Answer:
    return html(414, "URI Too Long")


INSTEAD: dict[str, Instead] = {
    "401": _refused(invalid_session()),
    "401_html": _page(401, "Session expired"),
    "401_policy": _refused(
        RefusedError(401, "INVALID_SESSION_ID", "This session is not valid for use with the REST API")
    ),
    "403_daily": _refused(daily_limit()),
    "403_concurrent": _refused(concurrent_limit()),
    "403_disabled": _refused(
        RefusedError(403, "API_DISABLED_FOR_ORG", "API is not enabled for this Organization or Partner")
    ),
    "406": lambda fault: Answer(406),
    "414": lambda fault: too_long(),
    "420": _page(420, "Edge has no route", "We are setting things up for you."),
    "429": _page(429, "Too Many Requests"),
    "500": _refused(
        RefusedError(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred. Please include this ErrorId")
    ),
    "500_html": _page(500, "Internal Server Error"),
    "502": _page(502, "Bad Gateway"),
    "503": _refused(RefusedError(503, "SERVER_UNAVAILABLE", "Server too busy")),
    "503_html": _page(503, "Service Unavailable", MAINTENANCE),
    "504": _page(504, "Gateway Timeout"),
    "maintenance_200": _page(200, "Maintenance", MAINTENANCE),
    "empty_200": lambda fault: Answer(200),
    "locator": _refused(invalid_locator()),
    "query_timeout": _refused(query_timeout()),
    "too_complicated": _refused(RefusedError(400, "QUERY_TOO_COMPLICATED", "Query is too complicated")),
    "too_large": _refused(RefusedError(400, "OPERATION_TOO_LARGE", "exceeded 100000 distinct who/what's")),
    "lock_row": _refused(RefusedError(400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")),
    "invalid_field": _refused(no_such_column("SELECT Id, Gone__c", 11, "Gone__c", "Opportunity")),
    "not_found": _refused(RefusedError(404, "NOT_FOUND", "The requested resource does not exist")),
    "reset": lambda fault: Answer(200, cut=0),
}


def _not_done(answer: Answer) -> Answer:
    """An answer to a query that doesn't say whether it is all."""
    body = orjson.loads(answer.body) if answer.status == 200 and answer.chunks is None else None
    if not isinstance(body, dict):
        return answer
    return replace(answer, body=orjson.dumps({name: value for name, value in body.items() if name != "done"}))


def _cut_short(answer: Answer) -> Answer:
    """The body ends early and looks complete: its length fits, its end is missing."""
    if answer.chunks is None:
        return replace(answer, body=answer.body[: len(answer.body) // 2])
    whole = b"".join(answer.chunks())
    return replace(answer, chunks=None, body=whole[: len(whole) * 2 // 3])


def _cut_between_rows(answer: Answer) -> Answer:
    """Whole rows and no more come: only their number tells that some are missing."""
    whole = b"".join(answer.chunks()) if answer.chunks is not None else answer.body
    return replace(answer, chunks=None, body=whole[: whole.rindex(b"\n", 0, len(whole) * 2 // 3) + 1])


def _reset_within(answer: Answer) -> Answer:
    return replace(answer, cut=2_000 if answer.chunks is not None else len(answer.body) // 2)


def _cut_gzip(answer: Answer) -> Answer:
    """A compressed body without its end."""
    body = answer.body if answer.chunks is None else b"".join(answer.chunks())
    packed = gzip.compress(body, 1, mtime=0)
    return replace(
        answer, chunks=None, body=packed[: len(packed) // 2], headers={**answer.headers, "Content-Encoding": "gzip"}
    )


def _refused_part(answer: Answer) -> Answer:
    """A composite that is well, and whose parts are not."""
    parts = orjson.loads(answer.body)["compositeResponse"]
    refused = [{"errorCode": "SERVER_UNAVAILABLE", "message": "Server too busy"}]
    told = [{**part, "httpStatusCode": 503, "body": refused} for part in parts]
    return replace(answer, body=orjson.dumps({"compositeResponse": told}))


SPOIL: dict[str, Spoil] = {
    "refused_part": _refused_part,
    "no_done": _not_done,
    "half_emoji": half_an_emoji("Name"),
    "deep": deep("Nested__c", 500, before="Name"),
    "bottomless": deep("Nested__c", 100_000, before="Name"),
    "reset_mid_body": _reset_within,
    "truncated": _cut_short,
    "rows_missing": _cut_between_rows,
    "truncated_gzip": _cut_gzip,
    "no_limit_info": lambda answer: replace(
        answer, headers={name: text for name, text in answer.headers.items() if not name.startswith("Sforce-")}
    ),
}
ELSEWHERE = ("latency", "short_page")
"""Faults that the sandbox deals with itself: a slow first byte, and pages shorter than asked for."""

KINDS = frozenset((*INSTEAD, *SPOIL, *ELSEWHERE))
COMMON = (
    *("406", "420", "429", "500", "500_html", "502", "503", "503_html", "504", "maintenance_200", "401"),
    *("403_concurrent", "lock_row", "reset", "reset_mid_body", "truncated", "short_page"),
)
