"""Progress of a run on standard error: bars that live on a terminal, a line per stream elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dealmeter.cli.terminal import Terminal

Tell = Callable[[str, int], None]


@contextmanager
def progress(terminal: Terminal, connection: str) -> Iterator[Tell]:
    """Something to tell the stream and its records so far."""
    if not terminal.shows_progress:
        yield _lines(terminal, connection)
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,.0f}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=terminal.messages(), transient=True) as bars:
        tasks = {"": bars.add_task(connection, total=None, completed=0)}
        totals: dict[str, int] = {}

        def tell(stream: str, read: int) -> None:
            if not read and stream not in tasks:
                return
            if stream not in tasks:
                tasks[stream] = bars.add_task(f"  {stream}", total=None)
            totals[stream] = read
            bars.update(tasks[stream], completed=read)
            bars.update(tasks[""], completed=sum(totals.values()))

        yield tell


def _lines(terminal: Terminal, connection: str) -> Tell:
    begun: set[str] = set()

    def tell(stream: str, read: int) -> None:
        if read and stream not in begun and stream != "account":
            begun.add(stream)
            terminal.say(f"{connection}: reading {stream}")

    return tell
