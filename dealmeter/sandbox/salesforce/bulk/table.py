"""Rows as CSV, piece by piece."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from dealmeter.sandbox.salesforce.field import Field, Read
from dealmeter.sandbox.salesforce.soql.shape import Shape

DELIMITERS = {"COMMA": ",", "TAB": "\t", "PIPE": "|", "SEMICOLON": ";", "CARET": "^", "BACKQUOTE": "`"}
ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
SORTED_BELOW = 50.0
"""Older versions sort the columns by name."""
_PIECE = 500
Cell = Callable[[Any], str]


def csv(shape: Shape, rows: Iterable[Any], *, delimiter: str, ending: str, version: float) -> Iterator[bytes]:
    """A header and the rows; every value in quotes, null as nothing between them."""
    columns = list(zip(shape.header, shape.fields, shape.reads, strict=True))
    if version < SORTED_BELOW:
        columns.sort(key=lambda column: column[0].casefold())
    between, end = f'"{DELIMITERS[delimiter]}"', f'"{ENDINGS[ending]}'
    yield f'"{between.join(name for name, _field, _read in columns)}{end}'.encode()
    cells = [_cell(field, read) for _name, field, read in columns]
    piece: list[str] = []
    for row in rows:
        piece.append(f'"{between.join([cell(row) for cell in cells])}{end}')
        if len(piece) == _PIECE:
            yield "".join(piece).encode()
            piece = []
    if piece:
        yield "".join(piece).encode()


def _cell(field: Field, read: Read) -> Cell:
    show = _SHOWN.get(field.type, _text)
    return lambda row: show(read(row))


def _text(value: Any) -> str:
    text = "" if value is None else str(value)
    return text.replace('"', '""') if '"' in text else text


def _plain(value: Any) -> str:
    return "" if value is None else str(value)


def _flag(value: Any) -> str:
    return "true" if value else "false"


def _instant(value: Any) -> str:
    return "" if value is None else f"{value[:-5]}Z"


def _number(value: Any) -> str:
    """Large and small numbers come in full, too."""
    if value is None:
        return ""
    text = repr(value)
    return f"{value:.1f}" if "e" in text else text


_SHOWN: dict[str, Cell] = {
    "boolean": _flag,
    "datetime": _instant,
    "id": _plain,
    "reference": _plain,
    "date": _plain,
    "int": _plain,
    "double": _number,
    "currency": _number,
    "percent": _number,
}
