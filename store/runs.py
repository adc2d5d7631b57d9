"""Runs: open one under a lease, keep its streams' books, close it with its outcome."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from store.leases import Grant, confirm
from store.schema import Checkpoint, Schedule, SyncRun, SyncRunStream, table_of
from store.upsert import upsert

RUNS = table_of(SyncRun)
RUN_STREAMS = table_of(SyncRunStream)
CHECKPOINTS = table_of(Checkpoint)
SCHEDULES = table_of(Schedule)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a stream or a run did not end well: the kind of error, what happened, what to do now."""

    kind: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A checkpoint: the cursor of a stream (None: from the beginning), when it was saved, and when the stream was
    last read to its end."""

    cursor: Mapping[str, Any] | None = None
    saved_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def is_interrupted(self) -> bool:
        """Whether the stream was left in the middle."""
        return self.finished_at is None or (self.saved_at is not None and self.saved_at > self.finished_at)


def open_run(tx: Connection, grant: Grant, *, trigger: str, version: str, now: datetime) -> int:
    """A new run of the connection; one that died unclosed is marked interrupted. Answers the run's id."""
    tx.execute(
        update(RUNS)
        .where(RUNS.c.connection == grant.connection, RUNS.c.outcome == "running", RUNS.c.token < grant.token)
        .values(
            outcome="interrupted",
            finished_at=now,
            error_kind="Interrupted",
            error="the process ended before the run did",
            hint="no action needed: this run went on from the last checkpoint",
        )
    )
    tx.execute(
        update(RUN_STREAMS)
        .where(
            RUN_STREAMS.c.outcome == "running",
            RUN_STREAMS.c.run_id.in_(
                select(RUNS.c.id).where(RUNS.c.connection == grant.connection, RUNS.c.outcome == "interrupted")
            ),
        )
        .values(outcome="interrupted", finished_at=now)
    )
    made = tx.execute(
        insert(RUNS).values(
            connection=grant.connection,
            trigger=trigger,
            started_at=now,
            outcome="running",
            token=grant.token,
            version=version,
            requests=0,
        )
    )
    upsert(tx, SCHEDULES, [{"connection": grant.connection, "last_started_at": now}])
    key = made.inserted_primary_key
    assert key is not None
    return int(key[0])


def note_as_of(tx: Connection, grant: Grant, run_id: int, as_of: datetime, *, now: datetime) -> None:
    """The run's start by the CRM's clock."""
    confirm(tx, grant, now=now)
    tx.execute(update(RUNS).where(RUNS.c.id == run_id).values(as_of=as_of))


def open_stream(tx: Connection, grant: Grant, run_id: int, stream: str, *, now: datetime) -> None:
    """The stream's row in the run's books."""
    confirm(tx, grant, now=now)
    counts = dict.fromkeys(
        ("pages", "read", "inserted", "updated", "unchanged", "deleted", "merged", "details", "rejected"), 0
    )
    tx.execute(insert(RUN_STREAMS).values(run_id=run_id, stream=stream, outcome="running", started_at=now, **counts))


def close_stream(
    tx: Connection,
    grant: Grant,
    run_id: int,
    stream: str,
    *,
    outcome: str,
    retries: Mapping[str, int],
    trouble: Trouble | None,
    finished: bool,
    now: datetime,
) -> None:
    """Close the stream's row; `finished` marks its checkpoint as read to the end at `now`."""
    confirm(tx, grant, now=now)
    tx.execute(
        update(RUN_STREAMS)
        .where(RUN_STREAMS.c.run_id == run_id, RUN_STREAMS.c.stream == stream)
        .values(outcome=outcome, finished_at=now, retries=dict(retries), **_words(trouble))
    )
    if finished:
        tx.execute(
            update(CHECKPOINTS)
            .where(CHECKPOINTS.c.connection == grant.connection, CHECKPOINTS.c.stream == stream)
            .values(finished_at=now)
        )


