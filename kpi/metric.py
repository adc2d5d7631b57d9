"""The vocabulary of metrics: one small frozen class per kind, so that a wrong metric can't be written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Unit(StrEnum):
    """What a value is measured in. Durations are in days; ratios are 0.25, not 25; means of counts are counts."""

    MONEY = "money"
    RATIO = "ratio"
    COUNT = "count"
    DURATION = "duration"


class Polarity(StrEnum):
    """Whether more is good news."""

    UP = "up"
    DOWN = "down"
    CONTEXT = "context"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The KPI's name in the languages of its readers."""

    en: str
    fa: str
    tr: str
    ru: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What people are told about a KPI.

    `needs` are store tables without which the KPI is unknown (`source_missing`), not zero. `flags_small` says that
    a value over fewer rows than `min_sample` carries the flag `below_min_sample`.
    """

    key: str
    version: str = "1.0"
    category: str
    unit: Unit
    polarity: Polarity
    names: Names
    formula: str
    day: str
    edge_cases: tuple[str, ...]
    sources: tuple[str, ...]
    needs: tuple[str, ...] = ()
    flags_small: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _OverFact:
    """A metric whose rows are a fact's. Expressions are DuckDB aggregates over the fact's columns.

    `coverage` gives further aggregates that are kept beside the value. A `mandatory` dimension has no total.
    """

    card: Card
    fact: str
    dimensions: tuple[str, ...]
    coverage: Mapping[str, str] = field(default_factory=dict)
    mandatory: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow(_OverFact):
    """A sum or count of events: `total` over `n` rows. No events: 0.

    `whole_n` are the rows behind the total, where the slices count others.
    """

    total: str
    n: str
    whole_n: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio(_OverFact):
    """`part` of `whole`, both counts of the same rows: carries the Wilson interval. No rows: null."""

    part: str
    whole: str
    cohort: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean(_OverFact):
    """`total` over `count`. No rows: null.

    `rows` are those behind the total, where they are not the ones that `count` counts.
    """

    total: str
    count: str
    rows: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentile(_OverFact):
    """The value below which the share `at` of `of` lies, interpolated. Never added up, always from rows."""

    of: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment(_OverFact):
    """A state at the end of a period's last day, now for running ones; `daily` names the columns of day totals."""

    total: str
    n: str
    daily: str
    daily_total: str
    daily_n: str
    daily_coverage: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerSpan:
    """A flow over the distinct things that were there at some time in the period (reps, open deals).

    `part` is no KPI of its own. By a dimension of `alone` each member is one thing, so it is divided by 1.
    """

    card: Card
    part: Flow
    spans: str
    entity: str
    dimensions: tuple[str, ...]
    alone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """A flow of the month against the month before; a running month against as many days of the one before."""

    card: Card
    of: Flow
    dimensions: tuple[str, ...]


OverFact = Flow | Ratio | Mean | Percentile
Metric = Flow | Ratio | Mean | Percentile | Moment | PerSpan | Growth
