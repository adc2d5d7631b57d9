"""`jobs/query`: create, look, abort, delete, list, and fetch results in pages."""

import base64
import binascii
from collections.abc import Iterator, Sequence
from typing import Any

from dealmeter.sandbox.http import Answer
from dealmeter.sandbox.salesforce.bulk.jobs import ABORTED, COMPLETE, FAILED, RUNNING, TERMINAL, Job
from dealmeter.sandbox.salesforce.bulk.table import DELIMITERS, ENDINGS, csv
from dealmeter.sandbox.salesforce.errors import RefusedError, json_answer, not_found
from dealmeter.sandbox.salesforce.field import COMPOUND
from dealmeter.sandbox.salesforce.keys import serial_of
from dealmeter.sandbox.salesforce.org import INTEGRATION_USER
from dealmeter.sandbox.salesforce.queries import scope_of
from dealmeter.sandbox.salesforce.service import Call
from dealmeter.sandbox.salesforce.soql.filters import compiled
from dealmeter.sandbox.salesforce.soql.parser import parse
from dealmeter.sandbox.salesforce.soql.run import Found, run
from dealmeter.sandbox.salesforce.soql.shape import Shape
from dealmeter.sandbox.salesforce.soql.syntax import Query
from dealmeter.sandbox.salesforce.source import Mirror, Source

PAGES_FROM = 58.0
PAGES_AT_ONCE = 5
MOST_RECORDS = 250_000


def create(call: Call) -> Answer:
    body = call.json
    operation, text = body.get("operation", "query"), body.get("query")
    delimiter, ending = body.get("columnDelimiter", "COMMA"), body.get("lineEnding", "LF")
    if operation not in ("query", "queryAll") or not isinstance(text, str):
        raise RefusedError(400, "INVALIDJOB", "operation must be query or queryAll, and query a SOQL statement")
    if delimiter not in DELIMITERS or ending not in ENDINGS or body.get("contentType", "CSV") != "CSV":
        raise RefusedError(400, "INVALIDJOB", "unsupported columnDelimiter, lineEnding or contentType")
    parsed = parse(text)
    scope = scope_of(call, parsed)
    _check(call, parsed, scope.sobject.name, bulk=scope.sobject.bulk)
    shape = Shape(parsed, scope, call.base)
    if any(field.type in COMPOUND for field in shape.fields):
        raise RefusedError(400, "API_ERROR", "Selecting compound data not supported in Bulk Query")
    if parsed.where is not None:
        compiled(parsed.where, scope)  # says what is wrong with it
    jobs, fates = call.service.jobs, call.service.behaviour.bulk_fates
    job = Job(
        id=jobs.next_id(),
        user=call.session.user,
        owner=call.service.org.user(INTEGRATION_USER),
        operation=operation,
        query=parsed,
        shape=shape,
        version=call.version,
        delimiter=delimiter,
        ending=ending,
        created=call.service.org.world.clock.ms(),
        fate=fates.pop(0) if fates else "complete",
    )
    jobs.add(job)
    call.service.meter.bulk_jobs += 1
    return json_answer(job.shown())


def _check(call: Call, parsed: Query, name: str, *, bulk: bool) -> None:
    """What Bulk refuses, in its own words."""
    if not bulk or name in call.service.behaviour.no_bulk:
        raise RefusedError(400, "INVALIDENTITY", f"Entity '{name}' is not supported by the Bulk API.")
    if parsed.aggregate:
        raise RefusedError(400, "API_ERROR", "Aggregate Relationships not supported in Bulk Query")
    if parsed.offset:
        raise RefusedError(400, "API_ERROR", "Implementation restriction: OFFSET is not supported in Bulk Query")


def listed(call: Call) -> Answer:
    records = [job.shown() | {"jobType": "V2Query"} for job in call.service.jobs.all()]
    return json_answer({"done": True, "nextRecordsUrl": None, "records": records})


def state(call: Call) -> Answer:
    """Every look brings a job on."""
    job = call.service.jobs.find(call.place["job"])
    if job.state not in TERMINAL:
        _advance(call, job)
    return json_answer(job.details())


def abort(call: Call) -> Answer:
    job = call.service.jobs.find(call.place["job"])
    if call.json.get("state") != ABORTED:
        raise RefusedError(400, "INVALIDJOB", "Only Aborted is a valid state")
    if job.state in TERMINAL:
        raise RefusedError(400, "INVALIDJOBSTATE", f"Job {job.id} is already in state {job.state}")
    _end(call, job, ABORTED)
    return json_answer(job.shown())


def delete(call: Call) -> Answer:
    call.service.jobs.delete(call.service.jobs.find(call.place["job"]))
    return Answer(204)


