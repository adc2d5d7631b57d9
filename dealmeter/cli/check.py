"""`dealmeter check`: who answers, what may be read, what is left of the budget."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import typer

from dealmeter.cli.errors import OK, REFUSED, gravest, tell, words
from dealmeter.cli.invocation import Invocation, command
from dealmeter.cli.opened import Connections, chosen, configured
from dealmeter.cli.signals import stopping
from dealmeter.cli.terminal import Terminal

if TYPE_CHECKING:
    from connectors.base import Checked

FAR = timedelta(minutes=5)
MENDED = {
    "hubspot": " (scopes are added to the token in HubSpot)",
    "salesforce": " (the permissions of the user are given in Salesforce, by a permission set)",
}
"""Where a person gives what is missing."""


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @command(app, "check")
    def check(
        invocation: Invocation,
        connections: Connections = None,
    ) -> int:
        """Sign in to each CRM and tell what can be read.

        Tells who answers, which streams can be read and which scope or permission the others lack, what is left of the
        API budget, and how far the CRM's clock is from ours.
        """
        from connectors.errors import StoppedError
        from dealmeter.cli.connectors import connector, context

        settings = configured(invocation, connections=True)
        terminal = Terminal(invocation)
        codes, documents = [], []
        with stopping() as stop:
            for name in chosen(settings, connections or ()):
                try:
                    made = connector(settings, name)(context(invocation.clock, stop.event, terminal.say))
                    try:
                        checked = made.check()
                    finally:
                        made.close()
                except StoppedError:
                    break
                except Exception as error:  # told for this connection; the others are checked all the same
                    told = tell(error)
                    terminal.show(f"{name}: failed")
                    terminal.complain(words(told))
                    codes.append(told.code)
                    failed = {"error": told.kind, "message": told.message, "hint": told.hint}
                    documents.append({"connection": name, "ok": False, **failed})
                    continue
                codes.append(REFUSED if any(checked.streams.values()) else OK)
                documents.append(_document(name, checked))
                if not terminal.is_quiet or any(checked.streams.values()):
                    _show(terminal, name, checked)
                if abs(checked.clock_difference) > FAR:
                    said = _difference(checked.clock_difference)
                    terminal.warn(f"{name}: the CRM's clock {said}: set the clock of this machine (NTP)")
        code = gravest([*codes, stop.exit_code])
        terminal.document("check/1", {"exit_code": code, "connections": documents})
        return code


def _show(terminal: Terminal, name: str, checked: "Checked") -> None:
    from dealmeter.show.table import table

    account = checked.account
    about = ", ".join(str(part) for part in (account.base_currency, account.time_zone, account.status) if part)
    terminal.show(f"{name}: signed in to {account.name or account.id}" + (f" ({about})" if about else ""))
    rows = [(f"  {stream}", "no: " + why if why else "yes") for stream, why in checked.streams.items()]
    rows += [(f"  {stream}", "left out: " + why) for stream, why in checked.left_out.items()]
    terminal.show(table(("  stream", "can be read"), rows))
    for what, amount in checked.budget.items():
        terminal.show(f"  {what.replace('_', ' ')}: {f'{amount:,}' if isinstance(amount, int) else amount}")
    terminal.show(f"  the CRM's clock {_difference(checked.clock_difference)}")
    if any(checked.streams.values()):
        terminal.show(
            f"  what to do: mend what is named{MENDED.get(account.kind or '', '')}, or leave these streams out with "
            "`settings.exclude`; the others are read all the same"
        )


def _difference(time: timedelta) -> str:
    from dealmeter.show.time import apart

    if abs(time) < timedelta(seconds=2):
        return "agrees with ours"
    return f"is {apart(time)} {'ahead of' if time > timedelta() else 'behind'} ours"


def _document(name: str, checked: "Checked") -> dict[str, Any]:
    account = checked.account
    return {
        "connection": name,
        "ok": not any(checked.streams.values()),
        "account": {
            "id": account.id,
            "kind": account.kind,
            "name": account.name,
            "currency": account.base_currency,
            "time_zone": account.time_zone,
        },
        "streams": {
            stream: {"readable": not why, "reason": why}
            for stream, why in {**checked.streams, **checked.left_out}.items()
        },
        "budget": dict(checked.budget),
        "clock_difference_s": checked.clock_difference.total_seconds(),
    }
