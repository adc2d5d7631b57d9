"""The twin of Tiny CRM, the invented CRM of docs/add-a-connector.md: its three addresses over real HTTP."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import orjson

from dealmeter.sandbox.generate import generate
from store.records import Deal, Record
from sync.clock import Clock
from tests.rig import NOW, Times

Item = dict[str, Any]


class TinyTwin:
    """An account of Tiny CRM."""

    crm: ClassVar[str] = "tiny"
    cannot: ClassVar[Mapping[str, str]] = {
        "merge": "Tiny CRM has no merges",
        "search_window": "Tiny CRM pages by (changed, id): no window ends",
    }
    window: ClassVar[int] = 500
    merges: ClassVar[type[Record]] = Deal

    def __init__(self, folder: Path) -> None:
        self._world = generate(7, 1, contacts=1, activities_per_deal=0, now=NOW, frozen=True)
        self._times = Times(self._world)
        self._items: dict[str, dict[int, Item]] = {"deals": {}, "products": {}}
        self._withheld: set[str] = set()
        self._refusals = 0
        self._expired = False

    def start(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def connection(self) -> Mapping[str, Any]:
        return {"token": "sandbox-token", "base_url": f"http://127.0.0.1:{self._server.server_port}"}

    def clock(self) -> Clock:
        return self._times.clock()

    def later(self, by: timedelta) -> None:
        self._world.clock.advance(by)

    def create(self, entity: type[Record], values: Mapping[str, str], count: int = 1) -> Sequence[str]:
        first = sum(map(len, self._items.values())) + 1
        ids = [str(number) for number in range(first, first + count)]
        self._items[entity.table] |= {int(id_): {"created": self._stamp()} for id_ in ids}
        self.update(entity, ids, {**values, "deleted": ""})
        return ids

    def update(self, entity: type[Record], ids: Sequence[str], values: Mapping[str, str]) -> None:
        stamp = self._stamp()
        for id_ in ids:
            self._items[entity.table][int(id_)] |= {"id": int(id_), "changed": stamp, **values}

    def delete(self, entity: type[Record], ids: Sequence[str]) -> None:
        self.update(entity, ids, {"deleted": "yes"})

    def restore(self, entity: type[Record], id_: str) -> None:
        self.update(entity, [id_], {"deleted": ""})

    def merge(self, entity: type[Record], first: str, second: str) -> str:
        raise NotImplementedError(self.cannot["merge"])

    def truth(self, entity: type[Record]) -> Mapping[str, str]:
        items = self._items[entity.table].values()
        return {str(item["id"]): item["name"] for item in items if not item["deleted"]}

    def limit(self, times: int) -> None:
        self._refusals = times

    def expire(self) -> None:
        self._expired = True

    def renew(self) -> None:
        self._expired = False
        self._withheld.clear()

    def withhold(self, entity: type[Record]) -> None:
        self._withheld.add(entity.table)

    def change_type(self, entity: type[Record], field: str) -> None:
        """Fields have no types here: anything may be written into one."""

    # ------------------------------------------------------------------------------------------------- answering

    def _stamp(self) -> str:
        return self._world.clock.now().isoformat()

    def _answer(self, path: str, query: Mapping[str, str], token: str) -> tuple[int, Any]:
        if self._expired or token != "Bearer sandbox-token":
            return 401, {}
        if self._refusals:
            self._refusals -= 1
            return 429, {}
        if path == "/me":
            return 200, {"id": 1, "name": "Example", "currency": "EUR", "time_zone": "Europe/Berlin"}
        name = path.strip("/")
        if name in self._withheld:
            return 403, {}
        since = datetime.fromisoformat(query["since"]) if "since" in query else datetime.min.replace(tzinfo=NOW.tzinfo)
        place = (since, int(query.get("after", -1)))
        items = sorted(self._items[name].values(), key=_place)
        found = [item for item in items if _place(item) > place]
        limit = int(query["limit"])
        return 200, {"items": found[:limit], "more": len(found) > limit}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        twin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                status, answer = twin._answer(parts.path, query, self.headers.get("Authorization", ""))
                body = orjson.dumps(answer)
                self.send_response_only(status)
                self.send_header("Date", format_datetime(twin._world.clock.now(), usegmt=True))
                self.send_header("Content-Length", str(len(body)))
                if status == 429:
                    self.send_header("Retry-After", "1")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        return Handler


def _place(item: Item) -> tuple[datetime, int]:
    return datetime.fromisoformat(item["changed"]), item["id"]
