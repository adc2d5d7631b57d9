"""Registry: the name of a kind of CRM -> its connector, through entry points, imported on demand."""

from importlib.metadata import EntryPoint, entry_points

from connectors.base import Connector

GROUP = "dealmeter.connectors"


class UnknownConnectorError(Exception):
    """No connector has this name."""


def names() -> list[str]:
    """Every kind of CRM that can be connected, ours and third parties'."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def load(name: str) -> type[Connector]:
    """The connector of a kind of CRM. Raises UnknownConnectorError."""
    found: list[EntryPoint] = [point for point in entry_points(group=GROUP) if point.name == name]
    if not found:
        raise UnknownConnectorError(f"there is no connector named {name!r}; there are: {', '.join(names())}")
    connector: type[Connector] = found[0].load()
    return connector
