"""`dealmeter worker`: runs what the daemon asks for."""

from typing import TYPE_CHECKING, Annotated

import typer

from dealmeter.cli.invocation import Invocation, command
from dealmeter.cli.opened import for_writing, log_of
from dealmeter.cli.queue import queue
from dealmeter.cli.run import loader, read
from dealmeter.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dealmeter.config import Configured
    from store.database import Database
    from sync.watcher import Log, Watcher


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @command(app, "worker")
    def worker(
        invocation: Invocation,
        *,
        concurrency: Annotated[
            int, typer.Option("--concurrency", "-c", min=1, max=64, help="Connections at the same time.")
        ] = 4,
    ) -> int:
        """Run the connections that a daemon elsewhere asks for.

        They come through the queue of Celery that `executor` names in the configuration.

        Give it the daemon's configuration: only names of connections travel, never settings or secrets.

        SIGTERM and SIGINT stop it after the pages under way; SIGHUP loads the configuration again.
        """
        from dealmeter import VERSION
        from sync.schedule import Daemon

        settings = read(invocation)
        log = log_of(invocation, settings)
        wishes = queue(settings)
        if wishes is None:
            raise UsageError(
                "`executor.kind` is threads, so no daemon asks workers for anything",
                hint='write `executor: {kind: celery, broker: "${CELERY_BROKER}"}`; config.example.yaml explains it',
            )
        from sync.celery_worker import Worker

        with for_writing(settings) as database:
            daemon = Daemon(
                database,
                loader(invocation, log),
                version=VERSION,
                clock=invocation.clock,
                log=log,
                watchers=_watchers(settings, database, invocation, log),
            )
            signal = Worker(wishes, daemon, log, concurrency=concurrency).run()
        return 128 + signal if signal else 0


def _watchers(settings: "Configured", database: "Database", invocation: Invocation, log: "Log") -> "Sequence[Watcher]":
    """Those who watch a worker. News is written here; the daemon, whose heart beats, delivers it."""
    from dealmeter.notify.notifier import Notifier
    from dealmeter.service.systemd import Systemd

    config = settings.config
    watchers: list[Watcher] = [Systemd(invocation.environ)]
    if config.notifications:
        watchers.append(Notifier(database, config.notifications, config.connections, log))
    return watchers
