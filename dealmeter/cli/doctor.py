"""`dealmeter doctor`: what is wrong with this installation; and a bundle for those who help."""

import io
import os
import zipfile
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from dealmeter.cli.invocation import Invocation, command
from dealmeter.cli.terminal import Terminal, as_json
from dealmeter.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dealmeter.config import Configured
    from dealmeter.service.doctor import Finding

TOLD = (
    ("status.json", ("status", "--json")),
    ("runs.json", ("runs", "list", "--json")),
    ("database.json", ("db", "current", "--json")),
    ("config.json", ("config", "show", "--json")),
)
"""What a bundle holds besides the findings: what these commands say."""


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @command(app, "doctor")
    def doctor(
        invocation: Invocation,
        offline: Annotated[bool, typer.Option("--offline", help="Don't sign in to the CRMs.")] = False,
        bundle: Annotated[
            Path | None,
            typer.Option("--bundle", metavar="FILE.zip", help="Also write what helpers need to know, without secrets."),
        ] = None,
    ) -> int:
        """Look for what is wrong with this installation.

        Looks at the configuration, the database, the disk and the CRMs, and says what to do. Leaves with 1 where
        something is bad.
        """
        from dealmeter.cli.errors import HANDLED, OK
        from dealmeter.cli.opened import configured
        from dealmeter.service.doctor import examine, packages

        settings = configured(invocation, connections=True)
        checking = _checking(invocation, settings)
        found = list(examine(settings, offline=offline, check_connection=checking))
        terminal = Terminal(invocation)
        _show(terminal, found)
        document = {"versions": packages(), "findings": [asdict(finding) for finding in found]}
        if bundle is not None:
            _write(bundle, invocation, as_json(document))
            terminal.say(f"wrote {bundle}")
        terminal.document("doctor/1", document)
        return HANDLED if any(finding.level == "bad" for finding in found) else OK


def _checking(invocation: Invocation, settings: "Configured") -> "Callable[[str], str]":
    from dealmeter.cli.connectors import connector, context

    def check(name: str) -> str:
        made = connector(settings, name)(context(invocation.clock, Event()))
        try:
            checked = made.check()
        finally:
            made.close()
        closed = [stream for stream, why in checked.streams.items() if why]
        rest = f"; can't be read: {', '.join(closed)}" if closed else ""
        return f"{checked.account.name or checked.account.id} answers{rest}"

    return check


def _show(terminal: Terminal, found: "Sequence[Finding]") -> None:
    for finding in found:
        terminal.show(f"{finding.level:8} {finding.subject}: {finding.said}")
        if finding.hint:
            terminal.show(f"           what to do: {finding.hint}")
    bad = sum(finding.level == "bad" for finding in found)
    terminal.show(f"{bad} bad" if bad else "nothing bad found")


def _write(target: Path, invocation: Invocation, findings: str) -> None:
    from dealmeter.cli.main import main
    from dealmeter.logs import masked

    try:
        handle = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except OSError as error:
        said = (error.strerror or str(error)).lower()
        raise UsageError(f"{target} can't be written: {said}", hint="name another file") from None
    with open(handle, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("doctor.json", masked(findings, invocation.secrets))
        for name, words in TOLD:
            out = io.StringIO()
            arguments = [*words, *(("--config", str(invocation.config)) if invocation.config else ())]
            with redirect_stdout(out), redirect_stderr(out):
                main(arguments, environ=invocation.environ, clock=invocation.clock)
            archive.writestr(name, masked(out.getvalue(), invocation.secrets))
