"""A worker: takes wishes from the queue and runs them, as the daemon would have."""

import signal
from datetime import datetime
from queue import SimpleQueue

from celery.exceptions import Reject
from celery.worker import state

from sync.celery_queue import RUN, CeleryQueue
from sync.outcome import STOPPED
from sync.schedule import SIGNALS, Daemon
from sync.signals import listening
from sync.watcher import Log


class Worker:
    """Runs what the queue asks for, `concurrency` connections side by side, until a signal says stop.

    `daemon` knows the connections and the store; its own schedule stays still.
    """

    def __init__(self, queue: CeleryQueue, daemon: Daemon, log: Log, *, concurrency: int) -> None:
        self._queue = queue
        self._daemon = daemon
        self._log = log
        self._concurrency = concurrency
        self._heard: SimpleQueue[int] = SimpleQueue()
        queue.app.task(self._work, name=RUN)

    def run(self) -> int:
        """Block until SIGTERM or SIGINT, finish the pages under way, and answer the signal's number.

        SIGHUP loads the configuration again; a broken one leaves the old one in force.
        """
        daemon, log = self._daemon, self._log
        daemon.load()
        state.should_stop = None
        worker = self._queue.app.WorkController(
            concurrency=self._concurrency,
            pool="threads",
            queues=[self._queue.name],
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            ready_callback=lambda consumer: self._ready(),
        )
        with listening(SIGNALS, self._on_signal):
            worker.start()
        log.info("stopped", action="stopped")
        return self._heard.get() if not self._heard.empty() else 0

    def _ready(self) -> None:
        count = self._concurrency
        self._log.info(
            f"waiting for work from {self._queue.shown}, {count} connection{'s' * (count != 1)} at a time",
            action="started",
            connections=sorted(self._daemon.jobs),
            queue=self._queue.name,
        )
        self._daemon.tell_started()

    def _on_signal(self, number: int) -> None:
        if number == signal.SIGHUP:
            self._daemon.reload()
            return
        self._heard.put(number)
        self._daemon.stop()
        state.should_stop = 0  # type: ignore[assignment]  # the flag that Celery's own signal handlers set

    def _work(self, name: str, wanted_at: str) -> None:
        """One wish. What we could not end, because we were told to stop, goes back into the queue."""
        daemon = self._daemon
        if name not in daemon.jobs:
            self._log.warning(
                f"the queue asks for {name}, and this worker's configuration has no such connection",
                action="unknown_connection",
                connection=name,
                hint="give all workers the daemon's configuration, and send them SIGHUP after a change",
            )
            return
        outcome = daemon.tick(name, wanted_at=datetime.fromisoformat(wanted_at))
        if daemon.is_stopping and (outcome is None or outcome.run.outcome == STOPPED):
            raise Reject("the worker stops", requeue=True)
