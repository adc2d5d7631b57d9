"""`dealmeter db`: the tables and their version."""

import typer

from dealmeter.cli.invocation import Invocation, command, group
from dealmeter.cli.opened import configured
from dealmeter.cli.terminal import Terminal


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    commands = group("Bring the database up to date, or tell where it is.")
    app.add_typer(commands, name="db")

    @command(commands, "upgrade")
    def upgrade(invocation: Invocation) -> None:
        """Bring the tables up to date, with the data in place."""
        from dealmeter.cli.opened import ours
        from store.migrate import current
        from store.migrate import upgrade as migrate

        settings = configured(invocation)
        with ours(settings) as database:
            before = current(database)
            migrate(database)
            after = current(database)
            shown = database.shown
        terminal = Terminal(invocation)
        if before == after:
            terminal.show(f"{shown}: at {after} already, nothing to do")
        else:
            terminal.show(f"{shown}: from {before or 'empty'} to {after}")
        terminal.document("db-upgrade/1", {"database": shown, "before": before, "after": after})

    @command(commands, "describe")
    def describe(invocation: Invocation) -> None:
        """Describe every view, table and column, as Markdown."""
        from store.describe import markdown

        lines = list(markdown())
        terminal = Terminal(invocation)
        terminal.show("\n".join(lines))
        terminal.document("db-describe/1", {"markdown": "\n".join(lines)})

    @command(commands, "current")
    def current_(invocation: Invocation) -> int:
        """Tell which revision the database has, and which one is needed."""
        from dealmeter.cli.errors import DATABASE, OK
        from dealmeter.cli.opened import existing
        from store.migrate import current, head

        settings = configured(invocation)
        with existing(settings) as database:
            found, shown = current(database), database.shown
        is_current = found == head()
        said = "up to date" if is_current else f"this dealmeter needs {head()}: run `dealmeter db upgrade`"
        terminal = Terminal(invocation)
        terminal.show(f"{shown}: at {found or 'nothing yet'}, {said}")
        terminal.document(
            "db-current/1", {"database": shown, "current": found, "head": head(), "is_current": is_current}
        )
        return OK if is_current else DATABASE