def results(call: Call) -> Answer:
    """A page of CSV with its own header; `Sforce-Locator` says where the next begins, `null` that there is none."""
    job = _finished(call)
    start, size = _place(call.text("locator")), _page_size(call)
    if start > len(job.rows):
        raise RefusedError(400, "INVALID_LOCATOR", "Invalid locator")
    stop = min(len(job.rows), start + size)
    more = stop < len(job.rows)
    rows = job.rows[start:stop]
    source = job.shape.sobject.source

    def chunks() -> Iterator[bytes]:
        shown = _resolved(source, rows)
        return csv(job.shape, shown, delimiter=job.delimiter, ending=job.ending, version=job.version)

    headers = {"Sforce-NumberOfRecords": str(len(rows)), "Sforce-Locator": _locator(stop) if more else "null"}
    return Answer(200, headers=headers, content_type="text/csv", chunks=chunks)


def result_pages(call: Call) -> Answer:
    """Up to five pages that may be fetched side by side."""
    if call.version < PAGES_FROM:
        raise not_found()
    job, size = _finished(call), call.service.behaviour.bulk_rows
    path = f"{call.base}/jobs/query/{job.id}"
    starts = list(range(_place(call.text("locator")), max(1, len(job.rows)), size))
    pages = [{"resultUrl": f"{path}/results?locator={_locator(at)}&maxRecords={size}"} for at in starts[:PAGES_AT_ONCE]]
    done = len(starts) <= PAGES_AT_ONCE
    following = None if done else f"{path}/resultPages?locator={_locator(starts[PAGES_AT_ONCE])}"
    return json_answer({"resultPages": pages, "nextRecordsUrl": following, "done": done})


def _finished(call: Call) -> Job:
    job = call.service.jobs.find(call.place["job"])
    if job.fate == "purged" and job.state == COMPLETE:
        raise not_found()
    if job.state != COMPLETE:
        raise RefusedError(400, "INVALIDJOBSTATE", f"Job {job.id} is in state {job.state}, it has no results")
    if job.version != call.version:
        raise RefusedError(409, "VERSION_MISMATCH", f"The job was created with API version {job.version}")
    return job


def _page_size(call: Call) -> int:
    asked = call.text("maxRecords")
    size = int(asked) if asked.isdigit() and int(asked) else call.service.behaviour.bulk_rows
    size = min(size, MOST_RECORDS)
    return max(1, size // 3) if call.shorten else size


def _advance(call: Call, job: Job) -> None:
    job.looks += 1
    if job.looks < call.service.behaviour.bulk_steps or job.fate == "stuck":
        job.state = RUNNING
    elif job.fate == "aborted":
        _end(call, job, ABORTED)
    elif job.fate in ("failed", "failed_silent"):
        job.error = "InternalServerError : Retried more than fifteen times" if job.fate == "failed" else None
        _end(call, job, FAILED)
    else:
        _complete(call, job)


def _complete(call: Call, job: Job) -> None:
    scope = scope_of(call, job.query)
    everything = job.operation == "queryAll"
    try:
        found = run(job.query, scope, everything=everything, slow_above=call.service.behaviour.bulk_slow_above)
    except RefusedError as refused:
        job.error = f"{refused.code} : {refused.message}"
        _end(call, job, FAILED)
        return
    job.rows = _pinned(found) if job.query.order else _turned(_pinned(found))
    _end(call, job, COMPLETE)


def _end(call: Call, job: Job, state: str) -> None:
    job.state, job.ended = state, call.service.org.world.clock.ms()


def _pinned(found: Found) -> list[Any]:
    """The rows as they are now, where they are kept anyway; else their numbers."""
    source = found.sobject.source
    if isinstance(source, Mirror):
        return [row for row in map(source.get, map(serial_of, found.keys)) if row is not None]
    return [_Number(each) for each in map(serial_of, found.keys)]


class _Number(int):
    """The serial of a row that is made when it is shown."""


def _resolved(source: Source, rows: Sequence[Any]) -> Iterator[Any]:
    for row in rows:
        found = source.get(int(row)) if isinstance(row, _Number) else row
        if found is not None:
            yield found


def _turned(rows: list[Any]) -> list[Any]:
    """In no useful order, as chunks come that were worked on side by side."""
    third = len(rows) // 3
    return rows[third:] + rows[:third]


def _locator(place: int) -> str:
    return base64.urlsafe_b64encode(str(place).encode()).decode().rstrip("=")


def _place(locator: str) -> int:
    if not locator:
        return 0
    try:
        return int(base64.urlsafe_b64decode(locator + "=" * (-len(locator) % 4)))
    except (ValueError, binascii.Error):
        raise RefusedError(400, "INVALID_LOCATOR", "Invalid locator") from None
