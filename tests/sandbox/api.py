"""A plain HTTP client for the sandbox: what went over the wire, nothing hidden."""

from typing import Any, NamedTuple

import orjson
import urllib3

TOKEN = "sandbox-token"


class Reply(NamedTuple):
    status: int
    headers: urllib3.HTTPHeaderDict
    data: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.data)

    @property
    def ids(self) -> list[str]:
        return [row["id"] for row in self.json["results"]]


class Api:
    """Talks to one sandbox; `close` leaves no connection behind."""

    def __init__(self, url: str, token: str = TOKEN) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._pool = urllib3.PoolManager(retries=False, timeout=20)

    def close(self) -> None:
        self._pool.clear()

    def get(self, path: str, **headers: str) -> Reply:
        return self._ask("GET", path, headers=headers)

    def post(self, path: str, body: Any, **headers: str) -> Reply:
        return self._ask("POST", path, orjson.dumps(body), headers)

    def search(self, body: Any, type: str = "deals") -> Reply:
        return self.post(f"/crm/v3/objects/{type}/search", body)

    def control(self, operation: str, body: Any = None) -> Any:
        reply = self.post(f"/__sandbox__/{operation}", body or {})
        assert reply.status == 200, reply.data
        return reply.json

    def _ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Reply:
        sent = {**self._headers, "Content-Type": "application/json", **(headers or {})}
        answer = self._pool.request(method, self._url + path, body=body, headers=sent)
        return Reply(answer.status, answer.headers, answer.data)


def modified_since(ms: int, *more: dict[str, Any]) -> dict[str, Any]:
    """A search body for records modified at or after an instant, by id."""
    since = {"propertyName": "hs_lastmodifieddate", "operator": "GTE", "value": str(ms)}
    return {
        "filterGroups": [{"filters": [since, *more]}],
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        "properties": ["dealname", "amount"],
        "limit": 200,
    }


def after_id(id: str) -> dict[str, str]:
    return {"propertyName": "hs_object_id", "operator": "GT", "value": id}
