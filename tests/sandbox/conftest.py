"""One small frozen world per test, a sandbox over it, and a client that cleans up after itself."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from dealmeter.sandbox.generate import generate
from dealmeter.sandbox.hubspot import HubSpotSandbox
from dealmeter.sandbox.world import World

from .api import Api

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
def world() -> World:
    return generate(7, 120, activities_per_deal=3, now=NOW, frozen=True)


@pytest.fixture
def sandbox(world: World) -> Iterator[HubSpotSandbox]:
    with HubSpotSandbox(world) as running:
        yield running


@pytest.fixture
def api(sandbox: HubSpotSandbox) -> Iterator[Api]:
    client = Api(sandbox.url)
    yield client
    client.close()
