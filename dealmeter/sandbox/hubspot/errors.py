"""HubSpot's error bodies: one envelope, many categories."""

import uuid
from typing import Any

import orjson

from dealmeter.sandbox.http import Answer


class RefusedError(Exception):
    """Ends the handling of a request with one of HubSpot's error answers."""

    def __init__(self, status: int, category: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"status": "error", "message": message, **more, "category": category}

    def answer(self) -> Answer:
        return error(self.status, self.body)


def error(status: int, body: dict[str, Any]) -> Answer:
    """An error answer; each has its own correlation id, which support would ask for."""
    return Answer(status, orjson.dumps({**body, "correlationId": str(uuid.uuid4())}))


def invalid(message: str, **more: Any) -> RefusedError:
    return RefusedError(400, "VALIDATION_ERROR", message, **more)


def not_found(message: str = "resource not found", **more: Any) -> RefusedError:
    return RefusedError(404, "OBJECT_NOT_FOUND", message, **more)


def missing_scopes(scopes: tuple[str, ...]) -> RefusedError:
    return RefusedError(
        403,
        "MISSING_SCOPES",
        "This app hasn't been granted all required scopes to make this call. Read more about required scopes here: "
        "https://developers.hubspot.com/scopes.",
        errors=[
            {
                "message": "One or more of the following scopes are required.",
                "context": {"requiredGranularScopes": list(scopes)},
            }
        ],
        links={"scopes": "https://developers.hubspot.com/scopes"},
    )


def no_such_edition(name: str) -> RefusedError:
    """What the account's subscription doesn't include; no scope would help."""
    return RefusedError(403, "FORBIDDEN", f"This account's subscription does not include {name}.")


def unknown_token() -> RefusedError:
    return RefusedError(
        401,
        "INVALID_AUTHENTICATION",
        "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more "
        "details at https://developers.hubspot.com/docs/methods/auth/oauth-overview",
    )


def expired_token(seconds: int, expired_at: str) -> RefusedError:
    return RefusedError(
        401,
        "EXPIRED_AUTHENTICATION",
        f"The OAuth token used to make this call expired {seconds} second(s) ago.",
        context={"expire time": [expired_at]},
    )


_POLICIES = {
    "TEN_SECONDLY_ROLLING": "You have reached your ten_secondly_rolling limit.",
    "SECONDLY": "You have reached your secondly limit.",
    "DAILY": "You have reached your daily limit.",
}


def rate_limited(policy: str, account: int, *, retry_after: int | None = None) -> Answer:
    """One of the three 429 answers. HubSpot documents no Retry-After for them."""
    body: dict[str, Any] = {
        "status": "error",
        "message": _POLICIES[policy],
        "errorType": "RATE_LIMIT",
        "policyName": policy,
    }
    if policy == "TEN_SECONDLY_ROLLING":
        body["groupName"] = f"publicapi:private_app-api-calls-ten-secondly:1234567:{account}"
    answer = error(429, body)
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Answer(429, answer.body, headers)


def html(status: int, title: str) -> Answer:
    """What the network in front of HubSpot says: never JSON."""
    heading = f"{status} {title}"
    page = (
        f"<html>\r\n<head><title>{heading}</title></head>\r\n<body>\r\n"
        f"<center><h1>{heading}</h1></center>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n"
    )
    return Answer(status, page.encode(), content_type="text/html")
