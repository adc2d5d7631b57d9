"""Properties that are found out once, whoever asks first."""

from collections import Counter
from threading import Event, RLock, Thread, current_thread
from types import TracebackType

import pytest

from connectors.once import once


class Watched:
    """A reentrant lock that tells when a second thread has come to it."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._first: Thread | None = None
        self.second_has_come = Event()

    def __enter__(self) -> None:
        self._first = self._first or current_thread()
        if current_thread() is not self._first:
            self.second_has_come.set()
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()


class Company:
    """Its account needs its stages."""

    def __init__(self) -> None:
        self._lock = Watched()
        self.begun = Event()
        self.asked: Counter[str] = Counter()

    @once
    def stages(self) -> list[str]:
        """The lower one."""
        self.asked["stages"] += 1
        return ["new"]

    @once
    def account(self) -> tuple[str, ...]:
        """Goes on once somebody else has asked for the stages."""
        self.asked["account"] += 1
        self.begun.set()
        assert self._lock.second_has_come.wait(20)
        return tuple(self.stages)


def test_threads_that_begin_at_different_properties_never_wait_for_each_other() -> None:
    company = Company()
    threads = [Thread(target=getattr, args=(company, name), daemon=True) for name in ("account", "stages")]
    threads[0].start()
    assert company.begun.wait(20)
    threads[1].start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)
    assert company.asked == {"stages": 1, "account": 1}
    assert company.account == ("new",)


def test_what_could_not_be_found_out_is_asked_again() -> None:
    class Flaky:
        _lock = RLock()
        tries = 0

        @once
        def answer(self) -> int:
            self.tries += 1
            return 1 // (self.tries - 1)

    flaky = Flaky()
    with pytest.raises(ZeroDivisionError):
        _ = flaky.answer
    assert (flaky.answer, flaky.answer, flaky.tries) == (1, 1, 2)
