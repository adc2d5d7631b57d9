"""`dealmeter kpi`: what there is, what it is, how it is computed; and compute it again."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dealmeter.cli.errors import HANDLED, OK
from dealmeter.cli.invocation import Invocation, command, group
from dealmeter.cli.opened import configured, configured_if_there, for_reading, for_writing
from dealmeter.cli.terminal import Terminal
from dealmeter.errors import UsageError

if TYPE_CHECKING:
    from dealmeter.config import Configured
    from kpi.metric import Metric

Language = Literal["en", "fa", "tr", "ru"]
GrainName = Literal["day", "week", "month", "quarter", "year", "all"]
Against = Literal["previous", "year"]
AT = "As if this day had just ended, from the histories: 2026-03-31, or an instant, 2026-03-31T12:00:00+03:00."
CALENDAR = "Whose periods: gregorian, fiscal, jalali (or solar_hijri), or one of your own."
PERIOD = "2026-03, 2026-Q1, 2026, or a day of it: 2026-03-31. The running one unless given."
LENGTH = "The length of the period that has the day: month unless given. A name tells its own."
ALSO_CALLED = {"solar_hijri": "jalali"}
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

        kpi_cards.list_all(Terminal(invocation), language, category, configured_if_there(invocation))

    @command(commands, "explain")
    def explain(invocation: Invocation, key: Key) -> None:
        """Tell what a KPI means, and how it stands just now.

        Its formula, edge cases, sources and dimensions, and why a value is missing or partial.
        """
        from dealmeter.cli import kpi_cards

        settings = configured_if_there(invocation)
        kpi_cards.explain(Terminal(invocation), metric_of(key, settings), kpi_cards.standing(settings, key))

    @command(commands, "show")
    def show(
        invocation: Invocation,
        key: Key,
        by: Annotated[str | None, typer.Option("--by", metavar="DIMENSION", help="A line per member of it.")] = None,
        grain: Annotated[GrainName, typer.Option("--grain", help="The length of a period.")] = "month",
        periods: Annotated[int, typer.Option("--periods", min=1, max=1000, help="How many periods.")] = 12,
        calendar: Annotated[str, typer.Option("--calendar", help=CALENDAR)] = "gregorian",
        compare: Annotated[
            Against, typer.Option("--compare", help="With the period before, or the same one a year before.")
        ] = "previous",
        targets: Annotated[bool, typer.Option("--targets", help="With target, attainment and pace.")] = False,
    ) -> None:
        """Show a KPI's values over the last periods, or by a dimension."""
        from dealmeter.cli import kpi_values

        settings = configured(invocation)
        metric = metric_of(key, settings)
        dimension = _dimension(metric, by)
        with for_reading(settings) as database:
            asked = kpi_values.Asked(
                metric=metric,
                dimension=dimension,
                grain=grain,
                calendar=calendar_of(calendar, settings),
                periods=periods,
                settings=settings.config.kpis,
                now=invocation.clock.now(),
                against=compare,
                targets=targets,
            )
            kpi_values.show(Terminal(invocation), database, asked)

    @command(commands, "compute")
    def compute(
        invocation: Invocation,
        at: Annotated[str | None, typer.Option("--at", metavar="DAY", help=AT)] = None,
    ) -> int:
        """Compute every KPI again from what is stored, without asking the CRM.

        With --at what would have been found then; such values are kept apart: `dealmeter export snapshots --at`.
        """
        from dealmeter import VERSION
        from dealmeter.cli.moments import ended
        from dealmeter.show.run import computation_document, computed
        from sync.cycle import recompute

        settings = configured(invocation)
        terminal = Terminal(invocation)
        with for_writing(settings) as database:
            moment = ended(at, database, settings.config.kpis, now=invocation.clock.now()) if at is not None else None
            done = recompute(database, settings.config.kpis, version=VERSION, clock=invocation.clock, at=moment)
        for broken in done.broken:
            terminal.warn(f"the KPIs contradict each other: {broken}")
        terminal.show(computed(done))
        if moment is not None:
            terminal.show(f"rebuilt as at {moment:%Y-%m-%d %H:%M} UTC: `dealmeter export snapshots --at {at}`")
        terminal.document("kpi-compute/1", {**computation_document(done), "rebuilt_at": moment})
        return HANDLED if done.broken else OK

    @command(commands, "records")
    def records(
        invocation: Invocation,
        key: Key,
        period: Annotated[str | None, typer.Option("--period", metavar="PERIOD", help=PERIOD)] = None,
        grain: Annotated[GrainName | None, typer.Option("--grain", help=LENGTH)] = None,
        calendar: Annotated[str, typer.Option("--calendar", help=CALENDAR)] = "gregorian",
        by: Annotated[str | None, typer.Option("--by", metavar="DIMENSION", help="Only of a member of it.")] = None,
        member: Annotated[str | None, typer.Option("--member", metavar="MEMBER", help="Which; `__none__` too.")] = None,
        limit: Annotated[int, typer.Option("--limit", min=1, help="How many to show; --json has them all.")] = 50,
    ) -> None:
        """List the records behind a value.

        Each with what it adds to the numerator and to the denominator.
        """
        from dealmeter.cli import kpi_records

        settings = configured(invocation)
        metric = metric_of(key, settings)
        asked = kpi_records.Asked(
            metric=metric,
            period=period,
            grain=grain,
            calendar=calendar_of(calendar, settings),
            dimension=_dimension(metric, by),
            member=member,
            limit=limit,
        )
        with for_reading(settings) as database:
            kpi_records.show(Terminal(invocation), database, settings.config.kpis, asked, invocation.clock.now())

    @command(commands, "facts")
    def facts(invocation: Invocation) -> None:
        """List the facts that KPIs of your own may count over.

        With their columns; `kpis.custom` in the configuration is where such KPIs stand.
        """
        from dealmeter.cli import kpi_cards

        kpi_cards.facts(Terminal(invocation))

    @command(commands, "docs")
    def docs(
        invocation: Invocation,
        folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where; made where it isn't there.")],
    ) -> None:
        """Write a page of Markdown for each category of KPIs, and an index."""
        from kpi.docs import pages

        folder.mkdir(parents=True, exist_ok=True)
        for name, text in pages().items():
            (folder / name).write_text(text, "utf-8")
        Terminal(invocation).show(f"{len(pages())} pages written to {folder}")


