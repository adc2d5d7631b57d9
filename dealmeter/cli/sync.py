"""`dealmeter sync`: one run now, then the KPIs."""

from datetime import timedelta
from typing import Annotated

import typer

from dealmeter.cli.invocation import Invocation, command
from dealmeter.cli.opened import Connections
from dealmeter.errors import UsageError

STREAM = "Only this stream and the passes that complete it; may be given several times."
DEEP = "Read every stream now, whatever its cadence: links, calculated fields, reconciliation."
WAIT = "Where another run holds a connection, wait so long for its end (such as 10m) before giving up with exit code 6."


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @command(app, "sync")
    def sync(
        invocation: Invocation,
        connections: Connections = None,
        stream: Annotated[list[str] | None, typer.Option("--stream", metavar="NAME", help=STREAM)] = None,
        full: Annotated[bool, typer.Option("--full", help="Forget where we were and read everything again.")] = False,
        deep: Annotated[bool, typer.Option("--deep", help=DEEP)] = False,
        allow_shrink: Annotated[
            bool, typer.Option("--allow-shrink", help="Let a reconciliation delete more than its share this time.")
        ] = False,
        wait: Annotated[str | None, typer.Option("--wait", metavar="TIME", help=WAIT)] = None,
        no_kpis: Annotated[bool, typer.Option("--no-kpis", help="Leave the KPIs as they are.")] = False,
    ) -> int:
        """Read what is new in the CRM now, then compute the KPIs.

        Safe to repeat and to interrupt: what is stored stays stored, and the next run goes on from there.
        """
        from dealmeter.cli.syncing import Syncing, Wish

        patience = _duration(wait)
        wish = Wish(only=stream or (), full=full, deep=deep, allow_shrink=allow_shrink, wait=patience)
        return Syncing(invocation, connections or (), wish).run(kpis=not no_kpis)


def _duration(text: str | None) -> timedelta:
    from connectors.duration import parse

    try:
        return parse(text) if text is not None else timedelta(0)
    except ValueError as error:
        raise UsageError(f"--wait: {error}", hint="for example --wait 10m") from None
