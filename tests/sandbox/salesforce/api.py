"""A plain HTTP client for the sandbox: what went over the wire, nothing hidden."""

from typing import Any
from urllib.parse import urlencode

import orjson
import urllib3

from ..api import Reply

BASE = "/services/data/v62.0"
TOKEN = "sandbox-token"


class Salesforce:
    """Talks to one sandbox; `close` leaves no connection behind."""

    def __init__(self, url: str, token: str | None = TOKEN) -> None:
        self.url = url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._pool = urllib3.PoolManager(retries=False, timeout=20)

    def close(self) -> None:
        self._pool.clear()

    def get(self, path: str, headers: dict[str, str] | None = None, /, **query: str) -> Reply:
        """A path below the version, or from the root when it begins with `/services`."""
        return self.ask("GET", path, None, headers, query)

    def post(self, path: str, body: Any, headers: dict[str, str] | None = None) -> Reply:
        return self.ask("POST", path, orjson.dumps(body), {"Content-Type": "application/json", **(headers or {})})

    def form(self, path: str, headers: dict[str, str] | None = None, /, **fields: str) -> Reply:
        """Without any token: how one logs in."""
        sent = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        answer = self._pool.request("POST", self.url + path, body=urlencode(fields), headers=sent)
        return Reply(answer.status, answer.headers, answer.data)

    def token(self, headers: dict[str, str] | None = None, /, **fields: str) -> Reply:
        return self.form("/services/oauth2/token", headers, **fields)

    def query(self, soql: str, headers: dict[str, str] | None = None, endpoint: str = "query") -> Reply:
        return self.get(f"/{endpoint}", headers, q=soql)

    def rows(self, soql: str, endpoint: str = "query") -> list[dict[str, Any]]:
        """All pages of an answer, without the attributes of the records."""
        page = self.query(soql, endpoint=endpoint)
        assert page.status == 200, page.data
        found = list(page.json["records"])
        while not page.json["done"]:
            page = self.get(page.json["nextRecordsUrl"])
            found += page.json["records"]
        assert len(found) == page.json["totalSize"]
        for row in found:
            del row["attributes"]
        return found

    def ids(self, soql: str, endpoint: str = "query") -> list[str]:
        return [row["Id"] for row in self.rows(soql, endpoint)]

    def refusal(self, soql: str) -> tuple[int, str]:
        reply = self.query(soql)
        return reply.status, reply.json[0]["errorCode"]

    def control(self, operation: str, body: Any = None) -> Any:
        reply = self.post(f"/__sandbox__/{operation}", body or {})
        assert reply.status == 200, reply.data
        return reply.json

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
    ) -> Reply:
        rooted = path if path.startswith(("/services", "/__sandbox__")) else BASE + path
        url = f"{self.url}{rooted}{'?' + urlencode(query) if query else ''}"
        answer = self._pool.request(method, url, body=body, headers={**self._headers, **(headers or {})})
        return Reply(answer.status, answer.headers, answer.data)