def mark_finished(tx: Connection, grant: Grant, stream: str, run_id: int, *, now: datetime) -> None:
    """A checkpoint of a stream whose work another one has just done: empty, and finished at `now`."""
    confirm(tx, grant, now=now)
    row = {"connection": grant.connection, "stream": stream, "cursor": {}, "saved_at": now, "finished_at": now}
    upsert(tx, CHECKPOINTS, [{**row, "run_id": run_id}])


def drop_checkpoint(tx: Connection, grant: Grant, stream: str, *, now: datetime) -> None:
    """Forget where a stream was: its next read is a full one."""
    confirm(tx, grant, now=now)
    tx.execute(CHECKPOINTS.delete().where(CHECKPOINTS.c.connection == grant.connection, CHECKPOINTS.c.stream == stream))


def close_run(
    tx: Connection,
    grant: Grant,
    run_id: int,
    *,
    outcome: str,
    trouble: Trouble | None,
    requests: int,
    notes: Sequence[str],
    retries: Mapping[str, Mapping[str, int]],
    now: datetime,
) -> None:
    """Close the run and the streams that it left open, unless the lease went to somebody else, who has marked it."""
    tx.execute(
        update(RUN_STREAMS)
        .where(RUN_STREAMS.c.run_id == run_id, RUN_STREAMS.c.outcome == "running")
        .values(outcome="stopped", finished_at=now)
    )
    for stream, counted in retries.items():
        tx.execute(
            update(RUN_STREAMS)
            .where(RUN_STREAMS.c.run_id == run_id, RUN_STREAMS.c.stream == stream)
            .values(retries=dict(counted))
        )
    tx.execute(
        update(RUNS)
        .where(RUNS.c.id == run_id, RUNS.c.token == grant.token, RUNS.c.outcome == "running")
        .values(outcome=outcome, finished_at=now, requests=requests, notes=list(notes), **_words(trouble))
    )


def _words(trouble: Trouble | None) -> dict[str, str | None]:
    if trouble is None:
        return {"error_kind": None, "error": None, "hint": None}
    return {"error_kind": trouble.kind, "error": trouble.message, "hint": trouble.hint or None}


def checkpoints(tx: Connection, connection: str) -> dict[str, Saved]:
    """Every stream's checkpoint."""
    rows = tx.execute(select(CHECKPOINTS).where(CHECKPOINTS.c.connection == connection)).mappings()
    return {
        row["stream"]: Saved(cursor=row["cursor"], saved_at=row["saved_at"], finished_at=row["finished_at"])
        for row in rows
    }


def ended_since(tx: Connection, at: datetime | None) -> set[int]:
    """The ids of the runs that ended well, or partly so, at this moment or later."""
    query = select(RUNS.c.id).where(RUNS.c.outcome.in_(("ok", "partial")))
    return set(tx.scalars(query if at is None else query.where(RUNS.c.finished_at >= at)))


# ------------------------------------------------------------------------------------------------- the schedule


def schedule(tx: Connection, connection: str) -> Mapping[str, Any]:
    """The connection's row in the schedule (empty where there was no run yet)."""
    found = tx.execute(select(SCHEDULES).where(SCHEDULES.c.connection == connection)).mappings().first()
    return dict(found) if found else {}


def postpone(tx: Connection, connection: str, not_before: datetime | None) -> None:
    """Nothing before this moment: what a rate limit or a spent budget asked for. None lifts it."""
    upsert(tx, SCHEDULES, [{"connection": connection, "not_before": not_before}])


def pause(tx: Connection, connection: str, *, reason: str, hint: str, settings_hash: str) -> None:
    """Pause until the settings change or a person says go: retrying can't help."""
    upsert(
        tx,
        SCHEDULES,
        [
            {
                "connection": connection,
                "paused_reason": reason,
                "paused_hint": hint,
                "settings_hash": settings_hash,
            }
        ],
    )


def resume(tx: Connection, connection: str) -> None:
    """Lift a pause."""
    upsert(tx, SCHEDULES, [{"connection": connection, "paused_reason": None, "paused_hint": None}])
