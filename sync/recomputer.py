"""The recomputer: KPIs for the runs that have ended, in a thread of its own, so that none that runs waits for them."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

from kpi.engine import Computation
from sync.turn import Wish

TakeIn = Callable[[Mapping[int, Wish]], Computation | None]
"""Computes for runs by their ids, or finds that others have."""


class Recomputer:
    """Takes in all that have ended by the time it comes to them, with one computation."""

    def __init__(self, take_in: TakeIn) -> None:
        self._take_in = take_in
        self._ended: list[tuple[int, Wish, Future[Computation | None]]] = []
        self._lock = Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kpis")

    def ask(self, run_id: int, wish: Wish) -> Future[Computation | None]:
        """Have a run that has ended taken in. The answer comes in the recomputer's thread.

        It is what the computation found, for the first of those that share it; None for the others, and where somebody
        else has taken them in. What is raised there is each one's answer.
        """
        answer: Future[Computation | None] = Future()
        with self._lock:
            self._ended.append((run_id, wish, answer))
        self._thread.submit(self._serve)
        return answer

    def close(self) -> None:
        """Answer all that have asked, and end."""
        self._thread.shutdown(wait=True)

    def _serve(self) -> None:
        with self._lock:
            ended, self._ended = self._ended, []
        if not ended:
            return
        try:
            found = self._take_in({run_id: wish for run_id, wish, _ in ended})
        except Exception as error:
            for *_, answer in ended:
                answer.set_exception(error)
            return
        for place, (*_, answer) in enumerate(ended):
            answer.set_result(found if place == 0 else None)
