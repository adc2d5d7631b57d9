"""What a folder has: its files with their columns, how far each is filled, and the stages that stages.csv names."""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import islice

from connectors.discovery import Discovery, FoundField, FoundObject, FoundPipeline, FoundStage
from connectors.errors import ConnectorError
from connectors.files.entities import Entity
from connectors.files.rows import Habits, Rows
from connectors.files.sheet import Sheet
from store.records import Stage

LOOKED_AT = 10_000
"""Rows of a file that we look at to tell how far its columns are filled."""


def discover(entities: Iterable[Entity], sheets: Mapping[str, Sheet], habits: Habits) -> Discovery:
    """Every file that can be opened; `sheets` are not open yet."""
    objects, pipelines, notes = [], [], []
    for entity in entities:
        try:
            with sheets[entity.name] as sheet:
                objects.append(_object(entity, sheet))
                if entity.record is Stage:
                    pipelines = _pipelines(Rows(sheet, entity, habits))
        except ConnectorError as error:
            notes.append(f"{error}; {error.hint}")
    return Discovery(objects=objects, pipelines=pipelines, notes=notes)


def _object(entity: Entity, sheet: Sheet) -> FoundObject:
    rows, filled = 0, Counter[int]()
    for line in islice(sheet.rows(), LOOKED_AT):
        rows += 1
        filled.update(i for i, cell in enumerate(line.cells) if cell.strip())
    fields = [
        FoundField(
            name=name,
            is_custom=name not in entity.columns,
            fills=name if name in entity.columns else "",
            filled=filled[i] / rows if rows else None,
        )
        for i, name in enumerate(sheet.header)
        if name
    ]
    return FoundObject(name=entity.name, record=entity.record, fields=fields, count=rows if rows < LOOKED_AT else None)


def _pipelines(rows: Rows) -> list[FoundPipeline]:
    found: dict[str, list[Stage]] = {}
    for row in map(rows.read, rows.sheet.rows()):
        if isinstance(row.record, Stage):
            found.setdefault(row.record.pipeline_id, []).append(row.record)
    return [FoundPipeline(id=id_, name=id_, stages=[_stage(each) for each in _sorted(stages)]) for id_, stages in
            found.items()]  # fmt: skip


def _sorted(stages: list[Stage]) -> list[Stage]:
    return sorted(stages, key=lambda stage: stage.sort_order or 0)


def _stage(stage: Stage) -> FoundStage:
    probability = None if stage.probability is None else float(stage.probability)
    return FoundStage(
        id=stage.id,
        name=stage.name or stage.id,
        probability=probability,
        is_closed=stage.is_closed,
        is_won=stage.is_won,
    )
