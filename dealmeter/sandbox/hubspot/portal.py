"""A world as one HubSpot account shows it: properties, rendered records and the search index."""

from collections.abc import Iterable
from datetime import timedelta

from dealmeter.sandbox.hubspot.index import SearchIndex
from dealmeter.sandbox.hubspot.kinds import BY_KIND
from dealmeter.sandbox.hubspot.properties import catalogue
from dealmeter.sandbox.hubspot.properties.activities import DISPOSITIONS
from dealmeter.sandbox.hubspot.property import Property, stored
from dealmeter.sandbox.hubspot.render import Renderer
from dealmeter.sandbox.record import Kind, Value
from dealmeter.sandbox.world import World


class Portal:
    """What is made from the world is made again when owners, pipelines or properties change.

    `without` names the object types, and `campaigns`, that the account's subscription lacks.
    """

    def __init__(
        self,
        world: World,
        *,
        search_lag: timedelta = timedelta(0),
        association_page: int = 500,
        without: Iterable[str] = (),
    ) -> None:
        self.world = world
        self.without = set(without)
        self.dispositions = dict(DISPOSITIONS.values())
        """Call outcomes by their ids: an account may add its own."""
        self.association_page = association_page
        self.indexes = {kind: SearchIndex(world, kind, search_lag) for kind in BY_KIND}
        self._seen = -1
        self._catalogues: dict[Kind, dict[str, Property]] = {}
        self._renderers: dict[Kind, Renderer] = {}
        self._added: dict[Kind, dict[str, Property]] = {kind: {} for kind in BY_KIND}
        self._removed: dict[Kind, set[str]] = {kind: set() for kind in BY_KIND}

    def close(self) -> None:
        for index in self.indexes.values():
            index.close()

    def set_search_lag(self, lag: timedelta) -> None:
        for index in self.indexes.values():
            index.lag = lag

    def properties(self, kind: Kind) -> dict[str, Property]:
        self._refresh()
        found = self._catalogues.get(kind)
        if found is None:
            known = {**catalogue(self.world, kind), **self._custom(kind), **self._added[kind]}
            found = {name: prop for name, prop in known.items() if name not in self._removed[kind]}
            self._catalogues[kind] = found
        return found

    def renderer(self, kind: Kind) -> Renderer:
        self._refresh()
        found = self._renderers.get(kind)
        if found is None:
            found = Renderer(BY_KIND[kind], self.properties(kind), self.world.account.id)
            self._renderers[kind] = found
        return found

    def define(self, kind: Kind, name: str, *, type: str = "string", label: str = "") -> None:
        """An administrator adds a property, or changes the type of one."""
        known = self.properties(kind).get(name)
        self._added[kind][name] = known.of_type(type) if known else stored(name, name, type, label=label, custom=True)
        self._removed[kind].discard(name)
        self._reset()

    def remove(self, kind: Kind, name: str) -> None:
        """An administrator deletes a property: its values are no longer shown anywhere."""
        self._removed[kind].add(name)
        self._reset()

    def fields(self, kind: Kind, values: dict[str, str | None]) -> dict[str, Value]:
        """Values under HubSpot's names as the world's fields; unknown names become fields of their own."""
        properties, found = self.properties(kind), {}
        for name, text in values.items():
            prop = properties.get(name)
            found[prop.field or name if prop else name] = prop.to_value(text) if prop else text
        return found

    def _custom(self, kind: Kind) -> dict[str, Property]:
        """Fields of the world that no HubSpot property covers, declared by whoever built the world."""
        names = self.world.custom_fields.get(kind, {})
        return {name: stored(name, name, label=label, custom=True) for name, label in names.items()}

    def _refresh(self) -> None:
        if self._seen != self.world.settings:
            self._seen = self.world.settings
            self._reset()

    def _reset(self) -> None:
        self._catalogues.clear()
        self._renderers.clear()
        for index in self.indexes.values():
            index.touch()
