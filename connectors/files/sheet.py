"""Sheet: one CSV file on disk, as bytes that stand still: its encoding, its separator, its header, its rows."""

import codecs
import csv
import os
from collections.abc import Collection, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, Self

from connectors.errors import ActionNeededError, TryLaterError, UnreachableError

SEPARATORS = (",", ";", "\t")
CHUNK = 1 << 20
LARGEST_CELL = 10_000_000
BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True, slots=True)
class Line:
    """A row: the line of the file in which it begins (from 1), and its cells."""

    number: int
    cells: list[str]


@dataclass
class Sheet:
    """An open file. Raises ActionNeededError for what a person has to mend, TryLaterError while it is being written.

    `digest` is that of its content; `ends_within_a_row` says that its last byte ends no line, as it is while somebody
    writes, and harmless otherwise. `header` has our names of columns, where they have one.
    """

    path: Path
    encoding: str
    columns: Collection[str]
    mapped: Mapping[str, str] = field(default_factory=dict)

    def __enter__(self) -> Self:
        try:
            self._file: BinaryIO = self.path.open("rb")
        except OSError as error:
            raise UnreachableError(
                f"{self.path} can't be read: {error.strerror}", reason="unreadable", hint="check its permissions"
            ) from None
        try:
            self._stands = self._state()
            self.digest = self._checked()
            self.ends_within_a_row = self._ends_within_a_row()
            self.insist_on_peace()
            self.separator, self.header = self._header()
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.path.name

    def insist_on_peace(self) -> None:
        """Raises TryLaterError where somebody has written to the file since we opened it."""
        if self._state() != self._stands:
            raise TryLaterError(
                f"{self.name} was written to while it was read",
                reason="file_changing",
                hint="no action needed: the next run reads it again. Write to another name, then rename",
            )

    def rows(self) -> Iterator[Line]:
        """The rows below the header; empty lines are passed over."""
        line, seen_header = 0, False
        try:
            for line, cells in self._lines():
                if seen_header:
                    yield Line(line, cells)
                seen_header = True
        except csv.Error as error:
            raise ActionNeededError(
                f"{self.name}, below line {line}: {error}; the rows from there on can't be told apart",
                hint='look for a quote that is not closed; a quote within a cell is written twice: "5"" pipe"',
            ) from None

    # --------------------------------------------------------------------------------------------------- inside

    def _state(self) -> tuple[int, int]:
        state = os.fstat(self._file.fileno())
        return state.st_size, state.st_mtime_ns

    def _checked(self) -> str:
        """The digest of the content, all of which is text in our encoding."""
        digest, decoder, lines = blake2b(digest_size=16), codecs.getincrementaldecoder(self.encoding)(), 1
        self._file.seek(0)
        while True:
            chunk = self._file.read(CHUNK)
            digest.update(chunk)
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeError as error:
                start = error.start if isinstance(error, UnicodeDecodeError) else 0
                raise self._wrong_encoding(lines + chunk.count(b"\n", 0, start)) from None
            if not chunk:
                break
            lines += chunk.count(b"\n")
        return digest.hexdigest()

    def _wrong_encoding(self, line: int) -> ActionNeededError:
        self._file.seek(0)
        likely = BOMS.get(self._file.read(2), "windows-1256")
        return ActionNeededError(
            f"{self.name}, line {line}: this is not text in {self.encoding}",
            hint="save it as `CSV UTF-8` in the spreadsheet, or name the encoding in the connection's settings, "
            f"such as `encoding: {likely}`",
        )

    def _lines(self) -> Generator[tuple[int, list[str]], None, None]:
        """The lines that say something, each with its number: the one in which it begins."""
        csv.field_size_limit(LARGEST_CELL)
        encoding = "utf-8-sig" if self.encoding == "utf-8" else self.encoding
        self._file.seek(0)
        with open(os.dup(self._file.fileno()), encoding=encoding, newline="") as text:
            reader, before = csv.reader(text, delimiter=self.separator, strict=True, skipinitialspace=True), 0
            for cells in reader:
                number, before = before + 1, reader.line_num
                if cells and not (number == 1 and _is_hint(cells)):
                    yield number, cells

    def _ends_within_a_row(self) -> bool:
        self._file.seek(0, os.SEEK_END)
        if self._file.tell() == 0:
            return False
        self._file.seek(-1, os.SEEK_END)
        return self._file.read(1) not in b"\r\n"

    def _header(self) -> tuple[str, list[str]]:
        """The separator under which most columns are known, and the columns by our names (empty: nameless)."""
        best: tuple[int, str, list[str]] = (0, SEPARATORS[0], [])
        for separator in SEPARATORS:
            self.separator = separator
            header = [self._named(cell) for cell in self._first()]
            known = sum(name in self.columns for name in header)
            if known > best[0]:
                best = (known, separator, header)
        if not best[0]:
            raise ActionNeededError(
                f"{self.name}: its first line names none of the columns of {self.path.stem}",
                hint=f"the first line holds the names of columns: {', '.join(self.columns)}",
            )
        doubles = sorted({name for name in best[2] if name and best[2].count(name) > 1})
        if doubles:
            raise ActionNeededError(
                f"{self.name}: the column {', '.join(doubles)} stands twice", hint="keep one of them, rename the other"
            )
        return best[1], best[2]

    def _first(self) -> list[str]:
        lines = self._lines()
        try:
            return next(lines, (0, []))[1]
        except csv.Error:
            return []
        finally:
            lines.close()

    def _named(self, cell: str) -> str:
        written = cell.strip()
        lower = written.lower()
        return self.mapped.get(written) or self.mapped.get(lower) or (lower if lower in self.columns else written)


def _is_hint(cells: list[str]) -> bool:
    """Excel's line `sep=;` in front of the header."""
    return cells[0].lower().startswith("sep=") and not any(cells[1:])
