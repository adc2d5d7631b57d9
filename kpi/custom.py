"""A company's own KPIs, as its configuration writes them: an aggregate over a fact."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from kpi.metric import Card, Flow, Mean, Metric, Moment, Names, Percentile, Polarity, Quotient, Ratio, Unit

EXPRESSIONS: Mapping[str, tuple[str, ...]] = {
    "flow": ("total",),
    "ratio": ("part", "whole"),
    "mean": ("total", "count"),
    "quotient": ("over", "under"),
    "percentile": ("of", "at"),
    "moment": ("total",),
}
"""What each kind must be given. `n`, the rows behind a value, may be; count(*) unless it is."""
WITH_N = frozenset({"flow", "quotient", "moment"})


class CustomKpi(BaseModel):
    """One KPI: its kind, the fact that it counts over, and DuckDB aggregates over that fact's columns."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["flow", "ratio", "mean", "quotient", "percentile", "moment"]
    fact: str = Field(description="`dealmeter kpi facts` shows them with their columns")
    name: str
    names: Mapping[Literal["en", "fa", "tr", "ru"], str] = Field(default={}, description="in further languages")
    unit: Unit
    polarity: Polarity = Polarity.CONTEXT
    formula: str = Field(default="", description="in words; the expressions unless given")
    version: Annotated[str, Field(pattern=r"^\d+\.\d+$", description="raise it when the meaning changes")] = "1.0"
    dimensions: tuple[str, ...] = ()
    total: str | None = None
    count: str | None = None
    part: str | None = None
    whole: str | None = None
    over: str | None = None
    under: str | None = None
    of: str | None = None
    at: Annotated[float, Field(gt=0, lt=1)] | None = None
    n: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed, every = EXPRESSIONS[self.kind], {name for names in EXPRESSIONS.values() for name in names} | {"n"}
        if missing := [name for name in needed if getattr(self, name) is None]:
            raise ValueError(f"a {self.kind} needs {' and '.join(missing)}")
        allowed = {*needed, *(("n",) if self.kind in WITH_N else ())}
        if odd := sorted(name for name in every - allowed if getattr(self, name) is not None):
            raise ValueError(f"a {self.kind} has no {' and no '.join(odd)}; it has {', '.join(sorted(allowed))}")
        return self

    @property
    def expressions(self) -> dict[str, str]:
        """By name, the SQL that it was given."""
        names = [*(name for name in EXPRESSIONS[self.kind] if name != "at"), *(("n",) if self.n else ())]
        return {name: str(getattr(self, name)) for name in names}


def custom_metrics(custom: Mapping[str, CustomKpi]) -> Mapping[str, Metric]:
    """The company's own KPIs by key."""
    return {key: _metric(key, one) for key, one in custom.items()}


def _metric(key: str, one: CustomKpi) -> Metric:
    names = {language: one.names.get(language, one.name) for language in ("en", "fa", "tr", "ru")}
    card = Card(
        key=key,
        version=one.version,
        category="custom",
        unit=one.unit,
        polarity=one.polarity,
        names=Names(**names),
        formula=one.formula or " / ".join(one.expressions.values()),
        day=f"day of {one.fact}",
        edge_cases=(),
        sources=("the configuration: kpis.custom",),
        flags_small=one.kind in {"ratio", "mean", "percentile"},
    )
    common: dict[str, Any] = {"card": card, "fact": one.fact, "dimensions": one.dimensions}
    given, n = one.expressions, one.n or "count(*)"
    match one.kind:
        case "flow":
            return Flow(**common, total=given["total"], n=n)
        case "ratio":
            return Ratio(**common, part=given["part"], whole=given["whole"])
        case "mean":
            return Mean(**common, total=given["total"], count=given["count"])
        case "quotient":
            return Quotient(**common, over=given["over"], under=given["under"], n=n)
        case "percentile":
            return Percentile(**common, of=given["of"], at=one.at or 0.5)
        case "moment":
            return Moment(**common, total=given["total"], n=n)