def metric_of(key: str, settings: "Configured | None" = None) -> "Metric":
    """The KPI of a key, also of the company's own. Raises UsageError with a suggestion."""
    from difflib import get_close_matches

    from kpi.catalogue import METRICS
    from kpi.custom import custom_metrics

    known = {**METRICS, **(custom_metrics(settings.config.kpis.custom) if settings is not None else {})}
    if key in known:
        return known[key]
    close = get_close_matches(key, known, n=3, cutoff=0.7)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    raise UsageError(f"there is no KPI {key!r}", hint=f"{hint}`dealmeter kpi list` shows them all")


def calendar_of(name: str, settings: "Configured") -> str:
    """A calendar that there is. Raises UsageError with those that there are."""
    from kpi.calendars import names

    known = names(settings.config.kpis.calendars)
    name = ALSO_CALLED.get(name, name)
    if name not in known:
        listed = ", ".join(map(repr, known))
        raise UsageError(
            f"invalid value for '--calendar': {name!r} is not one of {listed}", hint="see `kpis.calendars`"
        )
    return name


def _dimension(metric: "Metric", by: str | None) -> str:
    from kpi.blueprint import dimensions_of
    from kpi.cells import mandatory_dimensions

    if by is not None and by not in (dimensions_of(metric) if by == "connection" else metric.dimensions):
        raise UsageError(
            f"{metric.card.key} has no dimension {by!r}", hint=f"it has: {', '.join(metric.dimensions) or 'none'}"
        )
    missing = [name for name in mandatory_dimensions(metric) if by not in {None, name}]
    if missing:
        raise UsageError(
            f"{metric.card.key} means something only by {', '.join(missing)}, not by {by!r} alone",
            hint=f"leave --by out; `kpis.crossed: [[{by}, {missing[0]}]]` stores both at once",
        )
    if by is None and getattr(metric, "mandatory", False):
        return metric.dimensions[0]
    return by or ""
