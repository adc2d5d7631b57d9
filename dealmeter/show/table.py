"""A plain table: a heading row, no boxes, numbers to the right."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Iterable[str] = ()) -> Table:
    """Rows of texts under their headings; `right` names the columns of numbers."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for i, name in enumerate(columns):
        made.add_column(Text(name), justify="right" if name in set(right) else "left", overflow="fold", no_wrap=i == 0)
    for row in rows:
        made.add_row(*(_cell(value) for value in row))
    return made


def _cell(value: Any) -> Text:
    return value if isinstance(value, Text) else Text("" if value is None else str(value))


def without_empty(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> tuple[list[str], list[list[Any]]]:
    """The columns in which some row has something, and the rows with those only."""
    kept = [i for i in range(len(columns)) if any(row[i] for row in rows)]
    return [columns[i] for i in kept], [[row[i] for i in kept] for row in rows]


def toned(outcome: str) -> Text:
    """An outcome in its colour; the word says it too."""
    tones = {"ok": "green", "partial": "yellow", "stopped": "yellow", "failed": "red", "interrupted": "red"}
    return Text(outcome, style=tones.get(outcome, ""))
