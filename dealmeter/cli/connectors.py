"""From a configured connection to its connector."""

from collections.abc import Callable
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

from connectors.base import Connector, Context
from connectors.registry import load
from sync.clock import Clock

if TYPE_CHECKING:
    from dealmeter.config import Configured


def connector(settings: "Configured", name: str) -> Callable[[Context], Connector]:
    """What builds the connector of a connection, once it gets a context."""
    return partial(load(settings.connection(name).crm), settings.settings[name])


def context(clock: Clock, stop: Event, notice: Callable[[str], None] = lambda words: None) -> Context:
    """A context for a look at a CRM without a database; `notice` hears why it waits."""
    sleep = clock.sleeper(stop)
    return Context(clock=clock.now, monotonic=clock.monotonic, sleep=sleep, random=clock.random, notice=notice)
