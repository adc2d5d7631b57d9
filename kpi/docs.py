"""The catalogue as pages of Markdown, one for each category, and an index: `dealmeter kpi docs docs/kpis`."""

from collections.abc import Mapping, Sequence

from kpi.catalogue import DIMENSIONS, METRICS
from kpi.explain import POLARITIES, UNITS, slices_of, totals_of
from kpi.lineage import tables_of
from kpi.metric import Metric

LANGUAGES = {"fa": "Persian", "tr": "Turkish", "ru": "Russian"}
HEAD = "Made by `dealmeter kpi docs docs/kpis` from the catalogue; a test keeps it true."


def pages() -> Mapping[str, str]:
    """Each page's text by its file name."""
    found = {_file(category): _page(category, some) for category, some in by_category().items()}
    return {"README.md": _index(), **found}


def by_category() -> dict[str, list[Metric]]:
    """The metrics of each category, in the order of the catalogue."""
    found: dict[str, list[Metric]] = {}
    for metric in METRICS.values():
        found.setdefault(metric.card.category, []).append(metric)
    return found


def _index() -> str:
    lines = ["# KPIs", "", HEAD, ""]
    for category, some in by_category().items():
        file = _file(category)
        lines += [f"## [{category.capitalize()}]({file})", "", "| KPI | Name | What it is |", "|---|---|---|"]
        for card in (one.card for one in some):
            lines.append(f"| [`{card.key}`]({file}#{card.key}) | {card.names.en} | {_cell(card.formula)} |")
        lines.append("")
    return "\n".join(lines)


def _page(category: str, some: Sequence[Metric]) -> str:
    lines = [f"# {category.capitalize()}", "", HEAD, ""]
    for metric in some:
        lines += _section(metric)
    return "\n".join(lines)


def _section(metric: Metric) -> list[str]:
    card = metric.card
    names = "; ".join(f"{language}: {getattr(card.names, code)}" for code, language in LANGUAGES.items())
    dimensions = ", ".join(f"`{name}`" for name in metric.dimensions if name in DIMENSIONS) or "none"
    return [
        f"## `{card.key}`",
        "",
        f"**{card.names.en}** (version {card.version}). {names}.",
        "",
        "| | |",
        "|---|---|",
        f"| Formula | {_cell(card.formula)} |",
        f"| Unit | {UNITS[card.unit]}; {POLARITIES[card.polarity]} |",
        f"| Placed by | {_cell(card.day)} |",
        f"| Totals | {totals_of(metric)} |",
        f"| Slices | {slices_of(metric)} |",
        f"| Dimensions | {dimensions} |",
        f"| Computed from | {', '.join(f'`{table}`' for table in sorted(tables_of(metric)))} |",
        *([f"| Null without | {', '.join(f'`{need}`' for need in card.needs)} |"] if card.needs else []),
        f"| Sources | {_cell('; '.join(card.sources))} |",
        "",
        *(f"- {case}" for case in card.edge_cases),
        *(["- Few rows: flagged `below_min_sample`."] if card.flags_small else []),
        "",
    ]


def _file(category: str) -> str:
    return f"{category.replace(' ', '-')}.md"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
