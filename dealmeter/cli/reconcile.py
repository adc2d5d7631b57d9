"""`dealmeter reconcile`: do our numbers equal the CRM's own."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dealmeter.cli.errors import HANDLED, OK, QUALITY, gravest, tell, words
from dealmeter.cli.invocation import Invocation, command
from dealmeter.cli.opened import Connections, chosen, configured, for_writing, log_of
from dealmeter.cli.signals import stopping
from dealmeter.cli.terminal import Terminal

if TYPE_CHECKING:
    from store.differences import Compared
    from sync.reconcile import Reconciled


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @command(app, "reconcile")
    def reconcile(
        invocation: Invocation,
        connections: Connections = None,
        repair: Annotated[bool, typer.Option("--repair", help="Read again what differs, and compare again.")] = False,
    ) -> int:
        """Compare our counts and sums with the CRM's own totals.

        Leaves with 7 where a difference is more than what is still on its way. HubSpot adds no amounts up: there,
        counts are compared, of deals by stage.
        """
        from connectors.errors import StoppedError
        from dealmeter import VERSION
        from dealmeter.cli.connectors import connector
        from dealmeter.cli.syncing import code_of
        from dealmeter.notify.outbox import Outbox
        from sync.cycle import recompute
        from sync.plan import Plan
        from sync.reconcile import reconcile as work

        settings = configured(invocation, connections=True)
        terminal = Terminal(invocation)
        log_of(invocation, settings)
        codes: list[int] = []
        documents: list[dict[str, Any]] = []
        written = False
        with for_writing(settings) as database, stopping() as stop:
            outbox = Outbox(database, settings.config, invocation.clock)
            for name in chosen(settings, connections or ()):
                plan = Plan(
                    connection=name,
                    connector=connector(settings, name),
                    parallel=settings.connection(name).parallel,
                    lease=settings.config.service.lease,
                    notice=terminal.say,
                )
                try:
                    found = work(
                        database, plan, version=VERSION, clock=invocation.clock, stop=stop.event, repair=repair
                    )
                except StoppedError:
                    break
                except Exception as error:  # told for this connection; the others are compared all the same
                    told = tell(error)
                    terminal.show(f"{name}: failed")
                    terminal.complain(words(told))
                    codes.append(told.code)
                    documents.append({"connection": name, "ok": False, "message": told.message, "hint": told.hint})
                    continue
                for run in found.runs:
                    outbox.ended(run, is_whole=False)
                outbox.compared(name, found.unexplained)
                written = written or any(run.counts.written for run in found.runs)
                codes += [QUALITY if found.differing else OK, *map(code_of, found.runs)]
                documents.append(_document(name, found))
                _show(terminal, name, found, repaired=repair)
            if written and not stop.event.is_set():
                computed = recompute(
                    database, settings.config.kpis, version=VERSION, clock=invocation.clock, stop=stop.event
                )
                codes.append(HANDLED if computed.broken else OK)
        code = gravest([*codes, stop.exit_code])
        terminal.document("reconcile/1", {"exit_code": code, "connections": documents})
        return code


def _show(terminal: Terminal, name: str, found: "Reconciled", *, repaired: bool) -> None:
    from dealmeter.show.table import table

    if not found.compared:
        terminal.show(f"{name}: nothing to compare: never synced, or this kind of CRM tells no totals")
        return
    agreeing = len({each.object for each in found.compared}) - len(found.differing)
    if not terminal.is_quiet or found.differing:
        terminal.show(f"{name}: {agreeing} objects agree with the CRM, {len(found.differing)} differ")
    rows = [_row(each) for each in found.compared if each.difference or each.theirs is None]
    if rows:
        columns = ("object", "part", "measure", "ours", "theirs", "difference", "why")
        terminal.show(table(columns, rows, right=("ours", "theirs", "difference")))
    for run in found.runs:
        terminal.show(*(f"{name}: {note}" for note in run.notes))
    if found.differing and not repaired:
        terminal.show(f"  what to do: run `dealmeter reconcile {name} --repair`")
    elif found.differing:
        streams = " ".join(f"--stream {each}" for each in sorted(found.differing))
        terminal.show(f"  what to do: run `dealmeter sync {name} --full {streams}`; report it if it stays")


def _row(each: "Compared") -> Sequence[str]:
    theirs = "" if each.theirs is None else f"{each.theirs.normalize():,f}"
    apart = "" if each.theirs is None else f"{each.difference.normalize():+,f}"
    return (each.object, each.part, each.measure, f"{each.ours.normalize():,f}", theirs, apart, each.why)


def _document(name: str, found: "Reconciled") -> dict[str, Any]:
    return {
        "connection": name,
        "ok": not found.differing,
        "compared": [
            {
                "object": each.object,
                "part": each.part,
                "measure": each.measure,
                "ours": each.ours,
                "theirs": each.theirs,
                "difference": each.difference,
                "explained": each.is_explained,
                "why": each.why,
            }
            for each in found.compared
        ],
        "repairs": [{"run_id": run.run_id, "outcome": run.outcome, "notes": list(run.notes)} for run in found.runs],
    }
