"""`dealmeter demo`: everything at once, without a CRM."""

from pathlib import Path
from typing import Annotated

import typer

from dealmeter.cli.invocation import Invocation, command
from dealmeter.errors import UsageError


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @command(app, "demo")
    def demo(
        invocation: Invocation,
        folder: Annotated[
            Path | None, typer.Option("--folder", help="Where to put it; a new temporary folder unless given.")
        ] = None,
        deals: Annotated[
            int,
            typer.Option("--deals", min=20, max=200_000, help="How many deals the company has; its branch has half."),
        ] = 400,
        keep: Annotated[
            bool, typer.Option("--keep", help="Leave the sandboxes running afterwards, until Ctrl-C, to sync yourself.")
        ] = False,
    ) -> int:
        """See it work: an invented company, real syncs, a scoreboard.

        Starts a fake HubSpot and a fake Salesforce on loopback, writes a folder of CSV files, reads all three with the
        real connectors into SQLite, lets three weeks of working life pass there, syncs again, and prints the main KPIs.
        Needs no network and asks no questions.
        """
        from dealmeter.cli.signals import stopping
        from dealmeter.cli.terminal import Terminal
        from dealmeter.demo import Demo

        place = _fresh(folder)
        with stopping() as stop:
            Demo(Terminal(invocation), place, deals=deals, stop=stop.event).run(keep=keep)
        return 0 if keep else stop.exit_code


def _fresh(folder: Path | None) -> Path:
    if folder is None:
        import tempfile

        return Path(tempfile.mkdtemp(prefix="dealmeter-demo-"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} can't be made: {error.strerror}", hint="name another folder") from None
    if any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty", hint="name a new folder, or leave --folder out")
    return folder
