"""The workers' queue on Celery: what travels, and by which rules."""

from datetime import datetime, timedelta
from typing import Any

from celery import Celery
from kombu.exceptions import KombuError, OperationalError

from sync.handover import BrokerError

RUN = "dealmeter.run"
"""The only task there is: run one connection, as it was wanted at a moment."""

SHORT_S, LONG_S = 5, 15
REDELIVER = timedelta(hours=1)
"""When Redis gives a wish that nobody has finished to another worker. It ends the wait for one that a worker took and
did not begin before it was killed; one that comes back during a run, however long, meets that run's lease."""

REDIS = {
    "visibility_timeout": int(REDELIVER.total_seconds()),
    "socket_connect_timeout": SHORT_S,
    "socket_timeout": LONG_S,
    "socket_keepalive": True,
}
AMQP = {"confirm_publish": True}
TRANSPORTS: dict[str, dict[str, Any]] = {"redis": REDIS, "rediss": REDIS, "amqp": AMQP, "amqps": AMQP}
"""What each kind of broker is told beyond the rules below; those that are not named: nothing."""

ONCE_MORE = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}
"""A connection that the broker has closed meanwhile is opened again at once; all else waits for the next heartbeat."""

RULES = {
    "accept_content": ["json"],
    "task_serializer": "json",
    "task_ignore_result": True,
    "task_acks_late": True,
    "task_create_missing_queues": True,
    "worker_prefetch_multiplier": 1,
    "worker_enable_remote_control": False,
    "worker_send_task_events": False,
    "worker_hijack_root_logger": False,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "broker_connection_timeout": SHORT_S,
}
"""No results are kept: what a run did is in the store. A wish is acknowledged when its run has ended, and a worker
takes no more wishes than it can begin at once. Nobody can command workers through the broker."""


class CeleryQueue:
    """A queue at a broker. Raises BrokerError for an address that names no broker that is installed."""

    def __init__(self, broker: str, name: str) -> None:
        self.name = name
        self.app = app = Celery("dealmeter", set_as_current=False, fixups=())
        app.conf.update(
            RULES,
            broker_read_url=broker,
            broker_write_url=broker,
            task_default_queue=name,
            broker_transport_options=TRANSPORTS.get(broker.partition("://")[0].partition("+")[0], {}),
        )
        try:
            with app.connection_for_write() as connection:
                self.shown = connection.as_uri()
                self._errors = (*connection.connection_errors, *connection.channel_errors, KombuError, OSError)
        except (ImportError, KeyError, ValueError) as error:
            kind = broker.partition("://")[0]
            raise BrokerError(
                f"{kind}:// is no broker that can be used here: {error}",
                hint="use redis://, rediss:// or amqp://; others need their package, such as celery[sqs]",
            ) from None

    def ask(self, connection: str, *, wanted_at: datetime, for_: timedelta) -> None:
        try:
            self.app.send_task(
                RUN,
                args=(connection, wanted_at.isoformat()),
                expires=max(for_.total_seconds(), 1),
                retry=True,
                retry_policy=ONCE_MORE,
            )
        except self._errors as error:
            raise self._away(error) from None

    def check(self) -> str:
        """Sign in at the broker, and answer in a sentence. Raises BrokerError."""
        try:
            with self.app.connection_for_write() as connection:
                connection.ensure_connection(max_retries=1, timeout=SHORT_S)
        except self._errors as error:
            raise self._away(error) from None
        return f"{self.shown} answers; the queue is {self.name}"

    def _away(self, error: BaseException) -> BrokerError:
        cause = error.__cause__ if isinstance(error, OperationalError) and error.__cause__ else error
        return BrokerError(
            f"the broker {self.shown} can't be reached: {str(cause) or type(cause).__name__}",
            hint="check the broker and `executor.broker`; what is due is asked for again every few seconds",
        )
