"""An org over the small frozen world, and a client that cleans up after itself."""

from collections.abc import Iterator

import pytest

from dealmeter.sandbox.generate import generate
from dealmeter.sandbox.salesforce import SalesforceSandbox
from dealmeter.sandbox.world import World

from ..conftest import NOW
from .api import Salesforce


@pytest.fixture
def org(world: World) -> Iterator[SalesforceSandbox]:
    with SalesforceSandbox(world) as running:
        yield running


@pytest.fixture
def sf(org: SalesforceSandbox) -> Iterator[Salesforce]:
    client = Salesforce(org.url)
    yield client
    client.close()


@pytest.fixture(scope="module")
def settled() -> World:
    """A world for modules that hardly touch it; making one costs more than most tests."""
    return generate(7, 120, activities_per_deal=3, now=NOW, frozen=True)


@pytest.fixture(scope="module")
def reading(settled: World) -> Iterator[Salesforce]:
    """A client of an org that a whole module only reads."""
    with SalesforceSandbox(settled) as running:
        client = Salesforce(running.url)
        yield client
        client.close()
