"""`dealmeter runs`: what was done, and what went wrong."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from dealmeter.cli.invocation import Invocation, command, group
from dealmeter.cli.opened import chosen, configured, for_reading
from dealmeter.cli.terminal import Terminal
from dealmeter.errors import UsageError
from dealmeter.show.row import Row

COUNTS = ("read", "inserted", "updated", "deleted", "merged", "details", "rejected")
HEADINGS = ("read", "new", "updated", "deleted", "merged", "links", "rejected")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    commands = group("List past runs, or show one of them with all its streams.")
    app.add_typer(commands, name="runs")

    @command(commands, "list")
    def list_(
        invocation: Invocation,
        connection: Annotated[str | None, typer.Argument(help="Only this connection.", show_default=False)] = None,
        limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many.")] = 20,
    ) -> None:
        """List the newest runs."""
        from store.reads import recent_runs

        settings = configured(invocation)
        if connection is not None:
            chosen(settings, [connection])
        with for_reading(settings) as database, database.read() as tx:
            found = recent_runs(tx, connection=connection, limit=limit)
        _show_list(Terminal(invocation), found)

    @command(commands, "show")
    def show(
        invocation: Invocation,
        run_id: Annotated[int, typer.Argument(metavar="ID", help="The number of the run; see `dealmeter runs list`.")],
    ) -> None:
        """Show a run: its streams, its errors, and what it couldn't use."""
        from store.drift import events
        from store.reads import open_rejections, run

        with for_reading(configured(invocation)) as database, database.read() as tx:
            found = run(tx, run_id)
            if found is None:
                raise UsageError(f"there is no run {run_id}", hint="`dealmeter runs list` shows the runs")
            rejections = open_rejections(tx, found[0]["connection"], limit=20)
            changes = events(tx, found[0]["connection"], run_id=run_id)
        _show_one(Terminal(invocation), found[0], found[1], rejections, changes)


def _show_list(terminal: Terminal, runs: Sequence[Row]) -> None:
    from dealmeter.show.table import table, toned
    from dealmeter.show.time import length, moment

    rows = [
        (
            run["id"],
            run["connection"],
            run["trigger"],
            moment(run["started_at"]),
            length(run["started_at"], run["finished_at"]),
            f"{run['requests']:,}",
            toned(run["outcome"]),
            run["error"] or "",
        )
        for run in runs
    ]
    columns = ("id", "connection", "trigger", "started (UTC)", "took", "requests", "outcome", "error")
    shown = table(columns, rows, right=("id", "took", "requests"), spare=("requests", "trigger", "took"), cut=True)
    terminal.show(shown if rows else "no runs yet")
    terminal.document("runs/1", {"runs": [dict(run) for run in runs]})


def _show_one(
    terminal: Terminal,
    run: Row,
    streams: Sequence[Row],
    rejections: Sequence[Row],
    changes: Sequence[Row],
) -> None:
    from dealmeter.show.table import table, toned, without_empty
    from dealmeter.show.time import length, moment

    took = length(run["started_at"], run["finished_at"])
    terminal.show(
        f"run {run['id']} of {run['connection']} ({run['trigger']}): {run['outcome']}, {run['requests']:,} requests, "
        f"started {moment(run['started_at'])} UTC" + (f", took {took}" if took else "")
    )
    rows = [
        [
            s["stream"],
            *(f"{s[name]:,}" if s[name] else "" for name in COUNTS),
            _retries(s["retries"]),
            toned(s["outcome"]),
        ]
        for s in streams
    ]
    columns, rows = without_empty(("stream", *HEADINGS, "retries", "outcome"), rows)
    terminal.show(table(columns, rows, right=HEADINGS, spare=("retries", "merged", "links")))
    terminal.show(*(f"note: {note}" for note in run["notes"] or ()))
    for part in (run, *(stream for stream in streams if stream["error"] != run["error"])):
        if part["error"]:
            terminal.show(f"{part.get('stream', 'run')}: {part['error']}")
            terminal.show(*([f"  what to do: {part['hint']}"] if part["hint"] else []))
    if rejections:
        terminal.show("records that could not be used, whole or in part, and have not arrived whole since:")
        refused = [
            (f"{r['entity']} {r['record_id']}", r["field"], r["reason"], moment(r["first_seen_at"])) for r in rejections
        ]
        terminal.show(table(("record", "field", "reason", "first seen (UTC)"), refused))
    without = [{name: value for name, value in r.items() if name != "payload"} for r in rejections]
    terminal.document(
        "run/1",
        {
            "run": dict(run),
            "streams": [dict(s) for s in streams],
            "open_rejections": without,
            "schema_events": [dict(c) for c in changes],
        },
    )


def _retries(retries: Mapping[str, int] | None) -> str:
    return ", ".join(f"{count}× {reason}" for reason, count in (retries or {}).items())
