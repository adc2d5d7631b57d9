"""Properties that tell when a record entered and left each stage, worked out from its history."""

from collections.abc import Callable, Iterator

from dealmeter.sandbox.hubspot.property import Property, Reader, calculated, iso
from dealmeter.sandbox.record import Kind, Record
from dealmeter.sandbox.world import World

Visit = tuple[int, int | None]
"""When a stage was entered and left (milliseconds); not left means still there."""


def stage_properties(world: World, group: str, kind: Kind = Kind.DEAL) -> list[Property]:
    """One set of dates and durations (milliseconds) for every stage of every pipeline."""
    stages = [stage.id for pipeline in world.pipelines_of(kind) for stage in pipeline.stages]
    found = [prop for stage in stages for prop in _of_stage(stage, group)]
    found.append(calculated("hs_v2_date_entered_current_stage", "datetime", _entered_current, group=group))
    return found


def _of_stage(stage: str, group: str) -> Iterator[Property]:
    def dated(pick: Callable[[list[Visit]], int | None]) -> Reader:
        def read(record: Record) -> str | None:
            found = pick(visits(record, "stage", stage))
            return None if found is None else iso(found)

        return read

    def timed(pick: Callable[[list[int]], int]) -> Reader:
        def read(record: Record) -> str | None:
            spent = [left - entered for entered, left in visits(record, "stage", stage) if left is not None]
            return str(pick(spent)) if spent else None

        return read

    for name, type, read in (
        ("date_entered", "datetime", dated(_last_entry)),
        ("date_exited", "datetime", dated(_last_exit)),
        ("latest_time_in", "number", timed(lambda spent: spent[-1])),
        ("cumulative_time_in", "number", timed(sum)),
    ):
        yield calculated(f"hs_v2_{name}_{stage}", type, read, group=group)


def visits(record: Record, field: str, value: str) -> list[Visit]:
    """Each time that the field had the value, oldest first."""
    changes = record.history.get(field)
    if changes is None:
        return [(record.created, None)] if record.fields.get(field) == value else []
    found: list[Visit] = []
    for place, change in enumerate(changes):
        if change.value == value:
            found.append((change.at, changes[place + 1].at if place + 1 < len(changes) else None))
    return found


def _last_entry(stays: list[Visit]) -> int | None:
    return stays[-1][0] if stays else None


def _last_exit(stays: list[Visit]) -> int | None:
    left = [exit for _entered, exit in stays if exit is not None]
    return left[-1] if left else None


def _entered_current(record: Record) -> str | None:
    changes = record.changes("stage")
    return iso(changes[-1].at) if changes else None
