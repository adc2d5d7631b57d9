"""What the rows of an answer show, as JSON records and as flat values."""

from collections.abc import Iterable
from typing import Any

import orjson

from dealmeter.sandbox.salesforce.errors import malformed_query
from dealmeter.sandbox.salesforce.field import Field, Read
from dealmeter.sandbox.salesforce.sobject import SObject
from dealmeter.sandbox.salesforce.soql.scope import Scope, leads_to
from dealmeter.sandbox.salesforce.soql.syntax import Call, Path, Query


class Shape:
    """The selected columns of a query, with canonical names; parents become nested objects."""

    def __init__(self, query: Query, scope: Scope, base: str) -> None:
        paths = [item for item in query.select if not isinstance(item, Call)]
        lower = [path.text.lower() for path in paths]
        for place, name in enumerate(lower):
            if name in lower[:place]:
                raise malformed_query(f"duplicate field selected: {paths[place].text}")
        self.sobject = scope.sobject
        self.columns = [(path.text, scope.column(path)) for path in paths]
        self._top = _Node(
            scope, (scope.sobject,), base, [(path.names, path.at) for path in map(_stripped(scope), paths)]
        )

    def record(self, row: Any) -> bytes:
        return orjson.dumps(self._top.shown(row))

    def records(self, rows: Iterable[Any]) -> bytes:
        shown = self._top.shown
        return orjson.dumps([shown(row) for row in rows if row is not None])

    @property
    def header(self) -> list[str]:
        """Names of the columns of a flat table, in the order of the query."""
        return [name for name, _column in self.columns]

    @property
    def fields(self) -> list[Field]:
        return [column.field for _name, column in self.columns]

    @property
    def reads(self) -> list[Read]:
        return [column.read for _name, column in self.columns]


def _stripped(scope: Scope) -> Any:
    """`Opportunity.Name` in a query about opportunities is `Name`."""

    def strip(path: Path) -> Path:
        own = len(path.names) > 1 and path.names[0].lower() == scope.sobject.name.lower()
        return Path(path.names[1:], path.at) if own else path

    return strip


class _Node:
    """One level of nesting."""

    def __init__(
        self, scope: Scope, among: tuple[SObject, ...], base: str, paths: list[tuple[tuple[str, ...], int]]
    ) -> None:
        self._among, self._base = among, base
        self._reads: list[tuple[str, Read | None]] = []
        """None stands for the id, which is known already."""
        parents: dict[str, list[tuple[tuple[str, ...], int]]] = {}
        for names, at in paths:
            if len(names) == 1:
                column = scope.leaf(among, names[0], at)
                own_id = len(among) == 1 and column.field.name == "Id"
                self._reads.append((column.field.name, None if own_id else column.read))
            else:
                parents.setdefault(names[0].lower(), []).append((names[1:], at))
        self._parents: list[tuple[str, Read, tuple[SObject, ...], _Node]] = []
        for inner in parents.values():
            name = next(names[0] for names, at in paths if len(names) > 1 and (names[1:], at) == inner[0])
            via, targets = scope.parent(among[0], name, inner[0][1])
            self._parents.append((via.relationship or name, via.read, targets, _Node(scope, targets, base, inner)))
        self._id = None if len(among) > 1 else among[0].fields.get("id")

    def shown(self, row: Any) -> dict[str, Any]:
        of, bare = (row[0], row[1]) if len(self._among) > 1 else (self._among[0], row)
        id = (self._id or of.fields["id"]).read(bare)
        attributes = {"type": of.name, "url": f"{self._base}/sobjects/{of.name}/{id}"}
        found: dict[str, Any] = {"attributes": attributes}
        for name, read in self._reads:
            found[name] = id if read is None else read(row)
        for name, via, targets, node in self._parents:
            parent = leads_to(targets, via(bare))
            found[name] = None if parent is None else node.shown(parent)
        return found
