"""Faults as HubSpot's clients meet them: error pages, refusals, and answers that break off."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson

from dealmeter.sandbox.faults import Fault
from dealmeter.sandbox.http import Answer
from dealmeter.sandbox.hubspot.errors import error, expired_token, html, rate_limited
from dealmeter.sandbox.spoiling import Spoil, deep, half_an_emoji

LONGEST_TARGET = 16_384
MIGRATION_SECONDS = 3_600
TOLD_SECONDS = 3
SLOW_SECONDS = 0.03

Instead = Callable[[Fault, int], Answer]


def _page(status: int, title: str) -> Instead:
    return lambda fault, account: html(status, title)


def _json(status: int, message: str) -> Instead:
    return lambda fault, account: error(status, {"status": "error", "message": message})


def _limited(policy: str, told: int | None = None) -> Instead:
    return lambda fault, account: rate_limited(
        policy, account, retry_after=told if fault.seconds is None else int(fault.seconds)
    )


def _expired(fault: Fault, account: int) -> Answer:
    return expired_token(60, "1970-01-01T00:00:00Z").answer()


def _locked(fault: Fault, account: int) -> Answer:
    return error(423, {"status": "error", "message": "The resource is locked.", "category": "CONFLICT"})


def _migrating(fault: Fault, account: int) -> Answer:
    seconds = MIGRATION_SECONDS if fault.seconds is None else int(fault.seconds)
    answer = error(477, {"status": "error", "message": "This account is being migrated.", "category": "MIGRATION"})
    return replace(answer, headers={"Retry-After": str(seconds)})


def too_long() -> Answer:
    return html(414, "Request-URI Too Large")


def _garbled(zipped: bytes) -> bytes:
    middle = len(zipped) // 2
    return zipped[:middle] + bytes(byte ^ 0xFF for byte in zipped[middle:])


def _results(change: Callable[[list[Any]], list[Any]]) -> Spoil:
    """The results of an answer that has some, otherwise."""

    def spoil(answer: Answer) -> Answer:
        body = orjson.loads(answer.body) if answer.status == 200 and answer.body else None
        if not isinstance(body, dict) or not isinstance(body.get("results"), list):
            return answer
        return replace(answer, body=orjson.dumps({**body, "results": change(body["results"])}))

    return spoil


INSTEAD: dict[str, Instead] = {
    "500": _page(500, "Internal Server Error"),
    "502": _page(502, "Bad Gateway"),
    "503": _page(503, "Service Temporarily Unavailable"),
    "504": _page(504, "Gateway Time-out"),
    "524": _page(524, "A timeout occurred"),
    "500_json": _json(500, "internal error"),
    "503_json": _json(503, "The service is unavailable, please try again."),
    "414": lambda fault, account: too_long(),
    "423": _locked,
    "477": _migrating,
    "429_ten_secondly": _limited("TEN_SECONDLY_ROLLING"),
    "429_secondly": _limited("SECONDLY"),
    "429_daily": _limited("DAILY"),
    "429_ten_secondly_told": _limited("TEN_SECONDLY_ROLLING", TOLD_SECONDS),
    "429_secondly_told": _limited("SECONDLY", TOLD_SECONDS),
    "429_daily_told": _limited("DAILY", MIGRATION_SECONDS),
    "token_expired": _expired,
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


def _without_results(answer: Answer) -> Answer:
    """A 200 that has everything but the results."""
    body = orjson.loads(answer.body) if answer.status == 200 else {}
    return replace(answer, body=orjson.dumps({name: value for name, value in body.items() if name != "results"}))


SPOIL: dict[str, Spoil] = {
    "half_emoji": half_an_emoji("dealname"),
    "deep": deep("nested_by_hand", 500, before="dealname"),
    "bottomless": deep("nested_by_hand", 100_000, before="dealname"),
    "batch_error": _in_part,
    "no_results": _without_results,
    "reset_mid_body": lambda answer: replace(answer, cut=len(answer.body) // 2),
    "truncated_json": lambda answer: replace(answer, body=answer.body[: len(answer.body) // 2]),
    "reset_after_body": lambda answer: replace(answer, hang_up=True),
    "truncated_gzip": lambda answer: replace(answer, mangle=lambda zipped: zipped[: len(zipped) // 2]),
    "garbled_gzip": lambda answer: replace(answer, mangle=_garbled),
    "wrong_type": lambda answer: replace(answer, content_type="text/html"),
    "duplicated": _results(lambda found: [*found, *found[: len(found) // 2 + 1]]),
    "reordered": _results(lambda found: found[::-1]),
    "left_out": _results(lambda found: found[1:]),
}
ELSEWHERE = ("latency", "slow", "short_page")
"""Faults that the sandbox deals with itself: a delay, a short one, and pages shorter than asked for."""

KINDS = frozenset((*INSTEAD, *SPOIL, *ELSEWHERE))
COMMON = ("500", "502", "503", "504", "429_ten_secondly", "reset", "reset_mid_body", "truncated_json", "html_200")
PASSING = (
    *COMMON, "500_json", "503_json", "524", "423", "429_secondly", "429_ten_secondly_told", "429_secondly_told",
    "empty_200", "truncated_gzip", "garbled_gzip", "reset_after_body", "wrong_type", "duplicated", "reordered", "slow",
    "short_page",
)  # fmt: skip
"""Everything that the next try, or patience, gets over."""
ENDING = ("429_daily", "429_daily_told", "477", "token_expired")
"""What ends a run, and no later one."""
