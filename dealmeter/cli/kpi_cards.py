"""KPIs as the catalogue describes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dealmeter.cli.terminal import Terminal
from dealmeter.errors import UsageError
from dealmeter.show.number import reason
from dealmeter.show.table import table
from kpi.blueprint import columns
from kpi.catalogue import DIMENSIONS, METRICS
from kpi.custom import custom_metrics
from kpi.lineage import tables_of
from kpi.metric import Metric
from kpi.periods import Grain

if TYPE_CHECKING:
    from dealmeter.config import Configured
    from dealmeter.show.row import Row

FLAGGED = {
    "below_min_sample": "few rows: chance plays a large part",
    "fx_missing": "partly missing: amounts without an exchange rate are left out",
    "amount_missing": "partly missing: some deals have no amount",
    "immature": "young: part of the cohort is still undecided",
}
STANDING = (
    "grain", "period_start", "is_partial", "dimension", "member", "value", "n", "status", "status_detail", "flags",
    "coverage",
)  # fmt: skip
POLARITY = {"up": "more is good news", "down": "less is good news", "context": "neither good nor bad by itself"}


def list_all(terminal: Terminal, language: str, category: str | None, settings: "Configured | None") -> None:
    """Every KPI, or those of a category, a category at a time."""
    every = {**METRICS, **(custom_metrics(settings.config.kpis.custom) if settings is not None else {})}
    categories = list(dict.fromkeys(metric.card.category for metric in every.values()))
    wanted = category.casefold() if category is not None else None
    if wanted is not None and wanted not in {name.casefold() for name in categories}:
        raise UsageError(f"there is no category {category!r}", hint=f"there are: {', '.join(categories)}")
    found = [metric for metric in every.values() if wanted in {None, metric.card.category.casefold()}]
    chosen = sorted(found, key=lambda metric: categories.index(metric.card.category))
    rows = [(m.card.key, getattr(m.card.names, language), m.card.category, str(m.card.unit)) for m in chosen]
    terminal.show(table(("key", "name", "category", "unit"), rows), f"{len(rows)} KPIs")
    terminal.document("kpis/1", {"kpis": [document(metric) for metric in chosen]})


def facts(terminal: Terminal) -> None:
    """The facts that one may count over, with their columns; dimensions first."""
    known = {name: own for name, own in columns().items() if "day" in own}
    for name, own in sorted(known.items()):
        told = sorted(own, key=lambda column: (column not in DIMENSIONS, column))
        terminal.show(f"{name}: {', '.join(told)}")
    shown = [{"fact": name, "columns": dict(own)} for name, own in sorted(known.items())]
    terminal.document("kpi-facts/1", {"facts": shown})


@dataclass(frozen=True, slots=True)
class Standing:
    """How a KPI stands: in the newest month that is over, and in the newest period of each grain, to date."""

    just_now: dict[str, Any] | None = None
    newest: tuple[dict[str, Any], ...] = ()


def standing(settings: "Configured | None", key: str) -> Standing:
    """How a KPI stands in the database; nothing where there is nothing to ask."""
    if settings is None:
        return Standing()
    from dealmeter.cli.opened import for_reading
    from store.errors import DatabaseUnavailableError, SchemaMismatchError
    from store.snapshots import latest

    try:
        with for_reading(settings) as database, database.read() as tx:
            totals = latest(tx, kpi_key=key, dimension="")
            rows = totals or latest(tx, kpi_key=key)
    except (DatabaseUnavailableError, SchemaMismatchError):
        return Standing()
    calendar = next((row["calendar"] for row in rows), "")
    mine = [row for row in rows if row["calendar"] == calendar or row["grain"] in {"day", "week"}]
    newest = (_newest([row for row in mine if row["grain"] == grain]) for grain in Grain)
    months = [row for row in mine if row["grain"] == "month" and not row["is_partial"]]
    return Standing(just_now=_newest(months), newest=tuple(one for one in newest if one is not None))


def _newest(rows: "Sequence[Row]") -> dict[str, Any] | None:
    last = max((row["period_start"] for row in rows), default=None)
    row = next((row for row in rows if row["period_start"] == last), None)
    return None if row is None else {name: row[name] for name in STANDING}


def _told(standing: Standing) -> list[str]:
    """The newest month that is over, and the newest period of each grain; what repeats is told once."""
    found = [("just now:", standing.just_now)] if standing.just_now is not None else []
    lines: list[str] = []
    before: list[str] = []
    for title, one in (*found, *(("newest:", one) for one in standing.newest)):
        head, *why = _just_now(title, one)
        lines += [head, *(["    as above"] if why and why == before else why)]
        before = why
    return lines


def _just_now(title: str, found: dict[str, Any]) -> list[str]:
    """Why a value is null or not the whole truth, in words."""
    where = f", {found['dimension']} {found['member']}" if found["dimension"] else ""
    when = f"{found['grain']} from {found['period_start']}{', to date' if found['is_partial'] else ''}"
    lines = [f"  {title:<13}{when}{where}: {found['status']}, {found['n'] or 0:,} rows"]
    if found["status"] != "ok":
        lines.append(f"    null: {reason(found['status'], found['status_detail'])}")
    lines += [f"    {FLAGGED.get(flag, flag.replace('_', ' '))}" for flag in found["flags"] or ()]
    lines += [f"    {name} {amount}" for name, amount in (found["coverage"] or {}).items() if amount is not None]
    return lines


def explain(terminal: Terminal, metric: Metric, found: Standing) -> None:
    """All that the catalogue knows of a KPI, and how it stands."""
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
        f"  from:        {', '.join(sorted(tables_of(metric)))}",
        *_told(found),
        f"  names:       {'; '.join(names)}",
        f"values: dealmeter kpi show {card.key}",
    )
    terminal.document("kpi-card/1", {**document(metric), "just_now": found.just_now, "newest": list(found.newest)})


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
        "tables": sorted(tables_of(metric)),
    }
