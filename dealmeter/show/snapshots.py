"""Snapshot values as CSV or JSON, written row by row."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TextIO

import orjson

from dealmeter.show.number import plain
from dealmeter.show.row import Row

COLUMNS = (
    "kpi_key", "definition_version", "calendar", "grain", "period_start", "period_end", "dimension", "member",
    "member_label", "numerator", "denominator", "value", "unit", "currency", "n", "ci_low", "ci_high", "status",
    "status_detail", "flags", "coverage", "is_partial", "is_final", "as_of", "computed_at",
)  # fmt: skip
WITH_HISTORY = (*COLUMNS, "change_reason", "run_id")
"""Where every value ever written is told, also why it was, and by which computation."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula at the beginning of a text."""


def write_csv(rows: Iterable[Row], out: TextIO, columns: Sequence[str] = COLUMNS) -> int:
    """CSV with a heading: ISO dates, plain decimals, and no text that a spreadsheet would execute. Answers how many."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    count = 0
    for row in rows:
        writer.writerow([_cell(row[name]) for name in columns])
        count += 1
    return count


def write_json(rows: Iterable[Row], out: TextIO, columns: Sequence[str] = COLUMNS) -> int:
    """One JSON document. Answers how many values it has."""
    count = 0
    out.write('{"schema": "dealmeter.snapshots/1", "values": [')
    for count, row in enumerate(rows, 1):
        out.write(",\n" if count > 1 else "\n")
        out.write(orjson.dumps({name: row[name] for name in columns}, default=_fragment).decode())
    out.write("\n]}\n")
    return count


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Decimal():
            return plain(value)
        case datetime() | date():
            return value.isoformat()
        case list() | tuple():
            return _safe(" ".join(str(item) for item in value))
        case Mapping():
            return orjson.dumps(value, default=_fragment).decode()
        case str():
            return _safe(value)
    return str(value)


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text


def _fragment(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(plain(value))
    return str(value)
