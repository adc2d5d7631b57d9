"""The walk of one deal through the stages of its pipeline, with believable delays, detours and ends."""

from dataclasses import dataclass
from random import Random

from dealmeter.sandbox.account import Pipeline
from dealmeter.sandbox.generate.pipelines import DELETED_STAGE, RENEWALS, SALES
from dealmeter.sandbox.generate.span import DAY, Span
from dealmeter.sandbox.record import Change

WIN_RATES = {SALES.id: 0.24, RENEWALS.id: 0.62}
HOUR = 3_600_000


@dataclass(frozen=True, slots=True)
class Journey:
    """Stages in the order of entry; `close_at` is when it closed, or when it is expected to."""

    pipeline: Pipeline
    stages: tuple[Change, ...]
    close_at: int
    won: bool
    lost: bool

    @property
    def closed(self) -> bool:
        return self.won or self.lost

    @property
    def last_at(self) -> int:
        return self.stages[-1].at


def travel(rng: Random, span: Span, created: int, renewal: bool) -> Journey:
    """A log-normal cycle of some two months. What would happen after the present has not happened yet."""
    pipeline = RENEWALS if renewal else SALES
    if renewal and span.end - created > 300 * DAY and rng.random() < 0.08:
        return _forgotten(rng, span, created)
    wins = rng.random() < WIN_RATES[pipeline.id]
    length = max(2 * HOUR, int(rng.lognormvariate(4.1, 0.75) * DAY))
    planned = _plan(rng, pipeline, created, length, wins)
    happened = tuple(_on_a_working_day(rng, span, planned))
    last = happened[-1].value
    won, lost = last == pipeline.won.id, last == pipeline.lost.id
    if not (won or lost):
        return Journey(pipeline, happened, _hoped_for(rng, span, created, length), False, False)
    return Journey(pipeline, happened, _close_date(rng, span, happened[-1].at), won, lost)


def _forgotten(rng: Random, span: Span, created: int) -> Journey:
    """Left in a stage that was later deleted from the settings."""
    parked = span.working(rng, created + 20 * DAY)
    stages = (Change(created, RENEWALS.stages[0].id), Change(parked, DELETED_STAGE.id))
    return Journey(RENEWALS, stages, span.local_midnight(created + 60 * DAY) + 12 * HOUR, False, False)


def _plan(rng: Random, pipeline: Pipeline, created: int, length: int, wins: bool) -> list[Change]:
    """Every step that the deal would take, given time."""
    names = [stage.id for stage in pipeline.open_stages]
    reached = len(names) if wins else 1 + int(rng.random() * len(names))
    walk = [names[0], *(name for name in names[1:reached] if rng.random() > 0.12)]
    end = pipeline.won.id if wins else pipeline.lost.id
    if rng.random() < 0.03:
        walk += [pipeline.lost.id, names[min(1, len(names) - 1)]]
    walk.append(end)
    if not wins and rng.random() < 0.05:
        walk = [names[0], end]
    marks = sorted(rng.random() for _ in walk[1:-1])
    times = [0.0, *marks, 1.0]
    return [Change(created + int(length * part), name) for part, name in zip(times, walk, strict=True)]


def _on_a_working_day(rng: Random, span: Span, planned: list[Change]) -> list[Change]:
    """Entry times strictly increase, and stop at the present."""
    happened = [planned[0]]
    for step in planned[1:]:
        at = max(span.working(rng, step.at), happened[-1].at + 60_000 + int(rng.random() * HOUR))
        if step.at >= span.end or at >= span.end:
            break
        happened.append(step._replace(at=at))
    return happened


def _hoped_for(rng: Random, span: Span, created: int, length: int) -> int:
    """A date that somebody typed in: usually ahead, sometimes overdue."""
    hoped = max(created + length, span.end - int(rng.random() * 20) * DAY) + int(rng.random() * 45) * DAY
    return span.local_midnight(hoped) + 12 * HOUR


def _close_date(rng: Random, span: Span, closed: int) -> int:
    """Mostly the moment of the click; else noon or midnight of the same local day, as tools store it."""
    draw = rng.random()
    if draw < 0.75:
        return closed
    return span.local_midnight(closed) + (12 * HOUR if draw < 0.9 else 0)
