"""`dealmeter db`: the tables and their version."""

from pathlib import Path
from typing import Annotated

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

    @command(commands, "backup")
    def backup_(
        invocation: Invocation,
        file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; it must not be there yet.")],
    ) -> None:
        """Copy the whole database to a file, while the service goes on.

        SQLite: a database of its own. PostgreSQL: an archive, by its own program pg_dump.
        """
        from dealmeter.cli.opened import existing
        from store.backup import backup

        with existing(configured(invocation)) as database:
            backup(database, file)
            shown = database.shown
        terminal, size = Terminal(invocation), file.stat().st_size
        terminal.show(f"{shown}: copied to {file}, {size:,} bytes")
        terminal.document("db-backup/1", {"database": shown, "file": str(file), "bytes": size})

    @command(commands, "restore")
    def restore_(
        invocation: Invocation, file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup.")]
    ) -> None:
        """Put a backup in the place of the database.

        Overwrites nothing: the database must not be there, or be empty.
        """
        from dealmeter.cli.opened import ours
        from store.backup import restore

        with ours(configured(invocation)) as database:
            restore(database, file)
            shown = database.shown
        terminal = Terminal(invocation)
        terminal.show(f"{shown}: restored from {file}")
        terminal.document("db-restore/1", {"database": shown, "file": str(file)})

    @command(commands, "check")
    def check_(invocation: Invocation) -> int:
        """Look for damage: the file itself, and rows that point to nothing.

        Leaves with 7 where there is any.
        """
        from dealmeter.cli.errors import OK, QUALITY
        from dealmeter.cli.opened import for_reading
        from store.backup import check

        with for_reading(configured(invocation)) as database:
            problems, shown = list(check(database)), database.shown
        terminal = Terminal(invocation)
        terminal.show(*(f"{shown}: {said}" for said in problems or ["whole"]))
        terminal.document("db-check/1", {"database": shown, "problems": problems})
        return QUALITY if problems else OK

    @command(commands, "prune")
    def prune_(
        invocation: Invocation,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
    ) -> None:
        """Delete old books, as `retention` says.

        Runs, resolved rejections, delivered news; the service does it daily. KPI values and records stay for ever.
        """
        from dealmeter.cli.opened import for_writing
        from store.retention import prune

        settings, now = configured(invocation), invocation.clock.now()
        kept = settings.config.retention
        with for_writing(settings) as database, database.write() as tx:
            gone = prune(
                tx,
                runs=now - kept.runs,
                rejections=now - kept.rejections,
                notifications=now - kept.notifications,
                dry=dry_run,
            )
        terminal = Terminal(invocation)
        would = "would go" if dry_run else "gone"
        terminal.show(*(f"{table}: {count:,} {would}" for table, count in gone.items()))
        terminal.document("db-prune/1", {"dry_run": dry_run, "deleted": dict(gone)})
