"""The roof: how people meet what the floors below know and do."""

from importlib.metadata import version


def __getattr__(name: str) -> str:
    """`VERSION`, looked up when somebody asks: reading package metadata takes longer than `--help` may."""
    if name == "VERSION":
        return version("dealmeter")
    raise AttributeError(name)
