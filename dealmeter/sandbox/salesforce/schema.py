"""Which object types and fields there are, and who may see them."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from dataclasses import field as default

from dealmeter.sandbox.salesforce.field import Field
from dealmeter.sandbox.salesforce.objects import catalogue
from dealmeter.sandbox.salesforce.org import Features, Org
from dealmeter.sandbox.salesforce.sobject import SObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What somebody may not see: objects, and fields by object."""

    hidden_objects: frozenset[str] = frozenset()
    hidden_fields: Mapping[str, frozenset[str]] = default(default_factory=dict)


_EVERYTHING = Profile()


class Schema:
    """Object types, made again when the world's settings or the org's features change."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self.changed = org.world.clock.now()
        """When describe last began to tell something else."""
        self._profiles: dict[str, Profile] = {}
        self._added: dict[str, dict[str, Field]] = defaultdict(dict)
        self._removed: dict[str, set[str]] = defaultdict(set)
        self._catalogue: dict[str, SObject] = {}
        self._views: dict[tuple[str, str, float], SObject] = {}
        self._seen = -1

    def objects(self, user: str, api: float) -> list[SObject]:
        """The types that somebody sees, by name."""
        found = (self.find(name, user, api) for name in sorted(self.catalogue()))
        return [each for each in found if each is not None]

    def find(self, name: str, user: str, api: float) -> SObject | None:
        """A type by its name in any case, without what the user may not see; None when it is not there for them."""
        lower, profile = name.lower(), self._profiles.get(user, _EVERYTHING)
        if lower not in self.catalogue() or lower in {each.lower() for each in profile.hidden_objects}:
            return None
        view = self._views.get((lower, user, api))
        if view is None:
            hidden = [
                name for each in profile.hidden_fields if each.lower() == lower for name in profile.hidden_fields[each]
            ]
            view = self._views[lower, user, api] = self.catalogue()[lower].without(hidden, api)
        return view

    def catalogue(self) -> Mapping[str, SObject]:
        """Every type, by lower-case name."""
        if self._seen != self.org.world.settings or not self._catalogue:
            self._seen = self.org.world.settings
            self._catalogue = {made.name.lower(): self._customised(made) for made in catalogue(self.org)}
            self._views.clear()
        return self._catalogue

    def by_prefix(self, prefix: str) -> SObject | None:
        return next((each for each in self.catalogue().values() if each.prefix == prefix), None)

    # Administration

    def set_profile(self, user: str, profile: Profile) -> None:
        """From now on somebody may not see what the profile hides."""
        self._profiles[user] = profile
        self._reset()

    def set_features(self, features: Features) -> None:
        self.org.features = features
        self._reset()

    def define(self, sobject: str, field: Field) -> None:
        """An administrator adds a field, or changes the type of one."""
        self._added[sobject][field.name] = field
        self._removed[sobject].discard(field.name)
        self._reset()

    def remove(self, sobject: str, name: str) -> None:
        self._removed[sobject].add(name)
        self._reset()

    def _reset(self) -> None:
        self.changed = self.org.world.clock.now()
        self._catalogue = {}
        self._views.clear()

    def _customised(self, made: SObject) -> SObject:
        added, removed = self._added[made.name], self._removed[made.name]
        if not added and not removed:
            return made
        fields = {each.name: each for each in made.field_list} | added
        return replace(made, field_list=tuple(each for name, each in fields.items() if name not in removed))
