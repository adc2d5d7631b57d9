"""`dealmeter config`: is the file right, what is in force, what may stand in it."""

import sys

import typer

from dealmeter.cli.invocation import Invocation, command, group
from dealmeter.cli.opened import configured
from dealmeter.cli.terminal import Terminal, as_json


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    commands = group("Check the configuration, or show what is in force.")
    app.add_typer(commands, name="config")

    @command(commands, "check")
    def check(invocation: Invocation) -> None:
        """Tell everything that is wrong with the file, with its lines."""
        settings = configured(invocation, connections=True)
        terminal = Terminal(invocation)
        names = [connection.name for connection in settings.config.connections]
        terminal.show(f"{settings.path} is right: connections {', '.join(names) or 'none yet'}")
        terminal.document(
            "config-check/1", {"path": str(settings.path), "connections": names, "warnings": list(settings.warnings)}
        )

    @command(commands, "show")
    def show(invocation: Invocation) -> None:
        """Print what is in force, secrets masked.

        Defaults are filled in and variables expanded.
        """
        import yaml

        from dealmeter.config.dump import in_force

        settings = configured(invocation, connections=True)
        data = in_force(settings)
        terminal = Terminal(invocation)
        text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True).rstrip()
        terminal.show(f"# in force from {settings.path}, secrets masked", text)
        terminal.document("config/1", {"path": str(settings.path), "config": data})

    @command(commands, "schema")
    def schema(invocation: Invocation) -> None:
        """Print the JSON Schema of the file, for editors that check it."""
        from dealmeter.config.schema import json_schema

        sys.stdout.write(as_json(json_schema()) + "\n")
