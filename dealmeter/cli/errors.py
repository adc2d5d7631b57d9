"""Errors become one message, one way out and one exit code; the table that says which is here."""

import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.errors import (
    ActionNeededError,
    ConnectorError,
    ProxyRefusedError,
    ShrunkError,
    TryLaterError,
    UntrustedError,
)
from dealmeter.errors import ConfigError, UsageError
from dealmeter.logs import masked
from dealmeter.show.harmless import harmless
from store.errors import ForeignAccountError, LeaseHeldError, StoreError

OK, HANDLED, WRONG, REFUSED, LATER, DATABASE, HELD, QUALITY = range(8)
INTERRUPTED, TERMINATED = 130, 143
GRAVITY = (INTERRUPTED, TERMINATED, DATABASE, REFUSED, WRONG, QUALITY, LATER, HELD, HANDLED, OK)


EXIT_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (UsageError, WRONG),
    (ConfigError, WRONG),
    (ForeignAccountError, WRONG),
    (LeaseHeldError, HELD),
    (StoreError, DATABASE),
    (ShrunkError, QUALITY),
    (UntrustedError, WRONG),
    (ProxyRefusedError, WRONG),
    (ActionNeededError, REFUSED),
    (TryLaterError, LATER),
    (ConnectorError, HANDLED),
    (KeyboardInterrupt, INTERRUPTED),
)
"""The first that fits counts."""
ROOM = "check that the disk has room and that files and folders may be written, then try again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An error as people are told of it."""

    code: int
    kind: str
    message: str
    hint: str
    details: Sequence[str] = ()


def exit_code(error: BaseException) -> int:
    """The exit code of an error; 1 for those that nobody expected."""
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), HANDLED)


def gravest(codes: Sequence[int]) -> int:
    """The code that matters most."""
    return min(codes, key=GRAVITY.index, default=OK)


def report(error: BaseException, arguments: Sequence[str], secrets: Iterable[str] = ()) -> int:
    """Tell what happened and what to do, and answer the exit code."""
    if type(error).__name__ == "NoArgsIsHelpError":  # a group alone: its help is what one wants to see
        sys.stderr.write(f"{error}\n")
        return WRONG
    told = tell(error)
    sys.stderr.write(harmless(masked(words(told), secrets)))
    if told.kind in {"Bug", "OSError"} and any(a in {"-v", "--verbose", "-vv"} for a in arguments):
        sys.stderr.write(masked("".join(traceback.format_exception(error)), secrets))
    if "--json" in arguments:
        from dealmeter.cli.terminal import as_json

        document = as_json({"schema": "dealmeter.error/1", **_document(told)})
        sys.stdout.write(masked(document, secrets) + "\n")
    return told.code


def tell(error: BaseException) -> Told:
    """An error in words."""
    if hasattr(error, "format_message"):  # Typer's own: an unknown option, a missing argument
        return Told(code=WRONG, kind="UsageError", message=_uncapped(error.format_message()), hint=_usage(error))
    if isinstance(error, KeyboardInterrupt):
        return Told(code=INTERRUPTED, kind="Interrupted", message="interrupted", hint="what was stored stays stored")
    if isinstance(error, OSError):
        return Told(code=HANDLED, kind="OSError", message=masked(_of_the_system(error)), hint=ROOM)
    code, hint = exit_code(error), getattr(error, "hint", None)
    if hint is None:
        return Told(
            code=HANDLED,
            kind="Bug",
            message=masked(f"this is a bug in dealmeter: {type(error).__name__}: {_first_line(error)}"),
            hint="run the same with --verbose and report the traceback; nothing that was stored is lost",
        )
    details = [f"line {p.line}: {p}" if p.line else str(p) for p in getattr(error, "problems", ())]
    return Told(code=code, kind=type(error).__name__, message=masked(str(error)), hint=masked(hint), details=details)


def words(told: Told) -> str:
    """The lines for standard error."""
    lines = [f"error: {told.message}", *(f"  {masked(detail)}" for detail in told.details)]
    if told.hint:
        lines.append(f"  what to do: {told.hint}")
    return "\n".join(lines) + "\n"


def _document(told: Told) -> Mapping[str, Any]:
    return {
        "exit_code": told.code,
        "error": told.kind,
        "message": told.message,
        "problems": [masked(detail) for detail in told.details],
        "hint": told.hint,
    }


def _of_the_system(error: OSError) -> str:
    said = (error.strerror or _first_line(error) or type(error).__name__).lower()
    return f"{error.filename}: {said}" if error.filename else said


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), "")


def _uncapped(message: str) -> str:
    message = message.rstrip(".").replace("Value error, ", "")
    return message[:1].lower() + message[1:]


def _usage(error: Any) -> str:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "dealmeter"
    return f"see `{path} --help`"
