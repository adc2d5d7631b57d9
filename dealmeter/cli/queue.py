"""The workers' queue, where the configuration has one."""

from typing import TYPE_CHECKING

from dealmeter.errors import UsageError

if TYPE_CHECKING:
    from dealmeter.config import Configured
    from sync.celery_queue import CeleryQueue


def queue(settings: "Configured") -> "CeleryQueue | None":
    """The queue; None where the daemon runs everything itself. Raises UsageError where it can't be used."""
    from sync.handover import BrokerError

    executor = settings.config.executor
    if executor.kind != "celery" or executor.broker is None:
        return None
    try:
        from sync.celery_queue import CeleryQueue
    except ImportError:
        raise UsageError(
            "`executor.kind` is celery, and Celery is not installed",
            hint="install it with: pip install 'dealmeter[celery]'",
        ) from None
    try:
        return CeleryQueue(executor.broker.get_secret_value(), executor.queue)
    except BrokerError as error:
        raise UsageError(f"executor.broker: {error}", hint=error.hint) from None
