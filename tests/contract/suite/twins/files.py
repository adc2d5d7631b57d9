"""The twin of the files connector: a folder, written anew after each change."""

import csv
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from dealmeter.sandbox.generate import generate
from store.records import Deal, Product, Record
from sync.clock import Clock
from tests.rig import NOW, Times

HEADERS: Mapping[type[Record], tuple[str, ...]] = {Deal: ("id", "name", "amount"), Product: ("id", "name", "sku")}


class FilesTwin:
    """A folder with deals.csv and products.csv."""

    crm: ClassVar[str] = "files"
    cannot: ClassVar[Mapping[str, str]] = {
        "merge": "a file knows no merges: an id that goes away is a deletion",
        "rate_limit": "reading a folder asks nobody for permission",
        "expired_token": "a folder needs no credentials",
        "missing_scope": "a folder has no scopes; a file that can't be used fails alone (test_files.py)",
        "search_window": "a file is read whole, in its own order",
    }
    window: ClassVar[int] = 1000
    merges: ClassVar[type[Record]] = Deal

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "files"
        self._rows: dict[type[Record], dict[str, dict[str, str]]] = {Deal: {}, Product: {}}
        self._deleted: dict[str, dict[str, str]] = {}
        self._world = generate(7, 1, contacts=1, activities_per_deal=0, now=NOW, frozen=True)
        self._times = Times(self._world)
        self._number = 0

    def start(self) -> None:
        self._folder.mkdir()
        for entity in HEADERS:
            self._write(entity)

    def stop(self) -> None:
        pass

    def connection(self) -> Mapping[str, Any]:
        return {"path": str(self._folder)}

    def clock(self) -> Clock:
        return self._times.clock()

    def later(self, by: timedelta) -> None:
        self._world.clock.advance(by)

    def create(self, entity: type[Record], values: Mapping[str, str], count: int = 1) -> Sequence[str]:
        made = [str(number) for number in range(self._number + 1, self._number + count + 1)]
        self._number += count
        self._rows[entity] |= {id_: dict(values) for id_ in made}
        self._write(entity)
        return made

    def update(self, entity: type[Record], ids: Sequence[str], values: Mapping[str, str]) -> None:
        for id_ in ids:
            self._rows[entity][id_] |= values
        self._write(entity)

    def delete(self, entity: type[Record], ids: Sequence[str]) -> None:
        self._deleted |= {id_: self._rows[entity].pop(id_) for id_ in ids}
        self._write(entity)

    def restore(self, entity: type[Record], id_: str) -> None:
        self._rows[entity][id_] = self._deleted.pop(id_)
        self._write(entity)

    def merge(self, entity: type[Record], first: str, second: str) -> str:
        raise NotImplementedError(self.cannot["merge"])

    def truth(self, entity: type[Record]) -> Mapping[str, str]:
        return {id_: row["name"] for id_, row in self._rows[entity].items()}

    def limit(self, times: int) -> None:
        raise NotImplementedError(self.cannot["rate_limit"])

    def expire(self) -> None:
        raise NotImplementedError(self.cannot["expired_token"])

    def renew(self) -> None:
        pass

    def withhold(self, entity: type[Record]) -> None:
        raise NotImplementedError(self.cannot["missing_scope"])

    def change_type(self, entity: type[Record], field: str) -> None:
        """Cells have no type: nothing to do before somebody writes another text into one."""

    def _write(self, entity: type[Record]) -> None:
        with (self._folder / f"{entity.table}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, HEADERS[entity])
            writer.writeheader()
            writer.writerows({"id": id_, **row} for id_, row in self._rows[entity].items())
