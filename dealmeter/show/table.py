"""A plain table: a heading row, no boxes, numbers to the right."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.table import Table
from rich.text import Text

from dealmeter.show.harmless import harmless

GAP = 2
LEGIBLE = 24
"""How much of a text that is cut short should be left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """A table that gives up its `spare` columns, the first of them first, before anything in it wraps.

    Only the last column may wrap, between words; with `cut` it is cut short instead.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    right: frozenset[str]
    spare: Sequence[str]
    cut: bool

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table]:
        kept = list(range(len(self.columns)))
        for name in self.spare:
            if self._whole(kept) > options.max_width:
                kept = [i for i in kept if self.columns[i] != name]
        yield self._table(kept, max(options.max_width, self._needed(kept)))  # a terminal breaks long lines, not we

    def _texts(self, i: int) -> Iterator[str]:
        yield from (self.columns[i], *(_cell(row[i]).plain for row in self.rows))

    def _is_soft(self, i: int) -> bool:
        return i == len(self.columns) - 1

    def _whole(self, kept: Sequence[int]) -> int:
        """The width in which nothing wraps, and of what is cut short enough is left."""
        needed, last = self._needed(kept), kept[-1]
        if not self._is_soft(last):
            return needed
        longest = max(cell_len(text) for text in self._texts(last))
        return needed - self._least(last) + (min(longest, LEGIBLE) if self.cut else longest)

    def _needed(self, kept: Sequence[int]) -> int:
        """The least width in which nothing breaks that must not."""
        return sum(self._least(i) for i in kept) + GAP * (len(kept) - 1)

    def _least(self, i: int) -> int:
        if self._is_soft(i) and self.cut:
            return cell_len(self.columns[i])
        texts = self._texts(i) if not self._is_soft(i) else (word for text in self._texts(i) for word in text.split())
        return max(map(cell_len, texts))

    def _table(self, kept: Sequence[int], width: int) -> Table:
        made = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
        room = width - self._needed(kept)
        for i in kept:
            soft = self._is_soft(i)
            made.add_column(
                Text(self.columns[i]),
                justify="right" if self.columns[i] in self.right else "left",
                overflow="ellipsis" if soft and self.cut else "fold",
                no_wrap=not soft or self.cut,
                min_width=self._least(i),
                max_width=self._least(i) + room if soft else None,
            )
        for row in self.rows:
            made.add_row(*(_cell(row[i]) for i in kept))
        if room == 0:
            made.width = width
        return made


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    right: Iterable[str] = (),
    spare: Sequence[str] = (),
    cut: bool = False,
) -> Fitting:
    """Rows of texts under their headings; `right` names the columns of numbers."""
    return Fitting(columns=columns, rows=list(rows), right=frozenset(right), spare=spare, cut=cut)


def _cell(value: Any) -> Text:
    return value if isinstance(value, Text) else Text("" if value is None else harmless(str(value)))


def without_empty(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> tuple[list[str], list[list[Any]]]:
    """The columns in which some row has something, and the rows with those only."""
    kept = [i for i in range(len(columns)) if any(row[i] for row in rows)]
    return [columns[i] for i in kept], [[row[i] for i in kept] for row in rows]


def toned(outcome: str) -> Text:
    """An outcome in its colour; the word says it too."""
    tones = {"ok": "green", "partial": "yellow", "stopped": "yellow", "failed": "red", "interrupted": "red"}
    return Text(outcome, style=tones.get(outcome, ""))
