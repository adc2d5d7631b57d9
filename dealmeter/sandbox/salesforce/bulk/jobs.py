"""Query jobs: what was asked, how far it is, and what became of it."""

from dataclasses import dataclass
from typing import Any

from dealmeter.sandbox.clock import Clock
from dealmeter.sandbox.salesforce import ids
from dealmeter.sandbox.salesforce.errors import RefusedError, not_found
from dealmeter.sandbox.salesforce.soql.run import Found
from dealmeter.sandbox.salesforce.soql.shape import Shape
from dealmeter.sandbox.salesforce.soql.syntax import Query
from dealmeter.sandbox.salesforce.texts import moment

KEPT_MS = 7 * 86_400_000
WAITING, RUNNING, COMPLETE, FAILED, ABORTED = "UploadComplete", "InProgress", "JobComplete", "Failed", "Aborted"
TERMINAL = (COMPLETE, FAILED, ABORTED)
FATES = ("complete", "stuck", "failed", "failed_silent", "aborted", "purged")
"""`purged` is a job that completes and whose results are gone when asked for."""


@dataclass(slots=True)
class Job:
    """`created` and `ended` in milliseconds; `rows` are what the query found when it ran."""

    id: str
    user: str
    owner: str
    operation: str
    query: Query
    shape: Shape
    version: float
    delimiter: str
    ending: str
    created: int
    fate: str
    state: str = WAITING
    looks: int = 0
    error: str | None = None
    ended: int | None = None
    found: Found | None = None
    rows: Any = ()

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "operation": self.operation,
            "object": self.shape.sobject.name,
            "createdById": self.owner,
            "createdDate": moment(self.created),
            "systemModstamp": moment(self.ended or self.created),
            "state": self.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": self.version,
            "lineEnding": self.ending,
            "columnDelimiter": self.delimiter,
        }

    def details(self) -> dict[str, Any]:
        """With how far it is, as the state of a single job shows it."""
        more: dict[str, Any] = {
            "jobType": "V2Query",
            "numberRecordsProcessed": len(self.rows) if self.state == COMPLETE else 0,
            "retries": 0,
            "totalProcessingTime": 0 if self.ended is None else max(1, self.ended - self.created),
        }
        if self.error:
            more["errorMessage"] = self.error
        return {**self.shown(), **more}


class Jobs:
    """Jobs by id; a week after its end a job is forgotten."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._jobs: dict[str, Job] = {}
        self._count = 0

    def next_id(self) -> str:
        self._count += 1
        return ids.text("750", self._count)

    def add(self, job: Job) -> None:
        self._jobs[job.id] = job

    def find(self, id: str) -> Job:
        """RefusedError NOT_FOUND when there is no such job any more."""
        self._forget()
        job = self._jobs.get(id) or next((job for key, job in self._jobs.items() if key[:15] == id), None)
        if job is None:
            raise not_found()
        return job

    def all(self) -> list[Job]:
        self._forget()
        return list(self._jobs.values())

    def delete(self, job: Job) -> None:
        if job.state not in TERMINAL:
            raise RefusedError(400, "INVALIDJOBSTATE", f"Job {job.id} is in state {job.state} and cannot be deleted")
        self._jobs.pop(job.id, None)

    def purge(self) -> None:
        """All finished jobs are gone."""
        self._jobs = {id: job for id, job in self._jobs.items() if job.state not in TERMINAL}

    def _forget(self) -> None:
        oldest = self._clock.ms() - KEPT_MS
        for job in [job for job in self._jobs.values() if job.ended is not None and job.ended < oldest]:
            del self._jobs[job.id]
