"""Readers: threads that read streams side by side and hand their pages, one at a time, to the one that writes."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from queue import Empty, Queue
from threading import Event, Thread

from connectors.base import Connector, Cursor, Page, Stream
from connectors.errors import StoppedError
from store.runs import Saved


@dataclass(frozen=True, slots=True)
class Started:
    """A stream has begun."""

    stream: Stream


@dataclass(frozen=True, slots=True)
class Brought:
    """A stream has brought a page; `stored` is to be set once it is saved."""

    stream: Stream
    page: Page
    stored: Event


@dataclass(frozen=True, slots=True)
class Ended:
    """A stream has ended: dry, stopped, or with an error."""

    stream: Stream
    error: BaseException | None = None
    stopped: bool = False


News = Started | Brought | Ended


class Readers:
    """Reads some streams in a few threads; iterating gives what they bring until all have ended.

    The queue is short: pages wait to be written, they don't pile up.
    """

    def __init__(self, connector: Connector, cursors: Mapping[str, Saved], *, parallel: int, stop: Event) -> None:
        self._connector = connector
        self._cursors = cursors
        self._parallel = parallel
        self._stop = stop
        self._abandon = Event()
        self._news: Queue[News] = Queue(maxsize=1)

    def read(self, streams: Sequence[Stream]) -> Iterator[News]:
        """What the streams bring."""
        waiting: Queue[Stream] = Queue()
        for stream in streams:
            waiting.put(stream)
        threads = [
            Thread(target=self._work, args=(waiting,), name=f"reader-{i}", daemon=True)
            for i in range(min(self._parallel, len(streams)))
        ]
        for thread in threads:
            thread.start()
        left = len(streams)
        try:
            while left:
                news = self._news.get()
                left -= isinstance(news, Ended)
                yield news
        finally:
            self._abandon.set()
            while any(thread.is_alive() for thread in threads):
                try:
                    self._news.get(timeout=0.05)
                except Empty:
                    continue

    def _work(self, waiting: "Queue[Stream]") -> None:
        while True:
            try:
                stream = waiting.get_nowait()
            except Empty:
                return
            self._news.put(Started(stream))
            self._news.put(self._read(stream))

    def _read(self, stream: Stream) -> Ended:
        saved = self._cursors.get(stream.name)
        cursor: Cursor | None = saved.cursor if saved is not None else None
        try:
            if self._ending:
                return Ended(stream, stopped=True)
            with closing(_pages(self._connector, stream, cursor)) as pages:
                for page in pages:
                    stored = Event()
                    self._news.put(Brought(stream, page, stored))
                    while page.awaited and not stored.wait(0.5) and not self._ending:
                        continue
                    if self._ending:
                        return Ended(stream, stopped=True)
        except StoppedError:
            return Ended(stream, stopped=True)
        except BaseException as error:  # whatever a reader meets is told to the run, which waits for it and decides
            return Ended(stream, error=error)
        return Ended(stream)

    @property
    def _ending(self) -> bool:
        return self._stop.is_set() or self._abandon.is_set()


def _pages(connector: Connector, stream: Stream, cursor: Cursor | None) -> Generator[Page, None, None]:
    """The pages of a stream as a generator, so that it can be closed."""
    yield from connector.read(stream, cursor)
