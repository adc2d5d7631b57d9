"""Explain a KPI to people: what it is, how it is computed, what happens at the edges, where it comes from."""

from kpi.catalogue import DIMENSIONS
from kpi.catalogue.dimensions import ON_DEMAND
from kpi.cells import grains_of, is_mandatory
from kpi.metric import Metric, Polarity, Unit
from kpi.periods import SLICED

UNITS = {
    Unit.MONEY: "money, in the reporting currency",
    Unit.RATIO: "ratio (0.25 is 25 %)",
    Unit.COUNT: "count",
    Unit.DURATION: "days",
    Unit.SCORE: "score",
    Unit.MINUTES: "minutes",
    Unit.MONTHS: "months",
}
POLARITIES = {
    Polarity.UP: "higher is better",
    Polarity.DOWN: "lower is better",
    Polarity.CONTEXT: "depends on the context",
}


def explain(metric: Metric, language: str = "en") -> str:
    """A text of a few lines. `language` is that of the name: en, fa, tr or ru."""
    card = metric.card
    lines = [
        f"{getattr(card.names, language)} ({card.key}, version {card.version})",
        "",
        f"Formula     {card.formula}",
        f"Unit        {UNITS[card.unit]}",
        f"Polarity    {POLARITIES[card.polarity]}",
        f"Placed by   {card.day}",
        f"Totals      {totals_of(metric)}",
        f"Slices      {slices_of(metric)}",
        "",
        "Dimensions",
        *(f"  {name:<20}{DIMENSIONS[name]}" for name in metric.dimensions if name not in ON_DEMAND),
        "",
        "Edge cases",
        *(f"  - {case}" for case in card.edge_cases),
        *(f"  - Unknown (source_missing) while there are no {table.replace('_', ' ')}." for table in card.needs),
        *(["  - Flagged below_min_sample over few rows."] if card.flags_small else []),
        "",
        "Sources",
        *(f"  - {source}" for source in card.sources),
    ]
    return "\n".join(lines)


def totals_of(metric: Metric) -> str:
    """The grains that it has totals for."""
    if is_mandatory(metric):
        return f"none, only by {metric.dimensions[0]}"
    return ", ".join(grains_of(metric))


def slices_of(metric: Metric) -> str:
    """The grains that it has slices for."""
    return ", ".join(grain for grain in grains_of(metric) if grain in SLICED)
