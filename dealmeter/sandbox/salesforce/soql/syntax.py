"""A query as a tree. `at` is where a part stands in the text, for error messages."""

from dataclasses import dataclass
from typing import NamedTuple


class Path(NamedTuple):
    """`Name`, or `Owner.Name` through a relationship."""

    names: tuple[str, ...]
    at: int

    @property
    def text(self) -> str:
        return ".".join(self.names)


class Call(NamedTuple):
    """`COUNT(Id)`; without a path it is `COUNT()`."""

    function: str
    path: Path | None
    alias: str | None
    at: int


class Literal(NamedTuple):
    """`kind` is string, number, boolean, null, date, datetime or relative; `value` the text, unescaped."""

    kind: str
    value: str
    at: int


class Compare(NamedTuple):
    path: Path
    operator: str
    literal: Literal


class Member(NamedTuple):
    """`IN` or `NOT IN` a list."""

    path: Path
    negated: bool
    literals: tuple[Literal, ...]


class Not(NamedTuple):
    part: "Condition"


class And(NamedTuple):
    parts: tuple["Condition", ...]


class Or(NamedTuple):
    parts: tuple["Condition", ...]


Condition = Compare | Member | Not | And | Or


class Order(NamedTuple):
    by: Path | Call
    descending: bool
    nulls_last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    text: str
    select: tuple[Path | Call, ...]
    sobject: Path
    where: Condition | None = None
    group: tuple[Path, ...] = ()
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0

    @property
    def aggregate(self) -> bool:
        return bool(self.group) or any(isinstance(item, Call) for item in self.select)

    @property
    def count_only(self) -> bool:
        return self.select[0:1] != () and isinstance(self.select[0], Call) and self.select[0].path is None
