"""One call of `dealmeter`: parse, run, and turn whatever happens into an exit code."""

import os
import sys
from collections.abc import Mapping, Sequence

from dealmeter.cli.app import app
from dealmeter.cli.errors import exit_code, report
from dealmeter.cli.invocation import Invocation
from sync.clock import Clock


def main(
    arguments: Sequence[str] | None = None, *, environ: Mapping[str, str] | None = None, clock: Clock | None = None
) -> int:
    """Run the command and answer its exit code. Every error ends here."""
    _insist_on_streams()
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    invocation = Invocation(
        environ=os.environ if environ is None else environ, clock=clock or Clock(), json="--json" in arguments
    )
    try:
        code = app(arguments, prog_name="dealmeter", standalone_mode=False, obj=invocation)
        sys.stdout.flush()
    except SystemExit as leaving:  # Typer's way of saying that whoever read us has seen enough
        if isinstance(leaving.__context__, BrokenPipeError):
            return _hang_up()
        return leaving.code if isinstance(leaving.code, int) else 0
    except BrokenPipeError:
        return _hang_up()
    except BaseException as error:  # the one place where errors become messages and exit codes
        return _told(error, arguments, invocation)
    return code if isinstance(code, int) else 0


def _told(error: BaseException, arguments: Sequence[str], invocation: Invocation) -> int:
    try:
        code = report(error, arguments, invocation.secrets)
        sys.stdout.flush()
    except OSError:  # standard output takes no more: what is left can't be written either
        _hang_up()
        return exit_code(error)
    return code


def _insist_on_streams() -> None:
    """A stream that the shell has closed (`>&-`) swallows what is written."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  # it lasts as long as we do


def _hang_up() -> int:
    """Nobody reads standard output any more: say nothing, also not when Python closes it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 0
