"""A folder of CSV, a store, and the real engine between them, on a clock that the test moves."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

from sqlalchemy import select

from connectors.base import Connector, Context
from connectors.files import FilesConnector
from connectors.files.settings import FilesSettings
from store import reads
from store.database import Database
from store.records import Statement
from store.schema import TABLES
from sync.clock import Clock
from sync.outcome import RunOutcome, StreamOutcome
from sync.plan import Plan
from sync.reconcile import Reconciled, reconcile
from sync.run import Progress, execute
from tests.rig import NOW

NAME = "the-files"


@dataclass
class Folder:
    """The folder, and what a run makes of it."""

    path: Path
    database: Database
    settings: dict[str, Any] = field(default_factory=dict)
    now: datetime = NOW

    def write(self, name: str, text: str, encoding: str = "utf-8") -> None:
        """Put a file there, written now by the test's time."""
        self.path.mkdir(exist_ok=True)
        (self.path / name).write_bytes(text.encode(encoding))
        os.utime(self.path / name, (self.now.timestamp(), self.now.timestamp()))

    def connector(self, context: Context) -> Connector:
        """The connector with the test's settings."""
        return FilesConnector(FilesSettings.model_validate({"path": str(self.path), **self.settings}), context)

    def clock(self) -> Clock:
        """The test's time."""
        return Clock(now=lambda: self.now, monotonic=lambda: 0.0, wait=lambda stop, s: stop.is_set(), random=Random(7))

    def sync(self, *, stop: Event | None = None, progress: Progress | None = None, **plan: Any) -> RunOutcome:
        """One run, a minute after the last."""
        self.now += timedelta(minutes=1)
        asked = Plan(connection=NAME, connector=self.connector, **plan)
        return execute(self.database, asked, version="test", clock=self.clock(), stop=stop, progress=progress)

    def compare(self, *, repair: bool = False) -> Reconciled:
        """What a comparison with the files finds."""
        self.now += timedelta(minutes=1)
        asked = Plan(connection=NAME, connector=self.connector)
        return reconcile(self.database, asked, version="test", clock=self.clock(), stop=Event(), repair=repair)

    def rows(self, record: type[Statement], *, deleted: bool = False) -> list[Mapping[str, Any]]:
        """The rows of an entity, live ones only unless asked."""
        table = TABLES[record]
        query = select(table).order_by(*table.primary_key.columns)
        with self.database.read() as tx:
            found = tx.execute(query).mappings().all()
        return [dict(row) for row in found if deleted or row["deleted_at"] is None]

    def refusals(self) -> list[str]:
        """The reasons of the open rejections."""
        with self.database.read() as tx:
            return sorted(row["reason"] for row in reads.open_rejections(tx, NAME))


def stream(outcome: RunOutcome, name: str) -> StreamOutcome:
    """What a run did with one stream."""
    return next(each for each in outcome.streams if each.stream == name)
