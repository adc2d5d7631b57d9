"""A duration as three series: its mean, its median and its 90th percentile."""

from collections.abc import Mapping
from dataclasses import replace

from kpi.metric import Card, Mean, Metric, Names, Percentile


def spread(
    card: Card, fact: str, *, total: str, of: str, dimensions: tuple[str, ...], coverage: Mapping[str, str]
) -> tuple[Metric, ...]:
    """Three metrics over one column of a fact; `total` is its exact sum in the unit of the card, `of` one value."""
    names = card.names
    median = Names(
        en=f"{names.en}, median", fa=f"میانهٔ {names.fa}", tr=f"{names.tr}, medyan", ru=f"{names.ru}, медиана"
    )
    tail = Names(
        en=f"{names.en}, 90th percentile",
        fa=f"صدک نودم {names.fa}",
        tr=f"{names.tr}, 90. yüzdelik",
        ru=f"{names.ru}, 90-й процентиль",
    )
    formula = card.formula.removeprefix("mean ")
    return (
        Mean(
            card=card,
            fact=fact,
            total=total,
            count=f"count({of})",
            coverage={**coverage, "standard_error": f"standard_error({of})"},
            dimensions=dimensions,
        ),
        Percentile(
            card=replace(card, key=f"{card.key}_median", names=median, formula=f"median {formula}"),
            fact=fact,
            of=of,
            at=0.5,
            coverage=coverage,
            dimensions=dimensions,
        ),
        Percentile(
            card=replace(card, key=f"{card.key}_p90", names=tail, formula=f"90th percentile {formula}"),
            fact=fact,
            of=of,
            at=0.9,
            coverage=coverage,
            dimensions=dimensions,
        ),
    )
