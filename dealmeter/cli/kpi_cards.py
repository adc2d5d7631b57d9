"""KPIs as the catalogue describes them."""

from typing import Any

from dealmeter.cli.terminal import Terminal
from dealmeter.errors import UsageError
from dealmeter.show.table import table
from kpi.catalogue import DIMENSIONS, METRICS
from kpi.metric import Metric

POLARITY = {"up": "more is good news", "down": "less is good news", "context": "neither good nor bad by itself"}


def list_all(terminal: Terminal, language: str, category: str | None) -> None:
    """Every KPI, or those of a category."""
    categories = sorted({metric.card.category for metric in METRICS.values()})
    wanted = category.casefold() if category is not None else None
    if wanted is not None and wanted not in {name.casefold() for name in categories}:
        raise UsageError(f"there is no category {category!r}", hint=f"there are: {', '.join(categories)}")
    chosen = [metric for metric in METRICS.values() if wanted in {None, metric.card.category.casefold()}]
    rows = [(m.card.key, getattr(m.card.names, language), m.card.category, str(m.card.unit)) for m in chosen]
    terminal.show(table(("key", "name", "category", "unit"), rows), f"{len(rows)} KPIs")
    terminal.document("kpis/1", {"kpis": [document(metric) for metric in chosen]})


def explain(terminal: Terminal, metric: Metric) -> None:
    """All that the catalogue knows of a KPI."""
    card = metric.card
    names = [f"{language}: {getattr(card.names, language)}" for language in ("fa", "tr", "ru")]
    terminal.show(
        f"{card.names.en} ({card.key}, version {card.version})",
        f"  formula:     {card.formula}",
        f"  placed by:   {card.day}",
        f"  unit:        {card.unit}; {POLARITY[card.polarity]}",
        f"  category:    {card.category}",
        *(f"  edge case:   {case}" for case in card.edge_cases),
        *(f"  source:      {source}" for source in card.sources),
        *([f"  needs:       {', '.join(card.needs)}; without them it is null, not zero"] if card.needs else []),
        "  dimensions:",
        *(f"    {name:<18} {DIMENSIONS.get(name, '')}" for name in metric.dimensions),
        f"  names:       {'; '.join(names)}",
        f"values: dealmeter kpi show {card.key}",
    )
    terminal.document("kpi-card/1", document(metric))


def document(metric: Metric) -> dict[str, Any]:
    """A KPI for programs."""
    card = metric.card
    return {
        "kpi_key": card.key,
        "version": card.version,
        "kind": type(metric).__name__.lower(),
        "category": card.category,
        "unit": str(card.unit),
        "polarity": str(card.polarity),
        "names": {language: getattr(card.names, language) for language in ("en", "fa", "tr", "ru")},
        "formula": card.formula,
        "day": card.day,
        "edge_cases": list(card.edge_cases),
        "sources": list(card.sources),
        "needs": list(card.needs),
        "dimensions": list(metric.dimensions),
    }
