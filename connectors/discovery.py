"""Discovery: what an account has that we could read, and which of its own fields would fill which of ours."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from store.records import Statement

OTHER_WORDS: Mapping[str, tuple[str, ...]] = {
    "region": ("territory", "sales area", "bölge", "регион", "منطقه"),
    "competitor": ("lost to", "rival"),
    "channel": ("sales channel",),
    "lost_reason": ("loss reason", "closed lost reason", "reason lost"),
    "term_months": ("contract term", "term months", "contract months"),
    "size_band": ("company size", "size"),
    "source": ("lead source", "origin"),
    "source_category": ("source type",),
    "amount": ("betrag", "tutar", "value", "مبلغ", "сумма"),
    "close_date": ("closing date", "closed on"),
    "owner_id": ("owner", "sales rep", "salesperson"),
    "company_id": ("company", "account", "customer"),
    "stage_id": ("stage",),
    "mrr": ("monthly recurring revenue",),
    "arr": ("annual recurring revenue",),
}
"""What people call our fields, beside their names."""
NEVER_PROPOSED = frozenset({"id", "extra", "source_url", "deleted_at", "merged_into_id", "name"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundField:
    """A field of theirs. `fills` is our field that it fills now (empty: none); `filled` is the share of records that
    have a value, 0 to 1, None where that would cost too much to know."""

    name: str
    label: str = ""
    type: str = ""
    is_custom: bool = False
    fills: str = ""
    filled: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundObject:
    """A kind of record of theirs, by the name of our stream. `count` is how many there are, None where unknown."""

    name: str
    record: type[Statement]
    fields: Sequence[FoundField]
    count: int | None = None

    def proposed(self) -> dict[str, str]:
        """Fields that they have added for fields of ours that nothing fills."""
        taken = {found.fills for found in self.fields}
        own = [found for found in self.fields if found.is_custom and not found.fills]
        free = [name for name in self.record.model_fields if name not in taken | NEVER_PROPOSED]
        chosen: dict[str, str] = {}
        for ours in free:
            fitting = [f for f in own if f.name not in chosen.values() and _fits(ours, f)]
            if fitting:
                chosen[ours] = min(fitting, key=lambda f: (len(_words(f.name)), f.name)).name
        return chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundStage:
    """A step of a pipeline; `probability` is 0 to 1."""

    id: str
    name: str
    probability: float | None = None
    is_closed: bool | None = None
    is_won: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPipeline:
    """A pipeline for deals, its stages in order."""

    id: str
    name: str
    stages: Sequence[FoundStage]


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """What an account has. `notes` say what could not be looked at, and why."""

    objects: Sequence[FoundObject]
    pipelines: Sequence[FoundPipeline] = ()
    notes: Sequence[str] = field(default=())

    def fields(self) -> dict[str, dict[str, str]]:
        """The setting `fields` that we propose: for each kind of record, our field and theirs."""
        proposed = {found.name: found.proposed() for found in self.objects}
        return {name: mapped for name, mapped in proposed.items() if mapped}


@runtime_checkable
class Discoverer(Protocol):
    """A connector that can also tell what an account has."""

    def discover(self) -> Discovery:
        """Objects, fields, pipelines. May raise a ConnectorError."""
        ...


def _fits(ours: str, theirs: FoundField) -> bool:
    """Whether all words of our name, or of another name for it, are among the words of theirs."""
    wanted = [_words(ours), *(_words(other) for other in OTHER_WORDS.get(ours, ()))]
    given = [_words(theirs.name), _words(theirs.label)]
    return any(some and some <= there for some in wanted for there in given)


def _words(name: str) -> frozenset[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.removesuffix("__c"))
    return frozenset(_filled(re.split(r"[\W_]+", spaced.lower())))


def _filled(words: Iterable[str]) -> Iterable[str]:
    return (word for word in words if word and word != "hs")
