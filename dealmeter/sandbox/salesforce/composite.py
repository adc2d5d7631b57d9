"""Several requests in one: `composite` and `composite/batch`, for reading."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson

from dealmeter.sandbox.http import Answer, Request
from dealmeter.sandbox.salesforce.errors import RefusedError, json_answer
from dealmeter.sandbox.salesforce.service import Call

MOST = 25
Dispatch = Callable[[Call, Request], Answer]
"""Answers one inner request as the same user, without counting it."""


def composite(call: Call, dispatch: Dispatch) -> Answer:
    parts = _parts(call, "compositeRequest")
    return json_answer({"compositeResponse": [_answered(call, part, dispatch) for part in parts]})


def batch(call: Call, dispatch: Dispatch) -> Answer:
    results = []
    for part in _parts(call, "batchRequests"):
        answer = dispatch(call, _request(call, part))
        results.append({"statusCode": answer.status, "result": _body(answer)})
    return json_answer({"hasErrors": any(result["statusCode"] >= 400 for result in results), "results": results})


def _parts(call: Call, name: str) -> list[dict[str, Any]]:
    parts = call.json.get(name)
    if not isinstance(parts, list):
        raise RefusedError(400, "JSON_PARSER_ERROR", f"{name} must be a list")
    if len(parts) > MOST:
        raise RefusedError(400, "PROCESSING_HALTED", f"Cannot have more than {MOST} subrequests")
    return parts


def _answered(call: Call, part: dict[str, Any], dispatch: Dispatch) -> dict[str, Any]:
    answer = dispatch(call, _request(call, part))
    return {
        "body": _body(answer),
        "httpHeaders": dict(answer.headers),
        "httpStatusCode": answer.status,
        "referenceId": part.get("referenceId"),
    }


def _request(call: Call, part: dict[str, Any]) -> Request:
    url = str(part.get("url", ""))
    path, _, query = url.partition("?")
    if not path.startswith("/"):
        path = f"/services/data/{path}"
    return replace(call.request, method=str(part.get("method", "GET")), path=path, query=query, body=b"")


def _body(answer: Answer) -> Any:
    return orjson.loads(answer.body) if answer.body else None
