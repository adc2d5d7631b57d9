"""Validated records out of values; a field that can't be used is rejected by itself and left empty."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from store.page import Rejection
from store.records import Record


def validated(
    record: type[Record], name: str, values: Mapping[str, Any], sources: Mapping[str, str], raw: Mapping[str, Any]
) -> tuple[Record | None, list[Rejection]]:
    """The record of `values`, and what of them couldn't be used.

    `name` is the stream, `sources` are the CRM's names of our fields, `raw` is what came: for people.
    """
    try:
        return record.of(values), []
    except ValidationError as error:
        problems = error.errors()
    id_, bad = str(values.get("id")), {str(problem["loc"][0]) for problem in problems if problem["loc"]}
    rejected = [
        Rejection(
            entity=record,
            record_id=id_,
            field=(field := str(problem["loc"][0]) if problem["loc"] else ""),
            reason=f"{name} {id_}: {sources.get(field, field)} is {values.get(field)!r}: {problem['msg']}",
            payload=raw,
        )
        for problem in problems
    ]
    try:
        return record.of({field: None if field in bad else value for field, value in values.items()}), rejected
    except ValidationError:
        return None, rejected
