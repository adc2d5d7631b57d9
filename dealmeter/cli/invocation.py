"""What every command shares: the options that stand before or after any command, and how a command is registered."""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from sync.clock import Clock

LogFormat = Literal["auto", "text", "json"]
Command = Callable[..., int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One call: the shared options, the environment and the clock. `secrets` are those that it has learned."""

    environ: Mapping[str, str]
    clock: Clock
    config: Path | None = None
    json: bool = False
    quiet: bool = False
    verbose: int = 0
    no_color: bool = False
    log_format: LogFormat | None = None
    secrets: set[str] = field(default_factory=set, repr=False)


def shared(
    *,
    config: Annotated[
        Path | None,
        typer.Option("--config", help="The configuration file (or the variable DEALMETER_CONFIG)."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print exactly one JSON document on standard output.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what went wrong.")] = False,
    verbose: Annotated[
        int, typer.Option("--verbose", "-v", count=True, show_default=False, help="Tell more; tracebacks of bugs.")
    ] = 0,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours (or the variable NO_COLOR).")] = False,
    log_format: Annotated[
        LogFormat | None,
        typer.Option("--log-format", help="How logs are written on standard error."),
    ] = None,
) -> None:
    """The signature of the shared options."""


SHARED = inspect.signature(shared).parameters


def merged(context: typer.Context, values: dict[str, Any]) -> Invocation:
    """The invocation with the shared options among `values`, which are taken out of it."""
    given = {name: values.pop(name) for name in SHARED}
    invocation: Invocation = context.obj
    return replace(invocation, **{name: value for name, value in given.items() if value})


def command(app: typer.Typer, name: str, **settings: Any) -> Callable[[Command], Command]:
    """Register a function as a command. Its first parameter is the Invocation; the shared options come with it."""

    def register(function: Command) -> Command:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]

        @functools.wraps(function)
        def run(**values: Any) -> int | None:
            context: typer.Context = values.pop("context")
            return function(merged(context, values), **values)

        parameters = [
            inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context),
            *(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own),
            *SHARED.values(),
        ]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what Typer reads
        run.__annotations__ = {}
        app.command(name, **settings)(run)
        return function

    return register


def group(help_: str) -> typer.Typer:
    """A group of commands."""
    return typer.Typer(help=help_, no_args_is_help=True, rich_markup_mode=None)
