"""The roof: how people meet what the floors below know and do."""


def __getattr__(name: str) -> str:
    """`VERSION`, looked up when somebody asks: reading package metadata takes longer than `--help` may."""
    if name == "VERSION":
        from importlib.metadata import version

        return version("dealmeter")
    raise AttributeError(name)
