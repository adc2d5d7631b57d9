"""`dealmeter kpi`: what there is, what it is, how it is computed; and compute it again."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dealmeter.cli.invocation import Invocation, command, group
from dealmeter.cli.opened import configured, for_reading, for_writing
from dealmeter.cli.terminal import Terminal
from dealmeter.errors import UsageError

if TYPE_CHECKING:
    from kpi.metric import Metric

Language = Literal["en", "fa", "tr", "ru"]
GrainName = Literal["day", "week", "month", "quarter", "year", "all"]
CalendarName = Literal["gregorian", "fiscal"]
Key = Annotated[str, typer.Argument(metavar="KEY", help="The KPI; `dealmeter kpi list` shows them all.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    commands = group("List KPIs, show their values, explain or compute them.")
    app.add_typer(commands, name="kpi")

    @command(commands, "list")
    def list_(
        invocation: Invocation,
        language: Annotated[Language, typer.Option("--language", help="The language of the names.")] = "en",
        category: Annotated[str | None, typer.Option("--category", help="Only this category.")] = None,
    ) -> None:
        """List every KPI with its name, category and unit."""
        from dealmeter.cli import kpi_cards

        kpi_cards.list_all(Terminal(invocation), language, category)

    @command(commands, "explain")
    def explain(invocation: Invocation, key: Key) -> None:
        """Tell what a KPI means: formula, edge cases, sources, dimensions."""
        from dealmeter.cli import kpi_cards

        kpi_cards.explain(Terminal(invocation), metric_of(key))

    @command(commands, "show")
    def show(
        invocation: Invocation,
        key: Key,
        by: Annotated[str | None, typer.Option("--by", metavar="DIMENSION", help="A line per member of it.")] = None,
        grain: Annotated[GrainName, typer.Option("--grain", help="The length of a period.")] = "month",
        periods: Annotated[int, typer.Option("--periods", min=1, max=1000, help="How many periods.")] = 12,
        calendar: Annotated[CalendarName, typer.Option("--calendar", help="Whose periods.")] = "gregorian",
    ) -> None:
        """Show a KPI's values over the last periods, or by a dimension."""
        from dealmeter.cli import kpi_values

        metric = metric_of(key)
        dimension = _dimension(metric, by)
        settings = configured(invocation)
        with for_reading(settings) as database:
            asked = kpi_values.Asked(
                metric=metric,
                dimension=dimension,
                grain=grain,
                calendar=calendar,
                periods=periods,
                settings=settings.config.kpis,
                now=invocation.clock.now(),
            )
            kpi_values.show(Terminal(invocation), database, asked)

    @command(commands, "compute")
    def compute(invocation: Invocation) -> None:
        """Compute every KPI again from what is stored, without asking the CRM."""
        from dealmeter import VERSION
        from dealmeter.show.run import computation_document, computed
        from sync.cycle import recompute

        settings = configured(invocation)
        terminal = Terminal(invocation)
        with for_writing(settings) as database:
            done = recompute(database, settings.config.kpis, version=VERSION, clock=invocation.clock)
        for broken in done.broken:
            terminal.warn(f"the KPIs contradict each other: {broken}")
        terminal.show(computed(done))
        terminal.document("kpi-compute/1", computation_document(done))


def metric_of(key: str) -> "Metric":
    """The KPI of a key. Raises UsageError with a suggestion."""
    from difflib import get_close_matches

    from kpi.catalogue import METRICS

    if key in METRICS:
        return METRICS[key]
    close = get_close_matches(key, METRICS, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    raise UsageError(f"there is no KPI {key!r}", hint=f"{hint}`dealmeter kpi list` shows them all")


def _dimension(metric: "Metric", by: str | None) -> str:
    if by is not None and by not in metric.dimensions:
        raise UsageError(
            f"{metric.card.key} has no dimension {by!r}", hint=f"it has: {', '.join(metric.dimensions) or 'none'}"
        )
    if by is None and getattr(metric, "mandatory", False):
        return metric.dimensions[0]
    return by or ""
