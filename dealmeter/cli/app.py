"""The commands of `dealmeter`, in the order in which people meet them."""

import inspect
from typing import Annotated, Any

import typer

from dealmeter.cli import (
    check,
    config,
    db,
    demo,
    discover,
    doctor,
    export,
    init,
    kpi,
    notify,
    reconcile,
    run,
    runs,
    sandbox,
    status,
    sync,
    worker,
)
from dealmeter.cli.invocation import SHARED, merged

HELP = """Keeps your CRM's sales numbers in your own database.

What each KPI is, what it was, and how it was computed. Begin with `dealmeter demo` (no CRM needed) or `dealmeter init`.
"""

app = typer.Typer(help=HELP, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)


def _version(context: typer.Context, wanted: bool) -> None:
    if wanted:
        from dealmeter import VERSION
        from dealmeter.cli.terminal import Terminal

        terminal = Terminal(context.obj)
        terminal.show(f"dealmeter {VERSION}")
        terminal.document("version/1", {"version": VERSION})
        raise typer.Exit


def _root(**values: Any) -> None:
    context: typer.Context = values.pop("context")
    values.pop("version", None)
    context.obj = merged(context, values)


def _signature(
    *,
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """What the root takes beside the shared options."""


_own = inspect.signature(_signature, eval_str=True).parameters.values()
_root.__signature__ = inspect.Signature([*_own, *SHARED.values()])  # type: ignore[attr-defined]  # what Typer reads
_root.__annotations__ = {}
app.callback(help=HELP)(_root)

for module in (
    init, check, discover, sync, reconcile, run, worker, status, runs, kpi, export, config, db, notify, doctor,
    sandbox, demo,
):  # fmt: skip
    module.add_to(app)
