"""Faults as HubSpot's clients meet them: error pages, refusals, and answers that break off."""

from collections.abc import Callable
from dataclasses import replace

import orjson

from dealmeter.sandbox.faults import Fault
from dealmeter.sandbox.http import Answer
from dealmeter.sandbox.hubspot.errors import error, html, rate_limited

LONGEST_TARGET = 16_384
MIGRATION_SECONDS = 3_600

Instead = Callable[[Fault, int], Answer]
Spoil = Callable[[Answer], Answer]


def _page(status: int, title: str) -> Instead:
    return lambda fault, account: html(status, title)


def _limited(policy: str) -> Instead:
    return lambda fault, account: rate_limited(
        policy, account, retry_after=None if fault.seconds is None else int(fault.seconds)
    )


def _locked(fault: Fault, account: int) -> Answer:
    return error(423, {"status": "error", "message": "The resource is locked.", "category": "CONFLICT"})


def _migrating(fault: Fault, account: int) -> Answer:
    seconds = MIGRATION_SECONDS if fault.seconds is None else int(fault.seconds)
    answer = error(477, {"status": "error", "message": "This account is being migrated.", "category": "MIGRATION"})
    return replace(answer, headers={"Retry-After": str(seconds)})


def too_long() -> Answer:
    return html(414, "Request-URI Too Large")


INSTEAD: dict[str, Instead] = {
    "500": _page(500, "Internal Server Error"),
    "502": _page(502, "Bad Gateway"),
    "503": _page(503, "Service Temporarily Unavailable"),
    "504": _page(504, "Gateway Time-out"),
    "524": _page(524, "A timeout occurred"),
    "414": lambda fault, account: too_long(),
    "423": _locked,
    "477": _migrating,
    "429_ten_secondly": _limited("TEN_SECONDLY_ROLLING"),
    "429_secondly": _limited("SECONDLY"),
    "429_daily": _limited("DAILY"),
    "reset": lambda fault, account: Answer(200, cut=0),
    "html_200": _page(200, "Just a moment..."),
    "empty_200": lambda fault, account: Answer(200),
}


def _in_part(answer: Answer) -> Answer:
    """A batch whose last result failed for a reason that is not its absence."""
    body = orjson.loads(answer.body)
    if answer.status >= 400 or not body.get("results"):
        return answer
    body["results"].pop()
    failed = {
        "status": "error",
        "category": "INTERNAL_ERROR",
        "message": "internal error",
        "context": {},
        "errors": [],
        "links": {},
    }
    body["errors"] = [*body.get("errors", ()), failed]
    body["numErrors"] = len(body["errors"])
    return replace(answer, status=207, body=orjson.dumps(body))


def _half_an_emoji(answer: Answer) -> Answer:
    """The name of the first deal begins with half of a surrogate pair: somebody's import cut it there."""
    return replace(answer, body=answer.body.replace(b'"dealname":"', b'"dealname":"\\ud83d', 1))


SPOIL: dict[str, Spoil] = {
    "half_emoji": _half_an_emoji,
    "batch_error": _in_part,
    "reset_mid_body": lambda answer: replace(answer, cut=len(answer.body) // 2),
    "truncated_json": lambda answer: replace(answer, body=answer.body[: len(answer.body) // 2]),
}
ELSEWHERE = ("latency", "short_page")
"""Faults that the sandbox deals with itself: a delay, and pages shorter than asked for."""

KINDS = frozenset((*INSTEAD, *SPOIL, *ELSEWHERE))
COMMON = ("500", "502", "503", "504", "429_ten_secondly", "reset", "reset_mid_body", "truncated_json", "html_200")
