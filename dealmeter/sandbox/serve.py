"""Runs a sandbox in the foreground until it is asked to stop, as a command does."""

import gc
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import FrameType

from dealmeter.sandbox.controls import PREFIX
from dealmeter.sandbox.dataset import COLUMNS, DatasetError, load
from dealmeter.sandbox.generate import generate
from dealmeter.sandbox.hubspot import HubSpotSandbox, RateLimit
from dealmeter.sandbox.salesforce import SalesforceSandbox
from dealmeter.sandbox.salesforce.tokens import READY
from dealmeter.sandbox.world import World

WRONG_INPUT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Which world to serve as which vendor, and how badly it behaves. A `data` folder takes the place of a generated
    world.
    """

    vendor: str = "hubspot"
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
            sys.stdout.write("".join(f"{line}\n" for line in _welcome(sandbox)))
            sys.stdout.flush()
            stop.wait()
        return 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _welcome(sandbox: HubSpotSandbox | SalesforceSandbox) -> list[str]:
    """Where it listens and, where one token is not all, what opens it."""
    lines = [f"listening on {sandbox.url}"]
    if isinstance(sandbox, SalesforceSandbox):
        known = sandbox.credentials
        lines += [
            f"client credentials: {known.client_id} / {known.client_secret}",
            f"refresh token: {known.refresh_token}; ready session: {READY}",
            f"user: {known.username}, password {known.password}, security token {known.security_token}",
            f"key for JWT: {sandbox.url}{PREFIX}jwt_key",
        ]
    return lines


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


def _sandbox(options: Options) -> HubSpotSandbox | SalesforceSandbox:
    return _VENDORS[options.vendor](options)


def _hubspot(options: Options) -> HubSpotSandbox:
    return HubSpotSandbox(
        _built_quickly(options),
        options.port,
        latency_ms=options.latency_ms,
        rate_limit=RateLimit() if options.rate_limit else None,
        fault_rate=options.fault_rate,
        search_lag=timedelta(seconds=options.search_lag_s),
        seed=options.seed,
    )


def _salesforce(options: Options) -> SalesforceSandbox:
    return SalesforceSandbox(
        _built_quickly(options),
        options.port,
        latency_ms=options.latency_ms,
        rate_limit=options.rate_limit,
        fault_rate=options.fault_rate,
        seed=options.seed,
    )


_VENDORS: dict[str, Callable[[Options], HubSpotSandbox | SalesforceSandbox]] = {
    "hubspot": _hubspot,
    "salesforce": _salesforce,
}


def _built_quickly(options: Options) -> World:
    """Building makes millions of objects that all stay: looking for garbage among them only costs time."""
    gc.disable()
    try:
        world = build_world(options)
    finally:
        gc.freeze()
        gc.enable()
    return world
