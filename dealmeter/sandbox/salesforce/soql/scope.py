"""What the names in a query mean: fields of the object type and, through relationships, of its parents."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from dealmeter.sandbox.clock import milliseconds
from dealmeter.sandbox.salesforce.field import Field, Read, field
from dealmeter.sandbox.salesforce.sobject import SObject
from dealmeter.sandbox.salesforce.soql.mistakes import no_such_column, no_such_relationship, no_such_type
from dealmeter.sandbox.salesforce.soql.syntax import Path

Find = Callable[[str], SObject | None]
_NAME_FIELDS = ("Id", "Name", "FirstName", "LastName", "Email", "Title", "Username", "IsActive")
DEEPEST = 5


@dataclass(frozen=True, slots=True)
class Column:
    """A field as seen from the row that the query is about."""

    field: Field
    read: Read


class Scope:
    """The names of one query. `find` knows the types that the user sees; `today` is a day in the user's zone."""

    def __init__(self, query: str, sobject: Path, find: Find, today: date, zone: ZoneInfo) -> None:
        self.query, self.today, self.zone = query, today, zone
        self._find = find
        found = find(sobject.text)
        if found is None:
            raise no_such_type(query, sobject.at, sobject.text)
        self.sobject = found
        self.sobject.source.refresh()

    def column(self, path: Path) -> Column:
        """RefusedError INVALID_FIELD when there is no such thing."""
        names = path.names
        if len(names) > 1 and names[0].lower() == self.sobject.name.lower():
            names = names[1:]
        if len(names) > DEEPEST + 1:
            raise no_such_relationship(self.query, path.at, names[-2])
        return self._walk((self.sobject,), names, path.at)

    def midnight(self, day: date) -> int:
        """Where a local day begins, in milliseconds."""
        return milliseconds(datetime.combine(day, time(), self.zone))

    def parent(self, of: SObject, name: str, at: int) -> tuple[Field, tuple[SObject, ...]]:
        """The reference behind a relationship's name and the types it may lead to."""
        found = of.relationships.get(name.lower())
        if found is None:
            raise no_such_relationship(self.query, at, name)
        targets = tuple(target for target in map(self._find, found.references) if target is not None)
        if not targets:
            raise no_such_relationship(self.query, at, name)
        for target in targets:
            target.source.refresh()
        return found, targets

    def _walk(self, among: tuple[SObject, ...], names: tuple[str, ...], at: int) -> Column:
        of = among[0]
        if len(names) == 1:
            return self.leaf(among, names[0], at)
        via, targets = self.parent(of, names[0], at)
        inner, read = self._walk(targets, names[1:], at), via.read

        def through(row: Any) -> Any:
            parent = leads_to(targets, read(row))
            return None if parent is None else inner.read(parent)

        return Column(inner.field, through)

    def leaf(self, among: tuple[SObject, ...], name: str, at: int) -> Column:
        if len(among) > 1:
            return self._of_any(among, name, at)
        found = among[0].fields.get(name.lower())
        if found is None:
            raise no_such_column(self.query, at, name, among[0].name)
        return Column(found, found.read)

    def _of_any(self, among: tuple[SObject, ...], name: str, at: int) -> Column:
        """A field of whatever a polymorphic reference leads to: only those that every `Name` has."""
        if name.lower() == "type":
            return Column(field("Type", "string", lambda pair: pair[0].name), lambda pair: pair[0].name)
        canonical = next((known for known in _NAME_FIELDS if known.lower() == name.lower()), None)
        if canonical is None:
            raise no_such_column(self.query, at, name, "Name")

        def read(pair: tuple[SObject, Any]) -> Any:
            found = pair[0].fields.get(canonical.lower())
            return None if found is None else found.read(pair[1])

        return Column(field(canonical, "id" if canonical == "Id" else "string", read), read)


def leads_to(targets: tuple[SObject, ...], id: str | None) -> Any:
    """The row that a reference leads to; with several possible types, a pair of the type and the row."""
    if id is None:
        return None
    for target in targets:
        row = target.row(id)
        if row is not None:
            return row if len(targets) == 1 else (target, row)
    return None
