"""`dealmeter export`: snapshots for spreadsheets and programs."""

import sys
from dataclasses import replace
from typing import Annotated, Literal

import typer

from dealmeter.cli.invocation import Invocation, command, group
from dealmeter.cli.kpi import GrainName, calendar_of, metric_of
from dealmeter.cli.opened import configured, for_reading
from dealmeter.cli.terminal import Terminal

FormatName = Literal["csv", "json"]
AT = "What was rebuilt for the end of this day, or an instant, by `dealmeter kpi compute --at`."
AS_OF = "What was believed then: 2026-03-31 (its end, UTC) or 2026-03-31T12:00:00+03:00."
DIMENSION = "Only this dimension; `total` for totals, `owner,stage` for a crossed one; may be given several times."


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    commands = group("Write KPI values to standard output.")
    app.add_typer(commands, name="export")

    commands.callback()(_group)

    @command(commands, "snapshots")
    def snapshots(
        invocation: Invocation,
        format_: Annotated[FormatName, typer.Option("--format", help="How it is written.")] = "csv",
        kpi: Annotated[
            list[str] | None, typer.Option("--kpi", metavar="KEY", help="Only this KPI; repeatable.")
        ] = None,
        grain: Annotated[GrainName | None, typer.Option("--grain", help="Only periods of this length.")] = None,
        calendar: Annotated[str | None, typer.Option("--calendar", help="Only this calendar.")] = None,
        dimension: Annotated[list[str] | None, typer.Option("--dimension", metavar="DIMENSION", help=DIMENSION)] = None,
        as_of: Annotated[str | None, typer.Option("--as-of", metavar="TIME", help=AS_OF)] = None,
        at: Annotated[str | None, typer.Option("--at", metavar="TIME", help=AT)] = None,
        history: Annotated[
            bool, typer.Option("--history", help="Every value ever written, not only the newest.")
        ] = False,
    ) -> None:
        """Write the newest value of each KPI, period and member.

        --as-of tells what was believed at a time, --at what the histories tell of a time, both together what they told
        of it by then.
        """
        from dealmeter.cli.exporting import Choice, dimension_of, rows
        from dealmeter.cli.moments import ended, moment
        from dealmeter.show.snapshots import COLUMNS, WITH_HISTORY, write_csv, write_json

        settings = configured(invocation)
        choice = Choice(
            kpis=tuple(metric_of(key, settings).card.key for key in kpi or ()),
            grain=grain,
            calendar=calendar_of(calendar, settings) if calendar is not None else None,
            dimensions=tuple(dimension_of(name) for name in dimension or ()),
            as_of=moment(as_of) if as_of is not None else None,
            history=history,
        )
        write = write_json if invocation.json or format_ == "json" else write_csv
        with for_reading(settings) as database:
            if at is not None:
                choice = replace(choice, at=ended(at, database, settings.config.kpis))
            with database.read() as tx:
                count = write(rows(tx, choice), sys.stdout, WITH_HISTORY if history else COLUMNS)
        if not count:
            rebuild = f"; `dealmeter kpi compute --at {at}` rebuilds that day" if at is not None else ""
            Terminal(invocation).say(f"no values are stored for this choice{rebuild}")


def _group() -> None:
    """Write KPI values to standard output."""
