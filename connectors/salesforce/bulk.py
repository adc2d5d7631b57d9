"""Bulk API 2.0: a large query as a job, its result as rows that stream by; nothing is held but one block of them."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from connectors.base import Context, Meter
from connectors.errors import UnexpectedResponseError, UnreachableError
from connectors.salesforce.client import Client, Json
from connectors.salesforce.org import CONVERT, Field, typed
from connectors.salesforce.refusals import NoBulkError, NotThereError
from connectors.salesforce.settings import Bulk as BulkSettings

BLOCK = 2000
LARGEST_CELL = 1 << 24
FIRST_LOOK_S, LONGEST_LOOK_S = 1.0, 20.0
CUTS = 7
"""How often one result page may be cut off before we give up for now."""

Place = Mapping[str, Any]
"""Where we are in a job: `job`, `asked` (when it was made), `locator` of the result page, `done` rows of it."""


class JobGoneError(NoBulkError):
    """A job or its result is no longer kept."""


class JobFailedError(NoBulkError):
    """Salesforce couldn't do a job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulk:
    """Runs query jobs of one org."""

    client: Client
    settings: BulkSettings
    context: Context

    def begin(self, soql: str, meter: Meter) -> Place:
        """Make a job. Raises NoBulkError where bulk doesn't do such a query."""
        asked = self.client.now()
        body = {
            "operation": "queryAll",
            "query": soql,
            "contentType": "CSV",
            "columnDelimiter": "COMMA",
            "lineEnding": "LF",
        }
        try:
            job = self.client.send("POST", "jobs/query", body, meter)
        except UnexpectedResponseError as error:  # REST will say what is wrong, if anything is
            raise NoBulkError(str(error)) from error
        return {"job": str(job["id"]), "asked": asked.isoformat()}

    def rows(
        self, place: Place, fields: Mapping[str, Field], meter: Meter
    ) -> Iterator[tuple[list[Json], Place | None]]:
        """Blocks of rows from a place on, each with the place behind it; None behind the last. In no order.

        Raises JobGoneError, JobFailedError.
        """
        self._wait(place, meter)
        locator = str(place.get("locator", ""))
        done = int(place.get("done", 0))
        while True:
            for block, following, total in self._page(place, locator, done, fields, meter):
                done += len(block)
                if total:
                    if following is None:
                        yield block, None
                        return
                    locator, done = following, 0
                yield block, {**place, "locator": locator, "done": done}

    # ---------------------------------------------------------------------------------------------------- waiting

    def _wait(self, place: Place, meter: Meter) -> None:
        path, look = f"jobs/query/{place['job']}", FIRST_LOOK_S
        until = self.context.monotonic() + self.settings.patience.total_seconds()
        while True:
            try:
                job = self.client.get(path, meter)
            except NotThereError as error:
                raise JobGoneError(f"the bulk job {place['job']} is no longer there") from error
            state = job.get("state")
            if state == "JobComplete":
                return
            if state in {"Failed", "Aborted"}:
                raise JobFailedError(
                    f"bulk job {place['job']} over {job.get('object')} {str(state).lower()}: "
                    f"{job.get('errorMessage') or 'Salesforce gave no reason'}"
                )
            if self.context.monotonic() >= until:
                self.client.send("PATCH", path, {"state": "Aborted"}, meter)
                raise JobFailedError(f"bulk job {place['job']} was still {state} after {self.settings.patience}")
            self.context.notice(f"bulk job over {job.get('object')}: {state}, looking again in {look:.0f} s")
            self.context.sleep(look)
            look = min(look * 1.5, LONGEST_LOOK_S)

    # ---------------------------------------------------------------------------------------------------- reading

    def _page(
        self, place: Place, locator: str, done: int, fields: Mapping[str, Field], meter: Meter
    ) -> Iterator[tuple[list[Json], str | None, bool]]:
        """The blocks of one result page behind its first `done` rows; where it is cut off, it is asked for again."""
        cuts = 0
        while True:
            before = done
            try:
                for block, following, total in self._once(place, locator, done, fields, meter):
                    done += len(block)
                    yield block, following, total
                return
            except UnreachableError as error:
                cuts = 1 if done > before else cuts + 1
                if cuts >= CUTS:
                    raise
                meter.retry(error.reason)
                wait = self.context.random.uniform(0.5, 1.0) * 2**cuts
                self.context.notice(f"{error}; trying again in {wait:.0f} s ({cuts + 1} of {CUTS})")
                self.context.sleep(wait)

    def _once(
        self, place: Place, locator: str, done: int, fields: Mapping[str, Field], meter: Meter
    ) -> Iterator[tuple[list[Json], str | None, bool]]:
        path = f"jobs/query/{place['job']}/results"
        query: dict[str, Any] = {"maxRecords": self.settings.page} | ({"locator": locator} if locator else {})
        try:
            with self.client.stream(path, query, meter) as answer:
                promised = answer.headers.get("Sforce-NumberOfRecords")
                following = answer.headers.get("Sforce-Locator")
                if following is None:
                    raise JobFailedError(
                        f"a result of job {place['job']} came without Sforce-Locator: a proxy took it away"
                    )
                rows = _parsed(answer, path, fields)
                read = sum(1 for _ in islice(rows, done))
                while block := list(islice(rows, BLOCK)):
                    read += len(block)
                    if len(block) == BLOCK:  # the last one, which may be empty, is told once the count is right
                        yield block, None, False
                        block = []
                        continue
                    break
                if promised is not None and promised.isdigit() and read != int(promised):
                    raise UnreachableError(
                        f"a bulk result has {read:,} rows instead of {int(promised):,} ({path})", reason="cut"
                    )
                yield block, None if following in {"", "null"} else following, True
        except NotThereError as error:
            raise JobGoneError(f"the result of bulk job {place['job']} is no longer there") from error


def _parsed(answer: requests.Response, path: str, fields: Mapping[str, Field]) -> Iterator[Json]:
    """The rows of a CSV body as it comes, typed as REST has them."""
    csv.field_size_limit(LARGEST_CELL)
    raw = answer.raw
    raw.decode_content, raw.auto_close = True, False
    text = io.TextIOWrapper(io.BufferedReader(raw, 1 << 18), encoding="utf-8", newline="")
    try:
        lines = (line.replace("\0", "") if "\0" in line else line for line in text)
        rows = csv.reader(lines, strict=True)  # strict: an end within quotes is a cut
        columns = next(rows, [])
        types = [fields[name].type if name in fields else _guess(name) for name in columns]
        plan = [(place, name, type_) for place, (name, type_) in enumerate(zip(columns, types, strict=True))]
        width = len(columns)
        for row in rows:
            if row == columns:
                continue
            if len(row) != width:
                raise UnreachableError(f"a bulk row has {len(row)} of {width} values ({path})", reason="cut")
            yield {
                name: typed(row[place], type_) if type_ in CONVERT else row[place] or None
                for place, name, type_ in plan
            }
    except (HTTPError, requests.RequestException, UnicodeDecodeError, EOFError, OSError, csv.Error) as error:
        raise UnreachableError(
            f"the answer was cut off ({path}): {type(error).__name__}",
            reason="cut",
            hint="a proxy or the network cut the answer",
        ) from error


def _guess(name: str) -> str:
    """The type of a parent's field, which our describes don't tell."""
    return "boolean" if name.rpartition(".")[2].startswith("Is") else "string"
