"""`dealmeter run`: the daemon."""

from contextlib import ExitStack
from typing import TYPE_CHECKING

import typer

from dealmeter.cli.invocation import Invocation, command
from dealmeter.cli.opened import chosen, for_writing, log_of
from dealmeter.cli.queue import queue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dealmeter.config import Configured
    from kpi.settings import KpiSettings
    from store.database import Database
    from sync.job import Job, Load
    from sync.watcher import Log, Watcher


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @command(app, "run")
    def run(invocation: Invocation) -> int:
        """Sync every connection on its schedule: the daemon.

        `service.listen` in the configuration says where /healthz, /readyz and /metrics are, `notifications` who is told
        what can't mend itself.

        SIGTERM and SIGINT stop it after the current page; SIGHUP loads the configuration again.
        """
        from dealmeter import VERSION
        from sync.schedule import HEARTBEAT, Daemon

        settings = read(invocation)
        log = log_of(invocation, settings)
        workers = queue(settings)
        with for_writing(settings) as database, ExitStack() as around:
            watchers = _watchers(settings, database, invocation, log, around)
            signal = Daemon(
                database,
                loader(invocation, log),
                version=VERSION,
                clock=invocation.clock,
                log=log,
                watchers=watchers,
                heartbeat=min(HEARTBEAT, settings.config.service.lease / 4),
                queue=workers,
            ).run()
        return 128 + signal if signal else 0


def loader(invocation: Invocation, log: "Log") -> "Load":
    """What loads the jobs and the KPI settings, as often as somebody asks."""

    def load() -> "tuple[Sequence[Job], KpiSettings]":
        found = read(invocation)
        for warning in found.warnings:
            log.warning(warning, action="config_warning")
        return jobs(found), found.config.kpis

    return load


def _watchers(
    settings: "Configured", database: "Database", invocation: Invocation, log: "Log", around: ExitStack
) -> "Sequence[Watcher]":
    """Those who watch the daemon; what they hold open lasts as long as `around`."""
    from dealmeter import VERSION
    from dealmeter.notify.notifier import Notifier
    from dealmeter.service.health import Health
    from dealmeter.service.housekeeper import Housekeeper
    from dealmeter.service.listener import Listener
    from dealmeter.service.metrics import Metrics
    from dealmeter.service.recorded import Recorded
    from dealmeter.service.systemd import Systemd

    config = settings.config
    health, metrics = Health(database, invocation.clock.now), Metrics(database, version=VERSION)
    watchers: list[Watcher] = [health, metrics, Systemd(invocation.environ), Housekeeper(database, config.retention)]
    if config.executor.kind == "celery":
        watchers.append(Recorded(database, metrics))
    if config.notifications:
        watchers.append(Notifier(database, config.notifications, config.connections, log))
    if config.service.listen is not None:
        listener = around.enter_context(Listener(config.service.listen, health, metrics))
        log.info(f"listening on {listener.url}", action="listening", url=listener.url)
    return watchers


def read(invocation: Invocation) -> "Configured":
    """The configuration; where it is wrong, every problem in one message, as a log wants it."""
    from dealmeter.config import ConfigError, load

    try:
        settings = load(invocation.config, invocation.environ)
    except ConfigError as error:
        said = "; ".join([str(error), *(str(problem) for problem in error.problems)])
        raise ConfigError(said, hint=error.hint, path=error.path) from None
    chosen(settings, ())
    return settings


def jobs(settings: "Configured") -> "list[Job]":
    """What the daemon is to do, from the configuration."""
    from dealmeter.cli.connectors import connector
    from dealmeter.config.dump import fingerprint
    from sync.job import Job

    return [
        Job(
            name=connection.name,
            connector=connector(settings, connection.name),
            every=connection.schedule.interval,
            cron=connection.schedule.cron,
            zone=connection.schedule.zone,
            jitter=connection.schedule.jitter,
            parallel=connection.parallel,
            lease=settings.config.service.lease,
            compare_every=connection.schedule.reconcile,
            settings_hash=fingerprint(connection.crm, settings.settings[connection.name]),
        )
        for connection in settings.config.connections
    ]
