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
    SCORE = "score"
    MINUTES = "minutes"
    MONTHS = "months"


class Polarity(StrEnum):
    """Whether more is good news."""

    UP = "up"
    DOWN = "down"
    CONTEXT = "context"


class Against(StrEnum):
    """What a growth is measured against: the period before, or the same period of the year before."""

    PERIOD = "period"
    YEAR = "year"


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

    `needs` are sources without which the KPI is unknown (`source_missing`), not zero: a store table, `table.column`
    or `table.column=value`, alternatives divided by `|`. `flags_small` says that a value over fewer rows than
    `min_sample` carries the flag `below_min_sample`.
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
    `stored` are the dimensions that are kept, where not all are; the others are for asking. `status` is an aggregate
    that says why there is no value, or null. `marks` are further flags: a boolean aggregate by the flag's name.
    """

    card: Card
    fact: str
    dimensions: tuple[str, ...]
    coverage: Mapping[str, str] = field(default_factory=dict)
    mandatory: bool = False
    stored: tuple[str, ...] | None = None
    status: str = ""
    marks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow(_OverFact):
    """A sum or count of events: `total` over `n` rows. No events: 0.

    `whole_n` are the rows behind the total, where the slices count others. By a dimension that is `overlapping` an
    event may have several members, so that the slices don't add up to the total. A ranked one carries each slice's
    `share` of the whole and its `rank` in the coverage.
    """

    total: str
    n: str
    whole_n: str | None = None
    overlapping: tuple[str, ...] = ()
    is_ranked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio(_OverFact):
    """`part` of `whole`, both counts of the same rows: carries the Wilson interval. No rows: null.

    By a dimension of `outcomes`, which tells what became of the rows, the whole is that of all its members.
    """

    part: str
    whole: str
    cohort: bool = False
    outcomes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean(_OverFact):
    """`total` over `count`. No rows: null.

    `rows` are those behind the total, where they are not the ones that `count` counts.
    """

    total: str
    count: str
    rows: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotient(_OverFact):
    """The sum `over` by the sum `under`, with `n` rows behind them. Nothing under: null.

    `rows` are those that keep a slice, where `n` may be 0.
    """

    over: str
    under: str
    n: str
    rows: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentile(_OverFact):
    """The value below which the share `at` of `of` lies, interpolated. Never added up, always from rows."""

    of: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment(_OverFact):
    """A state at the end of a period's last day, now for running ones; with a `base`, `total` over it.

    `daily` names the columns of day totals; without it there are no totals for days and weeks. By a dimension in
    `facts` another fact tells the states.
    """

    total: str
    n: str
    base: str = ""
    daily: str = ""
    daily_total: str = ""
    daily_n: str = ""
    daily_coverage: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance(_OverFact):
    """A level at the end of a period's last day, today for running ones: what dated, signed changes add up to.

    With a `base`, `total` over it; `is_share` says that both are counts and the one is a part of the other.
    """

    total: str
    n: str
    base: str = ""
    is_share: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Periodic(_OverFact):
    """A sum, or with a `base` a quotient, over a fact whose rows themselves name calendar, grain and period_start.

    `rows` are those that keep a slice, where `n` may be 0.
    """

    total: str
    n: str
    base: str = ""
    rows: str | None = None
    is_share: bool = False
    grains: tuple[str, ...] = ("day", "week", "month", "quarter", "year", "all")


OverFact = Flow | Ratio | Mean | Quotient | Percentile


@dataclass(frozen=True, slots=True, kw_only=True)
class PerSpan:
    """A flow over the distinct things that were there at some time in the period (reps, open deals).

    `part` is no KPI of its own. By a dimension of `alone` each member is one thing, so it is divided by 1. By one of
    `shared`, which only the flow has, it is divided by all things of the period: the shares add up to the total.
    `is_share` says that the part counts some of the things: it carries the Wilson interval.
    """

    card: Card
    part: Flow
    spans: str
    entity: str
    dimensions: tuple[str, ...]
    alone: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    stored: tuple[str, ...] | None = None
    is_share: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """A value against that of the period before, or of the same period a year before: the change over the base.

    A running period is compared with as many days of the base. n is the base's for flows, else the smaller one.
    One that `may_be_per_day` compares means per day, where the settings say so.
    """

    card: Card
    of: "OverFact | PerSpan | Tenure | Combined"
    dimensions: tuple[str, ...]
    against: Against = Against.PERIOD
    grains: tuple[str, ...] = ("month",)
    stored: tuple[str, ...] | None = None
    may_be_per_day: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trailing:
    """What can be added up, over the `months` calendar months that end with the period; in a running one, to date."""

    card: Card
    of: OverFact
    dimensions: tuple[str, ...]
    months: int = 12
    grains: tuple[str, ...] = ("month", "quarter", "year")
    stored: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetOf:
    """What a KPI's value should be, by whom there are targets for it."""

    of: Flow

    @property
    def card(self) -> Card:
        """The KPI's own."""
        return self.of.card

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Those of every KPI: the scope says."""
        return self.of.dimensions


@dataclass(frozen=True, slots=True, kw_only=True)
class LastYear:
    """A mean over the twelve months that end with the period (a running one: with today), from the rows themselves."""

    of: Mean

    @property
    def card(self) -> Card:
        """The mean's own."""
        return self.of.card

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The mean's own."""
        return self.of.dimensions


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenure:
    """The mean days since reps began, of those active in a period, on its last day (in a running one, today).

    Who left during the period is as old as on his last day. Reps whose beginning nobody knows are left out.
    """

    card: Card
    dimensions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Combined:
    """A value made of the values of `parts`, cell by cell.

    Expressions know each part by its name: `x` is its numerator (0 where there is none), `x_base` its denominator,
    `x_n`, `x_value` (null where there is none), `x_status` and `x_coverage`. Without a `denominator` the numerator is
    the value. By the dimensions in `shared` a part, which doesn't have them, stands in with its total. `status` says
    why there is no value, or null; `detail` what more is to say. With `slices_of` a slice is kept where that part
    has it. `rounded_up`: to a whole number.
    """

    card: Card
    parts: Mapping[str, "Part"]
    numerator: str
    n: str
    dimensions: tuple[str, ...]
    denominator: str = ""
    status: str = ""
    detail: str = ""
    slices_of: str = ""
    rounded_up: bool = False
    coverage: Mapping[str, str] = field(default_factory=dict)
    marks: Mapping[str, str] = field(default_factory=dict)
    shared: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mandatory: bool = False
    is_share: bool = False
    grains: tuple[str, ...] = ("day", "week", "month", "quarter", "year", "all")
    stored: tuple[str, ...] | None = None


Derived = Moment | Balance | Periodic | PerSpan | Growth | Trailing | Combined
Metric = OverFact | Derived
Part = Metric | TargetOf | LastYear | Tenure
"""What a blend is made of."""
