"""Refusals in the words of Salesforce's REST interface."""

from collections.abc import Mapping

import orjson

from dealmeter.sandbox.http import Answer


class RefusedError(Exception):
    """A request that ends with an error answer: a list with one entry."""

    def __init__(self, status: int, code: str, message: str, *, fields: list[str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.fields = status, code, message, fields

    def entries(self) -> list[dict[str, object]]:
        entry: dict[str, object] = {"message": self.message, "errorCode": self.code}
        if self.fields is not None:
            entry["fields"] = self.fields
        return [entry]

    def answer(self) -> Answer:
        return Answer(self.status, orjson.dumps(self.entries()))


def not_found(what: str = "The requested resource does not exist") -> RefusedError:
    return RefusedError(404, "NOT_FOUND", what)


def invalid_session() -> RefusedError:
    return RefusedError(401, "INVALID_SESSION_ID", "Session expired or invalid")


def malformed_query(message: str) -> RefusedError:
    return RefusedError(400, "MALFORMED_QUERY", message)


def invalid_locator() -> RefusedError:
    return RefusedError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")


def daily_limit() -> RefusedError:
    return RefusedError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")


def concurrent_limit() -> RefusedError:
    return RefusedError(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded.")


def query_timeout() -> RefusedError:
    return RefusedError(400, "QUERY_TIMEOUT", "Your query request was running for too long.")


def json_answer(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, orjson.dumps(body), headers or {})


def html(status: int, title: str, text: str = "") -> Answer:
    body = f"<html><head><title>{title}</title></head><body><h1>{title}</h1><p>{text}</p></body></html>"
    return Answer(status, body.encode(), content_type="text/html;charset=utf-8")
