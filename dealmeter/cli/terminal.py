"""Where words go: results to standard output, everything else to standard error."""

import sys
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TextIO

from dealmeter.cli.invocation import Invocation
from dealmeter.show.harmless import harmless

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

WIDTH_OF_PIPES = 200


class Terminal:
    """Standard output and standard error of one call."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation
        for stream in (sys.stdout, sys.stderr):
            with suppress(AttributeError, ValueError):  # a stream that a test or an embedder has put there
                stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a character must not end a run

    @property
    def is_quiet(self) -> bool:
        """Whether only trouble is worth a word."""
        return self._invocation.quiet

    @property
    def shows_progress(self) -> bool:
        """Whether somebody watches."""
        return sys.stderr.isatty() and not self._invocation.quiet

    def show(self, *renderables: "RenderableType") -> None:
        """The result, for people; nothing with --json."""
        if self._invocation.json or not renderables:
            return
        console = self._console(sys.stdout)
        with console.capture() as captured:
            for renderable in renderables:
                is_text = isinstance(renderable, str)
                safe = harmless(renderable) if isinstance(renderable, str) else renderable
                console.print(safe, markup=False, highlight=False, emoji=False, soft_wrap=is_text, crop=False)
        sys.stdout.write("".join(line.rstrip() + "\n" for line in captured.get().splitlines()))

    def document(self, schema: str, content: Mapping[str, Any]) -> None:
        """The result, for programs: with --json, one JSON document; `schema` is its name and version."""
        if self._invocation.json:
            sys.stdout.write(as_json({"schema": f"dealmeter.{schema}", **content}) + "\n")

    def say(self, text: str) -> None:
        """A message, unless nobody wants any."""
        if not self._invocation.quiet:
            sys.stderr.write(harmless(text) + "\n")

    def warn(self, text: str) -> None:
        """A message about what may go wrong."""
        sys.stderr.write(f"warning: {harmless(text)}\n")

    def complain(self, text: str) -> None:
        """What went wrong with one of several things, while the others go on."""
        sys.stderr.write(harmless(text))

    def messages(self) -> "Console":
        """Standard error, for progress."""
        return self._console(sys.stderr)

    def _console(self, stream: TextIO) -> "Console":
        from rich.console import Console

        asked = self._invocation.environ.get("COLUMNS", "")
        width = int(asked) if asked.isdigit() and asked != "0" else None if stream.isatty() else WIDTH_OF_PIPES
        no_color = self._invocation.no_color or bool(self._invocation.environ.get("NO_COLOR"))
        return Console(file=stream, width=width, no_color=no_color or None)


def as_json(content: Any) -> str:
    """JSON for people and programs: instants as ISO text, decimals as plain numbers."""
    import orjson

    return orjson.dumps(content, default=_plain, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode()


def _plain(value: Any) -> Any:
    import orjson

    from dealmeter.show.number import plain

    if isinstance(value, Decimal):
        return orjson.Fragment(plain(value)) if value.is_finite() else None
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)
