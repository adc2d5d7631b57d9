"""How a run went, for people and for programs."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from rich.console import RenderableType

from dealmeter.show.table import table, without_empty
from kpi.engine import Computation
from sync.outcome import RunOutcome, StreamOutcome, trouble

COUNTED = ("stream", "read", "new", "updated", "deleted", "merged", "links", "rejected", "retries", "outcome")


def told(run: RunOutcome, *, seconds: float, computation: Computation | None) -> Iterator[RenderableType]:
    """The summary line, what each stream did, and notes."""
    yield summary(run, seconds=seconds, computation=computation)
    rows = [_row(stream) for stream in run.streams if _did_something(stream)]
    if rows and not is_idle(run):
        columns, rows = without_empty(COUNTED, rows)
        yield table(columns, rows, right=COUNTED[1:-1], spare=("retries", "merged", "links"))
    for note in run.notes:
        yield f"note: {note}"
    if run.counts.rejected:
        yield (
            f"{_count(run.counts.rejected, 'record')} could not be used, whole or in part: "
            f"`dealmeter runs show {run.run_id}` tells which and why"
        )


def complaints(run: RunOutcome) -> Iterator[str]:
    """What went wrong with which stream, and what to do; each way out once."""
    hints: set[str] = set()
    for stream in run.streams:
        if stream.error is not None:
            words = trouble(stream.error)
            where = run.connection if stream.stream == "account" else f"{run.connection}, {stream.stream}"
            yield f"error: {where}: {words.message}"
            if words.hint and words.hint not in hints:
                hints.add(words.hint)
                yield f"  what to do: {words.hint}"


def summary(run: RunOutcome, *, seconds: float, computation: Computation | None) -> str:
    """One line: main: ok: 7 rows written, 5 KPI values written, 13 requests, read in 0.4 s, KPIs in 3.8 s."""
    done = [f"{_count(run.counts.written, 'row')} written"]
    if computation is not None:
        done.append(f"{_count(computation.written, 'KPI value')} written")
    done += [_count(run.requests, "request"), f"read in {seconds:.1f} s"]
    if computation is not None:
        done.append(f"KPIs in {computation.duration_s:.1f} s")
    idle = ", nothing changed" if is_idle(run) else ""
    return f"{run.connection}: {run.outcome}{idle}: {', '.join(done)}"


def computed(computation: Computation) -> str:
    """One line about the KPIs."""
    return (
        f"KPIs: {_count(computation.written, 'value')} written of {computation.checked:,} computed "
        f"in {computation.duration_s:.1f} s"
    )


def computation_document(computation: Computation) -> dict[str, Any]:
    """The same for programs."""
    return {
        "snapshot_run_id": computation.run_id,
        "checked": computation.checked,
        "written": computation.written,
        "seconds": round(computation.duration_s, 3),
        "broken": list(computation.broken),
    }


def is_idle(run: RunOutcome) -> bool:
    """Whether the CRM had nothing new for us."""
    return run.outcome == "ok" and run.counts.written == 0 and run.counts.rejected == 0


def document(run: RunOutcome, *, seconds: float) -> dict[str, Any]:
    """The run for programs."""
    return {
        "connection": run.connection,
        "run_id": run.run_id,
        "outcome": run.outcome,
        "seconds": round(seconds, 3),
        "requests": run.requests,
        "counts": {**asdict(run.counts), "written": run.counts.written},
        "streams": [_stream(stream) for stream in run.streams],
        "notes": list(run.notes),
        "error": _words(run.error),
    }


def _stream(stream: StreamOutcome) -> dict[str, Any]:
    return {
        "stream": stream.stream,
        "outcome": stream.outcome,
        "counts": asdict(stream.counts),
        "requests": stream.requests,
        "retries": dict(stream.retries),
        "error": _words(stream.error),
    }


def _words(error: BaseException | None) -> Mapping[str, str] | None:
    return asdict(trouble(error)) if error is not None else None


def _did_something(stream: StreamOutcome) -> bool:
    counts = stream.counts
    if stream.stream == "account":
        return False
    return bool(counts.written or counts.rejected or stream.retries or stream.outcome != "ok")


def _row(stream: StreamOutcome) -> list[str]:
    c = stream.counts
    numbers = (c.read, c.inserted, c.updated, c.deleted, c.merged, c.details, c.rejected, sum(stream.retries.values()))
    return [stream.stream, *(f"{number:,}" if number else "" for number in numbers), stream.outcome]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
