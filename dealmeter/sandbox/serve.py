"""Runs a sandbox in the foreground until it is asked to stop, as a command does."""

import gc
import signal
import sys
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import FrameType

from dealmeter.sandbox.dataset import COLUMNS, DatasetError, load
from dealmeter.sandbox.generate import generate
from dealmeter.sandbox.hubspot import HubSpotSandbox, RateLimit
from dealmeter.sandbox.world import World

WRONG_INPUT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Which world to serve, and how badly it behaves. A `data` folder takes the place of a generated world."""

    port: int = 0
    seed: int = 7
    deals: int = 400
    contacts: int | None = None
    activities_per_deal: float = 5.0
    data: Path | None = None
    now: datetime | None = None
    zone: str = "Europe/Istanbul"
    latency_ms: int = 0
    rate_limit: bool = False
    fault_rate: float = 0.0
    search_lag_s: float = 0.0


def serve_forever(options: Options) -> int:
    """Say where it listens, serve until SIGINT or SIGTERM, and return the exit code. Main thread only."""
    stop = threading.Event()

    def asked(number: int, frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        sandbox = _sandbox(options)
    except DatasetError as problem:
        return _refuse(str(problem), f"name a folder with {', '.join(COLUMNS)}")
    except OSError as problem:
        where = f"port {options.port}" if problem.filename is None else problem.filename
        return _refuse(
            f"{where}: {(problem.strerror or str(problem)).lower()}", "name another --port; 0 finds a free one"
        )
    else:
        with sandbox:
            sys.stdout.write(f"listening on {sandbox.url}\n")
            sys.stdout.flush()
            stop.wait()
        return 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _refuse(message: str, hint: str) -> int:
    sys.stderr.write(f"error: {message}\n  what to do: {hint}\n")
    return WRONG_INPUT


def build_world(options: Options) -> World:
    """The world that the options describe; its clock runs. DatasetError when the folder is not as it should be."""
    if options.data is not None:
        world = load(options.data)
        if options.now is not None:
            world.clock.set(options.now)
        return world
    return generate(
        options.seed,
        options.deals,
        contacts=options.contacts,
        activities_per_deal=options.activities_per_deal,
        now=options.now,
        zone=options.zone,
    )


def _sandbox(options: Options) -> HubSpotSandbox:
    return HubSpotSandbox(
        _built_quickly(options),
        options.port,
        latency_ms=options.latency_ms,
        rate_limit=RateLimit() if options.rate_limit else None,
        fault_rate=options.fault_rate,
        search_lag=timedelta(seconds=options.search_lag_s),
        seed=options.seed,
    )


def _built_quickly(options: Options) -> World:
    """Building makes millions of objects that all stay: looking for garbage among them only costs time."""
    gc.disable()
    try:
        world = build_world(options)
    finally:
        gc.freeze()
        gc.enable()
    return world
